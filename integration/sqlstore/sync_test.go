package sqlstore_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

func TestSyncStoreConformance(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		cqrstest.SyncStore(t, func(t *testing.T) cqrs.SyncStore {
			t.Helper()
			return sqlstore.NewSync(open(t))
		})
	})
}

func syncKey(target, sk string) cqrs.SyncKey {
	return cqrs.SyncKey{Table: commandTable, Target: target, Tenant: "acme", Key: orderKey(sk)}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		store := sqlstore.NewSync(open(t))
		claimer := store.(cqrs.SyncClaimer)
		k := syncKey("search", "1")
		claims := func() []cqrs.SyncClaim {
			t.Helper()
			status, err := store.(cqrs.SyncReader).Status(t.Context(), []cqrs.SyncKey{k})
			require.NoError(t, err)
			return status[0].Claims
		}
		a, b, long := cqrs.SyncClaim{Version: 1, Owner: "a"}, cqrs.SyncClaim{Version: 1, Owner: "b"}, cqrs.SyncClaim{Version: 11, Owner: "a"}
		odd := cqrs.SyncClaim{Version: 1, Owner: "]1@a[ \x00%"}
		for _, c := range []cqrs.SyncClaim{a, b, long, odd} {
			require.NoError(t, claimer.Claim(t.Context(), k, 0, c))
		}
		require.ElementsMatch(t, []cqrs.SyncClaim{a, b, long, odd}, claims())
		progress, err := store.Load(t.Context(), k)
		require.NoError(t, err)
		require.Zero(t, progress, "a claim is no progress")
		require.Empty(t, walk(t, store.(cqrs.SyncWalker), "search"))

		require.NoError(t, claimer.Complete(t.Context(), k, 0, cqrs.Progress{Version: 1, Hash: "h"}, a))
		require.ElementsMatch(t, []cqrs.SyncClaim{b, long, odd}, claims(), "the others go on")
		require.ErrorIs(t, claimer.Claim(t.Context(), k, 0, a), cqrs.ErrVersionConflict)
		require.ErrorIs(t, claimer.Claim(t.Context(), k, 2, a), cqrs.ErrVersionConflict)
		require.ErrorIs(t, claimer.Claim(t.Context(), k, -1, a), cqrs.ErrVersionConflict)
		require.ErrorIs(t, claimer.Complete(t.Context(), k, 0, cqrs.Progress{Version: 2}, b), cqrs.ErrVersionConflict)
		c := cqrs.SyncClaim{Version: 2, Owner: "c"}
		require.NoError(t, claimer.Claim(t.Context(), k, 1, c))
		require.NoError(t, claimer.Complete(t.Context(), k, 1, cqrs.Progress{Version: 1, Hash: "h2"}, c))
		require.ElementsMatch(t, []cqrs.SyncClaim{b, long, odd}, claims())
		require.ErrorIs(t, claimer.Claim(t.Context(), syncKey("search", "unknown"), -1, a), cqrs.ErrVersionConflict)
		require.NoError(t, claimer.Claim(t.Context(), k, 1, a))
		for _, c := range []cqrs.SyncClaim{a, b, odd} {
			require.NoError(t, claimer.Release(t.Context(), k, c))
		}
		require.Equal(t, []cqrs.SyncClaim{long}, claims())
		require.NoError(t, claimer.Release(t.Context(), syncKey("search", "unknown"), a))
		require.Equal(t, []cqrs.SyncKey{k}, walk(t, store.(cqrs.SyncWalker), "search"))
	})
}

func walk(t *testing.T, w cqrs.SyncWalker, target string) (keys []cqrs.SyncKey) {
	t.Helper()
	for k, err := range w.Walk(t.Context(), commandTable, target) {
		require.NoError(t, err)
		keys = append(keys, k)
	}
	return keys
}

