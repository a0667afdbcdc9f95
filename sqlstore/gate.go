package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// The gates are rows of the table cqrs_progress. A row of version 0 holds no
// progress, only what was noted of the aggregate before it had any.
const (
	gateColumns = `command_table, target, tenant, pk, sk`
	whereGate   = ` WHERE command_table = $1 AND target = $2 AND tenant = $3 AND pk = $4 AND sk = $5`
)

// gateArgs are the arguments of a statement whose first five are the gate's.
func gateArgs(k cqrs.SyncKey, more ...any) ([]any, error) {
	texts := [...]string{k.Table, k.Target, k.Tenant, k.Key.PK, k.Key.SK}
	args := make([]any, 0, len(texts)+len(more))
	for _, text := range texts {
		args = append(args, storedText(text))
	}
	return append(args, more...), checkText(texts[:]...)
}

// passNewer lets through what is newer, or of an equal version where $9 is true.
// The row is locked by then, whether or not it was there and whatever the answer.
const passNewer = `
INSERT INTO cqrs_progress (` + gateColumns + `, version, hash, deleted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (` + gateColumns + `) DO UPDATE SET
	version = excluded.version, hash = excluded.hash, deleted = excluded.deleted, failures = ''
WHERE cqrs_progress.version < excluded.version OR $9 AND cqrs_progress.version = excluded.version`

// passNext lets through what follows, or equals where $9 is true.
const passNext = `
UPDATE cqrs_progress SET version = $6, hash = $7, deleted = $8, failures = ''` + whereGate + `
	AND (version = $6 - 1 OR $9 AND version = $6)`

// pass moves a gate on to a version, in the transaction of what the version does,
// or tells why it stays shut: a Skip, a *cqrs.DivergenceError or, for one that
// opens to every version in order, a *cqrs.VersionConflict.
func pass(ctx context.Context, tx querier, k cqrs.SyncKey, to cqrs.Progress, inOrder bool) error {
	equal := cqrs.ReplacesEqual(ctx)
	args, err := gateArgs(k, to.Version, storedText(to.Hash), to.Deleted, equal)
	if err != nil {
		return err
	}
	statement := passNewer
	if inOrder && to.Version > 1 {
		statement = passNext
	}
	for {
		passed, err := changed(tx.ExecContext(ctx, statement, args...))
		if err != nil || passed {
			return err
		}
		held, err := loadProgress(ctx, tx, k)
		if err != nil {
			return err
		}
		if err := refusal(k.Key, held, to, equal); err != nil {
			return err
		}
		if inOrder && held.Version < to.Version-1 {
			return &cqrs.VersionConflict{Key: k.Key, Expected: to.Version - 1, Actual: held.Version}
		}
		// Somebody else has moved the gate in between: by now it may be open.
	}
}

// refusal is why a target that holds one version does not take another, nil where
// that is newer, or equal and on purpose.
func refusal(k cqrs.Key, held, to cqrs.Progress, equal bool) error {
	switch {
	case held.Version > to.Version:
		return cqrs.Skip("the target has a newer version")
	case held.Version < to.Version || equal:
		return nil
	case !sameContent(held.Hash, to.Hash):
		return &cqrs.DivergenceError{Key: k, Version: to.Version}
	default:
		return cqrs.Skip("the target has the version")
	}
}

// sameContent compares two results of cqrs.ContentHash. An unknown one, and one of
// another normal form, counts as equal: nothing can be said against it.
func sameContent(a, b string) bool {
	form, _, known := strings.Cut(a, ":")
	otherForm, _, otherKnown := strings.Cut(b, ":")
	return a == b || !known || !otherKnown || form != otherForm
}

// loadProgress returns the zero Progress for a gate that is not there.
func loadProgress(ctx context.Context, db querier, k cqrs.SyncKey) (p cqrs.Progress, err error) {
	args, err := gateArgs(k)
	if err != nil {
		return p, err
	}
	row := db.QueryRowContext(ctx, `SELECT version, hash, deleted FROM cqrs_progress`+whereGate, args...)
	err = row.Scan(&p.Version, (*escaped)(&p.Hash), &p.Deleted)
	if errors.Is(err, sql.ErrNoRows) {
		return cqrs.Progress{}, nil
	}
	return p, err
}

// walkProgress lists the aggregates that a target has, in the order of their keys.
func walkProgress(ctx context.Context, db querier, table, target string) iter.Seq2[cqrs.SyncKey, error] {
	scan := func(row scanner) (cqrs.SyncKey, error) {
		k := cqrs.SyncKey{Table: table, Target: target}
		err := row.Scan((*escaped)(&k.Tenant), (*escaped)(&k.Key.PK), (*escaped)(&k.Key.SK))
		return k, err
	}
	return paged(func(last *cqrs.SyncKey) ([]cqrs.SyncKey, error) {
		after := cqrs.SyncKey{Table: table, Target: target}
		if last != nil {
			after = *last
		}
		args, err := gateArgs(after, pageSize)
		if err != nil {
			return nil, err
		}
		return queryAll(ctx, db, scan, `
SELECT tenant, pk, sk FROM cqrs_progress
WHERE command_table = $1 AND target = $2 AND (tenant, pk, sk) > ($3, $4, $5) AND version > 0
ORDER BY tenant, pk, sk LIMIT $6`, args...)
	})
}
