package cqrs_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

// turns runs workers one effect at a time, in an order that is drawn: two
// invocations that are in each other's way.
type turns struct {
	waiting chan *worker
}

type worker struct {
	turns  *turns
	number int
	next   chan struct{}
	port   port // that ends its process now and then
}

func (w *worker) do(effect func() error) error {
	w.turns.waiting <- w
	<-w.next
	return w.port.do(effect)
}

// interleave runs the jobs to their end; pick chooses whose effect is next.
func interleave(pick func(n int) int, jobs ...func(w *worker)) {
	s := &turns{waiting: make(chan *worker)}
	finished := make(chan struct{})
	running := len(jobs)
	var wait sync.WaitGroup
	for i, job := range jobs {
		wait.Go(func() {
			job(&worker{turns: s, number: i, next: make(chan struct{})})
			finished <- struct{}{}
		})
	}
	var ready []*worker
	for running > 0 {
		for len(ready) < running {
			select {
			case w := <-s.waiting:
				ready = append(ready, w)
			case <-finished:
				running--
			}
		}
		if running == 0 {
			break
		}
		slices.SortFunc(ready, func(a, b *worker) int { return a.number - b.number })
		i := pick(len(ready))
		w := ready[i]
		ready = append(ready[:i], ready[i+1:]...)
		w.next <- struct{}{}
	}
	wait.Wait()
}

type workerKey struct{}

func at(ctx context.Context, effect func() error) error {
	if w, ok := ctx.Value(workerKey{}).(*worker); ok {
		return w.do(effect)
	}
	return effect()
}

// turnSync lets each store operation wait for its turn.
type turnSync struct{ cqrs.SyncStore }

func (s turnSync) Status(ctx context.Context, keys []cqrs.SyncKey) (all []cqrs.SyncStatus, err error) {
	err = at(ctx, func() error { all, err = s.SyncStore.(cqrs.SyncReader).Status(ctx, keys); return err })
	return all, err
}

func (s turnSync) Claim(ctx context.Context, k cqrs.SyncKey, from int64, c cqrs.SyncClaim) error {
	return at(ctx, func() error { return s.SyncStore.(cqrs.SyncClaimer).Claim(ctx, k, from, c) })
}

func (s turnSync) Complete(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress, c cqrs.SyncClaim) error {
	return at(ctx, func() error { return s.SyncStore.(cqrs.SyncClaimer).Complete(ctx, k, from, to, c) })
}

func (s turnSync) Release(ctx context.Context, k cqrs.SyncKey, c cqrs.SyncClaim) error {
	return at(ctx, func() error { return s.SyncStore.(cqrs.SyncClaimer).Release(ctx, k, c) })
}

func (s turnSync) Load(ctx context.Context, k cqrs.SyncKey) (p cqrs.Progress, err error) {
	err = at(ctx, func() error { p, err = s.SyncStore.Load(ctx, k); return err })
	return p, err
}

func (s turnSync) Advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress) error {
	return at(ctx, func() error { return s.SyncStore.Advance(ctx, k, from, to) })
}

// TestInterleavedInvocations lets two invocations apply versions of one
// aggregate, and end in the middle: whatever the order of their steps, the newest
// one stays, also in a target without a gate of its own.
func TestInterleavedInvocations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		source := commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2), orderAt("1", 3))
		snapshot, effects := int64(0), map[int64]int{}
		gated := int64(0)
		s := cqrs.NewDataSync(commandTable, turnSync{cqrs.NewMemorySync()},
			cqrs.Target("snapshot", syncFunc(func(ctx context.Context, c cqrs.Command[order]) error {
				return at(ctx, func() error { snapshot = c.Version; return nil })
			})),
			cqrs.Target("gated", syncFunc(func(ctx context.Context, c cqrs.Command[order]) error {
				return at(ctx, func() error {
					if gated >= c.Version {
						return cqrs.Skip("stale")
					}
					gated = c.Version
					effects[c.Version]++
					return nil
				})
			}), cqrs.SelfGated()),
		).With(cqrs.SyncSource(source), cqrs.SyncLogger(quiet()))
		job := func(versions []int64, crashes map[int]bool) func(w *worker) {
			return func(w *worker) {
				w.port.crash = crashes
				ctx := context.WithValue(context.Background(), workerKey{}, w)
				for _, n := range versions {
					for s.Apply(ctx, orderAt("1", n)) != nil {
						w.port.halted = false
					}
				}
			}
		}
		first := rapid.Permutation([]int64{1, 2, 3}).Draw(t, "first")
		crashes := rapid.MapOfN(rapid.IntRange(1, 40), rapid.Bool(), 0, 3)
		firstCrashes, secondCrashes := crashes.Draw(t, "first crashes"), crashes.Draw(t, "second crashes")
		second := rapid.SliceOfN(rapid.Int64Range(1, 3), 1, 3).Draw(t, "second")
		interleave(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "turn") }, job(first, firstCrashes), job(second, secondCrashes))
		require.Equal(t, int64(3), snapshot, "I2")
		require.Equal(t, int64(3), gated, "I2")
		for n, times := range effects {
			require.Equal(t, 1, times, "I4: version %d", n)
		}
	})
}

// lateSync lets somebody in between the reading of the gate and the claim.
type lateSync struct {
	turnSync

	before func()
}

func (s *lateSync) Claim(ctx context.Context, k cqrs.SyncKey, from int64, c cqrs.SyncClaim) error {
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	return s.turnSync.Claim(ctx, k, from, c)
}

func TestAStaleReadingOfTheGateCallsNoHandler(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), &lateSync{turnSync: turnSync{cqrs.NewMemorySync()}}
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model))
	store.before = func() { require.NoError(t, s.Apply(t.Context(), orderAt("1", 2))) }
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.Equal(t, []int64{2}, model.versions("1"), "never an older one")
}
