package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// order is the aggregate of these tests.
type order struct {
	Total int64  `json:"total"`
	Note  string `json:"note,omitempty"`
}

const commandTable = "dev-shop-order-command"

func orderKey(sk string) cqrs.Key { return cqrs.Key{PK: "ORDER#acme", SK: sk} }

// orderAt is a version whose content follows from it.
func orderAt(sk string, version int64) cqrs.Command[order] {
	return cqrs.Command[order]{
		Key: orderKey(sk), TenantCode: "acme", Version: version,
		Attributes: order{Total: 100 * version, Note: fmt.Sprint("note ", version)},
	}
}

// deletedAt is a deletion of order 1.
func deletedAt(version int64) cqrs.Command[order] {
	c := orderAt("1", version)
	c.Deleted = true
	return c
}

func quiet() cqrs.SyncOption { return cqrs.SyncLogger(slog.New(slog.DiscardHandler)) }

// tester is a *testing.T or a *rapid.T.
type tester interface {
	require.TestingT
	Helper()
}

// commandLog is a source of commands.
type commandLog map[cqrs.Key][]cqrs.Command[cqrs.Image]

func (l commandLog) add(t tester, commands ...cqrs.Command[order]) commandLog {
	t.Helper()
	for _, c := range commands {
		row, err := cqrs.RowOf(c)
		require.NoError(t, err)
		l[c.Key] = append(l[c.Key], row)
	}
	return l
}

func (l commandLog) GetCommand(_ context.Context, key cqrs.Key, version int64) (cqrs.Command[cqrs.Image], error) {
	for _, row := range l[key] {
		if row.Version == version {
			return row, nil
		}
	}
	return cqrs.Command[cqrs.Image]{}, fmt.Errorf("version %d: %w", version, cqrs.ErrNotFound)
}

func (l commandLog) History(context.Context, cqrs.Key, int64) iter.Seq2[cqrs.Command[cqrs.Image], error] {
	return func(func(cqrs.Command[cqrs.Image], error) bool) {}
}

// The read models: of a projection, of one in order, and of an upsert. What the
// first two write is not idempotent on purpose.
var worldSchema = append([]string{
	`CREATE TABLE order_read (pk text, sk text, total bigint NOT NULL, PRIMARY KEY (pk, sk))`,
	`CREATE TABLE order_effects (pk text, sk text, version bigint NOT NULL)`,
	`CREATE TABLE order_ledger (pk text, sk text, number bigint, version bigint NOT NULL, PRIMARY KEY (pk, sk, number))`,
	`CREATE TABLE order_balance (pk text, sk text, balance bigint NOT NULL, PRIMARY KEY (pk, sk))`,
	`CREATE TABLE order_row (total bigint NOT NULL, note text)`,
}, sqlstore.UpsertSchema[orderRow]("order_row", "orders")...)

// orderRow is the row of the upsert.
type orderRow struct {
	Total int64   `db:"total"`
	Note  *string `db:"note"`
}

func rowOfOrder(c cqrs.Command[order]) (orderRow, error) {
	if c.Deleted {
		return orderRow{}, nil // what a deletion clears
	}
	return orderRow{Total: c.Attributes.Total, Note: &c.Attributes.Note}, nil
}

func createWorld(t tester, db *sql.DB) {
	t.Helper()
	for _, statement := range worldSchema {
		_, err := db.ExecContext(context.Background(), statement)
		require.NoError(t, err, statement)
	}
}

// world is a data sync into the three read models, all that one process does.
type world struct {
	t       tester
	process *process
	db      *sql.DB
	store   cqrs.SyncStore
	sync    *cqrs.DataSync[order]
	// fault is asked in the handlers, before, between and behind their writes.
	fault func(at string, c cqrs.Command[order]) error
}

const (
	readTarget, ledgerTarget, rowTarget = "read", "ledger", "row"
)

// newWorld is a process with a database that createWorld has been given. The caller
// closes its db.
func newWorld(t tester, db *sql.DB, source cqrs.CommandSource) *world {
	t.Helper()
	w := &world{t: t, process: &process{}, fault: func(string, cqrs.Command[order]) error { return nil }}
	w.db = w.process.of(db)
	w.store = sqlstore.NewSync(w.db)
	w.sync = cqrs.NewDataSync(commandTable, w.store,
		sqlstore.Project(w.db, readTarget, w.upRead, w.downRead, cqrs.ParkAfter(3)),
		sqlstore.Project(w.db, ledgerTarget, w.book, w.book, cqrs.Sequential(), cqrs.ParkAfter(3)),
		sqlstore.Upsert(w.db, rowTarget, "order_row", rowOfOrder, cqrs.ParkAfter(3)),
	).With(cqrs.SyncSource(source), quiet())
	return w
}

