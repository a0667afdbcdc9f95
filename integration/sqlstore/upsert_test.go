package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/integration/servers"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// upsertOf is a data sync into one table, which is made first.
func upsertOf[R any](
	t *testing.T, db *sql.DB, columns string, row func(c cqrs.Command[order]) (R, error), opts ...cqrs.TargetOption,
) (*cqrs.DataSync[order], cqrs.SyncStore) {
	t.Helper()
	statements := append([]string{"CREATE TABLE stock (" + columns + ")"}, sqlstore.UpsertSchema[R]("stock", "stock_view")...)
	for _, statement := range statements {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	store := cqrs.NewMemorySync()
	s := cqrs.NewDataSync(commandTable, store, sqlstore.Upsert(db, rowTarget, "stock", row, opts...))
	return s.With(quiet()), store
}

type (
	state string
	// money is stored by a method of its own.
	money struct{ cents int64 }
	// Place is embedded.
	Place struct {
		City  string `db:"city"`
		Floor int8   `db:"floor"`
	}
)

func (m money) Value() (driver.Value, error) {
	if m.cents < 0 {
		return nil, errors.New("a debt is no price")
	}
	return m.cents, nil
}

// everything has a column of each type that a row may have.
type everything struct {
	Place

	State   state             `db:"state"`
	Count   uint16            `db:"count"`
	Ratio   float64           `db:"ratio"`
	Open    bool              `db:"open"`
	Raw     []byte            `db:"raw"`
	At      time.Time         `db:"at"`
	Note    *string           `db:"note"`
	Later   *time.Time        `db:"later"`
	Maybe   sql.NullInt64     `db:"maybe"`
	Other   sql.Null[string]  `db:"other"`
	Price   money             `db:"price"`
	Tags    []string          `db:"tags,json"`
	Marks   map[string]int    `db:"marks,json"`
	Ignored func()            `db:"-"`
	Order   string            `db:"order"` // a reserved word
	hidden  map[string]string //nolint:unused // it is left out
}

const everythingColumns = `city text, floor bigint, state text, count bigint, ratio double precision, open boolean, raw bytea, at timestamp,
	note text, later timestamp, maybe bigint, other text, price bigint, tags text, marks text, "order" text`

func TestUpsertTypes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db, note := open(t), "é'\"\\"
		at := time.Date(2026, 11, 1, 12, 0, 0, 123456000, time.FixedZone("", 3600))
		full := everything{
			Place: Place{City: "Graz", Floor: -3}, State: "sold", Count: math.MaxUint16, Ratio: 0.1, Open: true, Raw: []byte{0, 255}, At: at,
			Note: &note, Later: &at, Maybe: sql.NullInt64{Int64: math.MinInt64, Valid: true}, Other: sql.Null[string]{V: "x", Valid: true},
			Price: money{5}, Tags: []string{"a", "b"}, Marks: map[string]int{"b": 2, "a": 1}, Order: "1",
		}
		rows := map[int64]everything{1: full, 2: {At: at}}
		s, _ := upsertOf(t, db, everythingColumns, func(c cqrs.Command[order]) (everything, error) { return rows[c.Version], nil })
		read := func() (e everything, nulls []bool) {
			t.Helper()
			var tags, marks sql.NullString
			row := db.QueryRowContext(t.Context(), `
SELECT city, floor, state, count, ratio, open, raw, at, note, later, maybe, other, price, tags, marks, "order" FROM stock_view`)
			require.NoError(t, row.Scan(&e.City, &e.Floor, &e.State, &e.Count, &e.Ratio, &e.Open, &e.Raw, &e.At, &e.Note, &e.Later,
				&e.Maybe, &e.Other, &e.Price.cents, &tags, &marks, &e.Order))
			return e, []bool{e.Raw == nil, e.Note == nil, e.Later == nil, !e.Maybe.Valid, !e.Other.Valid, !tags.Valid, !marks.Valid}
		}
		require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
		got, nulls := read()
		require.Equal(t, make([]bool, 7), nulls)
		want := full
		utc := at.UTC()
		want.At, want.Later, want.Tags, want.Marks = utc, &utc, nil, nil
		got.At, *got.Later = got.At.UTC(), got.Later.UTC()
		require.Equal(t, want, got)
		require.Equal(t, []string{`["a","b"] {"a":1,"b":2}`}, query(t, db, `SELECT tags, marks FROM stock`))
		require.Equal(t, []string{"1"}, query(t, db, `SELECT COUNT(*) FROM stock WHERE tags = '["a","b"]'`), "text, not bytes")

		require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
		got, nulls = read()
		require.Equal(t, []bool{true, true, true, true, true, true, true}, nulls)
		got.At = got.At.UTC()
		require.Equal(t, everything{At: utc}, got)
	})
}

