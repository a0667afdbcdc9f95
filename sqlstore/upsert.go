package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// rowGate are the columns of the gate in a read model's own row. The first two are
// the aggregate's key, and unique.
var rowGate = [...]string{"cqrs_pk", "cqrs_sk", "cqrs_version", "cqrs_hash", "cqrs_deleted"} //nolint:gochecknoglobals // a constant

// Upsert makes a target that keeps one row for each aggregate, with the gate in the
// row: one statement writes both, iff the version is newer than the row's. Each
// version takes effect at most once, and an older one never replaces a newer.
//
//	type OrderRow struct {
//		Tenant string `db:"tenant"`
//		Number string `db:"number"`
//		Total  int64  `db:"total"`
//		Lines  []Line `db:"lines,json"`
//	}
//	sqlstore.Upsert(db, "rds", "orders", func(o cqrs.Command[Order]) (OrderRow, error) { … })
//
// The table is the team's own, with the columns that [UpsertSchema] adds, and
// belongs to this target alone. A field is a string, a number, a bool, []byte, a
// time, a pointer to one of them or a driver.Valuer, such as sql.Null; with the
// option json it is anything that encoding/json takes. db:"-" leaves a field out.
// Times are stored in UTC. Names are written as they are and quoted; the table's
// may have a schema before it.
//
// row makes a row of a version, and nothing but of the version: no clock, no
// random numbers. It is called for deletions as well. They leave the row as a
// tombstone, with cqrs_deleted, and the columns that row returns: for a deletion it
// clears what must not stay. Readers leave tombstones out; UpsertSchema makes a
// view that does. A unique index of the team's own sees tombstones too, unless it is
// a partial one.
//
// A duplicate or a stale version costs a second statement. A version that the row
// has with other content is a *cqrs.DivergenceError.
//
// It panics for names that are no names, a row type that cannot be stored, and
// cqrs.Sequential: a row is a state, and no sequence. It also panics where db or row
// is nil, and where cqrs.Target does.
func Upsert[A, R any](
	db *sql.DB, name, table string, row func(cmd cqrs.Command[A]) (R, error), opts ...cqrs.TargetOption,
) cqrs.SyncTarget[A] {
	switch {
	case db == nil:
		panic("sqlstore: Upsert needs a database, not nil")
	case row == nil:
		panic("sqlstore: Upsert needs a function that makes rows, not nil")
	}
	columns, quoted := columnsOf(reflect.TypeFor[R]()), quotedTable("table", table)
	u := &upsert[A, R]{
		db: db, row: row, columns: columns, write: upsertStatement(quoted, columns),
		read: `SELECT cqrs_version, cqrs_hash, cqrs_deleted FROM ` + quoted + ` WHERE cqrs_pk = $1 AND cqrs_sk = $2`,
		walk: `SELECT cqrs_pk, cqrs_sk FROM ` + quoted + ` WHERE (cqrs_pk, cqrs_sk) > ($1, $2) ORDER BY cqrs_pk, cqrs_sk LIMIT $3`,
	}
	target := cqrs.Target(name, u, append(slices.Clip(opts), cqrs.SelfGated())...)
	if target.InOrder() {
		panic(fmt.Sprintf("sqlstore: target %q keeps the newest state, so it is not Sequential; Project can be", name))
	}
	return target
}

type upsert[A, R any] struct {
	db      *sql.DB
	row     func(cmd cqrs.Command[A]) (R, error)
	columns []column

	write, read, walk string // statements
}

var (
	_ cqrs.DataSyncHandler[any] = (*upsert[any, any])(nil)
	_ cqrs.SyncProber           = (*upsert[any, any])(nil)
	_ cqrs.SyncWalker           = (*upsert[any, any])(nil)
)

