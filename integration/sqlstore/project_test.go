package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/integration/servers"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// onWorld runs the test on each database, in a world of its own.
func onWorld(t *testing.T, source commandLog, test func(t *testing.T, w *world)) {
	t.Helper()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		createWorld(t, db)
		w := newWorld(t, db, source)
		defer func() { require.NoError(t, w.db.Close()) }()
		test(t, w)
	})
}

func (w *world) applied(t *testing.T, target, sk string) cqrs.Progress {
	t.Helper()
	p, err := w.sync.Applied(t.Context(), target, cqrs.Command[cqrs.Image]{Key: orderKey(sk)})
	require.NoError(t, err)
	return p
}

func progressOf(t *testing.T, c cqrs.Command[order]) cqrs.Progress {
	t.Helper()
	hash, err := cqrs.ContentHash(c)
	require.NoError(t, err)
	return cqrs.Progress{Version: c.Version, Hash: hash, Deleted: c.Deleted}
}

// TestGates: a projection and an upsert take what is newer than what they have.
func TestGates(t *testing.T) {
	t.Parallel()
	up, gone := orderAt, deletedAt
	tests := []struct {
		name    string
		apply   []cqrs.Command[order]
		effects []string
		left    cqrs.Command[order]
	}{
		{"in order", []cqrs.Command[order]{up("1", 1), up("1", 2)}, []string{"1", "2"}, up("1", 2)},
		{"twice", []cqrs.Command[order]{up("1", 1), up("1", 1)}, []string{"1"}, up("1", 1)},
		{"the older one later", []cqrs.Command[order]{up("1", 2), up("1", 1)}, []string{"2"}, up("1", 2)},
		{"a gap", []cqrs.Command[order]{up("1", 1), up("1", 5)}, []string{"1", "5"}, up("1", 5)},
		{"late after a deletion", []cqrs.Command[order]{up("1", 1), gone(3), up("1", 2)}, []string{"1", "3"}, gone(3)},
		{"again after a deletion", []cqrs.Command[order]{up("1", 1), gone(3), up("1", 4)}, []string{"1", "3", "4"}, up("1", 4)},
		{"only a deletion", []cqrs.Command[order]{gone(3), gone(3)}, []string{"3"}, gone(3)},
		{"a deletion that is late", []cqrs.Command[order]{up("1", 4), gone(3)}, []string{"4"}, up("1", 4)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			onWorld(t, nil, func(t *testing.T, w *world) {
				t.Helper()
				for _, c := range test.apply {
					require.NoError(t, w.sync.Apply(t.Context(), c, readTarget, rowTarget))
				}
				require.Equal(t, test.effects, query(t, w.db, `SELECT version FROM order_effects ORDER BY version`))
				var total []string
				if !test.left.Deleted {
					total = []string{fmt.Sprint(test.left.Attributes.Total)}
				}
				require.Equal(t, total, query(t, w.db, `SELECT total FROM order_read`))
				require.Equal(t, total, query(t, w.db, `SELECT total FROM orders`))
				require.Equal(t, progressOf(t, test.left), w.applied(t, readTarget, "1"))
				require.Equal(t, progressOf(t, test.left), w.applied(t, rowTarget, "1"))
				require.Zero(t, w.applied(t, readTarget, "2"))
				require.Zero(t, w.applied(t, rowTarget, "2"))
			})
		})
	}
}

// TestProjectRollsBack an error and a panic, wherever they happen, for what is
// changed as for what is deleted.
func TestProjectRollsBack(t *testing.T) {
	t.Parallel()
	onWorld(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		for _, c := range []cqrs.Command[order]{orderAt("1", 1), deletedAt(2)} {
			before := dump(t, w.db)
			for _, at := range []string{"0", "1", "end"} {
				w.fault = func(here string, _ cqrs.Command[order]) error {
					if here == at {
						return errBrokeDown
					}
					return nil
				}
				if at == "end" {
					w.fault = func(here string, _ cqrs.Command[order]) error {
						if here == at {
							panic("boom")
						}
						return nil
					}
				}
				require.Error(t, w.sync.Apply(t.Context(), c, readTarget))
				require.Equal(t, before, dump(t, w.db))
				_, err := w.db.ExecContext(t.Context(), `UPDATE cqrs_progress SET failures = ''`) // it is not to be parked
				require.NoError(t, err)
			}
			w.fault = func(string, cqrs.Command[order]) error { return nil }
			require.NoError(t, w.sync.Apply(t.Context(), c, readTarget))
		}
		require.Equal(t, []string{"1", "2"}, query(t, w.db, `SELECT version FROM order_effects ORDER BY version`))
	})
}

