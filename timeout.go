package cqrs

import (
	"context"
	"fmt"
	"time"
)

// TimeoutError says that a handler failed after the time that [Timeout] gave
// it. It matches context.DeadlineExceeded.
type TimeoutError struct {
	Limit time.Duration
	Err   error // the handler's
}

func (e *TimeoutError) Error() string { return fmt.Sprintf("timed out after %v: %v", e.Limit, e.Err) }

// Unwrap returns the handler's error.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Is matches context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Timeout ends the context of what it wraps after d, or earlier where the
// context that it gets ends earlier. Inside [Retry] each attempt has its own d.
//
// It waits for a handler that ignores its context, so no work is left behind;
// what such a handler reports counts, for it is what happened. A d that is not
// positive panics.
func Timeout(d time.Duration) Middleware {
	if d <= 0 {
		panic(fmt.Sprintf("cqrs: Timeout needs a positive duration, not %v", d))
	}
	return func(next Next) Next {
		return func(ctx context.Context, delivery *Delivery) (any, error) {
			limited, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			result, err := next(limited, delivery)
			if err != nil && limited.Err() != nil && ctx.Err() == nil {
				err = &TimeoutError{Limit: d, Err: err}
			}
			return result, err
		}
	}
}
