package cqrs

import (
	"context"
	"log/slog"
	"time"
)

// Policy is the middleware stack in its one safe order, from the outside in:
//
//	log ▸ retry ▸ timeout ▸ recover ▸ handler
//
// What is nil or zero is left out. The log lines are of level Debug, since the
// dispatcher reports failures itself; [Log] writes them at Info and Warn.
type Policy struct {
	Retry   *RetryPolicy
	Timeout time.Duration // of each attempt
}

// Middleware returns the stack, which logs through slog.Default. It panics for
// what [Retry] and [Timeout] refuse.
func (p Policy) Middleware() Middleware { return p.middleware(slog.Default()) }

func (p Policy) middleware(l *slog.Logger) Middleware {
	p.check()
	stack := []Middleware{logDeliveries(l, slog.LevelDebug, slog.LevelDebug)}
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

func (p Policy) check() {
	if p.Retry != nil {
		p.Retry.check()
	}
	if p.Timeout < 0 {
		Timeout(p.Timeout)
	}
}

func logRetry(l *slog.Logger) func(context.Context, *Delivery, int, time.Duration, error) {
	l = withDelivery(l)
	return func(ctx context.Context, d *Delivery, attempt int, wait time.Duration, err error) {
		l.LogAttrs(ctx, slog.LevelWarn, "handler failed, trying again",
			slog.Int("try", attempt), slog.Duration("wait", wait), slog.String("error", withoutToken(d.TaskToken(), err.Error())))
	}
}
