package cqrs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// ThrottleAlarms lets one alarm of a kind through in every period, and counts the
// others, so that a storm becomes one alarm and a number. Alarms are of one kind
// where environment, severity and source are the same, and the errorName in the
// details or else the message.
//
// The count goes out with the next alarm of the kind, or, being an
// [AlarmFlusher], at the end of the first invocation after the period; in its
// details it is "suppressed", and "since" is when the first of them came. There is
// no goroutine that would wait for the period to end: Lambda freezes the
// environment between invocations. So the count of a storm after which nothing at
// all happens in this environment is lost with it. An alarm that cannot be sent
// does not begin a period.
//
// Each environment of a function counts for itself. It panics where a is nil or
// the period is not positive.
func ThrottleAlarms(a Alarmer, every time.Duration) Alarmer {
	mustBePositive("ThrottleAlarms", every)
	return &throttle{next: mustAlarm("ThrottleAlarms", a), every: every, periods: map[alarmKind]*period{}}
}

type throttle struct {
	next    Alarmer
	every   time.Duration
	mu      sync.Mutex
	periods map[alarmKind]*period
}

type alarmKind struct {
	environment  string
	severity     Severity
	source, text string
}

// period is the time in which alarms of one kind are held back.
type period struct {
	end   time.Time
	held  int
	since time.Time // of the first that was held
	last  Alarm     // that was held
}

var _ AlarmFlusher = (*throttle)(nil)

func kindOfAlarm(a Alarm) alarmKind {
	kind := alarmKind{environment: a.Environment, severity: a.Severity, source: a.Source, text: a.Message}
	if name, ok := a.Details["errorName"].(string); ok && name != "" {
		kind.text = name
	}
	return kind
}

// Alarm implements Alarmer.
func (t *throttle) Alarm(ctx context.Context, a Alarm) error {
	kind := kindOfAlarm(a)
	before, ok := t.begin(kind, a)
	if !ok {
		return nil
	}
	return t.send(ctx, kind, before, a)
}

// Flush implements AlarmFlusher: it tells of what was held back in periods that
// are over, and forgets the others that are.
func (t *throttle) Flush(ctx context.Context) error {
	var problems []error
	for kind, over := range t.over() {
		problems = append(problems, t.send(ctx, kind, over, over.last))
	}
	return errors.Join(problems...)
}

// begin begins a period with a and returns the one before, or counts a in the
// period that runs.
func (t *throttle) begin(kind alarmKind, a Alarm) (before period, ok bool) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.periods[kind]
	if p == nil {
		t.periods[kind] = &period{end: now.Add(t.every)}
		return period{}, true
	}
	if now.Before(p.end) {
		p.hold(a, now)
		return period{}, false
	}
	before = *p
	*p = period{end: now.Add(t.every)}
	return before, true
}

// over takes out the periods that are over. Those that held something begin anew,
// since they are about to send.
func (t *throttle) over() map[alarmKind]period {
	now := time.Now()
	over := map[alarmKind]period{}
	t.mu.Lock()
	defer t.mu.Unlock()
	for kind, p := range t.periods {
		switch {
		case now.Before(p.end):
		case p.held == 0:
			delete(t.periods, kind)
		default:
			p.held--
			over[kind] = *p
			*p = period{end: now.Add(t.every)}
		}
	}
	return over
}

// send sends a with the count of the period before. Where that fails the period
// that has begun ends at once, with everything counted as held.
func (t *throttle) send(ctx context.Context, kind alarmKind, before period, a Alarm) error {
	sent := false
	defer func() {
		if !sent {
			t.takeBack(kind, before, a)
		}
	}()
	err := t.next.Alarm(ctx, withCount(a, before))
	sent = err == nil
	return err
}

func (t *throttle) takeBack(kind alarmKind, before period, a Alarm) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.periods[kind]
	if p == nil {
		p = &period{}
		t.periods[kind] = p
	}
	p.end = now
	p.hold(a, now)
	p.held += before.held
	if before.held > 0 {
		p.since = before.since
	}
}

func (p *period) hold(a Alarm, now time.Time) {
	if p.held == 0 {
		p.since = now
	}
	p.held++
	p.last = a
}

func withCount(a Alarm, before period) Alarm {
	if before.held == 0 {
		return a
	}
	a.Message = fmt.Sprintf("%s (and %d more since %s)", a.Message, before.held, before.since.UTC().Format(time.RFC3339))
	a.Details = maps.Clone(a.Details)
	if a.Details == nil {
		a.Details = map[string]any{}
	}
	a.Details["suppressed"] = before.held
	a.Details["since"] = before.since
	return a
}
