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
		`CREATE TABLE IF NOT EXISTS cqrs_progress (
	command_table text NOT NULL,
	target        text NOT NULL,
	tenant        text NOT NULL,
	pk            text NOT NULL,
	sk            text NOT NULL,
	version       bigint NOT NULL,
	hash          text NOT NULL,
	deleted       boolean NOT NULL,
	claims        text NOT NULL DEFAULT '',
	failures      text NOT NULL DEFAULT '',
	PRIMARY KEY (command_table, target, tenant, pk, sk)
)`,
		`CREATE TABLE IF NOT EXISTS cqrs_parked (
	command_table text NOT NULL,
	target        text NOT NULL,
	tenant        text NOT NULL,
	pk            text NOT NULL,
	sk            text NOT NULL,
	version       bigint NOT NULL,
	latest_seen   bigint NOT NULL,
	attempts      bigint NOT NULL,
	reason        text NOT NULL,
	diverged      boolean NOT NULL,
	since         bigint NOT NULL,
	PRIMARY KEY (command_table, target, tenant, pk, sk)
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

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
