package cqrstest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// SyncStore checks that a store keeps every promise of [cqrs.SyncStore].
func SyncStore[F Factory[cqrs.SyncStore]](t *testing.T, newStore F) {
	t.Helper()
	runSuite[cqrs.SyncStore](t, newStore, syncChecks())
}

type syncWorld = world[cqrs.SyncStore]

func syncChecks() []check[cqrs.SyncStore] {
	return []check[cqrs.SyncStore]{
		{"what is unknown has no progress", checkUnknownProgress},
		{"progress is kept in full", checkProgress},
		{"advancing is conditional on the version", checkAdvance},
		{"a tombstone can be left again", checkTombstone},
		{"of many that race one advances", checkAdvanceRace},
		{"keys are told apart by each of their parts", checkSyncKeys},
		{"failed attempts are counted for each version", checkFail},
		{"failed attempts that race are all counted", checkFailRace},
		{"parking is kept in full", checkPark},
		{"parking again changes nothing but the latest seen", checkParkAgain},
		{"the latest seen only grows, in a race too", checkParkRace},
		{"an entry goes only when all that was seen is applied", checkUnpark},
		{"what is not parked cannot be unparked", checkUnparkUnknown},
		{"an entry and its progress do not concern each other", checkIndependence},
		{"the list is of one table and one target, or all of them", checkList},
		{"a list can be left early", checkListBreak},
		{"a list of nothing is empty", checkListEmpty},
		{"an ended context is an error and changes nothing", checkEndedSyncContext},
	}
}

func syncKey(w *syncWorld, name string) cqrs.SyncKey {
	return cqrs.SyncKey{
		Table: w.key("table"), Target: "search", Tenant: "acme",
		Key: cqrs.Key{PK: "ORDER#acme", SK: name},
	}
}