// TestUpsertJSON: PostgreSQL can look into it.
func TestUpsertJSON(t *testing.T) {
	t.Parallel()
	type row struct {
		Lines []order `db:"lines,json"`
	}
	db := postgres(t)
	s, _ := upsertOf(t, db, "lines jsonb", func(c cqrs.Command[order]) (row, error) { return row{[]order{c.Attributes}}, nil })
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
	require.Equal(t, []string{"200"}, query(t, db, `SELECT lines->0->>'total' FROM stock_view`))
}

// TestUpsertTombstones stay out of the view, keep what the row function returns
// for a deletion, and are left again.
func TestUpsertTombstones(t *testing.T) {
	t.Parallel()
	onWorld(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		const (
			rows = `SELECT total, note, cqrs_version, CASE WHEN cqrs_deleted THEN 'gone' ELSE 'there' END FROM order_row`
			view = `SELECT total, note FROM orders`
		)
		shown := func(c cqrs.Command[order], wantRow string, wantView ...string) {
			t.Helper()
			require.NoError(t, w.sync.Apply(t.Context(), c, rowTarget))
			require.Equal(t, []string{wantRow}, query(t, w.db, rows))
			require.Equal(t, wantView, query(t, w.db, view))
		}
		shown(deletedAt(1), "0 NULL 1 gone")
		shown(orderAt("1", 2), "200 note 2 2 there", "200 note 2")
		shown(deletedAt(3), "0 NULL 3 gone")
		shown(orderAt("1", 2), "0 NULL 3 gone")
		shown(orderAt("1", 4), "400 note 4 4 there", "400 note 4")
	})
}

// TestUpsertFailures: what cannot be made or stored is parked, at once where no
// repetition helps.
func TestUpsertFailures(t *testing.T) {
	t.Parallel()
	type row struct {
		Count uint64  `db:"count"`
		Price money   `db:"price"`
		Ratio float64 `db:"ratio,json"`
	}
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		broken := errors.New("no such customer")
		s, store := upsertOf(t, open(t), `count bigint, price bigint, ratio text`, func(c cqrs.Command[order]) (row, error) {
			switch c.SK {
			case "number":
				return row{Count: math.MaxUint64}, nil
			case "value":
				return row{Price: money{-1}}, nil
			case "json":
				return row{Ratio: math.NaN()}, nil
			case "panic":
				panic("boom")
			}
			return row{}, broken
		}, cqrs.ParkAfter(2))
		require.ErrorIs(t, s.Apply(t.Context(), orderAt("error", 1)), broken)
		require.Error(t, s.Apply(t.Context(), orderAt("panic", 1)))
		require.Empty(t, list(t, store))
		for sk, reason := range map[string]string{"number": `"count"`, "value": "a debt is no price", "json": "NaN"} {
			require.NoError(t, s.Apply(t.Context(), orderAt(sk, 1)))
			all := list(t, store)
			require.Len(t, all, 1)
			require.Contains(t, all[0].Reason, reason)
			done, err := store.Unpark(t.Context(), all[0].SyncKey, 1)
			require.NoError(t, err)
			require.True(t, done)
		}
	})
}

