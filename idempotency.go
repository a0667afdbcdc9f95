package cqrs

import (
	"context"
	"encoding/json"
	"time"
)

// IdempotencyStore keeps, for each key, who works on it and what came of it. Its
// methods are called from many goroutines and many processes at once, and each
// of them must be atomic.
type IdempotencyStore interface {
	// Acquire claims the key with one conditional write. It returns the outcome of
	// an earlier, completed run, or nil where the key is now ours.
	// [ErrInProgress]: another run holds it. [ErrPayloadMismatch]: the same key was
	// used for another payload; it is looked for before the status.
	Acquire(ctx context.Context, c Claim) (*Outcome, error)
	// Complete stores the outcome. [ErrLeaseLost]: c.Owner no longer holds the key.
	Complete(ctx context.Context, c Claim, o Outcome) error
	// Release gives the key up, so that the next delivery runs. [ErrLeaseLost]: as
	// in Complete.
	Release(ctx context.Context, c Claim) error
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
	Result json.RawMessage
	// ErrorName and ErrorCause are those of a task failure that was reported.
	ErrorName, ErrorCause string
}
