package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// filled is a store with n orders of three versions, the last of every third one
// a deletion, all of them in the data.
func filled(t require.TestingT, n int) command.Store {
	store := command.NewMemory()
	s := command.New(command.Config[order]{Store: store})
	for i := range n {
		for v := range int64(3) {
			c := newOrder(fmt.Sprint(i), 100*v+int64(i))
			c.Version = v
			c.Deleted = v == 2 && i%3 == 0
			_, err := s.PublishSync(context.Background(), c)
			require.NoError(t, err)
		}
	}
	return store
}

func TestRebuildBringsATargetToTheSource(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]command.Rebuild{
		"one segment": {}, "pages": {PageSize: 3}, "segments": {Segments: 4, PageSize: 2}, "commands": {Commands: true, Segments: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, model, mail := filled(t, 10), &readModel{}, &readModel{}
			replays := 0
			model.fail = func(cqrs.Command[order]) error { return nil }
			sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(),
				cqrs.Target("rds-v2", model), cqrs.Target("mail", mail, cqrs.NoReplay()), command.Target[order](store)).
				With(cqrs.OnSync(func(_ context.Context, r cqrs.SyncResult) {
					if !r.Replay {
						replays++
					}
				}))
			s := command.New(command.Config[order]{Store: store, Sync: sync})
			var last command.RebuildProgress
			r.Progress = func(p command.RebuildProgress) { last = p }
			rows, err := s.Rebuild(t.Context(), r)
			require.NoError(t, err)
			want := int64(10)
			if r.Commands {
				want = 30
			}
			require.Equal(t, want, rows)
			require.Equal(t, command.RebuildProgress{Rows: want, Segments: max(r.Segments, 1), Done: max(r.Segments, 1)}, last)
			require.Len(t, model.state, 10)
			for i := range 10 {
				got := model.state[key(fmt.Sprint(i))]
				require.Equal(t, int64(3), got.Version)
				require.Equal(t, i%3 == 0, got.Deleted)
			}
			require.Empty(t, mail.state, "not done again")
			require.Zero(t, replays)
			calls := model.calls
			_, err = s.Rebuild(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, calls, model.calls, "the second time there is nothing to do")
		})
	}
}

// TestRebuildDataFromCommands builds the data and history anew from the commands.
func TestRebuildDataFromCommands(t *testing.T) {
	t.Parallel()
	from, to := filled(t, 5), command.NewMemory()
	for i := range 5 {
		for v := int64(1); v <= 3; v++ {
			row, err := from.GetCommand(t.Context(), key(fmt.Sprint(i)), v)
			require.NoError(t, err)
			require.NoError(t, to.Append(t.Context(), row))
		}
	}
	s := command.New(command.Config[order]{Store: to, Sync: cqrs.NewDataSync(table, cqrs.NewMemorySync(), command.Target[order](to))})
	_, err := s.Rebuild(t.Context(), command.Rebuild{Commands: true, PageSize: 2})
	require.NoError(t, err)
	for i := range 5 {
		want, err := from.Get(t.Context(), key(fmt.Sprint(i)))
		require.NoError(t, err)
		got, err := to.Get(t.Context(), key(fmt.Sprint(i)))
		require.NoError(t, err)
		require.Equal(t, want, got)
		versions := 0
		for range s.History(t.Context(), key(fmt.Sprint(i))) {
			versions++
		}
		require.Equal(t, 3, versions)
	}
}

