package cqrstest

import (
	"context"
	"sync"
	"testing"
	"time"
)

// Factory is how a suite gets its stores. Each call must return an empty store,
// or one in which the keys of other calls do not matter: the keys of each check
// are its own.
//
// A store that tells the time by now lets the suite cross the end of a lease and
// of a record: now only moves when the suite moves it. The other forms serve
// stores with a clock of their own, over the network too: there the suite makes
// claims that ended in the past, and never waits.
type Factory[S any] interface {
	func() S |
		func(t *testing.T) S | func(t *testing.T, now func() time.Time) S |
		func(t testing.TB) S | func(t testing.TB, now func() time.Time) S
}

// world is what one check of a suite works with.
type world[S any] struct {
	store S
	clock *clock // nil where the store has its own
	scope string
}

// key is a key that no other check uses.
func (w *world[S]) key(name string) string { return w.scope + "/" + name }

// now is the store's time.
func (w *world[S]) now() time.Time {
	if w.clock != nil {
		return w.clock.now()
	}
	return time.Now()
}

// clock moves by hand.
type clock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// newWorld asks the factory for a store.
func newWorld[S any, F Factory[S]](t *testing.T, newStore F) *world[S] {
	t.Helper()
	w := &world[S]{scope: newID()}
	newClock := func() func() time.Time {
		w.clock = &clock{time: time.Now().Truncate(time.Millisecond)}
		return w.clock.now
	}
	switch newStore := any(newStore).(type) {
	case func() S:
		w.store = newStore()
	case func(*testing.T) S:
		w.store = newStore(t)
	case func(testing.TB) S:
		w.store = newStore(t)
	case func(*testing.T, func() time.Time) S:
		w.store = newStore(t, newClock())
	case func(testing.TB, func() time.Time) S:
		w.store = newStore(t, newClock())
	}
	return w
}

// check is one rule of a suite.
type check[S any] struct {
	name string
	run  func(t TB, w *world[S])
}

// runSuite runs each check with a store of its own.
func runSuite[S any, F Factory[S]](t *testing.T, newStore F, checks []check[S]) {
	t.Helper()
	if newStore == nil {
		t.Fatal("cqrstest: the suite needs a function that makes stores, not nil")
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t, newWorld[S](t, newStore)) })
	}
}

// race runs f in n goroutines that begin at once.
func race(n int, f func(i int)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	group.Wait()
}

// ended is a context that is over.
func ended(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}
