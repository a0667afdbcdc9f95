package cqrs

import (
	"context"
	"time"
)

// AlarmOnFailure raises an alarm through a, in place of Config.Alarm, for records
// whose delivery fails for good in what it wraps: with [Permanent], a panic, or
// any error that no delivery follows ([Message.Last]).
//
// Wherever it stands in the chain, in front of [Retry] or behind it, the alarm is
// raised once for a record, after the last attempt, and it does not change what
// becomes of the record. Where the middleware runs without a [Dispatcher], it
// raises the alarm itself, for each failure that reaches it. It panics where a is
// nil.
func AlarmOnFailure(a Alarmer) Middleware {
	to := &via[Alarmer]{port: mustAlarm("AlarmOnFailure", a)}
	return func(next Next) Next {
		return func(ctx context.Context, d *Delivery) (any, error) {
			result, err := recovered(ctx, d, next)
			if verdict, _ := judge(err); verdict == verdictDone || verdict == verdictSkip {
				return result, err
			}
			if invocationOf(ctx) == nil {
				raiseAlone(ctx, a, d, err)
				return result, err
			}
			return result, &assignedError[Alarmer]{error: err, to: to}
		}
	}
}

// raiseAlone raises the alarm where there is no record's edge to do it. What goes
// wrong must not take the place of the failure, and there is nobody to tell.
func raiseAlone(ctx context.Context, a Alarmer, d *Delivery, err error) {
	failures := []deliveryFailure{{route: d.Route, err: err}}
	s, m := sumUp(failures), d.Message
	if m == nil {
		m = &Message{}
	}
	if !s.alarming && (!s.final || d.Message != nil && !m.Last()) {
		return
	}
	short, cancel := detached(ctx)
	defer cancel()
	var ignored error
	defer recoverTo(&ignored)
	ignored = a.Alarm(short, newAlarm(m, newRecordError(m, failures), s, d.TaskToken()))
}

// newAlarm tells of the failure of a record, without its payload.
func newAlarm(m *Message, failure *RecordError, s summary, token TaskToken) Alarm {
	alarm := Alarm{
		Severity: SeverityError,
		Source:   failure.Route,
		Message:  cut(withoutToken(token, failure.Error()), maxRecordText),
		Details: map[string]any{
			"source": string(m.Source), "id": m.ID, "arn": m.ARN, "attempt": m.Attempt,
			"correlationId": m.CorrelationID, "errorName": errorName(failure.Err),
		},
		Err:  hideToken(token, failure),
		Time: time.Now(),
	}
	if s.panicked {
		alarm.Severity = SeverityCritical
	}
	if alarm.Source == "" {
		alarm.Source = string(m.Source)
	}
	return alarm
}
