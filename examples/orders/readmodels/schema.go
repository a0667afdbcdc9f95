package readmodels

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// migrations are the steps from an empty database to the tables of today. A step
// that has been released is never changed: what is new comes behind it.
func migrations() [][]string {
	return [][]string{
		slices.Concat(sqlstore.Schema(), productSchema(), orderSchema()),
	}
}

// migrationLock is any number that nothing else in the database locks.
const migrationLock = 7_305_801

// migrate takes the steps that are missing, all or none. Whoever comes at the same
// time waits, and then finds nothing to do: SQLite has one writer, and PostgreSQL is
// asked for a lock. Where nothing is missing it costs one statement.
func migrate(ctx context.Context, db *sql.DB, postgres bool) error {
	steps := migrations()
	if done, err := stepsDone(ctx, db); err == nil && done >= len(steps) {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if postgres {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS shop_schema (step bigint PRIMARY KEY)`); err != nil {
		return err
	}
	done, err := stepsDone(ctx, tx)
	if err != nil {
		return err
	}
	for i := done; i < len(steps); i++ {
		for _, statement := range steps[i] {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("step %d: %w: %s", i+1, err, statement)
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO shop_schema (step) VALUES ($1)`, i+1); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// stepsDone fails where there are no tables yet.
func stepsDone(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) (done int, err error) {
	err = db.QueryRowContext(ctx, `SELECT COUNT(*) FROM shop_schema`).Scan(&done)
	return done, err
}
