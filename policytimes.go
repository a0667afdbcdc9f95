package cqrs

import "time"

// PolicyTimes are the times in a [Policy] that what is deployed has to fit: for
// tools that compare the two. Each is 0 where the policy has no such part.
type PolicyTimes struct {
	IdempotencyTTL time.Duration // of outcomes; see [IdempotencyTTL]
	// IdempotencyLease is 0 as well where a run holds its key until the invocation's
	// deadline, which is the default.
	IdempotencyLease time.Duration
	Heartbeat        time.Duration // see [HeartbeatEvery]
	Timeout          time.Duration // of each attempt
}

// Times returns the times that the policy's options and their defaults come to.
func (p Policy) Times() PolicyTimes {
	times := PolicyTimes{Timeout: p.Timeout}
	if p.Idempotency != nil {
		i := idempotency{ttl: defaultIdempotencyTTL}
		for _, opt := range p.IdempotencyOptions {
			opt(&i)
		}
		times.IdempotencyTTL, times.IdempotencyLease = i.ttl, i.lease
	}
	if p.Callback != nil {
		var c callbacks
		for _, opt := range p.CallbackOptions {
			opt(&c)
		}
		times.Heartbeat = c.every
	}
	return times
}
