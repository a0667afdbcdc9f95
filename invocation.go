package cqrs

import (
	"context"
	"sync"
	"time"
)

// invocation is the time that one invocation has. An invocation without a
// deadline has no reserve; one whose deadline has come already starts nothing.
type invocation struct {
	parent   context.Context //nolint:containedctx // it lives as long as the invocation
	start    time.Time
	deadline time.Time // zero where there is none
	reserve  time.Duration
	drain    *drain

	mu       sync.Mutex
	shared   context.Context //nolint:containedctx // the clock of writes that begin at about the same time
	sharedAt time.Time
	stops    []context.CancelFunc
}

// The reserve that Config.Reserve defaults to: a twentieth of the time at
// entry, within these bounds.
const (
	minReserve = 250 * time.Millisecond
	maxReserve = 5 * time.Second
)

var (
	errTimeUsedUp   = describe(ErrDeadline, "cqrs: the invocation's time is used up, but for the reserve to answer in")
	errShuttingDown = describe(ErrDeadline, "cqrs: the function is shutting down")
	errAbandoned    = describe(ErrDeadline, "cqrs: the invocation's context has ended")
)

// begin notes what time there is from now on.
func (inv *invocation) begin(ctx context.Context, d *Dispatcher) {
	inv.parent, inv.start, inv.drain = ctx, time.Now(), d.drain
	deadline, ok := ctx.Deadline()
	if !ok {
		return
	}
	left := deadline.Sub(inv.start)
	inv.deadline = deadline
	inv.reserve = d.reserve
	if inv.reserve == 0 {
		inv.reserve = min(max(left/20, minReserve), maxReserve)
	}
	inv.reserve = min(inv.reserve, max(left/2, 0))
}

type invocationKey struct{}

// invocationContext is the invocation's context with the invocation in it.
type invocationContext struct {
	context.Context //nolint:containedctx // it is one

	invocation *invocation
}

// Value returns the invocation for its key, and else what the parent has.
func (c *invocationContext) Value(key any) any {
	if key == (invocationKey{}) {
		return c.invocation
	}
	return c.Context.Value(key)
}

// invocationOf returns the invocation that ctx belongs to; nil where a
// middleware runs without a dispatcher.
func invocationOf(ctx context.Context) *invocation {
	inv, _ := ctx.Value(invocationKey{}).(*invocation)
	return inv
}

// context returns the handlers' context. It ends where the reserve begins, or
// when the environment shuts down; its cause matches ErrDeadline then.
func (inv *invocation) context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(&invocationContext{Context: inv.parent, invocation: inv})
	inv.drain.enter(inv, cancel)
	stop := context.CancelFunc(nil)
	if !inv.deadline.IsZero() {
		ctx, stop = context.WithDeadlineCause(ctx, inv.deadline.Add(-inv.reserve), errTimeUsedUp)
	}
	return ctx, func() {
		inv.stopShared()
		inv.drain.leave(inv)
		if stop != nil {
			stop()
		}
		cancel(nil)
	}
}

// mayStart returns why no further record may start, or nil.
func (inv *invocation) mayStart() error {
	switch {
	case inv.parent.Err() != nil:
		return errAbandoned
	case inv.drain.hasBegun():
		return errShuttingDown
	case !inv.deadline.IsZero() && time.Until(inv.deadline) <= inv.reserve:
		return errTimeUsedUp
	default:
		return nil
	}
}

// edge returns the context for what is done after a handler has ended: it
// outlives the handlers' and leaves half of the reserve to answer in. Where that
// half has begun already, it leaves half of what is left.
func (inv *invocation) edge(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(context.WithoutCancel(ctx), inv.edgeEnd(time.Now()))
}

func (inv *invocation) edgeEnd(now time.Time) time.Time {
	end := now.Add(maxReserve)
	if !inv.deadline.IsZero() {
		last := inv.deadline.Add(-inv.reserve / 2)
		if !now.Before(last) {
			last = now.Add(inv.deadline.Sub(now) / 2)
		}
		if last.Before(end) {
			end = last
		}
	}
	return end
}

// detached returns a short context for what has to be written although ctx may
// have ended: that of the edge, or 5 s where there is no dispatcher.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	if inv := invocationOf(ctx); inv != nil {
		return &detachedContext{Context: inv.share(time.Now()), values: ctx}, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), maxReserve)
}

// detachedContext has the values of one context and the end of another, which
// spares each write a timer of its own.
type detachedContext struct {
	context.Context //nolint:containedctx // it is one

	values context.Context //nolint:containedctx // it is one
}

// Value asks the end first: by that, contexts that are derived find it.
func (c *detachedContext) Value(key any) any {
	if value := c.Context.Value(key); value != nil {
		return value
	}
	return c.values.Value(key)
}

// shareFor is how long a context is handed out to new writes, which get that much
// less than the edge has.
const shareFor = time.Second

// share returns a context without values that ends when the edge's would, or up to
// shareFor earlier.
func (inv *invocation) share(now time.Time) context.Context {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.shared != nil && now.Sub(inv.sharedAt) < shareFor {
		if end, _ := inv.shared.Deadline(); end.Sub(now) >= maxReserve-shareFor {
			return inv.shared
		}
	}
	ctx, stop := context.WithDeadline(context.Background(), inv.edgeEnd(now))
	inv.shared, inv.sharedAt, inv.stops = ctx, now, append(inv.stops, stop)
	return ctx
}

// stopShared ends what share has handed out.
func (inv *invocation) stopShared() {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	for _, stop := range inv.stops {
		stop()
	}
	inv.stops = nil
}
