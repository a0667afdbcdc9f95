package cqrs_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestPoisonIsParkedAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	rds, search := newReadModel(), newReadModel()
	poison := true
	rds.fail = func(c cqrs.Command[order]) error {
		if poison && c.SK == "1" && c.Version == 2 {
			return errors.New("constraint violated")
		}
		return nil
	}
	store, alarms := cqrs.NewMemorySync(), &alarmLog{}
	source := commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2), orderAt("1", 3), orderAt("1", 4), orderAt("2", 1))
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", rds, cqrs.ParkAfter(3)), cqrs.Target("search", search)).
		With(cqrs.SyncSource(source), cqrs.SyncAlarm(alarms), cqrs.SyncLogger(quiet()))

	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.Error(t, s.Apply(t.Context(), orderAt("1", 2)))
	require.Error(t, s.Apply(t.Context(), orderAt("1", 2)))
	require.Empty(t, parkedOf(t, store))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)), "parked, and then acknowledged")
	require.Len(t, parkedOf(t, store), 1)
	require.Len(t, alarms.all(), 1, "one alarm")

	// Later ones are parked behind it, in this target alone; others flow.
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 3)))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 4)))
	require.NoError(t, s.Apply(t.Context(), orderAt("2", 1)))
	require.Equal(t, []int64{1}, rds.versions("1"))
	require.Equal(t, []int64{1, 2, 3, 4}, search.versions("1"))
	require.Equal(t, []int64{1}, rds.versions("2"))
	parked := parkedOf(t, store)
	require.Len(t, parked, 1)
	require.Equal(t, int64(2), parked[0].Version)
	require.Equal(t, int64(4), parked[0].LatestSeen)
	require.Equal(t, 3, parked[0].Attempts)
	require.Contains(t, parked[0].Reason, "constraint violated")
	require.Len(t, alarms.all(), 1)

	poison = false
	freed, err := s.Unpark(t.Context(), "rds")
	require.NoError(t, err)
	require.Equal(t, 1, freed)
	require.Equal(t, int64(4), rds.state[orderKey("1")].Version)
	require.Empty(t, parkedOf(t, store))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 5)))
	require.Equal(t, int64(5), rds.state[orderKey("1")].Version)
}

func TestUnparkKeepsWhatFailsAgain(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), cqrs.NewMemorySync()
	model.fail = func(c cqrs.Command[order]) error {
		if c.SK == "1" {
			return cqrs.Permanent(errors.New("no such customer"))
		}
		return errors.New("down")
	}
	source := commandLog{}.add(t, orderAt("1", 1), orderAt("2", 1))
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model, cqrs.ParkAfter(1))).
		With(cqrs.SyncSource(source), cqrs.SyncLogger(quiet()))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.NoError(t, s.Apply(t.Context(), orderAt("2", 1)))
	require.Len(t, parkedOf(t, store), 2)
	model.fail = func(c cqrs.Command[order]) error {
		if c.SK == "1" {
			return errors.New("still no such customer")
		}
		return nil
	}
	freed, err := s.Unpark(t.Context(), "")
	require.ErrorContains(t, err, "still no such customer")
	require.Equal(t, 1, freed)
	require.Len(t, parkedOf(t, store), 1)

	_, err = cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).Unpark(t.Context(), "rds")
	require.ErrorContains(t, err, "needs a source")
}

func TestPermanentAndBestEffortParkAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		opts []cqrs.TargetOption
	}{
		"permanent":   {cqrs.Permanent(errors.New("bad")), nil},
		"best effort": {errors.New("down"), []cqrs.TargetOption{cqrs.BestEffort()}},
		"panic":       {nil, []cqrs.TargetOption{cqrs.ParkAfter(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model, store := newReadModel(), cqrs.NewMemorySync()
			model.fail = func(cqrs.Command[order]) error {
				if test.err == nil {
					panic("nil map")
				}
				return test.err
			}
			s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model, test.opts...)).With(cqrs.SyncLogger(quiet()))
			require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
			require.Len(t, parkedOf(t, store), 1)
		})
	}
}

// brokenSync fails where a test says so.
type brokenSync struct {
	cqrs.SyncStore

	fail map[string]error
}

func (b *brokenSync) Load(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	if err := b.fail["load"]; err != nil {
		return cqrs.Progress{}, err
	}
	return b.SyncStore.Load(ctx, k)
}

func (b *brokenSync) Fail(ctx context.Context, k cqrs.SyncKey, version int64, cause string) (int, error) {
	if err := b.fail["fail"]; err != nil {
		return 0, err
	}
	return b.SyncStore.Fail(ctx, k, version, cause)
}

func (b *brokenSync) Park(ctx context.Context, p cqrs.Parked) error {
	if err := b.fail["park"]; err != nil {
		return err
	}
	return b.SyncStore.Park(ctx, p)
}

func (b *brokenSync) Advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress) error {
	if err := b.fail["advance"]; err != nil {
		return err
	}
	return b.SyncStore.Advance(ctx, k, from, to)
}

func TestAStoreThatFailsNeverAcknowledges(t *testing.T) {
	t.Parallel()
	throttled := errors.New("throttled")
	for op, handler := range map[string]error{
		"load": nil, "advance": nil, "fail": errors.New("down"), "park": cqrs.Permanent(errors.New("bad")),
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			model := newReadModel()
			model.fail = func(cqrs.Command[order]) error { return handler }
			store := &brokenSync{SyncStore: cqrs.NewMemorySync(), fail: map[string]error{op: throttled}}
			s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model))
			err := s.Apply(t.Context(), orderAt("1", 1))
			require.ErrorIs(t, err, throttled)
			// A permanent failure that could not be parked has to come again.
			d := syncDispatcher(t, s)
			answer, err := d.Invoke(t.Context(), streamOf(t, commandRecord(t, orderAt("1", 1), "INSERT")))
			require.Error(t, err, "%s", answer)
		})
	}
}

func TestParkedBehindIsKeptOrComesAgain(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	model.fail = func(cqrs.Command[order]) error { return cqrs.Permanent(errors.New("bad")) }
	store := &brokenSync{SyncStore: cqrs.NewMemorySync(), fail: map[string]error{}}
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).With(cqrs.SyncLogger(quiet()))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	throttled := errors.New("throttled")
	store.fail["park"] = throttled
	require.ErrorIs(t, s.Apply(t.Context(), orderAt("1", 2)), throttled)
	require.Empty(t, model.versions("1"))
}
