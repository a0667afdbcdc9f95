package cqrs

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// The defaults of Idempotent.
const (
	defaultIdempotencyTTL = time.Hour
	// defaultLease serves where the context has no deadline: the longest that a
	// function runs.
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	defaultLease = 15 * time.Minute
)

// IdempotencyOption changes what [Idempotent] does.
type IdempotencyOption func(*idempotency)

// IdempotencyTTL is how long an outcome is replayed; default 1 h. It must exceed
// the time in which a duplicate can come: the retention of the queue or stream
// and, where dead letters are redriven, the time until then.
func IdempotencyTTL(d time.Duration) IdempotencyOption {
	mustBePositive("IdempotencyTTL", d)
	return func(i *idempotency) { i.ttl = d }
}

// IdempotencyLease is how long a run may hold its key. The default is until the
// invocation's deadline, so that a run that was killed blocks nobody, and 15 min
// where there is no deadline. The run's context ends with its lease.
func IdempotencyLease(d time.Duration) IdempotencyOption {
	mustBePositive("IdempotencyLease", d)
	return func(i *idempotency) { i.lease = d }
}

// IdempotencyWait lets a delivery wait for the run that holds its key, for d at
// most and never past its own deadline, instead of failing at once. It looks
// again after 100 ms, then after twice the wait before, up to 2 s; each look is
// one request to the store.
func IdempotencyWait(d time.Duration) IdempotencyOption {
	mustBePositive("IdempotencyWait", d)
	return func(i *idempotency) { i.wait = d }
}

// AllowNoKey lets events without a key run unprotected, instead of failing with
// [ErrNoKey].
func AllowNoKey() IdempotencyOption { return func(i *idempotency) { i.allowNoKey = true } }

// IgnorePayload takes events of one key for the same whatever their payload: for
// senders that repeat an event in an envelope with a new id or time.
func IgnorePayload() IdempotencyOption { return func(i *idempotency) { i.ignorePayload = true } }

// RefuseAbandoned is for work that may on no account be done twice. An event
// whose earlier run crashed, so that nobody knows how far it came, is not run
// again: it fails with [ErrAbandoned], which is permanent, and people decide. The
// store must be an [AbandonmentStore].
func RefuseAbandoned() IdempotencyOption { return func(i *idempotency) { i.refuse = true } }

type idempotency struct {
	store         IdempotencyStore
	acquire       func(context.Context, Claim) (*Outcome, error)
	ttl           time.Duration
	lease         time.Duration // 0: until the deadline
	wait          time.Duration
	allowNoKey    bool
	ignorePayload bool
	refuse        bool
	logger        *slog.Logger
}

func newIdempotency(store IdempotencyStore, l *slog.Logger, opts []IdempotencyOption) *idempotency {
	if isNil(store) {
		panic("cqrs: Idempotent needs a store, not nil")
	}
	i := &idempotency{store: store, acquire: store.Acquire, ttl: defaultIdempotencyTTL, logger: withDelivery(l)}
	for _, opt := range opts {
		if opt == nil {
			panic("cqrs: Idempotent got a nil option")
		}
		opt(i)
	}
	if i.refuse {
		once, ok := store.(AbandonmentStore)
		if !ok {
			panic(fmt.Sprintf("cqrs: RefuseAbandoned needs a store with AcquireOnce, which a %T has not", store))
		}
		i.acquire = once.AcquireOnce
	}
	return i
}

func mustBePositive(option string, d time.Duration) {
	if d <= 0 {
		panic(fmt.Sprintf("cqrs: %s needs a positive duration, not %v", option, d))
	}
}