// TestPages: what spans pages is listed once each, in order, also while the caller
// changes it; keys come back as they were.
func TestPages(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		db := open(t)
		db.SetMaxOpenConns(1) // whoever holds a connection while handing out rows blocks here
		store := sqlstore.NewSync(db)
		var keys []cqrs.SyncKey
		for i := range 205 {
			k := syncKey("search", fmt.Sprintf("%03d", i))
			keys = append(keys, k)
			require.NoError(t, store.Advance(t.Context(), k, 0, cqrs.Progress{Version: 1, Hash: "h", Deleted: i%2 == 0}))
			require.NoError(t, store.Park(t.Context(), cqrs.Parked{SyncKey: k, Version: 2, LatestSeen: int64(i)}))
		}
		for _, other := range []cqrs.SyncKey{syncKey("searc", "1"), syncKey("search1", "1"), {Table: "other", Target: "search", Key: orderKey("1")}} {
			require.NoError(t, store.Advance(t.Context(), other, 0, cqrs.Progress{Version: 1}))
			require.NoError(t, store.Park(t.Context(), cqrs.Parked{SyncKey: other, Version: 1, LatestSeen: 1}))
		}
		require.Equal(t, keys, walk(t, store.(cqrs.SyncWalker), "search"))
		status, err := store.(cqrs.SyncReader).Status(t.Context(), keys)
		require.NoError(t, err)
		for i := range keys {
			require.Equal(t, cqrs.Progress{Version: 1, Hash: "h", Deleted: i%2 == 0}, status[i].Progress)
			require.Equal(t, int64(i), status[i].Parked.LatestSeen)
			require.Equal(t, keys[i], status[i].Parked.SyncKey)
		}
		var listed []cqrs.SyncKey
		for p, err := range store.List(t.Context(), commandTable, "search") {
			require.NoError(t, err)
			listed = append(listed, p.SyncKey)
			done, err := store.Unpark(t.Context(), p.SyncKey, p.LatestSeen)
			require.NoError(t, err)
			require.True(t, done)
		}
		require.Equal(t, keys, listed)

		odd := syncKey("odd", "1")
		odd.Tenant, odd.Key.PK, odd.Key.SK = "\x1a0", "\x00\x1a", "'\"\\%"
		require.NoError(t, store.Advance(t.Context(), odd, 0, cqrs.Progress{Version: 1}))
		require.Equal(t, []cqrs.SyncKey{odd}, walk(t, store.(cqrs.SyncWalker), "odd"))
		odd.Key.SK = "\xff"
		require.ErrorContains(t, store.Advance(t.Context(), odd, 0, cqrs.Progress{Version: 1}), "UTF-8")
	})
}

// TestParkOverMark: what holds an aggregate back takes the place of a mark of
// divergence, and not the other way round.
func TestParkOverMark(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		for name, store := range map[string]cqrs.SyncStore{"memory": cqrs.NewMemorySync(), "sql": sqlstore.NewSync(open(t))} {
			at := time.UnixMicro(1234567).UTC()
			mark := cqrs.Parked{SyncKey: syncKey("search", "1"), Version: 5, LatestSeen: 5, Attempts: 1, Reason: "diverged: x", Since: at}
			held := cqrs.Parked{SyncKey: mark.SyncKey, Version: 3, LatestSeen: 4, Attempts: 10, Reason: "broken", Since: at.Add(time.Hour)}
			later := cqrs.Parked{SyncKey: mark.SyncKey, Version: 6, LatestSeen: 6, Attempts: 1, Reason: "broken too", Since: at}
			for _, p := range []cqrs.Parked{mark, held, mark, later} {
				require.NoError(t, store.Park(t.Context(), p))
			}
			held.LatestSeen = 6
			require.Equal(t, []cqrs.Parked{held}, list(t, store), name)
			status, err := store.(cqrs.SyncReader).Status(t.Context(), []cqrs.SyncKey{held.SyncKey})
			require.NoError(t, err)
			require.Equal(t, &held, status[0].Parked, name)
		}
	})
}

func list(t *testing.T, store cqrs.SyncStore) (all []cqrs.Parked) {
	t.Helper()
	for p, err := range store.List(t.Context(), commandTable, "") {
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

// TestFailuresAreForgotten once a version has been applied or unparked.
func TestFailuresAreForgotten(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		store, k := sqlstore.NewSync(open(t)), syncKey("search", "1")
		fail := func(version int64, want int) {
			t.Helper()
			attempts, err := store.Fail(t.Context(), k, version, "broken")
			require.NoError(t, err)
			require.Equal(t, want, attempts)
		}
		fail(1, 1)
		fail(2, 1)
		fail(1, 2) // in turns, as a stream brings them
		require.NoError(t, store.Advance(t.Context(), k, 0, cqrs.Progress{Version: 1}))
		fail(2, 1)
		require.NoError(t, store.Advance(t.Context(), k, 1, cqrs.Progress{Version: 1, Hash: "replaced"}))
		fail(2, 1)
		fail(2, 2)
		require.NoError(t, store.Park(t.Context(), cqrs.Parked{SyncKey: k, Version: 2, LatestSeen: 2}))
		done, err := store.Unpark(t.Context(), k, 2)
		require.NoError(t, err)
		require.True(t, done)
		fail(2, 1)
	})
}