// upsertStatement takes the values of the row's columns, then of the gate's, then
// whether an equal version is replaced.
func upsertStatement(table string, columns []column) string {
	names := make([]string, 0, len(columns)+len(rowGate))
	for _, c := range columns {
		names = append(names, c.name)
	}
	names = append(names, rowGate[:]...)
	values, set := make([]string, len(names)), make([]string, len(names))
	for i, name := range names {
		values[i], set[i] = fmt.Sprintf("$%d", i+1), name+" = excluded."+name
	}
	return fmt.Sprintf(`
INSERT INTO %s AS t (%s) VALUES (%s)
ON CONFLICT (cqrs_pk, cqrs_sk) DO UPDATE SET %s
WHERE t.cqrs_version < excluded.cqrs_version OR $%d AND t.cqrs_version = excluded.cqrs_version`,
		table, strings.Join(names, ", "), strings.Join(values, ", "), strings.Join(set, ", "), len(names)+1)
}

// Up implements cqrs.DataSyncHandler.
func (u *upsert[A, R]) Up(ctx context.Context, cmd cqrs.Command[A]) error {
	k, to, err := gateOf(ctx)
	if err != nil {
		return err
	}
	equal := cqrs.ReplacesEqual(ctx)
	args, err := u.args(cmd, k, to, equal)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		written, failed := changed(u.db.ExecContext(ctx, u.write, args...))
		if written {
			return nil
		}
		held, err := u.Applied(ctx, k)
		switch {
		case failed != nil && (!first || err != nil || held.Version == 0):
			return failed
		case failed != nil:
			// Two first versions may meet in an index of the team's own before they
			// meet in the gate's. Now that there is a row, they meet there.
		case err != nil:
			return err
		default:
			if err := refusal(k.Key, held, to, equal); err != nil {
				return err
			}
			// Somebody has deleted or reset the row in between.
		}
	}
}

// Down is Up: a deletion leaves a tombstone.
func (u *upsert[A, R]) Down(ctx context.Context, cmd cqrs.Command[A]) error { return u.Up(ctx, cmd) }

func (u *upsert[A, R]) args(cmd cqrs.Command[A], k cqrs.SyncKey, to cqrs.Progress, equal bool) ([]any, error) {
	if err := checkText(k.Key.PK, k.Key.SK); err != nil {
		return nil, err
	}
	made, err := u.row(cmd)
	if err != nil {
		return nil, err
	}
	row := reflect.ValueOf(made)
	args := make([]any, 0, len(u.columns)+len(rowGate)+1)
	for i := range u.columns {
		value, err := u.columns[i].value(row)
		if err != nil {
			return nil, err
		}
		args = append(args, value)
	}
	return append(args, storedText(k.Key.PK), storedText(k.Key.SK), to.Version, storedText(to.Hash), to.Deleted, equal), nil
}

// Applied implements cqrs.SyncProber.
func (u *upsert[A, R]) Applied(ctx context.Context, k cqrs.SyncKey) (p cqrs.Progress, err error) {
	row := u.db.QueryRowContext(ctx, u.read, storedText(k.Key.PK), storedText(k.Key.SK))
	err = row.Scan(&p.Version, (*escaped)(&p.Hash), &p.Deleted)
	if errors.Is(err, sql.ErrNoRows) {
		return cqrs.Progress{}, nil
	}
	return p, err
}

// Walk implements cqrs.SyncWalker, in the order of the keys.
func (u *upsert[A, R]) Walk(ctx context.Context, table, target string) iter.Seq2[cqrs.SyncKey, error] {
	scan := func(row scanner) (cqrs.SyncKey, error) {
		k := cqrs.SyncKey{Table: table, Target: target}
		err := row.Scan((*escaped)(&k.Key.PK), (*escaped)(&k.Key.SK))
		_, k.Tenant, _ = k.Key.CutTenant()
		return k, err
	}
	return paged(func(last *cqrs.SyncKey) ([]cqrs.SyncKey, error) {
		after := cqrs.Key{}
		if last != nil {
			after = last.Key
		}
		return queryAll(ctx, u.db, scan, u.walk, storedText(after.PK), storedText(after.SK), pageSize)
	})
}
