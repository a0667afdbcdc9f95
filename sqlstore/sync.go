package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// NewSync returns the store of progress and of what is parked, in the tables
// cqrs_progress and cqrs_parked. One pair of them serves any number of command
// tables. Delete nothing from them: tombstones and versions are to stay as long as
// anything may come again.
//
// The store is a cqrs.SyncReader, a cqrs.SyncClaimer and a cqrs.SyncWalker. A
// record costs one statement for the state of all targets, and two for each target
// that is not self-gated, before and after its handler. It panics where db is nil.
func NewSync(db *sql.DB) cqrs.SyncStore {
	if db == nil {
		panic("sqlstore: NewSync needs a database, not nil")
	}
	return &syncStore{db: db}
}

type syncStore struct{ db *sql.DB }

var (
	_ cqrs.SyncReader  = (*syncStore)(nil)
	_ cqrs.SyncClaimer = (*syncStore)(nil)
	_ cqrs.SyncWalker  = (*syncStore)(nil)
)

// Load implements cqrs.ProgressStore.
func (s *syncStore) Load(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	p, err := loadProgress(ctx, s.db, k)
	return p, wrapSync("read the progress of", k, err)
}

// Walk implements cqrs.SyncWalker.
func (s *syncStore) Walk(ctx context.Context, table, target string) iter.Seq2[cqrs.SyncKey, error] {
	return walkProgress(ctx, s.db, table, target)
}

// Advance implements cqrs.ProgressStore.
func (s *syncStore) Advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress) error {
	return s.advance(ctx, k, from, to, "")
}

// Complete implements cqrs.SyncClaimer.
func (s *syncStore) Complete(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress, c cqrs.SyncClaim) error {
	return s.advance(ctx, k, from, to, claimText(c))
}

// Where the progress is expected at 0 there may be no row.
const (
	advanceFirst = `
INSERT INTO cqrs_progress (` + gateColumns + `, version, hash, deleted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (` + gateColumns + `) DO UPDATE SET version = excluded.version, hash = excluded.hash, deleted = excluded.deleted,
	failures = '', claims = replace(cqrs_progress.claims, $9, '')
WHERE cqrs_progress.version = $10`
	advanceNext = `
UPDATE cqrs_progress SET version = $6, hash = $7, deleted = $8, failures = '', claims = replace(claims, $9, '')` +
		whereGate + ` AND version = $10`

	claimFirst = `
INSERT INTO cqrs_progress (` + gateColumns + `, version, hash, deleted, claims) VALUES ($1, $2, $3, $4, $5, 0, '', false, $6)
ON CONFLICT (` + gateColumns + `) DO UPDATE SET claims = cqrs_progress.claims || excluded.claims
WHERE cqrs_progress.version = $7`
	claimNext = `
UPDATE cqrs_progress SET claims = claims || CAST($6 AS text)` + whereGate + ` AND version = $7`
)

func (s *syncStore) advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress, claim string) error {
	err := s.at(ctx, k, from, [2]string{advanceFirst, advanceNext}, to.Version, storedText(to.Hash), to.Deleted, claim)
	return wrapSync("advance the progress of", k, err)
}

// Claim implements cqrs.SyncClaimer.
func (s *syncStore) Claim(ctx context.Context, k cqrs.SyncKey, from int64, c cqrs.SyncClaim) error {
	return wrapSync("claim", k, s.at(ctx, k, from, [2]string{claimFirst, claimNext}, claimText(c)))
}

// at changes a gate where it stands at from, with the first statement where that
// is 0, else with the next.
func (s *syncStore) at(ctx context.Context, k cqrs.SyncKey, from int64, statements [2]string, values ...any) error {
	args, err := gateArgs(k, append(values, from)...)
	if err != nil {
		return err
	}
	statement := statements[1]
	if from == 0 {
		statement = statements[0]
	}
	for {
		done, err := changed(s.db.ExecContext(ctx, statement, args...))
		if err != nil || done {
			return err
		}
		held, err := loadProgress(ctx, s.db, k)
		if err != nil {
			return err
		}
		if held.Version != from {
			return &cqrs.VersionConflict{Key: k.Key, Expected: from, Actual: held.Version}
		}
		// It has come to where it was expected only now.
	}
}

// Release implements cqrs.SyncClaimer.
func (s *syncStore) Release(ctx context.Context, k cqrs.SyncKey, c cqrs.SyncClaim) error {
	args, err := gateArgs(k, claimText(c))
	if err == nil {
		_, err = s.db.ExecContext(ctx, `UPDATE cqrs_progress SET claims = replace(claims, $6, '')`+whereGate, args...)
	}
	return wrapSync("release", k, err)
}

// claimText is how a claim is noted in its gate's row. No claim is part of another.
func claimText(c cqrs.SyncClaim) string {
	return fmt.Sprintf("[%d@%s]", c.Version, url.QueryEscape(c.Owner))
}

