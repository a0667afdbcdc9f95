package cqrstest

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Faults is the script of a fake: which of its next calls go wrong, and how. The
// zero value is a script without faults. Planned faults are used up in the order
// in which they were planned, those of a method by the calls of that method. It
// is safe for parallel use.
//
//	store.On("Complete").FailN(1, errors.New("throttled"))
type Faults struct {
	mu      sync.Mutex
	planned []*fault
	calls   map[string]int
}

type fault struct {
	method string // "" for all
	left   int
	err    error
	lose   bool // the call has its effect first
	panics any
}

// FailN lets the next n calls fail, without an effect.
func (f *Faults) FailN(n int, err error) { f.On("").FailN(n, err) }

// LoseN lets the next n calls have their effect and fail nevertheless: the
// acknowledgement is lost.
func (f *Faults) LoseN(n int, err error) { f.On("").LoseN(n, err) }

// PanicN lets the next n calls panic, without an effect.
func (f *Faults) PanicN(n int, value any) { f.On("").PanicN(n, value) }

// On plans for the calls of one method alone.
func (f *Faults) On(method string) Script { return Script{faults: f, method: method} }

// Calls is the number of calls of a method so far, those that failed included.
func (f *Faults) Calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

// Script plans the faults of one method.
type Script struct {
	faults *Faults
	method string
}

// FailN is [Faults.FailN].
func (s Script) FailN(n int, err error) { s.plan(fault{left: n, err: err}) }

// LoseN is [Faults.LoseN].
func (s Script) LoseN(n int, err error) { s.plan(fault{left: n, err: err, lose: true}) }

// PanicN is [Faults.PanicN].
func (s Script) PanicN(n int, value any) { s.plan(fault{left: n, panics: value}) }

func (s Script) plan(f fault) {
	if f.err == nil && f.panics == nil {
		panic("cqrstest: a fault needs an error or something to panic with")
	}
	f.method = s.method
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.planned = append(s.faults.planned, &f)
}

// call runs a method of a fake by the script.
func (f *Faults) call(_ context.Context, method string, effect func() error) error {
	switch next := f.next(method); {
	case next == nil:
		return effect()
	case next.panics != nil:
		panic(next.panics)
	case next.lose:
		if err := effect(); err != nil {
			return err
		}
		return fmt.Errorf("%s, of which the answer was lost: %w", method, next.err)
	default:
		return next.err
	}
}

func (f *Faults) next(method string) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[method]++
	for i, planned := range f.planned {
		if planned.method != "" && planned.method != method {
			continue
		}
		if planned.left--; planned.left <= 0 {
			f.planned = slices.Delete(f.planned, i, i+1)
		}
		return planned
	}
	return nil
}
