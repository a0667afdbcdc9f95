package cqrstest

import (
	"context"
	"sync/atomic"

	"github.com/lambda-cqrs/cqrs"
)

// Duplicate delivers everything twice, one after the other, as SQS may do at any
// time, and answers with the second result. Around a registry it proves that the
// handlers are idempotent, or made so by what stands in between.
func Duplicate() cqrs.Middleware {
	return func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			if result, err := next(ctx, d); err != nil {
				return result, err
			}
			return next(ctx, d)
		}
	}
}

// FailN lets the first n deliveries fail before they reach what is inside.
func FailN(n int, err error) cqrs.Middleware {
	return faulty(func(call int) error {
		if call <= n {
			return err
		}
		return nil
	})
}

// LoseN lets what is inside run, and then the first n deliveries fail
// nevertheless, as where the process dies before it could answer.
func LoseN(n int, err error) cqrs.Middleware {
	var calls atomic.Int64
	return func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			call := int(calls.Add(1))
			result, failure := next(ctx, d)
			if call <= n && failure == nil {
				return nil, err
			}
			return result, failure
		}
	}
}

// PanicOn panics in the nth delivery, of which the first is 1.
func PanicOn(n int) cqrs.Middleware {
	return faulty(func(call int) error {
		if call == n {
			panic("cqrstest: PanicOn")
		}
		return nil
	})
}

// faulty counts over all the routes that it wraps.
func faulty(fault func(call int) error) cqrs.Middleware {
	var calls atomic.Int64
	return func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			if err := fault(int(calls.Add(1))); err != nil {
				return nil, err
			}
			return next(ctx, d)
		}
	}
}