// TestUpsertKeepsTheTeamsConstraints: two aggregates that claim one number do not
// overwrite each other, and an aggregate may change its number.
func TestUpsertKeepsTheTeamsConstraints(t *testing.T) {
	t.Parallel()
	type row struct {
		Number string `db:"number"`
	}
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		s, _ := upsertOf(t, db, `number text PRIMARY KEY`, func(c cqrs.Command[order]) (row, error) { return row{c.Attributes.Note}, nil })
		numbered := func(sk string, version int64, number string) cqrs.Command[order] {
			c := orderAt(sk, version)
			c.Attributes.Note = number
			return c
		}
		const rows = `SELECT number, cqrs_sk, cqrs_version FROM stock ORDER BY number`
		require.NoError(t, s.Apply(t.Context(), numbered("1", 1, "a")))
		require.Error(t, s.Apply(t.Context(), numbered("2", 5, "a")))
		require.Equal(t, []string{"a 1 1"}, query(t, db, rows))
		require.NoError(t, s.Apply(t.Context(), numbered("1", 2, "b")))
		require.NoError(t, s.Apply(t.Context(), numbered("2", 5, "a")))
		require.Equal(t, []string{"a 2 5", "b 1 2"}, query(t, db, rows))
		require.Error(t, s.Apply(t.Context(), numbered("1", 3, "a")))
		require.Equal(t, []string{"a 2 5", "b 1 2"}, query(t, db, rows))
	})
}

// TestUpsertFirstVersionsMeet in the team's own index: whoever is second there goes
// through the gate after all.
func TestUpsertFirstVersionsMeet(t *testing.T) {
	t.Parallel()
	type row struct {
		Number string `db:"number"`
	}
	for name, test := range map[string]struct {
		sk     string // of the other's row
		want   string
		parked int
	}{
		"of one aggregate":  {"1", "a 1 2", 0},
		"of two aggregates": {"2", "a 2 1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := postgres(t)
			s, store := upsertOf(t, db, `number text PRIMARY KEY`, func(cqrs.Command[order]) (row, error) { return row{"a"}, nil }, cqrs.BestEffort())
			other, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			_, err = other.ExecContext(t.Context(), `INSERT INTO stock (number) VALUES ('a')`)
			require.NoError(t, err)
			done := make(chan error)
			go func() { done <- s.Apply(context.Background(), orderAt("1", 2)) }()
			const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			for query(t, db, waiting) == nil { // until it waits for the other's number
			}
			_, err = other.ExecContext(t.Context(), `UPDATE stock SET cqrs_pk = 'ORDER#acme', cqrs_sk = $1, cqrs_version = 1`, test.sk)
			require.NoError(t, err)
			require.NoError(t, other.Commit())
			require.NoError(t, <-done)
			require.Equal(t, []string{test.want}, query(t, db, `SELECT number, cqrs_sk, cqrs_version FROM stock`))
			require.Len(t, list(t, store), test.parked)
		})
	}
}

// TestUpsertTakesOver rows that were there before the gate, once they have keys.
func TestUpsertTakesOver(t *testing.T) {
	t.Parallel()
	type row struct {
		Number string `db:"number"`
		Note   string `db:"note"`
	}
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		for _, statement := range append(append([]string{
			`CREATE TABLE order_row (number text PRIMARY KEY, note text)`,
			`INSERT INTO order_row VALUES ('1', 'old'), ('2', 'old')`,
		}, sqlstore.UpsertSchema[row]("order_row", "")...), `UPDATE order_row SET cqrs_pk = 'ORDER#acme', cqrs_sk = number`) {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), sqlstore.Upsert(db, rowTarget, "order_row",
			func(c cqrs.Command[order]) (row, error) { return row{c.SK, c.Attributes.Note}, nil }))
		require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
		require.Equal(t, []string{"1 note 1 1", "2 old 0"}, query(t, db, `SELECT number, note, cqrs_version FROM order_row ORDER BY number`))
	})
}

// TestUpsertWalks all pages, and names what it walks.
func TestUpsertWalks(t *testing.T) {
	t.Parallel()
	onWorld(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		var keys []cqrs.SyncKey
		for i := range 105 {
			c := orderAt(fmt.Sprintf("%03d", i), 1)
			c.Deleted = i == 50
			require.NoError(t, w.sync.Apply(t.Context(), c, rowTarget, readTarget))
			keys = append(keys, syncKey(rowTarget, c.SK))
		}
		require.Equal(t, keys, walk(t, w.sync.Handler(rowTarget).(cqrs.SyncWalker), rowTarget))
		for i := range keys {
			keys[i].Target = readTarget
		}
		require.Equal(t, keys, walk(t, w.sync.Handler(readTarget).(cqrs.SyncWalker), readTarget))
	})
}