// TestRebuildResumes ends the process at any checkpoint, and goes on from the last
// one that was kept, by way of JSON.
func TestRebuildResumes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store, model := filled(t, 8), &readModel{}
		sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(), cqrs.Target("rds", model))
		s := command.New(command.Config[order]{Store: store, Sync: sync})
		segments, page := rapid.IntRange(1, 3).Draw(t, "segments"), rapid.IntRange(1, 4).Draw(t, "page")
		var kept []byte
		gone := errors.New("the process is gone")
		for round := 0; ; round++ {
			require.Less(t, round, 100)
			var from command.Checkpoint
			if kept != nil {
				require.NoError(t, json.Unmarshal(kept, &from))
			}
			if from.Finished() {
				break
			}
			pages := rapid.IntRange(1, 4).Draw(t, "pages until the end")
			before := rapid.Bool().Draw(t, "before it is kept")
			_, err := s.Rebuild(context.Background(), command.Rebuild{
				Segments: segments, PageSize: page, From: from,
				Save: func(_ context.Context, c command.Checkpoint) error {
					pages--
					if pages < 0 || pages == 0 && before && round < 20 {
						return gone
					}
					text, err := json.Marshal(c)
					kept = text
					if pages == 0 && err == nil && !c.Finished() {
						return gone
					}
					return err
				},
			})
			if err != nil {
				require.ErrorIs(t, err, gone)
			}
		}
		require.Len(t, model.state, 8)
		require.Equal(t, 8, model.calls, "the gates make repeated pages harmless")
	})
}

// TestRebuildAndLiveCommute lets the stream go on in any order with the rebuild.
func TestRebuildAndLiveCommute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store, model, ledger := filled(t, 3), &readModel{}, map[cqrs.Key][]int64{}
		progress := cqrs.NewMemorySync()
		sync := cqrs.NewDataSync(table, progress, cqrs.Target("rds", model), cqrs.Target("ledger", ledgerOf(ledger), cqrs.Sequential()))
		s := command.New(command.Config[order]{Store: store, Sync: sync})
		var live []command.Row
		for i := range 3 {
			for v := int64(1); v <= 3; v++ {
				row, err := store.GetCommand(context.Background(), key(fmt.Sprint(i)), v)
				require.NoError(t, err)
				live = append(live, row)
			}
		}
		live = rapid.Permutation(live).Draw(t, "live")
		_, err := s.Rebuild(context.Background(), command.Rebuild{PageSize: 1, Progress: func(command.RebuildProgress) {
			for range rapid.IntRange(0, len(live)).Draw(t, "live records") {
				require.NoError(t, sync.ApplyRow(context.Background(), live[0]))
				live = live[1:]
			}
		}})
		require.NoError(t, err)
		for _, row := range live {
			require.NoError(t, sync.ApplyRow(context.Background(), row))
		}
		for i := range 3 {
			k := key(fmt.Sprint(i))
			require.Equal(t, int64(3), model.state[k].Version)
			require.Equal(t, []int64{1, 2, 3}, ledger[k])
		}
	})
}

type ledgerOf map[cqrs.Key][]int64

func (l ledgerOf) Up(_ context.Context, c cqrs.Command[order]) error {
	l[c.Key] = append(l[c.Key], c.Version)
	return nil
}

func (l ledgerOf) Down(ctx context.Context, c cqrs.Command[order]) error { return l.Up(ctx, c) }

func TestRebuildPacesAndEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, model := filled(t, 10), &readModel{}
		sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(), cqrs.Target("rds", model)).With(cqrs.SyncLogger(quiet()))
		s := command.New(command.Config[order]{Store: store, Sync: sync})
		start := time.Now()
		_, err := s.Rebuild(t.Context(), command.Rebuild{Rate: 2, Segments: 2})
		require.NoError(t, err)
		require.Equal(t, 4500*time.Millisecond, time.Since(start), "the first at once, nine more every half a second")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		rows, err := s.Rebuild(ctx, command.Rebuild{Rate: 2})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, rows, int64(4))
	})
}

func TestRebuildParksPoisonAndGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, model, syncStore := filled(t, 5), &readModel{}, cqrs.NewMemorySync()
		model.fail = func(c cqrs.Command[order]) error {
			if c.SK == "2" {
				return errors.New("poison")
			}
			return nil
		}
		sync := cqrs.NewDataSync(table, syncStore, cqrs.Target("rds", model)).With(cqrs.SyncLogger(quiet()))
		s := command.New(command.Config[order]{Store: store, Sync: sync})
		rows, err := s.Rebuild(t.Context(), command.Rebuild{})
		require.NoError(t, err)
		require.Equal(t, int64(5), rows)
		require.Len(t, model.state, 4)
		parked := 0
		for range sync.Parked(t.Context(), "rds") {
			parked++
		}
		require.Equal(t, 1, parked)
		_, err = s.Rebuild(t.Context(), command.Rebuild{From: command.Checkpoint{Cursors: []string{""}}})
		require.ErrorContains(t, err, "segments")
		_, err = command.New(command.Config[order]{Store: store}).Rebuild(t.Context(), command.Rebuild{})
		require.ErrorContains(t, err, "Config.Sync")
	})
}

