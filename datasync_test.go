package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
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
	return cqrs.Command[order]{Key: orderKey(sk), TenantCode: "acme", Version: version, Attributes: order{Total: 100 * version}}
}

func orderRow(t tester, c cqrs.Command[order]) cqrs.Command[cqrs.Image] {
	t.Helper()
	row, err := cqrs.RowOf(c)
	require.NoError(t, err)
	return row
}

// readModel is a target without a gate: it holds whatever it was told last, and
// knows what it was told.
type readModel struct {
	mu    sync.Mutex
	state map[cqrs.Key]cqrs.Command[order]
	seen  map[cqrs.Key][]int64
	fail  func(cmd cqrs.Command[order]) error // before the effect
	after func(cmd cqrs.Command[order]) error // after it
}

func newReadModel() *readModel {
	return &readModel{state: map[cqrs.Key]cqrs.Command[order]{}, seen: map[cqrs.Key][]int64{}}
}

func (m *readModel) Up(_ context.Context, cmd cqrs.Command[order]) error {
	m.mu.Lock()
	fail, after := m.fail, m.after
	m.mu.Unlock()
	if fail != nil {
		if err := fail(cmd); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.state[cmd.Key] = cmd
	m.seen[cmd.Key] = append(m.seen[cmd.Key], cmd.Version)
	m.mu.Unlock()
	if after != nil {
		return after(cmd)
	}
	return nil
}

func (m *readModel) Down(ctx context.Context, cmd cqrs.Command[order]) error {
	if !cmd.Deleted {
		return errors.New("Down for a command that is no deletion")
	}
	return m.Up(ctx, cmd)
}

func (m *readModel) versions(sk string) []int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seen[orderKey(sk)])
}

// log is a source of commands.
type commandLog map[cqrs.Key][]cqrs.Command[cqrs.Image]

func (l commandLog) add(t tester, commands ...cqrs.Command[order]) commandLog {
	for _, c := range commands {
		l[c.Key] = append(l[c.Key], orderRow(t, c))
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

func parkedOf(t tester, s cqrs.SyncStore) []cqrs.Parked {
	t.Helper()
	var all []cqrs.Parked
	for p, err := range s.List(context.Background(), commandTable, "") {
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

func TestApplyGatesByVersion(t *testing.T) {
	t.Parallel()
	deleted := orderAt("1", 3)
	deleted.Deleted = true
	tests := map[string]struct {
		apply []cqrs.Command[order]
		seen  []int64
		state int64
		gone  bool
	}{
		"in order":               {[]cqrs.Command[order]{orderAt("1", 1), orderAt("1", 2)}, []int64{1, 2}, 2, false},
		"twice":                  {[]cqrs.Command[order]{orderAt("1", 1), orderAt("1", 1)}, []int64{1}, 1, false},
		"the older one later":    {[]cqrs.Command[order]{orderAt("1", 2), orderAt("1", 1)}, []int64{2}, 2, false},
		"a gap":                  {[]cqrs.Command[order]{orderAt("1", 1), orderAt("1", 5)}, []int64{1, 5}, 5, false},
		"late after a deletion":  {[]cqrs.Command[order]{orderAt("1", 1), deleted, orderAt("1", 2)}, []int64{1, 3}, 3, true},
		"again after a deletion": {[]cqrs.Command[order]{deleted, orderAt("1", 4)}, []int64{3, 4}, 4, false},
		"only a deletion":        {[]cqrs.Command[order]{deleted, deleted}, []int64{3}, 3, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model, store := newReadModel(), cqrs.NewMemorySync()
			s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model))
			for _, c := range test.apply {
				require.NoError(t, s.Apply(t.Context(), c))
			}
			require.Equal(t, test.seen, model.versions("1"))
			require.Equal(t, test.state, model.state[orderKey("1")].Version)
			progress, err := store.Load(t.Context(), cqrs.SyncKey{Table: commandTable, Target: "rds", Tenant: "acme", Key: orderKey("1")})
			require.NoError(t, err)
			require.Equal(t, test.state, progress.Version)
			require.Equal(t, test.gone, progress.Deleted, "a tombstone")
			require.NotEmpty(t, progress.Hash)
		})
	}
}

func TestApplyRefusesWhatHasNoIdentity(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model))
	require.ErrorContains(t, s.Apply(t.Context(), orderAt("1", 0)), "no version")
	require.ErrorContains(t, s.Apply(t.Context(), orderAt("", 1)), "without a key")
	foreign := orderAt("1", 1)
	foreign.TenantCode = "other"
	require.ErrorIs(t, s.Apply(t.Context(), foreign), cqrs.ErrForeignTenant)
	require.ErrorContains(t, s.Apply(t.Context(), orderAt("1", 1), "elsewhere"), `no target "elsewhere"`)
	require.Empty(t, model.seen)
}

