package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Idempotency is a cqrs.IdempotencyStore and a cqrs.AbandonmentStore. A first run
// costs two statements, a duplicate two; each of them is atomic.
type Idempotency struct {
	db  querier
	now func() time.Time
}

var _ cqrs.AbandonmentStore = (*Idempotency)(nil)

// IdempotencyOption changes what [NewIdempotency] makes.
type IdempotencyOption func(*Idempotency)

// WithClock tells the time in place of time.Now. The clocks of all that share the
// table should agree; by as much as they differ, a lease may end early or late.
func WithClock(now func() time.Time) IdempotencyOption {
	if now == nil {
		panic("sqlstore: WithClock needs a clock, not nil")
	}
	return func(s *Idempotency) { s.now = now }
}

// NewIdempotency returns the store that keeps its keys in the table
// cqrs_idempotency. It panics where db is nil.
func NewIdempotency(db *sql.DB, opts ...IdempotencyOption) *Idempotency {
	if db == nil {
		panic("sqlstore: NewIdempotency needs a database, not nil")
	}
	s := &Idempotency{db: db, now: time.Now}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// claimKey takes a key that is new, expired or its own again.
const claimKey = `
INSERT INTO cqrs_idempotency (idempotency_key, owner, payload_hash, completed, lease_until, expires_at,
	result, error_name, error_cause)
VALUES ($1, $2, $3, false, $4, $5, NULL, '', '')
ON CONFLICT (idempotency_key) DO UPDATE SET
	owner = excluded.owner, payload_hash = excluded.payload_hash, completed = false, lease_until = excluded.lease_until,
	expires_at = excluded.expires_at, result = NULL, error_name = '', error_cause = ''
WHERE cqrs_idempotency.expires_at <= $6
	OR NOT cqrs_idempotency.completed AND cqrs_idempotency.payload_hash = excluded.payload_hash
		AND (cqrs_idempotency.owner = excluded.owner OR cqrs_idempotency.lease_until <= $7)`

// never is a lease that no time comes before: nothing is taken over.
const never = -1 << 62

// Acquire implements cqrs.IdempotencyStore.
func (s *Idempotency) Acquire(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	now := micros(s.now())
	return s.acquire(ctx, c, now, now)
}

// AcquireOnce implements cqrs.AbandonmentStore.
func (s *Idempotency) AcquireOnce(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	return s.acquire(ctx, c, micros(s.now()), never)
}

// acquire takes over the leases that end at takeOver or before.
func (s *Idempotency) acquire(ctx context.Context, c cqrs.Claim, now, takeOver int64) (*cqrs.Outcome, error) {
	for {
		claimed, err := s.exec(ctx, claimKey,
			storedText(c.Key), c.Owner, c.PayloadHash, micros(c.LeaseUntil), micros(c.ExpiresAt), now, takeOver)
		if err != nil || claimed {
			return nil, err
		}
		held, err := s.load(ctx, c.Key)
		if errors.Is(err, sql.ErrNoRows) {
			continue // it was released in between
		}
		if err != nil {
			return nil, err
		}
		return held.verdict(c, now)
	}
}

// record is what a key holds.
type record struct {
	owner, payloadHash string
	completed          bool
	leaseUntil         int64
	outcome            cqrs.Outcome
}

func (s *Idempotency) load(ctx context.Context, key string) (r record, err error) {
	err = s.db.QueryRowContext(ctx, `
SELECT owner, payload_hash, completed, lease_until, result, error_name, error_cause FROM cqrs_idempotency WHERE idempotency_key = $1`,
		storedText(key)).Scan(&r.owner, &r.payloadHash, &r.completed, &r.leaseUntil,
		(*[]byte)(&r.outcome.Result), &r.outcome.ErrorName, &r.outcome.ErrorCause)
	return r, err
}

// verdict is why the key could not be claimed.
func (r *record) verdict(c cqrs.Claim, now int64) (*cqrs.Outcome, error) {
	switch {
	case r.payloadHash != c.PayloadHash:
		return nil, cqrs.ErrPayloadMismatch
	case r.completed:
		return &r.outcome, nil
	case r.leaseUntil <= now:
		return nil, cqrs.ErrAbandoned
	default:
		return nil, cqrs.ErrInProgress
	}
}

// Complete implements cqrs.IdempotencyStore.
func (s *Idempotency) Complete(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	done, err := s.exec(ctx, `
UPDATE cqrs_idempotency SET completed = true, expires_at = $3, result = $4, error_name = $5, error_cause = $6
WHERE idempotency_key = $1 AND owner = $2 AND NOT completed`,
		storedText(c.Key), c.Owner, micros(c.ExpiresAt), []byte(o.Result), storedText(o.ErrorName), storedText(o.ErrorCause))
	if err != nil || done {
		return err
	}
	held, err := s.load(ctx, c.Key)
	switch {
	case err == nil && held.owner == c.Owner && held.completed:
		return nil // our own, of which the answer was lost
	case err == nil, errors.Is(err, sql.ErrNoRows):
		return cqrs.ErrLeaseLost
	default:
		return err
	}
}

// Release implements cqrs.IdempotencyStore.
func (s *Idempotency) Release(ctx context.Context, c cqrs.Claim) error {
	done, err := s.exec(ctx, `DELETE FROM cqrs_idempotency WHERE idempotency_key = $1 AND owner = $2 AND NOT completed`,
		storedText(c.Key), c.Owner)
	if err == nil && !done {
		return cqrs.ErrLeaseLost
	}
	return err
}

// Purge deletes the keys that have expired and returns their number. Nothing else
// deletes them, so call it now and then.
func (s *Idempotency) Purge(ctx context.Context) (int64, error) {
	result, err := s.db.ExecContext(ctx, `DELETE FROM cqrs_idempotency WHERE expires_at <= $1`, micros(s.now()))
	if err != nil {
		return 0, fmt.Errorf("sqlstore: purge: %w", err)
	}
	return result.RowsAffected()
}

// exec reports whether the statement changed a row.
func (s *Idempotency) exec(ctx context.Context, query string, args ...any) (bool, error) {
	return changed(s.db.ExecContext(ctx, query, args...))
}
