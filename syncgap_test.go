package cqrs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestSequentialFillsGapsFromTheSource(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), cqrs.NewMemorySync()
	source := commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2), orderAt("1", 3), orderAt("1", 4))
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("ledger", model, cqrs.Sequential())).With(cqrs.SyncSource(source))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 3)))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 4)))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
	require.Equal(t, []int64{1, 2, 3, 4}, model.versions("1"))
}

func TestSequentialGoesOnFromWhereOthersHaveCome(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	source := commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2), orderAt("1", 3))
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("ledger", model, cqrs.Sequential())).With(cqrs.SyncSource(source))
	// While the gap is being filled, another invocation goes all the way.
	model.fail = func(cqrs.Command[order]) error {
		model.fail = nil
		return s.Apply(t.Context(), orderAt("1", 3))
	}
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 3)))
	require.Equal(t, []int64{1, 2, 3, 1}, model.versions("1"), "the newest version is not given out again")
}

func TestSequentialParksWhatIsMissingForGood(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), cqrs.NewMemorySync()
	source := commandLog{}.add(t, orderAt("1", 1), orderAt("1", 3))
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("ledger", model, cqrs.Sequential())).
		With(cqrs.SyncSource(source), cqrs.SyncLogger(quiet()))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 3)))
	require.Equal(t, []int64{1}, model.versions("1"))
	parked := parkedOf(t, store)
	require.Len(t, parked, 1)
	require.Contains(t, parked[0].Reason, "version 2")

	// Should it come after all, it goes in, and Unpark does the rest.
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
	freed, err := s.Unpark(t.Context(), "ledger")
	require.NoError(t, err)
	require.Equal(t, 1, freed)
	require.Equal(t, []int64{1, 2, 3}, model.versions("1"))
}

func TestSequentialWithoutSourceWaits(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("ledger", model, cqrs.Sequential()))
	require.ErrorIs(t, s.Apply(t.Context(), orderAt("1", 2)), cqrs.ErrGap)
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
	require.Equal(t, []int64{1, 2}, model.versions("1"))
}

func TestSequentialFillsLongGapsInRounds(t *testing.T) {
	t.Parallel()
	model, source := newReadModel(), commandLog{}
	var want []int64
	for n := int64(1); n <= 250; n++ {
		source.add(t, orderAt("1", n))
		want = append(want, n)
	}
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("ledger", model, cqrs.Sequential(), cqrs.ParkAfter(1))).
		With(cqrs.SyncSource(source))
	deliveries := 0
	for s.Apply(t.Context(), orderAt("1", 250)) != nil {
		deliveries++
		require.Less(t, deliveries, 3)
	}
	require.Equal(t, 2, deliveries)
	require.Equal(t, want, model.versions("1"))
}

func TestSelfGatedTargetsDecideForThemselves(t *testing.T) {
	t.Parallel()
	store := cqrs.NewMemorySync()
	model := newReadModel()
	model.fail = func(c cqrs.Command[order]) error {
		if model.state[c.Key].Version >= c.Version {
			return cqrs.Skip("stale")
		}
		return nil
	}
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model, cqrs.SelfGated()))
	for _, n := range []int64{2, 1, 2, 3} {
		require.NoError(t, s.Apply(t.Context(), orderAt("1", n)))
	}
	require.Equal(t, []int64{2, 3}, model.versions("1"))
	progress, err := store.Load(t.Context(), cqrs.SyncKey{Table: commandTable, Target: "rds", Tenant: "acme", Key: orderKey("1")})
	require.NoError(t, err)
	require.Zero(t, progress, "no progress beside the target's own")
}

func TestSelfGatedSequential(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	model.fail = func(c cqrs.Command[order]) error {
		switch has := model.state[c.Key].Version; {
		case has >= c.Version:
			return cqrs.Skip("stale")
		case has != c.Version-1:
			return &cqrs.VersionConflict{Key: c.Key, Expected: c.Version - 1, Actual: has}
		}
		return nil
	}
	source := commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2), orderAt("1", 3))
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model, cqrs.SelfGated(), cqrs.Sequential())).
		With(cqrs.SyncSource(source))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 3)))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
	require.Equal(t, []int64{1, 2, 3}, model.versions("1"))
}

func TestOvertakenHandlersPutTheNewestBack(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), cqrs.NewMemorySync()
	source := commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2))
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).With(cqrs.SyncSource(source), cqrs.SyncLogger(quiet()))
	// While version 1 is on its way into the target, version 2 goes all the way.
	model.fail = func(c cqrs.Command[order]) error {
		if c.Version == 1 {
			model.fail = nil
			return s.Apply(t.Context(), orderAt("1", 2))
		}
		return nil
	}
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.Equal(t, []int64{2, 1, 2}, model.versions("1"))
	require.Equal(t, int64(2), model.state[orderKey("1")].Version)

	// Without a source the aggregate is parked: the fault is not forgotten.
	model, store = newReadModel(), cqrs.NewMemorySync()
	s = cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).With(cqrs.SyncLogger(quiet()))
	model.fail = func(c cqrs.Command[order]) error {
		if c.Version == 1 {
			model.fail = nil
			return s.Apply(t.Context(), orderAt("1", 2))
		}
		return nil
	}
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	parked := parkedOf(t, store)
	require.Len(t, parked, 1)
	require.Equal(t, int64(2), parked[0].Version)
}
