package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Transactional runs a handler in a transaction of db, which the handler takes out
// of its context with [Tx]. The event's idempotency record is written in the same
// transaction, so what the handler writes through it takes effect exactly once, or
// not at all:
//
//   - nil and Skip commit the writes together with the outcome, which answers
//     duplicates;
//   - an error rolls both back, and the next delivery runs;
//   - a failure that a task is told of rolls back the writes and keeps the outcome.
//
// A duplicate that comes while the first run goes on waits in the database for
// its end, at most as long as its context. What the handler does elsewhere is not
// part of the transaction. The transaction is rolled back where the handler's
// context ends before its work does.
//
// It stands innermost, in [cqrs.With], in place of Policy.Idempotency:
//
//	cqrs.Register(registry, handler, cqrs.With(sqlstore.Transactional(db)))
//
// The options are those of cqrs.Idempotent. It panics where db is nil.
func Transactional(db *sql.DB, opts ...cqrs.IdempotencyOption) cqrs.Middleware {
	if db == nil {
		panic("sqlstore: Transactional needs a database, not nil")
	}
	cqrs.Idempotent(&joined{}, opts...) // panics for options that do not fit
	return func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return nil, err
			}
			defer func() { _ = tx.Rollback() }() // does nothing behind a commit
			store := &joined{Idempotency: Idempotency{db: tx, now: time.Now}, tx: tx}
			within := func(ctx context.Context, d *cqrs.Delivery) (any, error) {
				return next(context.WithValue(ctx, txKey{}, tx), d)
			}
			return cqrs.Idempotent(store, opts...)(within)(ctx, d)
		}
	}
}

type txKey struct{}

// Tx returns the transaction that a handler behind [Transactional] runs in. The
// handler must neither commit it nor roll it back, nor keep it.
func Tx(ctx context.Context) (*sql.Tx, bool) {
	tx, ok := ctx.Value(txKey{}).(*sql.Tx)
	return tx, ok
}

// joined is the store of one delivery, inside the transaction of its handler.
type joined struct {
	Idempotency

	tx *sql.Tx
}

// The handler's writes stand behind the savepoint.
const (
	beginWrites = "SAVEPOINT cqrs_handler"
	undoWrites  = "ROLLBACK TO SAVEPOINT cqrs_handler"
)

// Acquire implements cqrs.IdempotencyStore. A claim of another transaction is not
// visible before that commits, so there is none to take over.
func (s *joined) Acquire(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	outcome, err := s.Idempotency.Acquire(ctx, c)
	if err == nil && outcome == nil {
		_, err = s.tx.ExecContext(ctx, beginWrites)
	}
	return outcome, err
}

// AcquireOnce implements cqrs.AbandonmentStore: a run that crashed has left
// nothing behind.
func (s *joined) AcquireOnce(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	return s.Acquire(ctx, c)
}

// Complete commits. A failure that is kept undoes what the handler wrote.
func (s *joined) Complete(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	if o.ErrorName != "" || o.ErrorCause != "" {
		if _, err := s.tx.ExecContext(ctx, undoWrites); err != nil {
			return err
		}
	}
	if err := s.Idempotency.Complete(ctx, c, o); err != nil {
		return errors.Join(err, s.tx.Rollback())
	}
	return s.tx.Commit()
}

// Release rolls back.
func (s *joined) Release(context.Context, cqrs.Claim) error { return s.tx.Rollback() }