// TestProjectForgetsFailures once a version is through, where NewSync counts them.
func TestProjectForgetsFailures(t *testing.T) {
	t.Parallel()
	for _, target := range []string{readTarget, ledgerTarget} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			onWorld(t, nil, func(t *testing.T, w *world) {
				t.Helper()
				for version := int64(1); version <= 2; version++ {
					w.fault = func(string, cqrs.Command[order]) error { return errBrokeDown }
					require.ErrorIs(t, w.sync.Apply(t.Context(), orderAt("1", version), target), errBrokeDown)
					w.fault = func(string, cqrs.Command[order]) error { return nil }
					require.NoError(t, w.sync.Apply(t.Context(), orderAt("1", version), target))
					attempts, err := w.store.Fail(t.Context(), syncKey(target, "1"), version, "")
					require.NoError(t, err)
					require.Equal(t, 1, attempts)
				}
			})
		})
	}
}

// TestProjectEndsWithItsContext: what the handler wrote is rolled back.
func TestProjectEndsWithItsContext(t *testing.T) {
	t.Parallel()
	onWorld(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		w.fault = func(at string, _ cqrs.Command[order]) error {
			if at == "end" {
				cancel()
			}
			return nil
		}
		require.ErrorIs(t, w.sync.Apply(ctx, orderAt("1", 1), readTarget), context.Canceled)
		require.Empty(t, query(t, w.db, ofRead))
		require.Zero(t, w.applied(t, readTarget, "1"))
	})
}

// TestProjectOfAFailedStatement: a handler that overlooks that PostgreSQL refused
// a statement has done nothing, and does not get past the gate.
func TestProjectOfAFailedStatement(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	up := func(ctx context.Context, tx *sql.Tx, _ cqrs.Command[order]) error {
		_, _ = tx.ExecContext(ctx, `INSERT INTO nowhere VALUES (1)`)
		return nil
	}
	s := cqrs.NewDataSync(commandTable, sqlstore.NewSync(db), sqlstore.Project(db, readTarget, up, up))
	require.Error(t, s.Apply(t.Context(), orderAt("1", 1)))
	p, err := s.Applied(t.Context(), readTarget, cqrs.Command[cqrs.Image]{Key: orderKey("1")})
	require.NoError(t, err)
	require.Zero(t, p)
}

// TestDivergence: a version that is there with other content is marked and not
// applied, and replaced only on purpose; an older one is not replaced even then.
func TestDivergence(t *testing.T) {
	t.Parallel()
	for _, target := range []string{readTarget, ledgerTarget, rowTarget} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			onWorld(t, nil, func(t *testing.T, w *world) {
				t.Helper()
				for version := int64(1); version <= 2; version++ {
					require.NoError(t, w.sync.Apply(t.Context(), orderAt("1", version), target))
				}
				before := dump(t, w.db)
				other := orderAt("1", 2)
				other.Attributes.Total = 7
				err := w.sync.Apply(t.Context(), other, target)
				require.ErrorIs(t, err, cqrs.ErrDiverged)
				diverged := &cqrs.DivergenceError{}
				require.ErrorAs(t, err, &diverged)
				require.Equal(t, cqrs.DivergenceError{Key: orderKey("1"), Version: 2}, *diverged)
				require.True(t, list(t, w.store)[0].Diverged())
				before[ofParked] = query(t, w.db, ofParked)
				require.Equal(t, before, dump(t, w.db))

				require.NoError(t, w.sync.Apply(cqrs.WithReplaceEqual(t.Context()), other, target))
				require.Equal(t, progressOf(t, other), w.applied(t, target, "1"))
				require.Empty(t, list(t, w.store))
				require.NoError(t, w.sync.Apply(t.Context(), orderAt("1", 3), target))
				for _, older := range []cqrs.Command[order]{other, orderAt("1", 1)} {
					require.NoError(t, w.sync.Apply(cqrs.WithReplaceEqual(t.Context()), older, target))
					require.Equal(t, progressOf(t, orderAt("1", 3)), w.applied(t, target, "1"))
				}
			})
		})
	}
}

// TestUnknownHashes say nothing against a version.
func TestUnknownHashes(t *testing.T) {
	t.Parallel()
	onWorld(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		require.NoError(t, w.sync.Apply(t.Context(), orderAt("1", 1)))
		for _, hash := range []string{"", "unknown", "0:another form"} {
			for _, statement := range []string{`UPDATE cqrs_progress SET hash = $1`, `UPDATE order_row SET cqrs_hash = $1`} {
				_, err := w.db.ExecContext(t.Context(), statement, hash)
				require.NoError(t, err)
			}
			require.NoError(t, w.sync.Apply(t.Context(), orderAt("1", 1)))
		}
	})
}

