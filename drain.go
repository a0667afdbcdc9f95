package cqrs

import (
	"context"
	"sync"
	"time"
)

// drainGrace is what running handlers get when the environment shuts down. A
// function is killed about 500 ms after SIGTERM, or 300 ms after it where only
// external extensions are registered.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
const drainGrace = 200 * time.Millisecond

// Drain prepares for the end of the environment: no further record starts, in
// this and in later invocations, and running handlers lose their context after
// 200 ms. The records that were not started are reported, so they come again
// elsewhere. It returns at once and may be called more than once.
func (d *Dispatcher) Drain() {
	d.drain.once.Do(func() {
		close(d.drain.begun)
		time.AfterFunc(drainGrace, d.drain.end)
	})
}

// drain is the one thing about a dispatcher that changes.
type drain struct {
	once  sync.Once
	begun chan struct{} // closed: no record starts

	mu      sync.Mutex
	running map[*invocation]context.CancelCauseFunc
}

func newDrain() *drain {
	return &drain{begun: make(chan struct{}), running: map[*invocation]context.CancelCauseFunc{}}
}

func (d *drain) hasBegun() bool {
	select {
	case <-d.begun:
		return true
	default:
		return false
	}
}

// enter notes an invocation, whose handlers lose their context at the end.
func (d *drain) enter(inv *invocation, cancel context.CancelCauseFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running[inv] = cancel
}

func (d *drain) leave(inv *invocation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, inv)
}

// end takes the context from all handlers. Whoever enters behind it starts none.
func (d *drain) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, cancel := range d.running {
		cancel(errShuttingDown)
	}
}
