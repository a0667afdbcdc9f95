// Package task keeps the goroutines of the local runtime together, so that none
// outlives it.
package task

import (
	"context"
	"sync"
)

// Group is a set of goroutines with one context. Its methods are safe for
// parallel use.
type Group struct {
	ctx    context.Context //nolint:containedctx // the group is the lifetime of its goroutines
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// NewGroup returns a group whose context carries the values of ctx, but ends
// with Close only.
func NewGroup(ctx context.Context) *Group {
	g := &Group{}
	g.ctx, g.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return g
}

// Go runs f, unless the group is closed. f returns soon after its context ends.
func (g *Group) Go(f func(ctx context.Context)) {
	if !g.Enter() {
		return
	}
	go func() {
		defer g.running.Done()
		f(g.ctx)
	}()
}

// Enter counts the calling goroutine in, for Close to wait for, and reports
// whether the group is still open. Where it is, the caller calls Leave.
func (g *Group) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.running.Add(1)
	return true
}

// Leave ends what Enter began.
func (g *Group) Leave() { g.running.Done() }

// Context ends when the group is closed.
func (g *Group) Context() context.Context { return g.ctx }

// Close ends the context with the cause and waits for every goroutine.
func (g *Group) Close(cause error) {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel(cause)
	g.running.Wait()
}