// TestProjectInOrder takes every version in order and reads what is missing.
func TestProjectInOrder(t *testing.T) {
	t.Parallel()
	commands := []cqrs.Command[order]{orderAt("1", 1), orderAt("1", 2), deletedAt(3), orderAt("1", 4)}
	onWorld(t, commandLog{}.add(t, commands...), func(t *testing.T, w *world) {
		t.Helper()
		for _, i := range []int{1, 3, 0, 2, 3} {
			require.NoError(t, w.sync.Apply(t.Context(), commands[i], ledgerTarget))
		}
		require.Equal(t, []string{"1 1", "2 2", "3 3", "4 4"}, query(t, w.db, `SELECT number, version FROM order_ledger ORDER BY number`))
		require.Equal(t, []string{"1000"}, query(t, w.db, `SELECT balance FROM order_balance`))

		require.NoError(t, w.sync.Apply(t.Context(), orderAt("1", 6), ledgerTarget), "5 is not kept: parked")
		require.Contains(t, list(t, w.store)[0].Reason, "waits for version 5")
		require.Equal(t, int64(4), w.applied(t, ledgerTarget, "1").Version)
		require.NoError(t, w.sync.Apply(t.Context(), orderAt("1", 5), ledgerTarget), "it comes after all")
		require.Equal(t, int64(5), w.applied(t, ledgerTarget, "1").Version)
	})
}

// TestProjectRefusesWhatIsEarly without touching its gate.
func TestProjectRefusesWhatIsEarly(t *testing.T) {
	t.Parallel()
	onWorld(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		early := func(version, actual int64) {
			t.Helper()
			ran := false
			up := func(context.Context, *sql.Tx, cqrs.Command[order]) error { ran = true; return nil }
			handler := sqlstore.Project(w.db, ledgerTarget, up, up, cqrs.Sequential()).Handler()
			// As a snapshot the sync passes the refusal on instead of filling the gap.
			s := cqrs.NewDataSync(commandTable, w.store, cqrs.Target(ledgerTarget, handler, cqrs.SelfGated()))
			conflict := &cqrs.VersionConflict{}
			require.ErrorAs(t, s.Apply(t.Context(), orderAt("1", version)), &conflict)
			require.Equal(t, cqrs.VersionConflict{Key: orderKey("1"), Expected: version - 1, Actual: actual}, *conflict)
			require.False(t, ran)
		}
		early(2, 0)
		require.NoError(t, w.sync.Apply(t.Context(), orderAt("1", 1), ledgerTarget))
		early(3, 1)
		early(9, 1)
		require.Equal(t, int64(1), w.applied(t, ledgerTarget, "1").Version)
	})
}

// TestProjectSkips: a version that the handler has nothing to do for is done.
func TestProjectSkips(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		runs := 0
		up := func(ctx context.Context, tx *sql.Tx, _ cqrs.Command[order]) error {
			runs++
			within, ok := sqlstore.Tx(ctx)
			require.True(t, ok)
			require.Same(t, tx, within)
			return cqrs.Skip("not for us")
		}
		var outcomes []cqrs.SyncOutcome
		s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), sqlstore.Project(db, readTarget, up, up)).
			With(cqrs.OnSync(func(_ context.Context, r cqrs.SyncResult) { outcomes = append(outcomes, r.Outcome) }))
		require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
		require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
		require.Equal(t, 1, runs)
		require.Equal(t, []cqrs.SyncOutcome{cqrs.SyncApplied, cqrs.SyncStale}, outcomes)
	})
}

// TestProjectOneAtATime: no second handler runs while the first one has the gate,
// also where SQLite's transactions do not begin IMMEDIATE.
func TestProjectOneAtATime(t *testing.T) {
	t.Parallel()
	deferred := func(t *testing.T) *sql.DB {
		t.Helper()
		file := "file:" + filepath.Join(t.TempDir(), "deferred.db") + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"
		return ready(t)(sql.Open("sqlite", file))
	}
	for name, open := range map[string]func(*testing.T) *sql.DB{"PostgreSQL": postgres, "SQLite": sqlite, "SQLite deferred": deferred} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			var (
				mu           sync.Mutex
				running, ran int
			)
			entered, leave := make(chan struct{}, 8), make(chan struct{})
			up := func(context.Context, *sql.Tx, cqrs.Command[order]) error {
				mu.Lock()
				running, ran = running+1, ran+1
				require.Equal(t, 1, running)
				mu.Unlock()
				entered <- struct{}{}
				<-leave
				mu.Lock()
				running--
				mu.Unlock()
				return nil
			}
			s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), sqlstore.Project(db, readTarget, up, up))
			errs := make([]error, 4)
			var group sync.WaitGroup
			for i := range errs {
				group.Go(func() { errs[i] = s.Apply(context.Background(), orderAt("1", 1)) })
			}
			<-entered
			close(leave)
			group.Wait()
			require.Equal(t, make([]error, 4), errs)
			require.Equal(t, 1, ran)
		})
	}
}

