package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

// The model runs two or three deliveries of one key through the real middleware
// and the real store, one step at a time, in any order, with crashes, lost
// answers, time that passes and runs that go on behind their lease.

// step is what the scheduler does next.
type step struct {
	Kind string // "go", "crash", "lose" or "wait"
	Who  int
	For  time.Duration
}

type runnerPlan struct {
	Fails    bool
	Stubborn bool // it works on although its context has ended
}

type world struct {
	store   cqrs.AbandonmentStore
	refuse  bool
	runners []*runner
	stored  json.RawMessage // the outcome, once there is one
	broken  error           // the first rule that was broken
}

type runner struct {
	w       *world
	id      int
	plan    runnerPlan
	resume  chan bool // true: what it does next has no answer
	started bool
	crashed bool
	done    bool
	live    context.Context // of the run, while it is running
	result  any
	err     error
}

var errCrash = errors.New("crashed")

func (w *world) breakf(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf(format, args...)
	}
}

// pause waits for the scheduler. It reports whether the answer of what comes next
// is to be lost.
func (r *runner) pause() (lost bool) { return <-r.resume }

// port is a call to the store: one step before it has an effect, one before its
// answer arrives.
func (r *runner) port(call func() error) error {
	lost := r.pause()
	if r.crashed {
		return errCrash
	}
	err := call()
	r.pause()
	if r.crashed {
		return errCrash
	}
	if lost {
		return errors.New("the answer was lost")
	}
	return err
}

func (r *runner) Acquire(ctx context.Context, c cqrs.Claim) (outcome *cqrs.Outcome, err error) {
	return outcome, r.port(func() (err error) {
		acquire := r.w.store.Acquire
		if r.w.refuse {
			acquire = r.w.store.AcquireOnce
		}
		outcome, err = acquire(ctx, c)
		if outcome != nil && string(outcome.Result) != string(r.w.stored) {
			r.w.breakf("runner %d is answered %s, but %s is stored", r.id, outcome.Result, r.w.stored)
		}
		if err == nil && outcome == nil && r.w.stored != nil {
			r.w.breakf("runner %d may run although an outcome is stored", r.id)
		}
		return err
	})
}

func (r *runner) Complete(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	return r.port(func() error {
		err := r.w.store.Complete(ctx, c, o)
		if err == nil {
			if r.w.stored != nil {
				r.w.breakf("runner %d overwrites %s with %s", r.id, r.w.stored, o.Result)
			}
			r.w.stored = o.Result
		}
		return err
	})
}

func (r *runner) Release(ctx context.Context, c cqrs.Claim) error {
	return r.port(func() error { return r.w.store.Release(ctx, c) })
}

func (r *runner) handle(ctx context.Context) (any, error) {
	for _, other := range r.w.runners {
		if other.live != nil && other.live.Err() == nil {
			r.w.breakf("runners %d and %d are live at once", r.id, other.id)
		}
	}
	r.live = ctx
	defer func() { r.live = nil }()
	for range 2 {
		r.pause()
		if r.crashed {
			return nil, errCrash
		}
		if ctx.Err() != nil && !r.plan.Stubborn {
			return nil, ctx.Err()
		}
	}
	if r.plan.Fails {
		return nil, errRefused
	}
	return r.id, nil
}

func (r *runner) run() {
	defer func() { r.done = true }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r.result, r.err = guarded(ctx, cqrs.Idempotent(r), "k", r.handle)
}

func (w *world) do(s step) {
	if s.Kind == "wait" {
		time.Sleep(s.For)
		synctest.Wait()
		return
	}
	r := w.runners[s.Who%len(w.runners)]
	switch {
	case r.done:
		return
	case !r.started:
		r.started = true
		go r.run()
	case s.Kind == "crash":
		// A process that is gone calls nothing and ends nothing; what is left of it here
		// runs to its end without an effect.
		r.crashed, r.live = true, nil
		for !r.done {
			r.resume <- false
			synctest.Wait()
		}
		return
	default:
		r.resume <- s.Kind == "lose"
	}
	synctest.Wait()
}

