package cqrs

import (
	"context"
	"slices"
)

// Handler handles events of one type. The result is encoded as JSON where the
// source waits for one (Step Functions) and is ignored elsewhere. An error
// fails the record; [Permanent], [RetryAfter], [Skip] and [Named] say how.
//
// A handler is called from many goroutines at once and must stop when its
// context does, which ends before the invocation's deadline. One that locks its
// thread (runtime.LockOSThread) unlocks it before it returns: the records of a
// batch share a coroutine, and one that ends with its thread locked ends the
// process.
type Handler[T any] interface {
	Handle(ctx context.Context, event T) (any, error)
}

// HandlerFunc is a function as a [Handler].
type HandlerFunc[T any] func(ctx context.Context, event T) (any, error)

// Handle calls f.
func (f HandlerFunc[T]) Handle(ctx context.Context, event T) (any, error) { return f(ctx, event) }

// Func is a function with a typed result as a [Handler].
func Func[T, R any](f func(ctx context.Context, event T) (R, error)) Handler[T] {
	if f == nil {
		panic("cqrs: Func needs a function, not nil")
	}
	return HandlerFunc[T](func(ctx context.Context, event T) (any, error) { return f(ctx, event) })
}

// Next is the rest of the chain around a handler.
type Next func(ctx context.Context, d *Delivery) (any, error)

// Middleware wraps what comes behind it. It is called once for each route when
// the [Dispatcher] is made, and what it returns once for each delivery, from
// many goroutines at once.
type Middleware func(next Next) Next

// chain wraps last in all of mw, of which the first becomes the outermost.
func chain(last Next, mw ...Middleware) Next {
	for _, m := range slices.Backward(mw) {
		if last = m(last); last == nil {
			panic("cqrs: a middleware returned a nil Next")
		}
	}
	return last
}
