package cqrs

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Policy is the middleware stack in its one safe order, from the outside in:
//
//	log ▸ callback ▸ idempotency ▸ retry ▸ timeout ▸ recover ▸ handler
//
// What is nil or zero is left out. The callback is outside of idempotency, so an
// outcome is stored before a task is told of it, and a duplicate is told the same
// without a run. Idempotency is outside of retry, so that the attempts of one
// delivery are one run. The log lines are of level Debug, since the dispatcher
// reports failures itself; [Log] writes them at Info and Warn.
type Policy struct {
	Callback    TaskCallback
	Idempotency IdempotencyStore
	Retry       *RetryPolicy
	Timeout     time.Duration // of each attempt

	// CallbackOptions and IdempotencyOptions go with the ports above, without which
	// they are refused.
	CallbackOptions    []CallbackOption
	IdempotencyOptions []IdempotencyOption
}

// Middleware returns the stack, which logs through slog.Default. It panics for
// what [Callback], [Idempotent], [Retry] and [Timeout] refuse.
func (p Policy) Middleware() Middleware { return p.middleware(slog.Default()) }

func (p Policy) middleware(l *slog.Logger) Middleware {
	p.check()
	stack := []Middleware{logDeliveries(l, slog.LevelDebug, slog.LevelDebug)}
	if p.Callback != nil {
		stack = append(stack, callback(p.Callback, l, p.CallbackOptions))
	}
	if p.Idempotency != nil {
		stack = append(stack, idempotent(p.Idempotency, l, p.IdempotencyOptions))
	}
	if p.Retry != nil {
		retry := *p.Retry
		if retry.OnRetry == nil {
			retry.OnRetry = logRetry(l)
		}
		stack = append(stack, Retry(retry))
	}
	if p.Timeout != 0 {
		stack = append(stack, Timeout(p.Timeout))
	}
	stack = append(stack, Recover())
	return func(next Next) Next { return chain(next, stack...) }
}

// check panics for what a single line of wiring gets wrong.
func (p Policy) check() {
	if p.Retry != nil {
		p.Retry.check()
	}
	if p.Timeout < 0 {
		Timeout(p.Timeout)
	}
	if p.Callback == nil && len(p.CallbackOptions) > 0 {
		panic("cqrs: Policy has CallbackOptions, but no Callback")
	}
	if p.Idempotency == nil && len(p.IdempotencyOptions) > 0 {
		panic("cqrs: Policy has IdempotencyOptions, but the store is missing: set Policy.Idempotency")
	}
}

// problems are what New refuses: they come from values that another part of the
// program has made.
func (p Policy) problems(of string) (problems []error) {
	if p.Idempotency != nil && isNil(p.Idempotency) {
		problems = append(problems, fmt.Errorf("cqrs: %s: the idempotency store is missing: it is a nil %T", of, p.Idempotency))
	}
	if p.Callback != nil && isNil(p.Callback) {
		problems = append(problems, fmt.Errorf("cqrs: %s: the callback is missing: it is a nil %T", of, p.Callback))
	}
	return problems
}

func logRetry(l *slog.Logger) func(context.Context, *Delivery, int, time.Duration, error) {
	l = withDelivery(l)
	return func(ctx context.Context, d *Delivery, attempt int, wait time.Duration, err error) {
		l.LogAttrs(ctx, slog.LevelWarn, "handler failed, trying again",
			slog.Int("try", attempt), slog.Duration("wait", wait), slog.String("error", withoutToken(d.TaskToken(), err.Error())))
	}
}