// write is one statement of a handler.
type write struct {
	sql  string
	args []any
}

// run runs the statements, with a fault before, between and behind them.
func (w *world) run(ctx context.Context, tx *sql.Tx, c cqrs.Command[order], writes ...write) error {
	for i, one := range writes {
		if err := w.fault(fmt.Sprint(i), c); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, one.sql, one.args...); err != nil {
			return err
		}
	}
	return w.fault("end", c)
}

func effect(c cqrs.Command[order]) write {
	return write{`INSERT INTO order_effects (pk, sk, version) VALUES ($1, $2, $3)`, []any{c.PK, c.SK, c.Version}}
}

func (w *world) upRead(ctx context.Context, tx *sql.Tx, c cqrs.Command[order]) error {
	return w.run(ctx, tx, c, effect(c), write{`
INSERT INTO order_read (pk, sk, total) VALUES ($1, $2, $3)
ON CONFLICT (pk, sk) DO UPDATE SET total = excluded.total`, []any{c.PK, c.SK, c.Attributes.Total}})
}

func (w *world) downRead(ctx context.Context, tx *sql.Tx, c cqrs.Command[order]) error {
	if !c.Deleted {
		return errors.New("down for a command that is no deletion")
	}
	return w.run(ctx, tx, c, effect(c), write{`DELETE FROM order_read WHERE pk = $1 AND sk = $2`, []any{c.PK, c.SK}})
}

func (w *world) book(ctx context.Context, tx *sql.Tx, c cqrs.Command[order]) error {
	return w.run(ctx, tx, c, write{`
INSERT INTO order_ledger (pk, sk, number, version)
SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3 FROM order_ledger WHERE pk = $1 AND sk = $2`, []any{c.PK, c.SK, c.Version}}, write{`
INSERT INTO order_balance (pk, sk, balance) VALUES ($1, $2, $3)
ON CONFLICT (pk, sk) DO UPDATE SET balance = order_balance.balance + excluded.balance`, []any{c.PK, c.SK, c.Attributes.Total}})
}

// deliver is the stream: what fails comes again, in a new process if need be.
func (w *world) deliver(c cqrs.Command[order]) {
	w.t.Helper()
	var err error
	for range 200 {
		err = w.sync.Apply(context.Background(), c)
		w.process.restart()
		if err == nil {
			return
		}
	}
	require.NoError(w.t, err, "a delivery never succeeds: %v", c)
}

// What is in the read models and their gates.
const (
	ofRead    = `SELECT pk, sk, total FROM order_read ORDER BY pk, sk`
	ofLedger  = `SELECT pk, sk, number, version FROM order_ledger ORDER BY pk, sk, number`
	ofBalance = `SELECT pk, sk, balance FROM order_balance ORDER BY pk, sk`
	ofRow     = `SELECT cqrs_pk, cqrs_sk, cqrs_version, cqrs_hash, cqrs_deleted, total, note FROM order_row ORDER BY cqrs_pk, cqrs_sk`
	ofView    = `SELECT total, note FROM orders ORDER BY total`
	ofGates   = `SELECT pk, sk, target, version, hash, deleted FROM cqrs_progress WHERE version > 0 ORDER BY pk, sk, target`
	ofParked  = `SELECT pk, sk, target, version, latest_seen, reason FROM cqrs_parked ORDER BY pk, sk, target`
)

func dump(t tester, db *sql.DB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, text := range []string{ofRead, ofLedger, ofBalance, ofRow, ofView, ofGates, ofParked} {
		all[text] = query(t, db, text)
	}
	return all
}

// query returns the rows as text.
func query(t tester, db *sql.DB, text string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), text)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		line := make([]string, len(columns))
		for i, value := range values {
			line[i] = value.String
			if !value.Valid {
				line[i] = "NULL"
			}
		}
		all = append(all, strings.Join(line, " "))
	}
	require.NoError(t, rows.Err())
	return all
}

func clearWorld(t tester, db *sql.DB) {
	t.Helper()
	tx, err := db.BeginTx(context.Background(), nil)
	require.NoError(t, err)
	for _, table := range []string{
		"order_read", "order_effects", "order_ledger", "order_balance", "order_row", "cqrs_progress", "cqrs_parked",
	} {
		_, err := tx.ExecContext(context.Background(), "DELETE FROM "+table)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
}
