package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/redrive"
)

// Failures is a redrive.Store, and so a cqrs.FailureStore, in the tables
// cqrs_failures and cqrs_failure_audit.
type Failures struct{ db *sql.DB }

var _ redrive.Store = (*Failures)(nil)

// NewFailures returns the store. It panics where db is nil.
func NewFailures(db *sql.DB) *Failures {
	if db == nil {
		panic("sqlstore: NewFailures needs a database, not nil")
	}
	return &Failures{db: db}
}

// SaveFailure implements cqrs.FailureStore.
func (s *Failures) SaveFailure(ctx context.Context, d cqrs.DeadLetter) (news bool, err error) {
	letter, err := json.Marshal(d)
	if err != nil {
		return false, fmt.Errorf("sqlstore: encode failure %s: %w", d.ID, err)
	}
	err = inTx(ctx, s.db, func(tx *sql.Tx) error {
		news, err = saveFailure(ctx, tx, &d, letter)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("sqlstore: save failure %s: %w", d.ID, err)
	}
	return news, nil
}

func saveFailure(ctx context.Context, tx *sql.Tx, d *cqrs.DeadLetter, letter []byte) (news bool, err error) {
	columns := []any{
		storedText(d.ID), string(redrive.Open), storedText(d.Message.ID), storedText(redrive.TypeOf(d)),
		storedText(string(d.Message.Payload())), storedText(d.ErrorName), storedText(d.Error), d.Attempts, micros(d.At), letter,
	}
	inserted, err := changed(tx.ExecContext(ctx, `
INSERT INTO cqrs_failures (id, status, message_id, event_type, payload, error_name, error_message, retry_count,
	failed_at, created_at, letter, times, replays)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, 1, 0) ON CONFLICT (id) DO NOTHING`, columns...))
	if err != nil {
		return false, err
	}
	before := redrive.Status("")
	if !inserted {
		held, err := lockFailure(ctx, tx, d.ID)
		if err != nil || held.Repeats(d) {
			return false, err
		}
		before = held.Status
		if _, err := tx.ExecContext(ctx, `
UPDATE cqrs_failures SET status = $2, message_id = $3, event_type = $4, payload = $5, error_name = $6, error_message = $7,
	retry_count = $8, failed_at = $9, letter = $10, times = times + 1 WHERE id = $1`, columns...); err != nil {
			return false, err
		}
	}
	entry := redrive.Entry{ID: d.ID, At: d.At, From: before, To: redrive.Open, Note: d.ErrorName}
	return before != redrive.Open, writeEntry(ctx, tx, &entry)
}

// lockFailure reads a failure that nobody else can change before the transaction
// ends.
func lockFailure(ctx context.Context, tx *sql.Tx, id string) (redrive.Failure, error) {
	if _, err := tx.ExecContext(ctx, `UPDATE cqrs_failures SET id = id WHERE id = $1`, storedText(id)); err != nil {
		return redrive.Failure{}, err
	}
	return scanFailure(tx.QueryRowContext(ctx, selectFailure+` WHERE id = $1`, storedText(id)))
}

const selectFailure = `SELECT letter, status, times, replays, created_at FROM cqrs_failures`

func scanFailure(row scanner) (f redrive.Failure, err error) {
	var letter []byte
	var first int64
	if err := row.Scan(&letter, (*string)(&f.Status), &f.Times, &f.Replays, &first); err != nil {
		return f, err
	}
	f.FirstAt = fromMicros(first)
	return f, json.Unmarshal(letter, &f.DeadLetter)
}

// Groups implements redrive.Store.
func (s *Failures) Groups(ctx context.Context, status redrive.Status) (groups []redrive.Group, err error) {
	if status == "" {
		status = redrive.Open
	}
	groups, err = queryAll(ctx, s.db, scanGroup, `
SELECT event_type, error_name, COUNT(*), MIN(created_at), MAX(failed_at),
	(SELECT g.id FROM cqrs_failures g WHERE g.status = $1 AND g.event_type = f.event_type AND g.error_name = f.error_name
		ORDER BY g.failed_at DESC, g.created_at DESC, g.id DESC LIMIT 1)
FROM cqrs_failures f WHERE status = $1 GROUP BY event_type, error_name ORDER BY 3 DESC, 1, 2`, string(status))
	if err != nil {
		return nil, fmt.Errorf("sqlstore: group failures: %w", err)
	}
	return groups, nil
}

func scanGroup(row scanner) (g redrive.Group, err error) {
	var first, last int64
	err = row.Scan(&g.Type, &g.ErrorName, &g.Failures, &first, &last, &g.Sample)
	g.FirstAt, g.LastAt = fromMicros(first), fromMicros(last)
	return g, err
}

// List implements redrive.Store.
func (s *Failures) List(ctx context.Context, f redrive.Filter) iter.Seq2[redrive.Failure, error] {
	return paged(func(last *redrive.Failure) ([]redrive.Failure, error) {
		after, id := int64(-1<<62), ""
		if last != nil {
			after, id = micros(last.FirstAt), last.ID
		}
		page, err := s.page(ctx, f, after, id)
		if err != nil {
			err = fmt.Errorf("sqlstore: list failures: %w", err)
		}
		return page, err
	})
}

// page reads what follows a failure that was created then.
func (s *Failures) page(ctx context.Context, f redrive.Filter, after int64, id string) ([]redrive.Failure, error) {
	query := strings.Builder{}
	query.WriteString(selectFailure + ` WHERE (created_at > $1 OR created_at = $1 AND id > $2) AND status = $3`)
	status := f.Status
	if status == "" {
		status = redrive.Open
	}
	args := []any{after, storedText(id), string(status)}
	and := func(column, value string) {
		if value != "" {
			args = append(args, storedText(value))
			fmt.Fprintf(&query, ` AND %s = $%d`, column, len(args))
		}
	}
	and("event_type", f.Type)
	and("error_name", f.ErrorName)
	for i, id := range f.IDs {
		args = append(args, storedText(id))
		fmt.Fprintf(&query, [2]string{` AND id IN ($%d`, `, $%d`}[min(i, 1)], len(args))
	}
	if len(f.IDs) > 0 {
		query.WriteString(`)`)
	}
	args = append(args, pageSize)
	fmt.Fprintf(&query, ` ORDER BY created_at, id LIMIT $%d`, len(args))

	return queryAll(ctx, s.db, scanFailure, query.String(), args...)
}

// Change implements redrive.Store.
func (s *Failures) Change(ctx context.Context, c redrive.Change) error {
	replay := 0
	if c.To == redrive.Replaying {
		replay = 1
	}
	err := inTx(ctx, s.db, func(tx *sql.Tx) error {
		done, err := changed(tx.ExecContext(ctx, `
UPDATE cqrs_failures SET status = $2, replays = replays + $3 WHERE id = $1 AND status = $4 AND replays = $5`,
			storedText(c.ID), string(c.To), replay, string(c.From), c.Replays))
		switch {
		case err != nil:
			return err
		case !done:
			return whyUnchanged(ctx, tx, c)
		}
		return writeEntry(ctx, tx, &redrive.Entry{ID: c.ID, At: c.At, By: c.By, From: c.From, To: c.To, Note: c.Note})
	})
	if err != nil {
		return fmt.Errorf("sqlstore: change failure %s: %w", c.ID, err)
	}
	return nil
}

func whyUnchanged(ctx context.Context, tx *sql.Tx, c redrive.Change) error {
	f, err := scanFailure(tx.QueryRowContext(ctx, selectFailure+` WHERE id = $1`, storedText(c.ID)))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return redrive.ErrUnknown
	case err != nil:
		return err
	default:
		return fmt.Errorf("%w: it is %s after %d replays, not %s after %d", redrive.ErrChanged, f.Status, f.Replays, c.From, c.Replays)
	}
}

