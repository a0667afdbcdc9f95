package cqrs

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// NewMemoryIdempotency returns a store that lives as long as the process: for
// tests, and for functions that only guard against duplicates within one
// environment. It is safe for parallel use and forgets expired keys. It is an
// [AbandonmentStore].
func NewMemoryIdempotency() IdempotencyStore {
	return &memoryIdempotency{entries: map[string]memoryEntry{}}
}

// sweepEvery is how often expired keys are looked for.
const sweepEvery = time.Minute

type memoryIdempotency struct {
	mu      sync.Mutex
	entries map[string]memoryEntry
	swept   time.Time
}

type memoryEntry struct {
	claim   Claim
	outcome *Outcome // nil while the run goes on
}

var _ AbandonmentStore = (*memoryIdempotency)(nil)

// Acquire implements IdempotencyStore.
func (s *memoryIdempotency) Acquire(ctx context.Context, c Claim) (*Outcome, error) {
	return s.acquire(ctx, c, nil)
}

// AcquireOnce implements AbandonmentStore.
func (s *memoryIdempotency) AcquireOnce(ctx context.Context, c Claim) (*Outcome, error) {
	return s.acquire(ctx, c, ErrAbandoned)
}

func (s *memoryIdempotency) acquire(ctx context.Context, c Claim, abandoned error) (*Outcome, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.sweep(now)
	held, ok := s.entries[c.Key]
	switch {
	case !ok, !now.Before(held.claim.ExpiresAt):
	case held.claim.PayloadHash != c.PayloadHash:
		return nil, ErrPayloadMismatch
	case held.outcome != nil:
		return held.outcome.clone(), nil
	case held.claim.Owner == c.Owner:
	case now.Before(held.claim.LeaseUntil):
		return nil, ErrInProgress
	case abandoned != nil:
		return nil, abandoned
	}
	s.entries[c.Key] = memoryEntry{claim: c}
	return nil, nil
}

// Complete implements IdempotencyStore.
func (s *memoryIdempotency) Complete(ctx context.Context, c Claim, o Outcome) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, ok := s.entries[c.Key]
	if !ok || held.claim.Owner != c.Owner {
		return ErrLeaseLost
	}
	if held.outcome == nil {
		s.entries[c.Key] = memoryEntry{claim: c, outcome: o.clone()}
	}
	return nil
}

// Release implements IdempotencyStore.
func (s *memoryIdempotency) Release(ctx context.Context, c Claim) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, ok := s.entries[c.Key]
	if !ok || held.claim.Owner != c.Owner || held.outcome != nil {
		return ErrLeaseLost
	}
	delete(s.entries, c.Key)
	return nil
}

// sweep forgets what has expired. It runs while somebody uses the store, so
// there is no goroutine to stop.
func (s *memoryIdempotency) sweep(now time.Time) {
	if now.Sub(s.swept) < sweepEvery {
		return
	}
	s.swept = now
	for key, held := range s.entries {
		if !now.Before(held.claim.ExpiresAt) {
			delete(s.entries, key)
		}
	}
}

// clone keeps the store's bytes apart from the caller's.
func (o *Outcome) clone() *Outcome {
	own := *o
	own.Result = bytes.Clone(o.Result)
	return &own
}
