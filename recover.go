package cqrs

import (
	"context"
	"runtime/debug"
)

// Recover turns a panic in what it wraps into a [*PanicError]. A [Policy]
// includes it, and the dispatcher recovers around every record anyway; it
// stands alone where a middleware wants panics as errors.
func Recover() Middleware {
	return func(next Next) Next {
		return func(ctx context.Context, d *Delivery) (result any, err error) {
			defer recoverTo(&err)
			return next(ctx, d)
		}
	}
}

// recoverTo is deferred: it stores a panic as the error.
func recoverTo(err *error) {
	if value := recover(); value != nil {
		*err = &PanicError{Value: value, Stack: debug.Stack()}
	}
}
