package cqrs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// RetryPolicy says how often and how soon [Retry] tries again. The zero value
// of a field stands for the default in its comment.
type RetryPolicy struct {
	MaxAttempts int           // 3, the first included
	Backoff     time.Duration // 1 s before the second attempt
	Multiplier  float64       // 2: what each further wait is multiplied by
	MaxBackoff  time.Duration // 30 s: no wait is longer
	NoJitter    bool          // wait exactly; the default is anything from 0 to the wait
	// Retryable says whether an ordinary error is worth another attempt; nil
	// means that all are. Control errors do not get here.
	Retryable func(error) bool
	// OnRetry is told of each attempt that failed and will be followed by
	// another, before the wait. Inside a dispatcher's Policy, nil means a warning
	// in Config.Logger.
	OnRetry func(ctx context.Context, d *Delivery, attempt int, wait time.Duration, err error)
}

// Retry calls what it wraps until it succeeds, the attempts are used up, or
// another one is pointless: the error is [Permanent], [Skip], [ErrInProgress],
// [ErrDeadline] or not Retryable; the context is done; or the wait does not fit
// into the time that the context has left. Then the last error returns at once.
// A [RetryAfter] is waited for exactly, unless it exceeds MaxBackoff.
//
// It panics for negative fields, and a Multiplier below 1.
func Retry(p RetryPolicy) Middleware {
	p = p.withDefaults()
	return func(next Next) Next {
		return func(ctx context.Context, d *Delivery) (any, error) {
			wait := p.Backoff
			for attempt := 1; ; attempt++ {
				result, err := next(ctx, d)
				if err == nil || attempt >= p.MaxAttempts {
					return result, err
				}
				pause, again := p.pause(err, wait)
				if !again || !sleepFits(ctx, pause) {
					return result, err
				}
				if p.OnRetry != nil {
					p.OnRetry(ctx, d, attempt, pause, err)
				}
				if !sleep(ctx, pause) {
					return result, err
				}
				wait = p.grow(wait)
			}
		}
	}
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	p.check()
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 3
	}
	if p.Backoff == 0 {
		p.Backoff = time.Second
	}
	if p.Multiplier == 0 {
		p.Multiplier = 2
	}
	if p.MaxBackoff == 0 {
		p.MaxBackoff = 30 * time.Second
	}
	p.Backoff = min(p.Backoff, p.MaxBackoff)
	return p
}

func (p RetryPolicy) check() {
	switch {
	case p.MaxAttempts < 0:
		panic(fmt.Sprintf("cqrs: RetryPolicy.MaxAttempts is negative: %d", p.MaxAttempts))
	case p.Backoff < 0 || p.MaxBackoff < 0:
		panic(fmt.Sprintf("cqrs: RetryPolicy has a negative backoff: %v, at most %v", p.Backoff, p.MaxBackoff))
	case p.Multiplier != 0 && !(p.Multiplier >= 1):
		panic(fmt.Sprintf("cqrs: RetryPolicy.Multiplier must be at least 1, not %v", p.Multiplier))
	}
}

// pause returns how long to wait after err, and whether to try again at all.
func (p RetryPolicy) pause(err error, wait time.Duration) (time.Duration, bool) {
	switch verdict, delay := judge(err); verdict {
	case verdictFailed, verdictPanic:
		if p.Retryable != nil && !p.Retryable(err) {
			return 0, false
		}
		if !p.NoJitter {
			wait = rand.N(wait + 1) //nolint:gosec // jitter is no secret
		}
		return wait, true
	case verdictDelayed:
		return delay, delay <= p.MaxBackoff
	default:
		return 0, false
	}
}

// grow returns the wait behind the next failure.
func (p RetryPolicy) grow(wait time.Duration) time.Duration {
	next := float64(wait) * p.Multiplier
	if next >= float64(p.MaxBackoff) {
		return p.MaxBackoff
	}
	return time.Duration(next)
}

// sleepFits reports whether ctx is alive and will be after the pause.
func sleepFits(ctx context.Context, pause time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	deadline, ok := ctx.Deadline()
	return !ok || pause < time.Until(deadline)
}

// sleep reports false where ctx ended first; its timer is gone when it returns.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
