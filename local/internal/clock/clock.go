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
	// At calls f once, at t or, where that has passed, at once. f must not block.
	// The returned function prevents the call, where it is not too late.
	At(t time.Time, f func()) (stop func())
}

// Real is the machine's clock.
type Real struct{}

// Now is time.Now.
func (Real) Now() time.Time { return time.Now() }

// At is time.AfterFunc.
func (Real) At(t time.Time, f func()) func() {
	timer := time.AfterFunc(time.Until(t), f)
	return func() { timer.Stop() }
}

// Sleep returns nil after d, or the cause of ctx where that ends before.
func Sleep(ctx context.Context, c Clock, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	over, stop := Timer(c, c.Now().Add(d))
	defer stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Timer returns a channel that is closed at t.
func Timer(c Clock, t time.Time) (over <-chan struct{}, stop func()) {
	done := make(chan struct{})
	return done, c.At(t, func() { close(done) })
}