func TestApplyRunsAllTargetsAndRetriesOnlyThoseBehind(t *testing.T) {
	t.Parallel()
	rds, search, cache := newReadModel(), newReadModel(), newReadModel()
	broken := errors.New("index is closed")
	search.fail = func(cqrs.Command[order]) error { return broken }
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(),
		cqrs.Target("search", search), cqrs.Target("rds", rds), cqrs.Target("cache", cache))

	err := s.Apply(t.Context(), orderAt("1", 1))
	require.ErrorIs(t, err, broken)
	failed, ok := errors.AsType[*cqrs.SyncError](err)
	require.True(t, ok)
	require.Equal(t, "search", failed.Target)
	require.Equal(t, []int64{1}, rds.versions("1"))
	require.Equal(t, []int64{1}, cache.versions("1"))

	search.fail = nil
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	for _, model := range []*readModel{rds, search, cache} {
		require.Equal(t, []int64{1}, model.versions("1"))
	}
}

func TestApplyToNamedTargetsOnly(t *testing.T) {
	t.Parallel()
	rds, search := newReadModel(), newReadModel()
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", rds), cqrs.Target("search", search))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1), "search"))
	require.Empty(t, rds.versions("1"))
	require.Equal(t, []int64{1}, search.versions("1"))
}

// upDown notes which method was called.
type upDown struct{ calls []string }

func (u *upDown) Up(_ context.Context, c cqrs.Command[order]) error {
	u.calls = append(u.calls, fmt.Sprint("up ", c.Version))
	return nil
}

func (u *upDown) Down(_ context.Context, c cqrs.Command[order]) error {
	u.calls = append(u.calls, fmt.Sprint("down ", c.Version))
	return nil
}

func TestDownIsCalledForDeletionsAlone(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]cqrs.TargetOption{nil, {cqrs.Sequential()}, {cqrs.SelfGated()}} {
		handler := &upDown{}
		s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", handler, opts...))
		for n := int64(1); n <= 3; n++ {
			c := orderAt("1", n)
			c.Deleted = n == 2
			require.NoError(t, s.Apply(t.Context(), c))
		}
		require.Equal(t, []string{"up 1", "down 2", "up 3"}, handler.calls)
	}
}

func TestDownNeverSwallowsErrors(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	broken := errors.New("no connection")
	model.fail = func(cqrs.Command[order]) error { return broken }
	deleted := orderAt("1", 2)
	deleted.Deleted = true
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model))
	require.ErrorIs(t, s.Apply(t.Context(), deleted), broken)
	model.fail = nil
	require.NoError(t, s.Apply(t.Context(), deleted))
	require.Equal(t, []int64{2}, model.versions("1"))
}

func TestEqualVersionWithOtherContentDiverges(t *testing.T) {
	t.Parallel()
	model, store, alarms := newReadModel(), cqrs.NewMemorySync(), &alarmLog{}
	var outcomes []cqrs.SyncOutcome
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).With(
		cqrs.SyncAlarm(alarms), cqrs.SyncLogger(quiet()),
		cqrs.OnSync(func(_ context.Context, r cqrs.SyncResult) { outcomes = append(outcomes, r.Outcome) }))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	other := orderAt("1", 1)
	other.Attributes.Total = 7
	err := s.Apply(t.Context(), other)
	require.ErrorIs(t, err, cqrs.ErrDiverged)
	require.Equal(t, []int64{1}, model.versions("1"))
	require.Equal(t, int64(100), model.state[orderKey("1")].Attributes.Total)
	require.Equal(t, []cqrs.SyncOutcome{cqrs.SyncApplied, cqrs.SyncDiverged}, outcomes)
	require.Len(t, alarms.all(), 1)
	parked := parkedOf(t, store)
	require.Len(t, parked, 1, "marked for repair")
	require.True(t, parked[0].Diverged())

	// The mark holds nothing back, and something newer takes it away.
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
	require.Equal(t, []int64{1, 2}, model.versions("1"))
	require.Empty(t, parkedOf(t, store))
}

func TestReplaceEqualRepairsAndNeverGoesBack(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model)).With(cqrs.SyncLogger(quiet()))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
	other := orderAt("1", 2)
	other.Attributes.Total = 7
	require.Error(t, s.Apply(t.Context(), other))
	ctx := cqrs.WithReplaceEqual(t.Context())
	require.NoError(t, s.Apply(ctx, orderAt("1", 1)))
	require.NoError(t, s.Apply(ctx, other))
	require.Equal(t, []int64{2, 2}, model.versions("1"))
	require.Equal(t, int64(7), model.state[orderKey("1")].Attributes.Total)
	require.NoError(t, s.Apply(t.Context(), other), "now it is the same")
}

