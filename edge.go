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
	r.failure.Err = hideToken(r.token, r.failure.Err) // AWS logs what the invocation returns
	s := sumUp(failures)
	if s.permanent && b.source != SourceStepFunctions {
		r.deadLettered = b.keep(ctx, i, failures)
	}
	if s.delay > 0 && !r.deadLettered && b.d.redeliver != nil && b.source == SourceSQS {
		b.call(ctx, r, "redeliverer", func() error { return b.d.redeliver.Redeliver(ctx, m, s.delay) })
	}
	b.log(ctx, r)
	b.raise(ctx, i, failures)
}

// keep hands dead letters to the sinks of Config and of DeadLetters. It reports
// true where every failure has found a home.
func (b *batch) keep(ctx context.Context, i int, failures []deliveryFailure) bool {
	m, r := &b.messages[i], &b.results[i]
	shares := assign(failures, b.d.deadLetter)
	for _, share := range shares {
		if share.to == nil {
			return false
		}
		failure := r.failure
		if len(shares) > 1 {
			failure = newRecordError(m, share.failures)
		}
		letter := newDeadLetter(m, failure, r.token, time.Now())
		if len(shares) > 1 {
			letter.ID = shareID(letter.ID, letter.Route) // one letter for each sink
		}
		if !b.call(ctx, r, "dead letter sink", func() error { return share.to.port.DeadLetter(ctx, letter) }) {
			return false
		}
	}
	return true
}

// raise raises an alarm through each of the alarmers of Config and of
// AlarmOnFailure whose failures call for one.
func (b *batch) raise(ctx context.Context, i int, failures []deliveryFailure) {
	m, r := &b.messages[i], &b.results[i]
	shares := assign(failures, b.d.alarm)
	for _, share := range shares {
		s := sumUp(share.failures)
		if share.to == nil || !s.alarming && (!s.final || !m.Last()) {
			continue
		}
		failure := r.failure
		if len(shares) > 1 {
			failure = newRecordError(m, share.failures)
		}
		alarm := newAlarm(m, failure, s, r.token)
		alarm.Details["deadLettered"] = r.deadLettered
		if alarm.Environment == "" {
			alarm.Environment = b.d.environment
		}
		b.call(ctx, r, "alarmer", func() error { return share.to.port.Alarm(ctx, alarm) })
	}
}

// flushAlarms sends what the alarmer of Config holds back and is due.
func (b *batch) flushAlarms() {
	if b.d.alarm == nil {
		return
	}
	flusher, ok := b.d.alarm.port.(AlarmFlusher)
	if !ok {
		return
	}
	ctx, cancel := b.inv.edge(b.ctx)
	defer cancel()
	b.guard("alarmer", func() {
		if err := flusher.Flush(ctx); err != nil {
			b.d.logger.LogAttrs(ctx, slog.LevelError, "alarmer failed", slog.String("error", err.Error()))
		}
	})
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