// TestUpsertInASchema of PostgreSQL.
func TestUpsertInASchema(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	for _, statement := range append([]string{`CREATE SCHEMA shop`, `CREATE TABLE shop.order_row (total bigint, note text)`},
		sqlstore.UpsertSchema[orderRow]("shop.order_row", "shop.orders")...) {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), sqlstore.Upsert(db, rowTarget, "shop.order_row", rowOfOrder))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.Equal(t, []string{"100"}, query(t, db, `SELECT total FROM shop.orders`))
}

// wires tries a row type.
func wires[R any](db *sql.DB, table string, opts ...cqrs.TargetOption) func() {
	return func() {
		sqlstore.Upsert(db, rowTarget, table, func(cqrs.Command[order]) (r R, err error) { return r, nil }, opts...)
	}
}

func TestUpsertWiring(t *testing.T) {
	t.Parallel()
	db, err := servers.OpenSQLite(filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	type ok struct {
		A int `db:"a"`
	}
	type unexported struct{ a int } //nolint:unused // nothing can read it
	for name, test := range map[string]struct {
		wire func()
		why  string
	}{
		"no database":     {wires[ok](nil, "t"), "a database"},
		"no function":     {func() { sqlstore.Upsert[order, ok](db, rowTarget, "t", nil) }, "a function"},
		"no name":         {wires[ok](db, ""), `table ""`},
		"a quote":         {wires[ok](db, `t"; DROP TABLE t; --`), "no name of letters"},
		"a space":         {wires[ok](db, "a b"), "no name of letters"},
		"a digit first":   {wires[ok](db, "1a"), "no name of letters"},
		"too long":        {wires[ok](db, "a123456789a123456789a123456789a123456789a123456789a123456789a123"), "no name of letters"},
		"three parts":     {wires[ok](db, "a.b.c"), "no name of letters"},
		"an empty schema": {wires[ok](db, ".t"), "no name of letters"},
		"no struct":       {wires[int](db, "t"), "is a struct"},
		"a pointer":       {wires[*ok](db, "t"), "is a struct"},
		"no columns":      {wires[unexported](db, "t"), "has no columns"},
		"no tag":          {wires[struct{ A int }](db, "t"), "A needs a db tag"},
		"a column's quote": {wires[struct {
			A int `db:"a\""`
		}](db, "t"), "no name of letters"},
		"a column's schema": {wires[struct {
			A int `db:"a.b"`
		}](db, "t"), "no name of letters"},
		"unknown option": {wires[struct {
			A int `db:"a,key"`
		}](db, "t"), `not "key"`},
		"twice": {wires[struct {
			A, B int `db:"a"`
		}](db, "t"), `second column "a"`},
		"twice, but for case": {wires[struct {
			A int `db:"a"`
			B int `db:"A"`
		}](db, "t"), `second column "A"`},
		"the gate's": {wires[struct {
			A int `db:"cqrs_version"`
		}](db, "t"), "the gate has one"},
		"not exported": {wires[struct {
			a int `db:"a"`
		}](db, "t"), "not exported"},
		"a struct": {wires[struct {
			A order `db:"a"`
		}](db, "t"), "keep it as JSON"},
		"a list": {wires[struct {
			A []string `db:"a"`
		}](db, "t"), "keep it as JSON"},
		"two pointers": {wires[struct {
			A **int `db:"a"`
		}](db, "t"), "keep it as JSON"},
		"embedded pointer":   {wires[struct{ *Place }](db, "t"), "embed the struct itself"},
		"sequential":         {wires[ok](db, "t", cqrs.Sequential()), "not Sequential"},
		"a view's name":      {func() { sqlstore.UpsertSchema[ok]("t", "a b") }, `view "a b"`},
		"a schema's columns": {func() { sqlstore.UpsertSchema[struct{ A int }]("t", "") }, "needs a db tag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				message, panicked := recover().(string)
				require.True(t, panicked)
				require.Contains(t, message, "sqlstore: ")
				require.Contains(t, message, test.why)
			}()
			test.wire()
		})
	}
	require.NotPanics(t, wires[struct {
		Place `db:"place,json"`
		Other Place `db:"-"`
	}](db, "a.b"))
}
