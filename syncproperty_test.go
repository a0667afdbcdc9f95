package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

var errCrashed = errors.New("the process is gone")

// port counts the effects on the outside, and lets the process end before or
// after one of them: from then on nothing has an effect, until it is restarted.
type port struct {
	step   int
	crash  map[int]bool // by step; true: after the effect
	halted bool
}

func (p *port) do(effect func() error) error {
	if p.halted {
		return errCrashed
	}
	p.step++
	after, crash := p.crash[p.step]
	if crash && !after {
		p.halted = true
		return errCrashed
	}
	err := effect()
	if crash {
		p.halted = true
		return errCrashed
	}
	return err
}

// portSync is a SyncStore behind the port.
type portSync struct {
	cqrs.SyncStore

	port *port
}

func (s *portSync) Load(ctx context.Context, k cqrs.SyncKey) (p cqrs.Progress, err error) {
	err = s.port.do(func() error { p, err = s.SyncStore.Load(ctx, k); return err })
	return p, err
}

func (s *portSync) Status(ctx context.Context, keys []cqrs.SyncKey) (all []cqrs.SyncStatus, err error) {
	err = s.port.do(func() error { all, err = s.SyncStore.(cqrs.SyncReader).Status(ctx, keys); return err })
	return all, err
}

func (s *portSync) Claim(ctx context.Context, k cqrs.SyncKey, from int64, c cqrs.SyncClaim) error {
	return s.port.do(func() error { return s.SyncStore.(cqrs.SyncClaimer).Claim(ctx, k, from, c) })
}

func (s *portSync) Complete(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress, c cqrs.SyncClaim) error {
	return s.port.do(func() error { return s.SyncStore.(cqrs.SyncClaimer).Complete(ctx, k, from, to, c) })
}

func (s *portSync) Release(ctx context.Context, k cqrs.SyncKey, c cqrs.SyncClaim) error {
	return s.port.do(func() error { return s.SyncStore.(cqrs.SyncClaimer).Release(ctx, k, c) })
}

func (s *portSync) Advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress) error {
	return s.port.do(func() error { return s.SyncStore.Advance(ctx, k, from, to) })
}

func (s *portSync) Fail(ctx context.Context, k cqrs.SyncKey, version int64, cause string) (n int, err error) {
	err = s.port.do(func() error { n, err = s.SyncStore.Fail(ctx, k, version, cause); return err })
	return n, err
}

func (s *portSync) Park(ctx context.Context, p cqrs.Parked) error {
	return s.port.do(func() error { return s.SyncStore.Park(ctx, p) })
}

func (s *portSync) Unpark(ctx context.Context, k cqrs.SyncKey, applied int64) (ok bool, err error) {
	err = s.port.do(func() error { ok, err = s.SyncStore.Unpark(ctx, k, applied); return err })
	return ok, err
}

// syncWorld is three targets of three kinds, and what happened in them.
type syncWorld struct {
	t     tester
	port  *port
	store cqrs.SyncStore
	sync  *cqrs.DataSync[order]

	snapshot, gated map[cqrs.Key]cqrs.Command[order]
	ledger          map[cqrs.Key][]int64
	effects         map[string]int // of the gated target, by key and version
	poison          func(cqrs.Command[order]) bool
}

type syncFunc func(ctx context.Context, cmd cqrs.Command[order]) error

func (f syncFunc) Up(ctx context.Context, cmd cqrs.Command[order]) error   { return f(ctx, cmd) }
func (f syncFunc) Down(ctx context.Context, cmd cqrs.Command[order]) error { return f(ctx, cmd) }

func newWorld(t tester, source commandLog, targets int) *syncWorld {
	w := &syncWorld{
		t: t, port: &port{}, snapshot: map[cqrs.Key]cqrs.Command[order]{}, gated: map[cqrs.Key]cqrs.Command[order]{},
		ledger: map[cqrs.Key][]int64{}, effects: map[string]int{}, poison: func(cqrs.Command[order]) bool { return false },
	}
	w.store = &portSync{SyncStore: cqrs.NewMemorySync(), port: w.port}
	all := []cqrs.SyncTarget[order]{
		cqrs.Target("snapshot", syncFunc(w.upSnapshot), cqrs.ParkAfter(3)),
		cqrs.Target("gated", syncFunc(w.upGated), cqrs.SelfGated(), cqrs.ParkAfter(3)),
		cqrs.Target("ledger", syncFunc(w.upLedger), cqrs.Sequential(), cqrs.ParkAfter(3)),
	}
	w.sync = cqrs.NewDataSync(commandTable, w.store, all[:targets]...).With(cqrs.SyncSource(source), cqrs.SyncLogger(quiet()))
	return w
}