// writeEntry adds a line to the audit. The failure's row is locked by then, so the
// number is nobody else's.
func writeEntry(ctx context.Context, tx *sql.Tx, e *redrive.Entry) error {
	_, err := tx.ExecContext(ctx, `
INSERT INTO cqrs_failure_audit (failure_id, number, at, by_whom, from_status, to_status, note)
SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6 FROM cqrs_failure_audit WHERE failure_id = $1`,
		storedText(e.ID), micros(e.At), storedText(e.By), string(e.From), string(e.To), storedText(e.Note))
	return err
}

// Audit implements redrive.Store.
func (s *Failures) Audit(ctx context.Context, id string) iter.Seq2[redrive.Entry, error] {
	return func(yield func(redrive.Entry, error) bool) {
		entries, err := s.entries(ctx, id)
		if err != nil {
			yield(redrive.Entry{}, fmt.Errorf("sqlstore: audit of failure %s: %w", id, err))
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *Failures) entries(ctx context.Context, id string) ([]redrive.Entry, error) {
	scan := func(row scanner) (redrive.Entry, error) {
		e := redrive.Entry{ID: id}
		var at int64
		err := row.Scan(&at, &e.By, (*string)(&e.From), (*string)(&e.To), &e.Note)
		e.At = fromMicros(at)
		return e, err
	}
	return queryAll(ctx, s.db, scan, `
SELECT at, by_whom, from_status, to_status, note FROM cqrs_failure_audit WHERE failure_id = $1 ORDER BY number`, storedText(id))
}

// Purge deletes what has been replayed or discarded and failed last before that
// time, with its audit, and returns the number of failures.
func (s *Failures) Purge(ctx context.Context, before time.Time) (n int64, err error) {
	err = inTx(ctx, s.db, func(tx *sql.Tx) error {
		const done = ` FROM cqrs_failures WHERE status IN ($1, $2) AND failed_at < $3`
		args := []any{string(redrive.Replayed), string(redrive.Discarded), micros(before)}
		if _, err := tx.ExecContext(ctx, `DELETE FROM cqrs_failure_audit WHERE failure_id IN (SELECT id`+done+`)`, args...); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `DELETE`+done, args...)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sqlstore: purge failures: %w", err)
	}
	return n, nil
}
