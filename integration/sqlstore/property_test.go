package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

// history draws the versions of some aggregates, deletions among them.
func history(t *rapid.T) (commands []cqrs.Command[order], source commandLog) {
	source = commandLog{}
	for i := range rapid.IntRange(1, 2).Draw(t, "aggregates") {
		for n := range rapid.Int64Range(1, 4).Draw(t, "versions") {
			c := orderAt(fmt.Sprint(i), n+1)
			c.Deleted = rapid.IntRange(0, 3).Draw(t, "deleted") == 0
			commands = append(commands, c)
			source.add(t, c)
		}
	}
	return commands, source
}

// deliveries draws an order in which everything comes at least once.
func deliveries(t *rapid.T, commands []cqrs.Command[order]) []cqrs.Command[order] {
	all := slices.Clone(commands)
	for range rapid.IntRange(0, 3).Draw(t, "duplicates") {
		all = append(all, rapid.SampledFrom(commands).Draw(t, "duplicate"))
	}
	return rapid.Permutation(all).Draw(t, "order")
}

var errBrokeDown = errors.New("broke down")

// faults draws what the handlers run into: an error or a panic, each once.
func faults(t *rapid.T) func(at string, c cqrs.Command[order]) error {
	type fault struct {
		at      string
		version int64
	}
	left := rapid.MapOfN(rapid.Custom(func(t *rapid.T) fault {
		return fault{rapid.SampledFrom([]string{"0", "1", "end"}).Draw(t, "at"), rapid.Int64Range(1, 5).Draw(t, "version")}
	}), rapid.Bool(), 0, 2).Draw(t, "faults")
	var mu sync.Mutex
	return func(at string, c cqrs.Command[order]) error {
		mu.Lock()
		defer mu.Unlock()
		panics, ok := left[fault{at, c.Version}]
		if !ok {
			return nil
		}
		delete(left, fault{at, c.Version})
		if panics {
			panic("boom")
		}
		return errBrokeDown
	}
}

// requireInvariants holds I1 to I4 and I6: the read models are those of a run in
// order in which nothing went wrong, every version took effect in order in the
// ledger, and none twice anywhere.
func requireInvariants(t tester, db *sql.DB, want map[string][]string) {
	t.Helper()
	require.Empty(t, query(t, db, `SELECT pk, sk, version, COUNT(*) FROM order_effects GROUP BY pk, sk, version HAVING COUNT(*) > 1`), "I4")
	require.Empty(t, query(t, db, `SELECT pk, sk, number, version FROM order_ledger WHERE number <> version`), "I3")
	require.Equal(t, want, dump(t, db), "I1, I2, I6")
}

// inOrder is what a run in order leaves where nothing goes wrong.
func inOrder(t tester, db *sql.DB, commands []cqrs.Command[order], source commandLog) map[string][]string {
	t.Helper()
	clearWorld(t, db)
	w := newWorld(t, db, source)
	defer func() { require.NoError(t, w.db.Close()) }()
	for _, c := range commands {
		w.deliver(c)
	}
	want := dump(t, db)
	clearWorld(t, db)
	return want
}

// TestInvariants: any order, duplicates, errors and panics in handlers, and a
// process that ends before or after any statement, begin or commit.
func TestInvariants(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		createWorld(t, db)
		rapid.Check(t, func(t *rapid.T) {
			commands, source := history(t)
			want := inOrder(t, db, commands, source)
			w := newWorld(t, db, source)
			defer func() { require.NoError(t, w.db.Close()) }()
			w.process.crash = rapid.MapOfN(rapid.IntRange(1, 150), rapid.Bool(), 0, 8).Draw(t, "crashes")
			w.fault = faults(t)
			for _, c := range deliveries(t, commands) {
				w.deliver(c)
			}
			requireInvariants(t, db, want)
		})
	})
}

// TestCrashAtEveryStep lets the process end before and after each step of its.
func TestCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		createWorld(t, db)
		commands := []cqrs.Command[order]{orderAt("1", 1), orderAt("1", 2), deletedAt(3), orderAt("1", 4)}
		source := commandLog{}.add(t, commands...)
		want := inOrder(t, db, commands, source)
		crashed := true
		for step := 1; crashed; step++ {
			for _, after := range []bool{false, true} {
				clearWorld(t, db)
				w := newWorld(t, db, source)
				w.process.crash = map[int]bool{step: after}
				for _, i := range []int{1, 0, 2, 3, 1} {
					w.deliver(commands[i])
				}
				requireInvariants(t, db, want)
				crashed = w.process.step >= step
				require.NoError(t, w.db.Close())
			}
		}
	})
}

// TestWorkers lets processes run beside each other, with crashes.
func TestWorkers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		createWorld(t, db)
		rapid.Check(t, func(t *rapid.T) {
			commands, source := history(t)
			want := inOrder(t, db, commands, source)
			failures := make([]error, 2)
			var group sync.WaitGroup
			for i := range failures {
				w := newWorld(t, db, source)
				defer func() { require.NoError(t, w.db.Close()) }()
				w.process.crash = rapid.MapOfN(rapid.IntRange(1, 100), rapid.Bool(), 0, 4).Draw(t, "crashes")
				all := deliveries(t, commands)
				group.Go(func() {
					for _, c := range all {
						failures[i] = errors.Join(failures[i], w.comes(c))
					}
				})
			}
			group.Wait()
			require.NoError(t, errors.Join(failures...))
			requireInvariants(t, db, want)
		})
	})
}

// comes is deliver, for a goroutine of its own.
func (w *world) comes(c cqrs.Command[order]) (err error) {
	for range 200 {
		err = w.sync.Apply(context.Background(), c)
		w.process.restart()
		if err == nil {
			return nil
		}
	}
	return err
}

// TestPoison holds I5: what is parked holds up no other aggregate and no other
// target; once it is mended Unpark brings the target to where it would be.
func TestPoison(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		createWorld(t, db)
		rapid.Check(t, func(t *rapid.T) {
			commands, source := history(t)
			want := inOrder(t, db, commands, source)
			w := newWorld(t, db, source)
			defer func() { require.NoError(t, w.db.Close()) }()
			w.process.crash = rapid.MapOfN(rapid.IntRange(1, 100), rapid.Bool(), 0, 4).Draw(t, "crashes")
			from := rapid.Int64Range(1, 5).Draw(t, "from")
			poison := func(at string, c cqrs.Command[order]) error {
				if at == "1" && c.SK == "0" && c.Version >= from {
					return errBrokeDown
				}
				return nil
			}
			w.fault = poison
			for _, c := range deliveries(t, commands) {
				w.deliver(c)
			}
			got := dump(t, db)
			other := func(rows []string) (others []string) {
				for _, row := range rows {
					if strings.HasPrefix(row, "ORDER#acme 1 ") {
						others = append(others, row)
					}
				}
				return others
			}
			for text := range want {
				require.Equal(t, other(want[text]), other(got[text]), "I5: other aggregates flow: %s", text)
			}
			require.Equal(t, want[ofRow], got[ofRow], "I5: other targets flow")

			w.fault, w.process.crash = func(string, cqrs.Command[order]) error { return nil }, nil
			_, err := w.sync.Unpark(context.Background(), "")
			require.NoError(t, err)
			requireInvariants(t, db, want)
		})
	})
}
