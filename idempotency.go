package cqrs

import (
	"context"
	"encoding/json"
	"time"
)

// IdempotencyStore keeps, for each key, who works on it and what came of it. Its
// methods are called from many goroutines and many processes at once, and each
// of them must be atomic.
//
// Each is to take its own lost acknowledgement for success: a claim whose Owner
// holds the key already, an outcome that the same Owner has stored already.
// [NewMemoryIdempotency] is the reference.
type IdempotencyStore interface {
	// Acquire claims the key with one conditional write. It returns the outcome of
	// an earlier, completed run, or nil where the key is now ours.
	// [ErrInProgress]: another run holds it. [ErrPayloadMismatch]: the same key was
	// used for another payload; it is looked for before the status.
	Acquire(ctx context.Context, c Claim) (*Outcome, error)
	// Complete stores the outcome, until c.ExpiresAt. It goes by the owner alone: a
	// run whose lease has passed may still complete while nobody took its key over.
	// [ErrLeaseLost]: c.Owner no longer holds the key. [ErrTooLarge]: the store
	// cannot hold the result; then Complete is called again without it.
	Complete(ctx context.Context, c Claim, o Outcome) error
	// Release gives the key up, so that the next delivery runs. [ErrLeaseLost]: as
	// in Complete.
	Release(ctx context.Context, c Claim) error
}

// AbandonmentStore is a store that can leave the key of a run that never ended
// alone, which [RefuseAbandoned] needs.
type AbandonmentStore interface {
	IdempotencyStore
	// AcquireOnce is Acquire, but it takes no key over: where a run holds the key
	// and its lease has passed, it returns [ErrAbandoned] and changes nothing.
	AcquireOnce(ctx context.Context, c Claim) (*Outcome, error)
}

// Claim is one run's claim to an idempotency key.
type Claim struct {
	Key         string    // scoped by route and tenant
	Owner       string    // of this run alone
	PayloadHash string    // of what the sender sent; "" is compared like any other
	LeaseUntil  time.Time // from then on another run may take the key over
	ExpiresAt   time.Time // from then on the key is as good as unknown
}

// Outcome is what a completed run left behind, to be replayed.
type Outcome struct {
	// Result is the JSON of what the handler returned, "null" for nothing. It is
	// empty where the result could not be stored.
	Result json.RawMessage
	// ErrorName and ErrorCause are those of a task failure that was reported.
	ErrorName, ErrorCause string
}

func (o *Outcome) failed() bool { return o.ErrorName != "" || o.ErrorCause != "" }