func TestVerifyFindsEveryKindOfDriftAndRepairMendsIt(t *testing.T) {
	t.Parallel()
	store, model, progress := filled(t, 6), &readModel{}, cqrs.NewMemorySync()
	sync := cqrs.NewDataSync(table, progress, cqrs.Target("rds", model), command.Target[order](store)).With(cqrs.SyncLogger(quiet()))
	s := command.New(command.Config[order]{Store: store, Sync: sync})
	row := func(sk string, version int64) command.Row {
		row, err := store.GetCommand(t.Context(), key(sk), version)
		require.NoError(t, err)
		return row
	}
	require.NoError(t, sync.ApplyRow(t.Context(), row("1", 3), "rds"))
	require.NoError(t, sync.ApplyRow(t.Context(), row("2", 2), "rds")) // stale
	other := row("3", 3)
	other.Attributes, _ = cqrs.NewImage(order{Total: 666})
	require.NoError(t, sync.ApplyRow(t.Context(), other, "rds")) // diverged
	model.fail = func(cqrs.Command[order]) error { return cqrs.Permanent(errors.New("bad")) }
	require.NoError(t, sync.ApplyRow(t.Context(), row("4", 3), "rds")) // parked
	model.fail = nil
	require.NoError(t, sync.ApplyRow(t.Context(), row("5", 3), "rds"))
	ghost := newOrder("ghost", 1)
	ghost.Version = 1
	require.NoError(t, sync.Apply(t.Context(), ghost, "rds")) // extra

	verify := func(target string) map[string]command.Drift {
		all := map[string]command.Drift{}
		for d, err := range s.Verify(t.Context(), target) {
			require.NoError(t, err)
			all[d.Key.SK] = d
		}
		return all
	}
	found := verify("rds")
	kinds := map[string]command.DriftKind{}
	for sk, d := range found {
		kinds[sk] = d.Kind
	}
	require.Equal(t, map[string]command.DriftKind{
		"0": command.DriftMissing, "2": command.DriftStale, "3": command.DriftDiverged, "4": command.DriftParked, "ghost": command.DriftExtra,
	}, kinds)
	require.Equal(t, int64(3), found["2"].Source)
	require.Equal(t, int64(2), found["2"].Applied)
	require.Equal(t, "acme", found["2"].Tenant)
	text, err := json.Marshal(found["ghost"])
	require.NoError(t, err)
	require.JSONEq(t, `{"kind":"extra","target":"rds","tenant":"acme","key":{"pk":"ORDER#acme","sk":"ghost"},"source":0,"applied":1}`, string(text))

	require.NoError(t, s.Repair(t.Context(), found["0"], false))
	require.NoError(t, s.Repair(t.Context(), found["2"], false))
	require.ErrorIs(t, s.Repair(t.Context(), found["3"], false), cqrs.ErrDiverged)
	require.NoError(t, s.Repair(t.Context(), found["3"], true))
	require.ErrorContains(t, s.Repair(t.Context(), found["4"], true), "Unpark")
	require.ErrorContains(t, s.Repair(t.Context(), found["ghost"], true), "nothing to send")
	_, err = sync.Unpark(t.Context(), "rds")
	require.NoError(t, err)
	require.Equal(t, []string{"ghost"}, keysOf(verify("rds")))
	require.Equal(t, row("3", 3).Version, model.state[key("3")].Version)
	require.Equal(t, int64(203), model.state[key("3")].Attributes.Total)

	require.Empty(t, verify(command.TargetData))
	_, err = s.Publish(t.Context(), newOrder("new", 1)) // no stream here
	require.NoError(t, err)
	require.Equal(t, command.DriftMissing, verify(command.TargetData)["new"].Kind)
	graceful := command.New(command.Config[order]{Store: store, Sync: sync, Grace: time.Hour})
	for range graceful.Verify(t.Context(), command.TargetData) {
		require.Fail(t, "it may be on its way")
	}
	require.NoError(t, s.Repair(t.Context(), verify(command.TargetData)["new"], false))
	require.Empty(t, verify(command.TargetData))

	for _, err := range s.Verify(t.Context(), "nowhere") {
		require.ErrorContains(t, err, "no target")
	}
}