func drawSteps(t *rapid.T) []step {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		s := step{Kind: "go"}
		switch n := rapid.IntRange(0, 47).Draw(t, "kind"); {
		case n >= 46:
			s.Kind = "crash"
		case n >= 43:
			s.Kind = "lose"
		case n >= 36:
			s.Kind = "wait"
		}
		if s.Kind == "wait" {
			s.For = time.Duration(rapid.IntRange(4, 11).Draw(t, "for")) * time.Second
		} else {
			s.Who = rapid.IntRange(0, 2).Draw(t, "who")
		}
		return s
	}), 20, 60).Draw(t, "steps")
}

func TestIdempotencyModel(t *testing.T) {
	t.Parallel()
	var seen struct{ replayed, late, refused int }
	many(t, func(rt *rapid.T) {
		plans := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) runnerPlan {
			return runnerPlan{Fails: rapid.IntRange(0, 3).Draw(t, "fails") == 3, Stubborn: rapid.IntRange(0, 3).Draw(t, "stubborn") < 3}
		}), 2, 3).Draw(rt, "plans")
		refuse := rapid.IntRange(0, 3).Draw(rt, "refuse") == 3
		steps := drawSteps(rt)
		var broken error
		synctest.Test(t, func(t *testing.T) {
			w := &world{store: cqrs.NewMemoryIdempotency().(cqrs.AbandonmentStore), refuse: refuse}
			for i, plan := range plans {
				w.runners = append(w.runners, &runner{w: w, id: i, plan: plan, resume: make(chan bool)})
			}
			for _, s := range steps {
				w.do(s)
			}
			for _, r := range w.runners { // nobody is left waiting
				for r.started && !r.done {
					w.do(step{Kind: "go", Who: r.id})
				}
				if errors.Is(r.err, cqrs.ErrLeaseLost) {
					seen.late++
				}
				if _, replayed := r.result.(json.RawMessage); replayed {
					seen.replayed++
				}
			}
			w.end(&seen.refused)
			broken = w.broken
		})
		if broken != nil {
			rt.Fatalf("%v", broken)
		}
	})
	t.Logf("%+v", seen)
	require.Positive(t, seen.replayed, "the model gets there")
	require.Positive(t, seen.late)
	require.Positive(t, seen.refused)
}

// end delivers the event once more, when every lease is over: it must get an
// outcome, or be refused where a run is known to have been abandoned.
func (w *world) end(refused *int) {
	time.Sleep(time.Minute)
	last := &runner{w: w, id: 9, resume: make(chan bool)}
	w.runners = append(w.runners, last)
	last.started = true
	go last.run()
	synctest.Wait()
	for !last.done {
		last.resume <- false
		synctest.Wait()
	}
	switch {
	case last.err == nil:
	case w.refuse && errors.Is(last.err, cqrs.ErrAbandoned):
		*refused++
	default:
		w.breakf("the event is stuck: %w", last.err)
	}
}

// many checks more cases than one Check does: the rare ones are what it is about.
func many(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	for range 30 {
		rapid.Check(t, property)
	}
}

// TestRefusedRunsSucceedOnce is the same model with a stronger promise: of work that is refused after a crash, at most one run ever ends in success.
func TestRefusedRunsSucceedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt)
		var succeeded int
		synctest.Test(t, func(*testing.T) {
			w := &world{store: cqrs.NewMemoryIdempotency().(cqrs.AbandonmentStore), refuse: true}
			for i := range 3 {
				w.runners = append(w.runners, &runner{w: w, id: i, plan: runnerPlan{Stubborn: true}, resume: make(chan bool)})
			}
			effect := func(r *runner) bool { _, own := r.result.(int); return own }
			for _, s := range steps {
				w.do(s)
			}
			for _, r := range w.runners {
				for r.started && !r.done {
					w.do(step{Kind: "go", Who: r.id})
				}
				if effect(r) {
					succeeded++
				}
			}
			if w.broken != nil {
				succeeded = 99
			}
		})
		if succeeded > 1 {
			rt.Fatalf("%d runs succeeded", succeeded)
		}
	})
}