func claimsOf(text string) (claims []cqrs.SyncClaim) {
	for _, claim := range strings.FieldsFunc(text, func(r rune) bool { return r == '[' || r == ']' }) {
		version, owner, _ := strings.Cut(claim, "@")
		n, numberErr := strconv.ParseInt(version, 10, 64)
		owner, ownerErr := url.QueryUnescape(owner)
		if numberErr == nil && ownerErr == nil {
			claims = append(claims, cqrs.SyncClaim{Version: n, Owner: owner})
		}
	}
	return claims
}

// statusKeys is the number of gates that are read at once.
const statusKeys = 100

// Status implements cqrs.SyncReader.
func (s *syncStore) Status(ctx context.Context, keys []cqrs.SyncKey) ([]cqrs.SyncStatus, error) {
	all := make([]cqrs.SyncStatus, len(keys))
	for at := 0; at < len(keys); at += statusKeys {
		end := min(at+statusKeys, len(keys))
		if err := s.readStatus(ctx, keys[at:end], all[at:end]); err != nil {
			return nil, wrapSync("read the progress of", keys[at], err)
		}
	}
	return all, nil
}

// readStatus fills in the status of each key.
func (s *syncStore) readStatus(ctx context.Context, keys []cqrs.SyncKey, into []cqrs.SyncStatus) error {
	query := strings.Builder{}
	query.WriteString("WITH wanted (number, " + gateColumns + ") AS (VALUES ")
	var args []any
	for i, k := range keys {
		gate, err := gateArgs(k)
		if err != nil {
			return err
		}
		n := len(args)
		fmt.Fprintf(&query, "%s(%d, CAST($%d AS text), CAST($%d AS text), CAST($%d AS text), CAST($%d AS text), CAST($%d AS text))",
			[2]string{"", ", "}[min(i, 1)], i, n+1, n+2, n+3, n+4, n+5)
		args = append(args, gate...)
	}
	query.WriteString(`)
SELECT number, COALESCE(g.version, 0), COALESCE(g.hash, ''), COALESCE(g.deleted, false), COALESCE(g.claims, ''), p.version IS NOT NULL,
	COALESCE(p.version, 0), COALESCE(p.latest_seen, 0), COALESCE(p.attempts, 0), COALESCE(p.reason, ''), COALESCE(p.since, 0)
FROM wanted LEFT JOIN cqrs_progress g USING (` + gateColumns + `) LEFT JOIN cqrs_parked p USING (` + gateColumns + `)`)
	scan := func(row scanner) (struct{}, error) {
		var (
			status cqrs.SyncStatus
			entry  cqrs.Parked
			number int
			claims string
			parked bool
			since  int64
		)
		err := row.Scan(&number, &status.Progress.Version, (*escaped)(&status.Progress.Hash), &status.Progress.Deleted, &claims,
			&parked, &entry.Version, &entry.LatestSeen, &entry.Attempts, (*escaped)(&entry.Reason), &since)
		if err != nil {
			return struct{}{}, err
		}
		status.Claims = claimsOf(claims)
		if parked {
			entry.SyncKey, entry.Since = keys[number], fromMicros(since)
			status.Parked = &entry
		}
		into[number] = status
		return struct{}{}, nil
	}
	_, err := queryAll(ctx, s.db, scan, query.String(), args...)
	return err
}

// Fail implements cqrs.ParkingStore. The counts, by version, are JSON in the
// gate's row. What the failures were is in the log, and in the parked entry.
func (s *syncStore) Fail(ctx context.Context, k cqrs.SyncKey, version int64, _ string) (attempts int, err error) {
	args, err := gateArgs(k)
	if err == nil {
		err = inTx(ctx, s.db, func(tx *sql.Tx) error {
			var text string
			if err := tx.QueryRowContext(ctx, lockFailures, args...).Scan(&text); err != nil {
				return err
			}
			counts := map[int64]int{}
			if text != "" {
				if err := json.Unmarshal([]byte(text), &counts); err != nil {
					return err
				}
			}
			counts[version]++
			attempts = counts[version]
			noted, err := json.Marshal(counts)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `UPDATE cqrs_progress SET failures = $6`+whereGate, append(args, string(noted))...)
			return err
		})
	}
	if err != nil {
		return 0, wrapSync("count a failure of", k, err)
	}
	return attempts, nil
}

// lockFailures reads the counts, which nobody else can change before the
// transaction ends.
const lockFailures = `
INSERT INTO cqrs_progress (` + gateColumns + `, version, hash, deleted) VALUES ($1, $2, $3, $4, $5, 0, '', false)
ON CONFLICT (` + gateColumns + `) DO UPDATE SET failures = cqrs_progress.failures RETURNING failures`

// wrapSync leaves a conflict as it is.
func wrapSync(what string, k cqrs.SyncKey, err error) error {
	if err == nil || errors.Is(err, cqrs.ErrVersionConflict) {
		return err
	}
	return fmt.Errorf("sqlstore: %s %s %s in %s: %w", what, k.Key.PK, k.Key.SK, k.Target, err)
}
