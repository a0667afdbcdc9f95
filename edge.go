package cqrs

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// settle does, once for a record that failed, what its failure asks for: dead
// letter, delay, alarm and log line. It runs on a context that outlives the
// handlers', and nothing that goes wrong here hides the failure itself.
func (b *batch) settle(ctx context.Context, i int, failures []deliveryFailure) {
	m, r := &b.messages[i], &b.results[i]
	ctx, cancel := b.inv.edge(ctx)
	defer cancel()
	s := sumUp(failures)
	if s.permanent && b.d.deadLetter != nil && b.source != SourceStepFunctions {
		letter := newDeadLetter(m, r.failure, r.token, time.Now())
		r.deadLettered = b.call(ctx, r, "dead letter sink", func() error { return b.d.deadLetter.DeadLetter(ctx, letter) })
	}
	if s.delay > 0 && !r.deadLettered && b.d.redeliver != nil && b.source == SourceSQS {
		b.call(ctx, r, "redeliverer", func() error { return b.d.redeliver.Redeliver(ctx, m, s.delay) })
	}
	b.log(ctx, r)
	if b.d.alarm != nil && (s.alarming || s.final && m.Last()) {
		alarm := newAlarm(m, r, s)
		b.call(ctx, r, "alarmer", func() error { return b.d.alarm.Alarm(ctx, alarm) })
	}
}

// summary is what the failures of one record come to.
type summary struct {
	permanent bool          // every one of them is
	alarming  bool          // whatever the attempt
	final     bool          // an alarm is due if no delivery follows
	panicked  bool          // at least one did
	delay     time.Duration // the longest that was asked for
}

func sumUp(failures []deliveryFailure) summary {
	s := summary{permanent: true}
	for _, f := range failures {
		verdict, delay := judge(f.err)
		switch verdict {
		case verdictPermanent:
			s.alarming = true
		case verdictPanic:
			s.permanent, s.alarming, s.panicked = false, true, true
		case verdictHeld:
			s.permanent = false
		default:
			s.permanent, s.final = false, true
		}
		s.delay = max(s.delay, delay)
	}
	return s
}

// call runs a port and logs what goes wrong in it.
func (b *batch) call(ctx context.Context, r *recordResult, port string, f func() error) bool {
	err := func() (err error) {
		defer recoverTo(&err)
		return f()
	}()
	if err != nil {
		b.d.logger.LogAttrs(ctx, slog.LevelError, port+" failed",
			slog.String("source", string(r.failure.Source)), slog.String("id", r.failure.ID),
			slog.String("error", withoutToken(r.token, err.Error())))
	}
	return err == nil
}

// log writes the one line about a failed record.
func (b *batch) log(ctx context.Context, r *recordResult) {
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs, slog.String("source", string(r.failure.Source)), slog.String("id", r.failure.ID))
	if r.failure.Route != "" {
		attrs = append(attrs, slog.String("route", r.failure.Route))
	}
	if r.failure.Attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", r.failure.Attempt))
	}
	attrs = append(attrs, slog.String("error", withoutToken(r.token, r.failure.Err.Error())))
	if panicked, ok := errors.AsType[*PanicError](r.failure.Err); ok {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	text := "record failed"
	if r.deadLettered {
		text = "record failed for good, dead letter kept"
	}
	b.d.logger.LogAttrs(ctx, slog.LevelError, text, attrs...)
}

func newAlarm(m *Message, r *recordResult, s summary) Alarm {
	alarm := Alarm{
		Severity: SeverityError,
		Source:   r.failure.Route,
		Message:  cut(withoutToken(r.token, r.failure.Error()), maxRecordText),
		Details: map[string]any{
			"source": string(m.Source), "id": m.ID, "arn": m.ARN, "attempt": m.Attempt,
			"correlationId": m.CorrelationID, "errorName": errorName(r.failure.Err), "deadLettered": r.deadLettered,
		},
		Err:  hideToken(r.token, r.failure),
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