func mustLoad(t TB, w *syncWorld, k cqrs.SyncKey, want cqrs.Progress) {
	t.Helper()
	got, err := w.store.Load(t.Context(), k)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func checkUnknownProgress(t TB, w *syncWorld) { mustLoad(t, w, syncKey(w, "1"), cqrs.Progress{}) }

func checkProgress(t TB, w *syncWorld) {
	k := syncKey(w, "1")
	first := cqrs.Progress{Version: 1, Hash: "hash of version 1"}
	require.NoError(t, w.store.Advance(t.Context(), k, 0, first))
	mustLoad(t, w, k, first)
	later := cqrs.Progress{Version: 1 << 60, Hash: "", Deleted: true} // gaps are allowed
	require.NoError(t, w.store.Advance(t.Context(), k, 1, later))
	mustLoad(t, w, k, later)
}

func checkAdvance(t TB, w *syncWorld) {
	k := syncKey(w, "1")
	conflict := func(from, to int64) {
		t.Helper()
		err := w.store.Advance(t.Context(), k, from, cqrs.Progress{Version: to, Hash: "wrong"})
		require.ErrorIs(t, err, cqrs.ErrVersionConflict)
		var typed *cqrs.VersionConflict
		require.ErrorAs(t, err, &typed)
		want := cqrs.VersionConflict{Key: k.Key, Expected: from, Actual: typed.Actual}
		require.Equal(t, want, *typed)
	}
	conflict(1, 2) // there is no version 1
	mustLoad(t, w, k, cqrs.Progress{})
	require.NoError(t, w.store.Advance(t.Context(), k, 0, cqrs.Progress{Version: 3, Hash: "c"}))
	conflict(0, 4)
	conflict(2, 4)
	conflict(4, 5)
	mustLoad(t, w, k, cqrs.Progress{Version: 3, Hash: "c"})
	require.NoError(t, w.store.Advance(t.Context(), k, 3, cqrs.Progress{Version: 3, Hash: "repaired"}))
	mustLoad(t, w, k, cqrs.Progress{Version: 3, Hash: "repaired"})
}

func checkTombstone(t TB, w *syncWorld) {
	k := syncKey(w, "1")
	require.NoError(t, w.store.Advance(t.Context(), k, 0, cqrs.Progress{Version: 1, Hash: "a", Deleted: true}))
	require.NoError(t, w.store.Advance(t.Context(), k, 1, cqrs.Progress{Version: 2, Hash: "b"}))
	mustLoad(t, w, k, cqrs.Progress{Version: 2, Hash: "b"})
}

func checkAdvanceRace(t TB, w *syncWorld) {
	const runs = 32
	k := syncKey(w, "1")
	for from := range int64(2) { // of a row that is not there, and of one that is
		var winners atomic.Int64
		failures := make([]error, runs)
		race(runs, func(i int) {
			err := w.store.Advance(t.Context(), k, from, cqrs.Progress{Version: from + 1, Hash: string(encode(i))})
			switch {
			case err == nil:
				winners.Add(1)
			case !errors.Is(err, cqrs.ErrVersionConflict):
				failures[i] = err
			}
		})
		require.NoError(t, errors.Join(failures...))
		require.EqualValues(t, 1, winners.Load(), "advances from version %d", from)
	}
}

// oddKeys differ from the first in one part each, or only join to the same text.
func oddKeys(w *syncWorld) []cqrs.SyncKey {
	k := syncKey(w, "1")
	keys := []cqrs.SyncKey{k}
	for _, change := range []func(k *cqrs.SyncKey){
		func(k *cqrs.SyncKey) { k.Table += "2" },
		func(k *cqrs.SyncKey) { k.Target = "search2" },
		func(k *cqrs.SyncKey) { k.Tenant = "acme2" },
		func(k *cqrs.SyncKey) { k.Tenant = "" },
		func(k *cqrs.SyncKey) { k.Key.PK = "ORDER#acme2" },
		func(k *cqrs.SyncKey) { k.Key.SK = "12" },
		func(k *cqrs.SyncKey) { k.Key.SK = "" },
		func(k *cqrs.SyncKey) { k.Key.PK, k.Key.SK = "ORDER#acme#1", "" },
		func(k *cqrs.SyncKey) { k.Key.PK, k.Key.SK = "ORDER", "acme#1" },
		func(k *cqrs.SyncKey) { k.Tenant, k.Key.PK = "acme#ORDER#acme", "1" },
		func(k *cqrs.SyncKey) { k.Tenant, k.Key.PK = "acme#ORDER", "acme" },
		func(k *cqrs.SyncKey) { k.Key.SK = "\u6ce8\u6587 '\"\\ %_*" },
		func(k *cqrs.SyncKey) { k.Key.PK = "order#acme" },
		func(k *cqrs.SyncKey) { k.Key.SK = strings.Repeat("k", 800) },
	} {
		other := k
		change(&other)
		keys = append(keys, other)
	}
	return keys
}

// checkSyncKeys: a store may refuse a key that it could not tell from another.
func checkSyncKeys(t TB, w *syncWorld) {
	versions := map[cqrs.SyncKey]int64{}
	for i, k := range oddKeys(w) {
		version := int64(i + 1)
		err := w.store.Advance(t.Context(), k, 0, cqrs.Progress{Version: version})
		require.NotErrorIs(t, err, cqrs.ErrVersionConflict, "%q", k)
		if err != nil && i > 0 {
			continue
		}
		require.NoError(t, err, "%q", k)
		versions[k] = version
		attempts, err := w.store.Fail(t.Context(), k, 9, "cause")
		require.NoError(t, err)
		require.Equal(t, 1, attempts, "%q", k)
		mustPark(t, w, cqrs.Parked{SyncKey: k, Version: version, LatestSeen: version})
	}
	for k, version := range versions {
		mustLoad(t, w, k, cqrs.Progress{Version: version})
		require.Equal(t, version, mustFind(t, w, k).Version, "%q", k)
	}
}

func checkFail(t TB, w *syncWorld) {
	k, other := syncKey(w, "1"), syncKey(w, "2")
	fail := func(k cqrs.SyncKey, version int64, want int) {
		t.Helper()
		attempts, err := w.store.Fail(t.Context(), k, version, strings.Repeat("a long cause ", 1000))
		require.NoError(t, err)
		require.Equal(t, want, attempts)
	}
	fail(k, 1, 1)
	fail(k, 1, 2)
	fail(other, 1, 1)
	fail(k, 2, 1) // another version begins anew
	fail(k, 2, 2)
	mustLoad(t, w, k, cqrs.Progress{})
	require.Empty(t, mustList(t, w, k.Table, ""))
}

func checkFailRace(t TB, w *syncWorld) {
	const runs = 16
	counts := make([]int, runs)
	failures := make([]error, runs)
	race(runs, func(i int) { counts[i], failures[i] = w.store.Fail(t.Context(), syncKey(w, "1"), 1, "cause") })
	require.NoError(t, errors.Join(failures...))
	slices.Sort(counts)
	for i, n := range counts {
		require.Equal(t, i+1, n, "each attempt counts once: %v", counts)
	}
}

func parked(w *syncWorld, k cqrs.SyncKey) cqrs.Parked {
	return cqrs.Parked{
		SyncKey: k, Version: 3, LatestSeen: 5, Attempts: 10, Reason: "é\n\"x\": no such column",
		Since: w.now().UTC().Truncate(time.Second),
	}
}

func mustList(t TB, w *syncWorld, table, target string) map[cqrs.SyncKey]cqrs.Parked {
	t.Helper()
	all := map[cqrs.SyncKey]cqrs.Parked{}
	for p, err := range w.store.List(t.Context(), table, target) {
		require.NoError(t, err)
		require.NotContains(t, all, p.SyncKey, "listed twice")
		p.Since = p.Since.UTC()
		all[p.SyncKey] = p
	}
	return all
}

func mustFind(t TB, w *syncWorld, k cqrs.SyncKey) cqrs.Parked {
	t.Helper()
	all := mustList(t, w, k.Table, k.Target)
	require.Contains(t, all, k)
	return all[k]
}

func mustPark(t TB, w *syncWorld, p cqrs.Parked) {
	t.Helper()
	require.NoError(t, w.store.Park(t.Context(), p))
}

func checkPark(t TB, w *syncWorld) {
	p := parked(w, syncKey(w, "1"))
	mustPark(t, w, p)
	require.Equal(t, p, mustFind(t, w, p.SyncKey))
}

func checkParkAgain(t TB, w *syncWorld) {
	p := parked(w, syncKey(w, "1"))
	mustPark(t, w, p)
	mustPark(t, w, p)
	require.Equal(t, p, mustFind(t, w, p.SyncKey))
	older := p
	older.LatestSeen = 4
	mustPark(t, w, older)
	require.EqualValues(t, 5, mustFind(t, w, p.SyncKey).LatestSeen)
	newer := p
	newer.LatestSeen = 7
	mustPark(t, w, newer)
	require.EqualValues(t, 7, mustFind(t, w, p.SyncKey).LatestSeen)
	require.Equal(t, p.Version, mustFind(t, w, p.SyncKey).Version, "the version that failed")
}

func checkParkRace(t TB, w *syncWorld) {
	const runs = 32
	failures := make([]error, runs)
	race(runs, func(i int) {
		p := parked(w, syncKey(w, "1"))
		p.LatestSeen = int64(i + 1)
		failures[i] = w.store.Park(t.Context(), p)
	})
	require.NoError(t, errors.Join(failures...))
	require.EqualValues(t, runs, mustFind(t, w, syncKey(w, "1")).LatestSeen)
}

func checkUnpark(t TB, w *syncWorld) {
	p := parked(w, syncKey(w, "1"))
	mustPark(t, w, p)
	unpark := func(applied int64, want bool) {
		t.Helper()
		done, err := w.store.Unpark(t.Context(), p.SyncKey, applied)
		require.NoError(t, err)
		require.Equal(t, want, done)
	}
	unpark(4, false)
	require.Equal(t, p, mustFind(t, w, p.SyncKey), "an entry that stays is not changed")
	p.LatestSeen = 6 // arrives while somebody applies up to 5
	mustPark(t, w, p)
	unpark(5, false)
	require.EqualValues(t, 6, mustFind(t, w, p.SyncKey).LatestSeen)
	unpark(6, true)
	require.Empty(t, mustList(t, w, p.Table, ""))
	unpark(6, false)
	p.LatestSeen = 5 // parked anew: nothing of the old entry is left
	mustPark(t, w, p)
	require.EqualValues(t, 5, mustFind(t, w, p.SyncKey).LatestSeen)
	unpark(100, true)
}

func checkUnparkUnknown(t TB, w *syncWorld) {
	mustPark(t, w, parked(w, syncKey(w, "1")))
	done, err := w.store.Unpark(t.Context(), syncKey(w, "2"), 100)
	require.NoError(t, err)
	require.False(t, done)
	mustFind(t, w, syncKey(w, "1"))
}

func checkIndependence(t TB, w *syncWorld) {
	k := syncKey(w, "1")
	p := parked(w, k)
	mustPark(t, w, p)
	mustLoad(t, w, k, cqrs.Progress{})
	require.NoError(t, w.store.Advance(t.Context(), k, 0, cqrs.Progress{Version: 1, Hash: "a"}))
	require.Equal(t, p, mustFind(t, w, k), "advancing leaves the entry alone")
	done, err := w.store.Unpark(t.Context(), k, 5)
	require.NoError(t, err)
	require.True(t, done)
	mustLoad(t, w, k, cqrs.Progress{Version: 1, Hash: "a"})
}

func checkList(t TB, w *syncWorld) {
	const aggregates = 30 // more than a page, in a store with small ones
	want := map[cqrs.SyncKey]cqrs.Parked{}
	for i := range aggregates {
		k := syncKey(w, string(encode(i)))
		if i%2 == 1 {
			k.Target = "rds"
		}
		if i%5 == 4 {
			k.Table += " of somebody else"
		}
		p := parked(w, k)
		mustPark(t, w, p)
		want[k] = p
	}
	of := func(table, target string) map[cqrs.SyncKey]cqrs.Parked {
		chosen := maps.Clone(want)
		maps.DeleteFunc(chosen, func(k cqrs.SyncKey, _ cqrs.Parked) bool {
			return k.Table != table || target != "" && k.Target != target
		})
		return chosen
	}
	table := syncKey(w, "").Table
	for _, target := range []string{"", "search", "rds", "sear"} {
		require.Equal(t, of(table, target), mustList(t, w, table, target), "target %q", target)
	}
	require.Len(t, mustList(t, w, table, ""), 24)
	require.Len(t, mustList(t, w, table+" of somebody else", ""), 6)
}

func checkListBreak(t TB, w *syncWorld) {
	for _, name := range []string{"1", "2", "3"} {
		mustPark(t, w, parked(w, syncKey(w, name)))
	}
	seen := 0
	for _, err := range w.store.List(t.Context(), syncKey(w, "").Table, "") {
		require.NoError(t, err)
		seen++
		break
	}
	require.Equal(t, 1, seen)
	// The store holds no lock while the caller works on what it listed.
	for p, err := range w.store.List(t.Context(), syncKey(w, "").Table, "") {
		require.NoError(t, err)
		done, err := w.store.Unpark(t.Context(), p.SyncKey, p.LatestSeen)
		require.NoError(t, err)
		require.True(t, done)
	}
	require.Empty(t, mustList(t, w, syncKey(w, "").Table, ""))
}

func checkListEmpty(t TB, w *syncWorld) {
	require.Empty(t, mustList(t, w, syncKey(w, "").Table, ""))
}

func checkEndedSyncContext(t TB, w *syncWorld) {
	k := syncKey(w, "1")
	ctx := ended(t.Context())
	require.Error(t, w.store.Advance(ctx, k, 0, cqrs.Progress{Version: 1}))
	_, err := w.store.Fail(ctx, k, 1, "cause")
	require.Error(t, err)
	require.Error(t, w.store.Park(ctx, parked(w, k)))
	_, err = w.store.Load(ctx, k)
	require.Error(t, err)
	mustLoad(t, w, k, cqrs.Progress{})
	attempts, err := w.store.Fail(t.Context(), k, 1, "cause")
	require.NoError(t, err)
	require.Equal(t, 1, attempts)
	require.Empty(t, mustList(t, w, k.Table, ""))
}