// TestVerifyLooksAtTheReadModel: the progress is right, and the read model is not,
// since somebody has been at it by hand.
func TestVerifyLooksAtTheReadModel(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]cqrs.TargetOption{"snapshot": nil, "sequential": {cqrs.Sequential()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, model, asked := filled(t, 3), &readModel{}, 0
			presence := cqrs.Presence(func(_ context.Context, k cqrs.SyncKey) (bool, error) {
				asked++
				require.Equal(t, cqrs.SyncKey{Table: table, Target: "rds", Tenant: "acme", Key: k.Key}, k)
				if k.Key.SK == "2" && asked > 100 {
					return false, errors.New("unreachable")
				}
				c, ok := model.state[k.Key]
				return ok && !c.Deleted, nil
			})
			sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(),
				cqrs.Target("rds", model, append(options, presence)...), command.Target[order](store)).With(cqrs.SyncLogger(quiet()))
			s := command.New(command.Config[order]{Store: store, Sync: sync})
			rows, _, err := store.Scan(t.Context(), command.Page{Commands: true})
			require.NoError(t, err)
			for _, row := range rows {
				require.NoError(t, sync.ApplyRow(t.Context(), row, "rds"))
			}
			verify := func() map[string]command.Drift {
				all := map[string]command.Drift{}
				for d, err := range s.Verify(t.Context(), "rds") {
					require.NoError(t, err)
					all[d.Key.SK] = d
				}
				return all
			}
			require.Empty(t, verify())
			require.Equal(t, 3, asked)

			resurrected := model.state[key("0")]
			resurrected.Deleted = false
			model.state[key("0")] = resurrected
			delete(model.state, key("2"))
			found := verify()
			require.Len(t, found, 2)
			require.Equal(t, command.DriftDiverged, found["0"].Kind)
			require.Contains(t, found["0"].Reason, "shows it")
			require.Equal(t, command.DriftMissing, found["2"].Kind)
			require.Equal(t, int64(3), found["2"].Applied)
			require.Contains(t, found["2"].Reason, "does not show it")

			require.ErrorIs(t, s.Repair(t.Context(), found["0"], false), cqrs.ErrDiverged)
			if options != nil {
				require.ErrorContains(t, s.Repair(t.Context(), found["2"], true), "rebuild it")
				return
			}
			require.NoError(t, s.Repair(t.Context(), found["0"], true))
			require.NoError(t, s.Repair(t.Context(), found["2"], false))
			require.Empty(t, verify())
			asked = 100
			for _, err := range s.Verify(t.Context(), "rds") {
				require.ErrorContains(t, err, "unreachable")
			}
		})
	}
	require.PanicsWithValue(t, "cqrs: Presence needs a function, not nil", func() { cqrs.Presence(nil) })
}

func TestVerifyNeedsToAskASelfGatedTarget(t *testing.T) {
	t.Parallel()
	store := filled(t, 1)
	sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(), cqrs.Target("rds", &readModel{}, cqrs.SelfGated()))
	s := command.New(command.Config[order]{Store: store, Sync: sync})
	for _, err := range s.Verify(t.Context(), "rds") {
		require.ErrorContains(t, err, "SyncProber")
	}
}

func keysOf(drift map[string]command.Drift) (keys []string) {
	for sk := range drift {
		keys = append(keys, sk)
	}
	return keys
}