func TestReplayLeavesOutWhatMustNotHappenAgain(t *testing.T) {
	t.Parallel()
	rds, mail := newReadModel(), newReadModel()
	replays := 0
	rds.after = func(cqrs.Command[order]) error { return nil }
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", rds), cqrs.Target("mail", mail, cqrs.NoReplay())).
		With(cqrs.OnSync(func(_ context.Context, r cqrs.SyncResult) {
			if r.Replay {
				replays++
			}
		}))
	require.NoError(t, s.Apply(cqrs.WithReplay(t.Context()), orderAt("1", 1)))
	require.Equal(t, []int64{1}, rds.versions("1"))
	require.Empty(t, mail.versions("1"))
	require.Equal(t, 1, replays)
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 2)))
	require.Equal(t, []int64{2}, mail.versions("1"))
}

func TestFailuresAreWrittenDownAfterTheDeadline(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), cqrs.NewMemorySync()
	ctx, cancel := context.WithCancel(t.Context())
	model.fail = func(cqrs.Command[order]) error { cancel(); return ctx.Err() }
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model, cqrs.ParkAfter(1))).With(cqrs.SyncLogger(quiet()))
	require.NoError(t, s.Apply(ctx, orderAt("1", 1)))
	require.Len(t, parkedOf(t, store), 1)
}

func TestWhatIsAppliedIsWrittenDownAfterTheDeadline(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), cqrs.NewMemorySync()
	ctx, cancel := context.WithCancel(t.Context())
	model.after = func(cqrs.Command[order]) error { cancel(); return nil }
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model))
	require.NoError(t, s.Apply(ctx, orderAt("1", 1)))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.Equal(t, []int64{1}, model.versions("1"), "not a second time")
}

func TestSchemaUpcasts(t *testing.T) {
	t.Parallel()
	model, store := newReadModel(), cqrs.NewMemorySync()
	schema := cqrs.Schema{Version: 3, Upcasters: map[int]cqrs.Upcaster{
		1: func(i cqrs.Image) (cqrs.Image, error) {
			return cqrs.NewImage(map[string]any{"amount": 5})
		},
		2: func(i cqrs.Image) (cqrs.Image, error) {
			var old struct{ Amount int64 }
			if err := i.Unmarshal(&old); err != nil {
				return i, err
			}
			return cqrs.NewImage(map[string]any{"total": old.Amount * 2})
		},
	}}
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).With(cqrs.SyncSchema(schema), cqrs.SyncLogger(quiet()))
	row := orderRow(t, orderAt("1", 1))
	require.NoError(t, s.ApplyRow(t.Context(), row))
	require.Equal(t, int64(10), model.state[orderKey("1")].Attributes.Total)
	require.Equal(t, 3, model.state[orderKey("1")].Schema)

	row = orderRow(t, orderAt("2", 1))
	row.Schema = 4
	require.NoError(t, s.ApplyRow(t.Context(), row), "parked until the deployment is through")
	parked := parkedOf(t, store)
	require.Len(t, parked, 1)
	require.Contains(t, parked[0].Reason, "newer than 3")
	newer := schema
	newer.Version = 4
	newer.Upcasters = nil
	after := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)).
		With(cqrs.SyncSchema(newer), cqrs.SyncSource(commandLog{row.Key: {row}}))
	freed, err := after.Unpark(t.Context(), "rds")
	require.NoError(t, err)
	require.Equal(t, 1, freed)

	row = orderRow(t, orderAt("3", 1))
	row.Schema = 2
	require.NoError(t, after.With(cqrs.SyncLogger(quiet())).ApplyRow(t.Context(), row))
	require.Contains(t, parkedOf(t, store)[0].Reason, "no upcaster")
}

func TestNewDataSyncPanics(t *testing.T) {
	t.Parallel()
	target := cqrs.Target("rds", newReadModel())
	for want, f := range map[string]func(){
		"needs the name":     func() { cqrs.NewDataSync("", cqrs.NewMemorySync(), target) },
		"needs a SyncStore":  func() { cqrs.NewDataSync(commandTable, nil, target) },
		"needs a target":     func() { cqrs.NewDataSync[order](commandTable, cqrs.NewMemorySync()) },
		"are named":          func() { cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), target, target) },
		"needs a name":       func() { cqrs.Target("a#b", newReadModel()) },
		"needs a handler":    func() { cqrs.Target[order]("rds", nil) },
		"at least 1 attempt": func() { cqrs.ParkAfter(0) },
		"needs a registry":   func() { cqrs.RegisterDataSync[order](nil, nil) },
		"needs a DataSync":   func() { cqrs.RegisterDataSync[order](cqrs.NewRegistry(), nil) },
		"made with Target":   func() { cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.SyncTarget[order]{}) },
		"two routes are name": func() {
			r, s := cqrs.NewRegistry(), cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), target)
			cqrs.RegisterDataSync(r, s)
			cqrs.RegisterDataSync(r, s)
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			defer func() { require.Contains(t, fmt.Sprint(recover()), want) }()
			f()
		})
	}
}
