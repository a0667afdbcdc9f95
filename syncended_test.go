package cqrs_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// endingSync ends a context at the first Status behind a Complete that met a
// conflict: the run has written, and does not get to look at what it wrote over.
type endingSync struct {
	turnSync

	end func()
	met bool
}

func (s *endingSync) Complete(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress, c cqrs.SyncClaim) error {
	err := s.turnSync.Complete(ctx, k, from, to, c)
	s.met = err != nil
	return err
}

func (s *endingSync) Status(ctx context.Context, keys []cqrs.SyncKey) ([]cqrs.SyncStatus, error) {
	if s.met {
		s.end()
	}
	return s.turnSync.Status(ctx, keys)
}

// endingLog is a source that ends a context before a version is read.
type endingLog struct {
	commandLog

	end func()
}

func (l *endingLog) GetCommand(ctx context.Context, key cqrs.Key, version int64) (cqrs.Command[cqrs.Image], error) {
	if end := l.end; end != nil {
		end()
	}
	if err := ctx.Err(); err != nil {
		return cqrs.Command[cqrs.Image]{}, err
	}
	return l.commandLog.GetCommand(ctx, key, version)
}

// plainSync is a store that keeps no claims.
type plainSync struct{ cqrs.SyncStore }

// overwrite makes version 1 write over version 2, which goes all the way while
// version 1 is on its way into the target.
func overwrite(t *testing.T, s *cqrs.DataSync[order], model *readModel) {
	t.Helper()
	model.fail = func(c cqrs.Command[order]) error {
		model.fail = nil
		return s.Apply(t.Context(), orderAt("1", 2))
	}
}

// TestAnEndedContextComesAgain: a run that ends between its write and its look at
// what else was written parks nothing, however few attempts there are. Its claim
// stands, so that its record mends what it did when it comes again.
func TestAnEndedContextComesAgain(t *testing.T) {
	t.Parallel()
	for name, atStatus := range map[string]bool{"before the gate is read again": true, "before the newest is read again": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, end := context.WithCancel(t.Context())
			model, memory := newReadModel(), cqrs.NewMemorySync()
			source := &endingLog{commandLog: commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2))}
			store := &endingSync{turnSync: turnSync{memory}, end: func() {}}
			if atStatus {
				store.end = end
			} else {
				source.end = end
			}
			s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model, cqrs.ParkAfter(1))).
				With(cqrs.SyncSource(source), cqrs.SyncLogger(quiet()))
			overwrite(t, s, model)
			err := s.Apply(ctx, orderAt("1", 1))
			require.ErrorIs(t, err, context.Canceled)
			require.False(t, cqrs.IsPermanent(err))
			require.Empty(t, parkedOf(t, memory))
			require.Equal(t, int64(1), model.state[orderKey("1")].Version, "it has written over the newer one")
			k := cqrs.SyncKey{Table: commandTable, Target: "rds", Tenant: "acme", Key: orderKey("1")}
			status, err := memory.(cqrs.SyncReader).Status(t.Context(), []cqrs.SyncKey{k})
			require.NoError(t, err)
			require.Len(t, status[0].Claims, 1)
			require.Equal(t, int64(1), status[0].Claims[0].Version)

			store.end, source.end = func() {}, nil
			require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)), "its record comes again")
			require.Equal(t, []int64{2, 1, 2}, model.versions("1"))
			require.Equal(t, int64(2), model.state[orderKey("1")].Version)
			progress, err := memory.Load(t.Context(), k)
			require.NoError(t, err)
			require.Equal(t, int64(2), progress.Version)
		})
	}
}

// TestAnEndedContextWithoutClaimsParks: nothing would tell the version that it has
// to mend when it comes again, so it is kept in mind here.
func TestAnEndedContextWithoutClaimsParks(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	model, store := newReadModel(), plainSync{cqrs.NewMemorySync()}
	source := &endingLog{commandLog: commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2))}
	source.end = end
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).With(cqrs.SyncSource(source), cqrs.SyncLogger(quiet()))
	overwrite(t, s, model)
	require.NoError(t, s.Apply(ctx, orderAt("1", 1)))
	require.Len(t, parkedOf(t, store), 1)
	source.end = nil
	freed, err := s.Unpark(t.Context(), "rds")
	require.NoError(t, err)
	require.Equal(t, 1, freed)
	require.Equal(t, int64(2), model.state[orderKey("1")].Version)
}

// TestUnparkPutsBackWhatWasOverwritten: the target has the version that is taken
// up, but for the older one that was written over it.
func TestUnparkPutsBackWhatWasOverwritten(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), cqrs.NewMemorySync()
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).With(cqrs.SyncLogger(quiet()))
	overwrite(t, s, model)
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)), "there is no source, so it is parked")
	require.Equal(t, int64(1), model.state[orderKey("1")].Version)
	freed, err := s.With(cqrs.SyncSource(commandLog{}.add(t, orderAt("1", 1), orderAt("1", 2)))).Unpark(t.Context(), "rds")
	require.NoError(t, err)
	require.Equal(t, 1, freed)
	require.Equal(t, int64(2), model.state[orderKey("1")].Version)
	require.Empty(t, parkedOf(t, store))
}

// lastMoment is a store that does nothing for a context that has ended, which that of
// the run does as soon as it has seen that it needs nothing more.
type lastMoment struct {
	turnSync

	end func()
	met bool
}

func (s *lastMoment) Complete(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress, c cqrs.SyncClaim) error {
	err := s.turnSync.Complete(ctx, k, from, to, c)
	s.met = s.met || err != nil
	return err
}

func (s *lastMoment) Status(ctx context.Context, keys []cqrs.SyncKey) ([]cqrs.SyncStatus, error) {
	status, err := s.turnSync.Status(ctx, keys)
	if s.met {
		s.end()
	}
	return status, err
}

func (s *lastMoment) Release(ctx context.Context, k cqrs.SyncKey, c cqrs.SyncClaim) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.turnSync.Release(ctx, k, c)
}

// TestAClaimIsReleasedAtTheEnd: the claim of a run that has nothing left to do goes,
// even if its context ends just then.
func TestAClaimIsReleasedAtTheEnd(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	model, memory := newReadModel(), cqrs.NewMemorySync()
	store := &lastMoment{turnSync: turnSync{memory}, end: end}
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).With(cqrs.SyncLogger(quiet()))
	model.fail = func(cqrs.Command[order]) error {
		model.fail = nil
		return s.Apply(t.Context(), orderAt("1", 1)) // somebody else has the same version
	}
	require.NoError(t, s.Apply(ctx, orderAt("1", 1)))
	require.Error(t, ctx.Err())
	k := cqrs.SyncKey{Table: commandTable, Target: "rds", Tenant: "acme", Key: orderKey("1")}
	status, err := memory.(cqrs.SyncReader).Status(t.Context(), []cqrs.SyncKey{k})
	require.NoError(t, err)
	require.Empty(t, status[0].Claims)
}
