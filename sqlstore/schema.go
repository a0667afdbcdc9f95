package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Schema returns the statements that create the tables and indexes of this
// package, each of which does nothing where its table exists.
func Schema() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS cqrs_idempotency (
	idempotency_key text PRIMARY KEY,
	owner           text NOT NULL,
	payload_hash    text NOT NULL,
	completed       boolean NOT NULL,
	lease_until     bigint NOT NULL,
	expires_at      bigint NOT NULL,
	result          bytea,
	error_name      text NOT NULL,
	error_cause     text NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS cqrs_idempotency_expiry ON cqrs_idempotency (expires_at)`,
		`CREATE TABLE IF NOT EXISTS cqrs_failures (
	id            text PRIMARY KEY,
	status        text NOT NULL,
	message_id    text NOT NULL,
	event_type    text NOT NULL,
	payload       text NOT NULL,
	error_name    text NOT NULL,
	error_message text NOT NULL,
	retry_count   bigint NOT NULL,
	times         bigint NOT NULL,
	replays       bigint NOT NULL,
	created_at    bigint NOT NULL,
	failed_at     bigint NOT NULL,
	letter        bytea NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS cqrs_failures_order ON cqrs_failures (status, created_at, id)`,
		`CREATE TABLE IF NOT EXISTS cqrs_failure_audit (
	failure_id  text NOT NULL,
	number      bigint NOT NULL,
	at          bigint NOT NULL,
	by_whom     text NOT NULL,
	from_status text NOT NULL,
	to_status   text NOT NULL,
	note        text NOT NULL,
	PRIMARY KEY (failure_id, number)
)`,
	}
}

// Create runs the statements of [Schema]. Doing so twice is harmless.
func Create(ctx context.Context, db *sql.DB) error {
	for _, statement := range Schema() {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("sqlstore: create the tables: %w", err)
		}
	}
	return nil
}

// inTx runs f in a transaction, which is rolled back where f fails.
func inTx(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing behind a commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
