package cqrstest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// log is what a fake was asked for, in order.
type log[T any] struct {
	mu  sync.Mutex
	all []T
}

func (l *log[T]) add(one T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, one)
}

func (l *log[T]) list() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// Handler is a fake handler. The zero value succeeds with a nil result; its
// method is "Handle".
//
//	var orders cqrstest.Handler[OrderCreated]
//	cqrs.Register(registry, &orders)
type Handler[T any] struct {
	Faults

	handled log[T]
	results log[any]
}

// Returns makes v the result from now on.
func (h *Handler[T]) Returns(v any) { h.results.add(v) }

// Handle implements cqrs.Handler.
func (h *Handler[T]) Handle(ctx context.Context, event T) (result any, err error) {
	err = h.call(ctx, "Handle", func() error {
		h.handled.add(event)
		if results := h.results.list(); len(results) > 0 {
			result = results[len(results)-1]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Handled are the events that were handled: not those of calls that failed
// without an effect.
func (h *Handler[T]) Handled() []T { return h.handled.list() }

// Alarms is a fake cqrs.Alarmer; its method is "Alarm".
type Alarms struct {
	Faults

	raised log[cqrs.Alarm]
}

var _ cqrs.Alarmer = (*Alarms)(nil)

// Alarm implements cqrs.Alarmer.
func (f *Alarms) Alarm(ctx context.Context, a cqrs.Alarm) error {
	return f.call(ctx, "Alarm", func() error {
		f.raised.add(a)
		return nil
	})
}

// Raised are the alarms so far.
func (f *Alarms) Raised() []cqrs.Alarm { return f.raised.list() }

// DeadLetters is a fake cqrs.DeadLetterSink; its method is "DeadLetter".
type DeadLetters struct {
	Faults

	kept log[cqrs.DeadLetter]
}

var _ cqrs.DeadLetterSink = (*DeadLetters)(nil)

// DeadLetter implements cqrs.DeadLetterSink.
func (f *DeadLetters) DeadLetter(ctx context.Context, d cqrs.DeadLetter) error {
	return f.call(ctx, "DeadLetter", func() error {
		f.kept.add(d)
		return nil
	})
}

// Letters are the dead letters so far, those that came twice included.
func (f *DeadLetters) Letters() []cqrs.DeadLetter { return f.kept.list() }

// Redeliveries is a fake cqrs.Redeliverer; its method is "Redeliver".
type Redeliveries struct {
	Faults

	asked log[Delay]
}

var _ cqrs.Redeliverer = (*Redeliveries)(nil)

// Delay is what a Redeliverer was asked for.
type Delay struct {
	ID    string // of the message
	After time.Duration
}

// Redeliver implements cqrs.Redeliverer.
func (f *Redeliveries) Redeliver(ctx context.Context, m *cqrs.Message, after time.Duration) error {
	return f.call(ctx, "Redeliver", func() error {
		f.asked.add(Delay{ID: m.ID, After: after})
		return nil
	})
}

// Delays are those that were asked for so far.
func (f *Redeliveries) Delays() []Delay { return f.asked.list() }

// Callbacks is a fake cqrs.TaskCallback, with the methods "Success", "Failure"
// and "Heartbeat". As in Step Functions, a task ends with its first report:
// later ones, and later heartbeats, match [cqrs.ErrTaskClosed].
type Callbacks struct {
	Faults

	mu      sync.Mutex
	closed  map[cqrs.TaskToken]bool
	reports []TaskReport
	beats   map[cqrs.TaskToken]int
}

var _ cqrs.TaskCallback = (*Callbacks)(nil)

// TaskReport is the report that ended a task.
type TaskReport struct {
	Token       string          // in the clear, for tests
	Output      json.RawMessage // of a success
	Name, Cause string          // of a failure
}

// maxOutput is what Step Functions takes as the output of a task.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const maxOutput = 256 << 10

// Success implements cqrs.TaskCallback.
func (f *Callbacks) Success(ctx context.Context, token cqrs.TaskToken, output []byte) error {
	return f.call(ctx, "Success", func() error {
		if len(output) > maxOutput {
			return fmt.Errorf("cqrstest: an output of %d bytes: %w", len(output), cqrs.ErrTooLarge)
		}
		if !json.Valid(output) {
			return fmt.Errorf("cqrstest: the output is not JSON: %.100q", output)
		}
		return f.end(token, TaskReport{Token: string(token), Output: slices.Clone(output)})
	})
}

// Failure implements cqrs.TaskCallback.
func (f *Callbacks) Failure(ctx context.Context, token cqrs.TaskToken, name, cause string) error {
	return f.call(ctx, "Failure", func() error {
		return f.end(token, TaskReport{Token: string(token), Name: name, Cause: cause})
	})
}

// Heartbeat implements cqrs.TaskCallback.
func (f *Callbacks) Heartbeat(ctx context.Context, token cqrs.TaskToken) error {
	return f.call(ctx, "Heartbeat", func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.closed[token] {
			return errTaskClosed
		}
		if f.beats == nil {
			f.beats = map[cqrs.TaskToken]int{}
		}
		f.beats[token]++
		return nil
	})
}

var errTaskClosed = fmt.Errorf("cqrstest: %w", cqrs.ErrTaskClosed)

func (f *Callbacks) end(token cqrs.TaskToken, report TaskReport) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed[token] {
		return errTaskClosed
	}
	f.closeLocked(token)
	f.reports = append(f.reports, report)
	return nil
}

// Close ends a task without a report, as a timeout does.
func (f *Callbacks) Close(token cqrs.TaskToken) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closeLocked(token)
}

func (f *Callbacks) closeLocked(token cqrs.TaskToken) {
	if f.closed == nil {
		f.closed = map[cqrs.TaskToken]bool{}
	}
	f.closed[token] = true
}

// Reports are the reports so far that ended a task.
func (f *Callbacks) Reports() []TaskReport {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.reports)
}

// Heartbeats is the number of heartbeats that kept a task alive.
func (f *Callbacks) Heartbeats(token cqrs.TaskToken) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.beats[token]
}

// Idempotency is a store whose calls go wrong by a script; its methods are
// "Acquire", "Complete" and "Release".
type Idempotency struct {
	*Faults
	cqrs.IdempotencyStore
}

// FaultyIdempotency wraps a store. Without planned faults it is the store itself.
// Where that has the method AcquireOnce, so has the field IdempotencyStore, which
// then is what to wire.
func FaultyIdempotency(store cqrs.IdempotencyStore) *Idempotency {
	f := &Faults{}
	return &Idempotency{Faults: f, IdempotencyStore: newIdempotencyPort(store, f.call)}
}

// Sync is a cqrs.SyncStore whose calls go wrong by a script; its methods are
// "Load", "Advance", "Fail", "Park", "Unpark" and "List", and where the store has
// them "Status", "Claim", "Complete" and "Release".
type Sync struct {
	*Faults
	cqrs.SyncStore
}

// FaultySync wraps a store. Without planned faults it is the store itself. Where
// that is a cqrs.SyncReader or a cqrs.SyncClaimer, so is the field SyncStore, which
// then is what to wire; a cqrs.SyncWalker is hidden.
func FaultySync(store cqrs.SyncStore) *Sync {
	f := &Faults{}
	return &Sync{Faults: f, SyncStore: newSyncPort(store, f.call)}
}