func (w *syncWorld) upSnapshot(_ context.Context, cmd cqrs.Command[order]) error {
	return w.port.do(func() error {
		if w.poison(cmd) {
			return errors.New("poison")
		}
		require.LessOrEqual(w.t, w.snapshot[cmd.Key].Version, cmd.Version, "I1")
		w.snapshot[cmd.Key] = cmd
		return nil
	})
}

func (w *syncWorld) upGated(_ context.Context, cmd cqrs.Command[order]) error {
	return w.port.do(func() error {
		if w.gated[cmd.Key].Version >= cmd.Version {
			return cqrs.Skip("stale")
		}
		w.gated[cmd.Key] = cmd
		w.effects[fmt.Sprint(cmd.Key, cmd.Version)]++
		return nil
	})
}

func (w *syncWorld) upLedger(_ context.Context, cmd cqrs.Command[order]) error {
	return w.port.do(func() error {
		w.ledger[cmd.Key] = append(w.ledger[cmd.Key], cmd.Version)
		return nil
	})
}

// deliver is the stream: what fails comes again, in a new process if need be.
func (w *syncWorld) deliver(cmd cqrs.Command[order]) {
	for range 200 {
		err := w.sync.Apply(context.Background(), cmd)
		w.port.halted = false
		if err == nil {
			return
		}
	}
	require.Fail(w.t, "a delivery never succeeds", "%v", cmd)
}

// history draws the versions of some aggregates, deletions among them.
func history(t *rapid.T) (commands []cqrs.Command[order], source commandLog) {
	source = commandLog{}
	for i := range rapid.IntRange(1, 3).Draw(t, "aggregates") {
		for n := range rapid.Int64Range(1, 6).Draw(t, "versions") {
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
	for range rapid.IntRange(0, len(commands)).Draw(t, "duplicates") {
		all = append(all, rapid.SampledFrom(commands).Draw(t, "duplicate"))
	}
	return rapid.Permutation(all).Draw(t, "order")
}

func distinct(versions []int64) []int64 { return slices.Compact(slices.Clone(versions)) }

// TestInvariants holds I1 to I4 and I6 over any order, duplication and crash.
func TestInvariants(t *testing.T) {
	t.Parallel()
	for _, targets := range []int{1, 3} {
		t.Run(fmt.Sprint(targets, " targets"), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				commands, source := history(t)
				want := newWorld(t, source, targets)
				for _, c := range commands {
					want.deliver(c)
				}
				w := newWorld(t, source, targets)
				w.port.crash = rapid.MapOfN(rapid.IntRange(1, 120), rapid.Bool(), 0, 8).Draw(t, "crashes")
				for _, c := range deliveries(t, commands) {
					w.deliver(c)
				}
				crashes := len(w.port.crash)
				w.port.crash = nil
				// A crash counts as no attempt, so nothing is parked by crashes alone.
				require.Empty(t, parkedOf(t, w.store))
				require.Equal(t, want.snapshot, w.snapshot, "I2, I6")
				require.Equal(t, want.gated, w.gated, "I2, I6")
				for key, versions := range want.ledger {
					require.Equal(t, versions, distinct(w.ledger[key]), "I3: in order, and twice only in a row")
					if crashes == 0 {
						require.Equal(t, versions, w.ledger[key], "I3")
					}
				}
				for effect, n := range w.effects {
					require.Equal(t, 1, n, "I4: %s", effect)
				}
				for key, latest := range want.snapshot {
					progress, err := w.store.Load(context.Background(), cqrs.SyncKey{Table: commandTable, Target: "snapshot", Tenant: "acme", Key: key})
					require.NoError(t, err)
					require.Equal(t, latest.Deleted, progress.Deleted, "tombstone")
				}
			})
		})
	}
}

