package cqrstest

import (
	"context"
	"slices"
	"sync"

	"github.com/lambda-cqrs/cqrs"
)

// Recorder notes what handlers and dispatcher do. It is safe for parallel use,
// and one recorder may serve several dispatchers. Two lines wire it:
//
//	recorder := cqrstest.NewRecorder()
//	registry := cqrs.NewRegistry(recorder.Middleware())
//	dispatcher, err := cqrs.New(cqrs.Config{…, Observer: recorder.Observer()})
//
// What happened in one invocation by [Invoke] is in its [Answer] too.
type Recorder struct{ journal journal }

// NewRecorder returns a recorder that has noted nothing.
func NewRecorder() *Recorder { return &Recorder{} }

// Run is one call of a handler, or of what stands inside of the middleware.
type Run struct {
	Route   string
	Event   cqrs.Event
	Index   int // of the event among those of its record
	Source  cqrs.Source
	ID      string // of the message
	Attempt int    // of the delivery; 0 where the source does not say
	Result  any
	Err     error
	Ended   bool // it returned; false while it runs, and for ever where it panicked
}

// Record is the end of one record.
type Record struct {
	cqrs.RecordResult

	Source  cqrs.Source
	ID      string
	Attempt int
}

// Middleware notes each call. Around a registry it sees one call for each
// delivery; as the innermost of a route, with [cqrs.With], each attempt of a
// retry and no delivery that idempotency keeps from the handler.
func (r *Recorder) Middleware() cqrs.Middleware {
	return func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			run := Run{Route: d.Route, Event: d.Event, Index: d.Index}
			if m := d.Message; m != nil {
				run.Source, run.ID, run.Attempt = m.Source, m.ID, m.Attempt
			}
			mine, answers := r.journal.begin(run), journalOf(ctx)
			theirs := answers.begin(run)
			result, err := next(ctx, d)
			r.journal.end(mine, result, err)
			answers.end(theirs, result, err)
			return result, err
		}
	}
}

// Observer notes the end of each record. Where you have an observer of your own,
// give it to Observe.
func (r *Recorder) Observer() *cqrs.Observer { return r.Observe(nil) }

// Observe is Observer, and passes everything on to another one.
func (r *Recorder) Observe(also *cqrs.Observer) *cqrs.Observer {
	var o cqrs.Observer
	if also != nil {
		o = *also
	}
	end := o.RecordEnd
	o.RecordEnd = func(ctx context.Context, m *cqrs.Message, result cqrs.RecordResult) {
		ended := Record{Source: m.Source, ID: m.ID, Attempt: m.Attempt, RecordResult: result}
		r.journal.record(ended)
		journalOf(ctx).record(ended)
		if end != nil {
			end(ctx, m, result)
		}
	}
	return &o
}

// Runs are the calls so far, in the order in which they began.
func (r *Recorder) Runs() []Run { return r.journal.allRuns() }

// Records are the records that have ended so far, in that order.
func (r *Recorder) Records() []Record { return r.journal.allRecords() }

// Events are the events of type T that reached a handler, in that order.
func Events[T any](r *Recorder) []T {
	var all []T
	for _, run := range r.Runs() {
		switch event := run.Event.(type) {
		case *T:
			all = append(all, *event)
		case T:
			all = append(all, event)
		}
	}
	return all
}

// Reset forgets everything.
func (r *Recorder) Reset() { r.journal.reset() }

// journal is what a recorder and an invocation note. A nil journal notes
// nothing.
type journal struct {
	mu      sync.Mutex
	runs    []Run
	records []Record
	resets  int
}

type journalKey struct{}

func journalOf(ctx context.Context) *journal {
	j, _ := ctx.Value(journalKey{}).(*journal)
	return j
}

// entry finds a run again, unless the journal was reset.
type entry struct{ index, resets int }

func (j *journal) begin(run Run) entry {
	if j == nil {
		return entry{}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.runs = append(j.runs, run)
	return entry{index: len(j.runs) - 1, resets: j.resets}
}

func (j *journal) end(e entry, result any, err error) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.resets != j.resets {
		return
	}
	run := &j.runs[e.index]
	run.Result, run.Err, run.Ended = result, err, true
}

func (j *journal) record(r Record) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, r)
}

func (j *journal) allRuns() []Run {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.runs)
}

func (j *journal) allRecords() []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.records)
}

func (j *journal) reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.runs, j.records = nil, nil
	j.resets++
}
