// Package clock tells the services of the local runtime the time, so that a
// test can have visibility timeouts, retries and waits pass without waiting.
package clock

import (
	"context"
	"time"
)

// Clock is the time of day and its timers. It is safe for parallel use.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once, after d. f must not block. The returned function
	// prevents that, where it is not too late.
	AfterFunc(d time.Duration, f func()) (stop func())
}

// Real is the machine's clock.
type Real struct{}

// Now is time.Now.
func (Real) Now() time.Time { return time.Now() }

// AfterFunc is time.AfterFunc.
func (Real) AfterFunc(d time.Duration, f func()) func() {
	timer := time.AfterFunc(d, f)
	return func() { timer.Stop() }
}

// Sleep returns nil after d, or the cause of ctx where that ends before.
func Sleep(ctx context.Context, c Clock, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	over := make(chan struct{})
	stop := c.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