// TestPoisonInvariant holds I5: what is parked holds up no other aggregate and no
// other target, later versions are kept behind it, and once mended Unpark brings
// the target to where it would be.
func TestPoisonInvariant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		commands, source := history(t)
		want := newWorld(t, source, 3)
		for _, c := range commands {
			want.deliver(c)
		}
		w := newWorld(t, source, 3)
		w.port.crash = rapid.MapOfN(rapid.IntRange(1, 120), rapid.Bool(), 0, 4).Draw(t, "crashes")
		bad := rapid.SampledFrom(slices.SortedFunc(maps.Keys(want.snapshot), compareKeys)).Draw(t, "poison")
		from := rapid.Int64Range(1, 6).Draw(t, "from")
		w.poison = func(c cqrs.Command[order]) bool { return c.Key == bad && c.Version >= from }
		for _, c := range deliveries(t, commands) {
			w.deliver(c)
		}
		w.port.halted = false
		require.Equal(t, want.gated, w.gated, "I5: other targets flow")
		for key := range want.snapshot {
			if key != bad {
				require.Equal(t, want.snapshot[key], w.snapshot[key], "I5: other aggregates flow")
			}
		}
		w.poison, w.port.crash = func(cqrs.Command[order]) bool { return false }, nil
		for range 50 {
			w.port.halted = false
			if _, err := w.sync.Unpark(context.Background(), "snapshot"); err == nil {
				break
			}
		}
		require.Empty(t, parkedOf(t, w.store))
		require.Equal(t, want.snapshot, w.snapshot)
	})
}

// TestUnparkRacesWithArrivals lets a version arrive at any step of Unpark: none
// is lost.
func TestUnparkRacesWithArrivals(t *testing.T) {
	t.Parallel()
	for arrival := 1; arrival <= 12; arrival++ {
		source := commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2), orderAt("1", 3))
		w := newWorld(t, source, 1)
		w.poison = func(cqrs.Command[order]) bool { return true }
		for n := int64(1); n <= 2; n++ {
			w.deliver(orderAt("1", n))
		}
		require.Len(t, parkedOf(t, w.store), 1)
		w.poison = func(cqrs.Command[order]) bool { return false }
		steps := 0
		racing := &racingSync{SyncStore: w.store, before: func() {
			if steps++; steps == arrival {
				w.deliver(orderAt("1", 3))
			}
		}}
		s := cqrs.NewDataSync(commandTable, racing, cqrs.Target("snapshot", syncFunc(w.upSnapshot))).With(cqrs.SyncSource(source))
		_, err := s.Unpark(t.Context(), "snapshot")
		require.NoError(t, err)
		if steps < arrival {
			w.deliver(orderAt("1", 3))
		}
		_, err = w.sync.Unpark(t.Context(), "snapshot")
		require.NoError(t, err)
		require.Equal(t, int64(3), w.snapshot[orderKey("1")].Version, "arrival at step %d", arrival)
		require.Empty(t, parkedOf(t, w.store))
	}
}

type racingSync struct {
	cqrs.SyncStore

	before func()
}

func (r *racingSync) Load(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	r.before()
	return r.SyncStore.Load(ctx, k)
}

func (r *racingSync) Advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress) error {
	r.before()
	return r.SyncStore.Advance(ctx, k, from, to)
}

func (r *racingSync) Unpark(ctx context.Context, k cqrs.SyncKey, applied int64) (bool, error) {
	r.before()
	return r.SyncStore.Unpark(ctx, k, applied)
}

func compareKeys(a, b cqrs.Key) int {
	return slices.Compare([]string{a.PK, a.SK}, []string{b.PK, b.SK})
}

// TestTenantsNeverMeet applies the same aggregate ids of two tenants: each has
// its own gate.
func TestTenantsNeverMeet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		model := newReadModel()
		s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model))
		latest := map[cqrs.Key]int64{}
		for range rapid.IntRange(1, 20).Draw(t, "n") {
			c := orderAt(rapid.SampledFrom([]string{"1", "2", "1#2"}).Draw(t, "sk"), rapid.Int64Range(1, 5).Draw(t, "version"))
			c.TenantCode = rapid.SampledFrom([]string{"a", "b", "a b"}).Draw(t, "tenant")
			c.PK = "ORDER#" + rapid.SampledFrom([]string{"a", "b", "a b"}).Draw(t, "key's tenant")
			err := s.Apply(context.Background(), c)
			if c.PK != "ORDER#"+c.TenantCode {
				require.ErrorIs(t, err, cqrs.ErrForeignTenant)
				continue
			}
			require.NoError(t, err)
			latest[c.Key] = max(latest[c.Key], c.Version)
		}
		for key, version := range latest {
			require.Equal(t, version, model.state[key].Version)
			require.Equal(t, key.PK, "ORDER#"+model.state[key].TenantCode)
		}
		require.Len(t, model.state, len(latest))
	})
}