// TestStatements counts what a version costs, beginning and committing included.
func TestStatements(t *testing.T) {
	t.Parallel()
	onWorld(t, commandLog{}.add(t, orderAt("1", 2)), func(t *testing.T, w *world) {
		t.Helper()
		cost := func(want int, c cqrs.Command[order], targets ...string) {
			t.Helper()
			before := w.process.step
			require.NoError(t, w.sync.Apply(t.Context(), c, targets...))
			require.Equal(t, want, w.process.step-before)
		}
		const (
			state, handler = 1, 2
			transaction    = 2
		)
		cost(state+transaction+1+handler, orderAt("1", 1), readTarget)
		cost(state+1+2, orderAt("1", 1), readTarget) // a duplicate: begin, gate, look
		cost(state+transaction+1+handler, orderAt("1", 1), ledgerTarget)
		cost(state+1, orderAt("1", 1), rowTarget)
		cost(state+2, orderAt("1", 1), rowTarget)
		cost(state+2*(transaction+1+handler)+1+2, orderAt("1", 3), ledgerTarget) // a gap of one: begin, gate, look

		up := cqrs.Target("cache", ignore{})
		s := cqrs.NewDataSync(commandTable, w.store, up)
		before := w.process.step
		require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
		require.Equal(t, 3, w.process.step-before, "a target of NewSync: state, claim, progress")
		require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
		require.Equal(t, 4, w.process.step-before)
	})
}

// ignore is a target that keeps nothing.
type ignore struct{}

func (ignore) Up(context.Context, cqrs.Command[order]) error   { return nil }
func (ignore) Down(context.Context, cqrs.Command[order]) error { return nil }

func TestTargetsKnowTheirGateFromTheSync(t *testing.T) {
	t.Parallel()
	onWorld(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		for _, target := range []string{readTarget, rowTarget} {
			err := w.sync.Handler(target).Up(t.Context(), orderAt("1", 1))
			require.ErrorContains(t, err, "called by its cqrs.DataSync")
			require.True(t, cqrs.IsPermanent(err))
		}
	})
}

// TestKeysThatAreNoText are refused: stored, they could be taken for others.
func TestKeysThatAreNoText(t *testing.T) {
	t.Parallel()
	onWorld(t, nil, func(t *testing.T, w *world) {
		t.Helper()
		for _, target := range []string{readTarget, rowTarget} {
			store := cqrs.NewMemorySync()
			s := cqrs.NewDataSync(commandTable, store, cqrs.Target(target, w.sync.Handler(target), cqrs.SelfGated())).With(quiet())
			require.NoError(t, s.Apply(t.Context(), orderAt("\xff", 1)), "parked")
			require.Contains(t, list(t, store)[0].Reason, "not UTF-8")
		}
		require.Error(t, w.sync.Apply(t.Context(), orderAt("\xff", 1)))
	})
}

func TestProjectWiring(t *testing.T) {
	t.Parallel()
	db, err := servers.OpenSQLite(filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	up := func(context.Context, *sql.Tx, cqrs.Command[order]) error { return nil }
	require.PanicsWithValue(t, "sqlstore: Project needs a database, not nil", func() { sqlstore.Project(nil, "rds", up, up) })
	const functions = "sqlstore: Project needs two functions, one for what is changed and one for what is deleted"
	require.PanicsWithValue(t, functions, func() { sqlstore.Project(db, "rds", nil, up) })
	require.PanicsWithValue(t, functions, func() { sqlstore.Project(db, "rds", up, nil) })
	require.Panics(t, func() { sqlstore.Project(db, "", up, up) })
	require.PanicsWithValue(t, "sqlstore: NewSync needs a database, not nil", func() { sqlstore.NewSync(nil) })
	require.Equal(t, "rds", sqlstore.Project(db, "rds", up, up).Name())
}
