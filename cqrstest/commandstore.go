package cqrstest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// CommandStore checks that a store keeps every promise of [command.Store].
func CommandStore[F Factory[command.Store]](t *testing.T, newStore F) {
	t.Helper()
	runSuite[command.Store](t, newStore, commandChecks())
}

type commandWorld = world[command.Store]

func commandChecks() []check[command.Store] {
	return []check[command.Store]{
		{"what is not there is not found", checkNothingFound},
		{"rows come back as they were", checkLossless},
		{"a version is appended once", checkAppend},
		{"one's own row again is no conflict", checkOwnRow},
		{"of many that race one appends", checkAppendRace},
		{"a commit writes everything", checkCommit},
		{"a commit writes everything or nothing", checkCommitConflict},
		{"of many that race one commits", checkCommitRace},
		{"one's own command is completed by a commit", checkCommitOwn},
		{"the data take only what is newer", checkProject},
		{"the history takes every version", checkHistory},
		{"a version with other content diverges", checkDiverged},
		{"lists are of one partition, in order", checkCommandList},
		{"lists leave out what is deleted", checkListDeleted},
		{"pages and segments cover a table", checkScan},
		{"keys that could be misread are refused", checkBadKeys},
		{"an ended context is an error", checkEndedCommandContext},
	}
}

// A tenant of its own keeps the checks apart.
func commandKey(w *commandWorld, sk string) cqrs.Key {
	return cqrs.Key{PK: "ORDER#" + strings.ReplaceAll(w.key("t"), "/", "-"), SK: sk}
}

func commandRow(t TB, w *commandWorld, sk string, version int64) command.Row {
	t.Helper()
	attributes, err := cqrs.NewImage(map[string]any{"total": 100 * version, "note": "version " + strconv.FormatInt(version, 10)})
	require.NoError(t, err)
	key := commandKey(w, sk)
	_, tenant, _ := key.CutTenant()
	return command.Row{
		Key: key, ID: key.PK + "#" + key.SK, TenantCode: tenant, Type: "ORDER", Version: version,
		Attributes: attributes, RequestID: sk + "/" + strconv.FormatInt(version, 10),
		CreatedAt: time.UnixMilli(1_790_000_000_001).UTC(), UpdatedAt: time.UnixMilli(1_790_000_000_000 + version).UTC(),
	}
}

func mustAppend(t TB, w *commandWorld, rows ...command.Row) {
	t.Helper()
	for _, row := range rows {
		require.NoError(t, w.store.Append(t.Context(), row))
	}
}

// mustProject lets a skip pass.
func mustProject(t TB, w *commandWorld, rows ...command.Row) {
	t.Helper()
	for _, row := range rows {
		if err := w.store.Project(t.Context(), row); !cqrs.IsSkip(err) {
			require.NoError(t, err)
		}
	}
}

// equalRows compares attributes by what they say: a store may spell them anew.
func equalRows(t TB, want, got command.Row) {
	t.Helper()
	require.Equal(t, contentOf(t, want), contentOf(t, got))
	want.Attributes, got.Attributes = cqrs.Image{}, cqrs.Image{}
	require.Equal(t, want, got)
}

func contentOf(t TB, row command.Row) string {
	t.Helper()
	if row.Attributes.IsZero() {
		return ""
	}
	hash, err := cqrs.ItemHash(row.Attributes)
	require.NoError(t, err)
	return hash
}

func rowsOf(t TB, all iter.Seq2[command.Row, error]) (rows []command.Row) {
	t.Helper()
	for row, err := range all {
		require.NoError(t, err)
		rows = append(rows, row)
	}
	return rows
}

func versionsOf(rows []command.Row) []int64 {
	versions := []int64{}
	for _, row := range rows {
		versions = append(versions, row.Version)
	}
	return versions
}

func namesOf(rows []command.Row) []string {
	names := []string{}
	for _, row := range rows {
		names = append(names, row.SK)
	}
	return names
}

func checkNothingFound(t TB, w *commandWorld) {
	_, err := w.store.Get(t.Context(), commandKey(w, "1"))
	require.ErrorIs(t, err, cqrs.ErrNotFound)
	_, err = w.store.GetCommand(t.Context(), commandKey(w, "1"), 1)
	require.ErrorIs(t, err, cqrs.ErrNotFound)
	require.Empty(t, rowsOf(t, w.store.History(t.Context(), commandKey(w, "1"), 0)))
	require.Empty(t, rowsOf(t, w.store.List(t.Context(), command.Query{PK: commandKey(w, "1").PK})))
}

func checkLossless(t TB, w *commandWorld) {
	var attributes cqrs.Image
	require.NoError(t, attributes.UnmarshalJSON([]byte(`{
		"big": {"N": "12345678901234567890123456789012345678"}, "small": {"N": "-1.5E-7"}, "text": {"S": "é\n\"\u0000ü"},
		"empty": {"S": ""}, "no": {"NULL": true}, "yes": {"BOOL": true}, "bytes": {"B": "AAH/"},
		"strings": {"SS": ["b", "a"]}, "numbers": {"NS": ["2", "1.5"]}, "blobs": {"BS": ["AQ==", "AA=="]},
		"list": {"L": [{"N": "1"}, {"M": {"deep": {"L": []}}}]}, "map": {"M": {}}
	}`)))
	full := commandRow(t, w, "full", 1)
	full.Code, full.Name, full.Deleted, full.Seq, full.Schema = "O-1", "Order", true, 1<<60, 3
	full.TTL = time.Unix(4_000_000_000, 0).UTC()
	full.Attributes = attributes
	full.Source, full.CreatedBy, full.UpdatedBy, full.CreatedIP, full.UpdatedIP = "test", "ann", "bob", "10.0.0.1", "::1"
	bare := command.Row{Key: commandKey(w, "bare"), Version: 1}
	for _, row := range []command.Row{full, bare, commandRow(t, w, "a#composite#key", 1)} {
		require.NoError(t, w.store.Commit(t.Context(), row))
		got, err := w.store.Get(t.Context(), row.Key)
		require.NoError(t, err)
		equalRows(t, row, got)
		got, err = w.store.GetCommand(t.Context(), row.Key, 1)
		require.NoError(t, err)
		equalRows(t, row, got)
		history := rowsOf(t, w.store.History(t.Context(), row.Key, 0))
		require.Len(t, history, 1)
		equalRows(t, row, history[0])
	}
}

func conflictOf(t TB, err error) *cqrs.VersionConflict {
	t.Helper()
	require.ErrorIs(t, err, cqrs.ErrVersionConflict)
	conflict, ok := errors.AsType[*cqrs.VersionConflict](err)
	require.True(t, ok)
	return conflict
}

func checkAppend(t TB, w *commandWorld) {
	first, second := commandRow(t, w, "1", 1), commandRow(t, w, "1", 2)
	mustAppend(t, w, first, second)
	other := commandRow(t, w, "1", 2)
	other.RequestID = "somebody else's"
	conflict := conflictOf(t, w.store.Append(t.Context(), other))
	require.Equal(t, &cqrs.VersionConflict{Key: other.Key, Expected: 1, Actual: 2}, conflict)
	got, err := w.store.GetCommand(t.Context(), second.Key, 2)
	require.NoError(t, err)
	equalRows(t, second, got)
	_, err = w.store.Get(t.Context(), first.Key)
	require.ErrorIs(t, err, cqrs.ErrNotFound, "appending leaves the data alone")
}

func checkOwnRow(t TB, w *commandWorld) {
	row := commandRow(t, w, "1", 1)
	mustAppend(t, w, row)
	mustAppend(t, w, row)
	later := row
	later.UpdatedAt = later.UpdatedAt.Add(time.Second)
	mustAppend(t, w, later) // the caller tried again
	other := commandRow(t, w, "1", 2)
	other.Version, other.RequestID = 1, row.RequestID
	_ = conflictOf(t, w.store.Append(t.Context(), other)) // the same request cannot say two things
	nameless := row
	nameless.RequestID = ""
	_ = conflictOf(t, w.store.Append(t.Context(), nameless))
	got, err := w.store.GetCommand(t.Context(), row.Key, 1)
	require.NoError(t, err)
	equalRows(t, row, got)
}

func raceForVersion(t TB, w *commandWorld, write func(ctx context.Context, row command.Row) error) {
	t.Helper()
	const runs = 16
	var winners atomic.Int64
	failures, rows := make([]error, runs), make([]command.Row, runs)
	for i := range rows {
		rows[i] = commandRow(t, w, "1", 1)
		rows[i].RequestID = strconv.Itoa(i)
	}
	race(runs, func(i int) {
		err := write(t.Context(), rows[i])
		switch {
		case err == nil:
			winners.Add(1)
		case !errors.Is(err, cqrs.ErrVersionConflict):
			failures[i] = err
		}
	})
	require.NoError(t, errors.Join(failures...))
	require.EqualValues(t, 1, winners.Load())
}

func checkAppendRace(t TB, w *commandWorld) { raceForVersion(t, w, w.store.Append) }
func checkCommitRace(t TB, w *commandWorld) { raceForVersion(t, w, w.store.Commit) }

func checkCommit(t TB, w *commandWorld) {
	for version := int64(1); version <= 3; version++ {
		row := commandRow(t, w, "1", version)
		require.NoError(t, w.store.Commit(t.Context(), row))
		require.NoError(t, w.store.Commit(t.Context(), row), "one's own again")
		got, err := w.store.Get(t.Context(), row.Key)
		require.NoError(t, err)
		equalRows(t, row, got)
	}
	require.Equal(t, []int64{1, 2, 3}, versionsOf(rowsOf(t, w.store.History(t.Context(), commandKey(w, "1"), 0))))
}

func checkCommitConflict(t TB, w *commandWorld) {
	mustAppend(t, w, commandRow(t, w, "1", 1))
	other := commandRow(t, w, "1", 1)
	other.RequestID = "somebody else's"
	_ = conflictOf(t, w.store.Commit(t.Context(), other))
	_, err := w.store.Get(t.Context(), other.Key)
	require.ErrorIs(t, err, cqrs.ErrNotFound)
	require.Empty(t, rowsOf(t, w.store.History(t.Context(), other.Key, 0)))

	// The data are ahead of the commands.
	mustProject(t, w, commandRow(t, w, "2", 5))
	conflict := conflictOf(t, w.store.Commit(t.Context(), commandRow(t, w, "2", 4)))
	require.Equal(t, int64(5), conflict.Actual)
	_, err = w.store.GetCommand(t.Context(), commandKey(w, "2"), 4)
	require.ErrorIs(t, err, cqrs.ErrNotFound)
}

func checkCommitOwn(t TB, w *commandWorld) {
	row := commandRow(t, w, "1", 1)
	mustAppend(t, w, row)
	require.NoError(t, w.store.Commit(t.Context(), row))
	got, err := w.store.Get(t.Context(), row.Key)
	require.NoError(t, err)
	equalRows(t, row, got)
}

func checkProject(t TB, w *commandWorld) {
	for i, order := range [][]int64{{1, 2, 3}, {3, 2, 1}, {2, 3, 1, 2}, {3, 3, 1}, {1, 3}} {
		name := strconv.Itoa(i)
		highest := int64(0)
		for _, version := range order {
			err := w.store.Project(t.Context(), commandRow(t, w, name, version))
			if version > highest {
				require.NoError(t, err)
			} else {
				require.True(t, cqrs.IsSkip(err), "%v", err)
			}
			highest = max(highest, version)
			got, err := w.store.Get(t.Context(), commandKey(w, name))
			require.NoError(t, err)
			equalRows(t, commandRow(t, w, name, highest), got)
		}
	}
	_, err := w.store.GetCommand(t.Context(), commandKey(w, "0"), 1)
	require.ErrorIs(t, err, cqrs.ErrNotFound, "projecting leaves the commands alone")
}

func checkHistory(t TB, w *commandWorld) {
	for _, version := range []int64{12, 1, 9, 10, 2, 11, 2} {
		mustProject(t, w, commandRow(t, w, "1", version))
	}
	mustProject(t, w, commandRow(t, w, "10", 7))
	key := commandKey(w, "1")
	require.Equal(t, []int64{1, 2, 9, 10, 11, 12}, versionsOf(rowsOf(t, w.store.History(t.Context(), key, 0))))
	require.Equal(t, []int64{10, 11, 12}, versionsOf(rowsOf(t, w.store.History(t.Context(), key, 9))))
	for row, err := range w.store.History(t.Context(), key, 0) {
		require.NoError(t, err)
		equalRows(t, commandRow(t, w, "1", 1), row)
		break // it can be left early
	}
}

func checkDiverged(t TB, w *commandWorld) {
	row := commandRow(t, w, "1", 2)
	mustProject(t, w, row)
	other := commandRow(t, w, "1", 3)
	other.Version = 2
	require.ErrorIs(t, w.store.Project(t.Context(), other), cqrs.ErrDiverged)
	got, err := w.store.Get(t.Context(), row.Key)
	require.NoError(t, err)
	equalRows(t, row, got)

	ctx := cqrs.WithReplaceEqual(t.Context())
	require.NoError(t, w.store.Project(ctx, other))
	got, err = w.store.Get(t.Context(), row.Key)
	require.NoError(t, err)
	equalRows(t, other, got)
	require.True(t, cqrs.IsSkip(w.store.Project(ctx, commandRow(t, w, "1", 1))), "never an older one")
}

func checkCommandList(t TB, w *commandWorld) {
	names := []string{"a1", "a2", "b1", "b2", "c"}
	for _, name := range slices.Backward(names) {
		mustProject(t, w, commandRow(t, w, name, 1))
	}
	stranger := commandRow(t, w, "a1", 1)
	stranger.PK, stranger.TenantCode = stranger.PK+"2", stranger.TenantCode+"2"
	mustProject(t, w, stranger)
	for _, test := range []struct {
		q    command.Query
		want []string
	}{
		{command.Query{}, names},
		{command.Query{Reverse: true}, []string{"c", "b2", "b1", "a2", "a1"}},
		{command.Query{Prefix: "b"}, []string{"b1", "b2"}},
		{command.Query{Prefix: "x"}, []string{}},
		{command.Query{From: "a2", To: "b2"}, []string{"a2", "b1", "b2"}},
		{command.Query{From: "b2"}, []string{"b2", "c"}},
		{command.Query{To: "a2"}, []string{"a1", "a2"}},
		{command.Query{After: "a2"}, []string{"b1", "b2", "c"}},
		{command.Query{After: "b2", Reverse: true}, []string{"b1", "a2", "a1"}},
		{command.Query{Limit: 2}, []string{"a1", "a2"}},
		{command.Query{Limit: 2, After: "a2"}, []string{"b1", "b2"}},
		{command.Query{PageSize: 1}, names},
		{command.Query{PageSize: 2, Limit: 3, Reverse: true}, []string{"c", "b2", "b1"}},
	} {
		test.q.PK = commandKey(w, "").PK
		require.Equal(t, test.want, namesOf(rowsOf(t, w.store.List(t.Context(), test.q))), "%+v", test.q)
	}
}

func checkListDeleted(t TB, w *commandWorld) {
	for _, name := range []string{"1", "2", "3"} {
		row := commandRow(t, w, name, 1)
		row.Deleted = name == "2"
		mustProject(t, w, row)
	}
	q := command.Query{PK: commandKey(w, "").PK, PageSize: 1}
	require.Equal(t, []string{"1", "3"}, namesOf(rowsOf(t, w.store.List(t.Context(), q))))
	q.Deleted = true
	require.Equal(t, []string{"1", "2", "3"}, namesOf(rowsOf(t, w.store.List(t.Context(), q))))
}

func checkScan(t TB, w *commandWorld) {
	own := commandKey(w, "").PK
	for i := range 7 {
		name := strconv.Itoa(i)
		mustAppend(t, w, commandRow(t, w, name, 1), commandRow(t, w, name, 2))
		mustProject(t, w, commandRow(t, w, name, 1), commandRow(t, w, name, 2))
	}
	for _, p := range []command.Page{
		{}, {Limit: 2}, {Segments: 3}, {Segments: 2, Limit: 1}, {Commands: true, Limit: 3}, {Commands: true, Segments: 4},
	} {
		seen := map[cqrs.Key]int{}
		for p.Segment = range max(p.Segments, 1) {
			p.Cursor = ""
			for {
				rows, next, err := w.store.Scan(t.Context(), p)
				require.NoError(t, err)
				for _, row := range rows {
					if row.PK == own {
						seen[row.Key.At(row.Version)]++
					}
				}
				if next == "" {
					break
				}
				p.Cursor = next
			}
		}
		want := 7
		if p.Commands {
			want = 14
		}
		require.Len(t, seen, want, "%+v", p)
		for key, n := range seen {
			require.Equal(t, 1, n, "%v in %+v", key, p)
		}
	}
}

func checkBadKeys(t TB, w *commandWorld) {
	good := commandRow(t, w, "1", 1)
	for _, bad := range []cqrs.Key{
		{},
		{PK: good.PK},
		{SK: "1"},
		{PK: "ORDER", SK: "1"},
		{PK: "ORDER#", SK: "1"},
		{PK: "#t", SK: "1"},
		{PK: "ORDER#a#b", SK: "1"},
		{PK: good.PK, SK: "a@b"},
		{PK: good.PK, SK: "1@2"},
		{PK: "ORDER#a@b", SK: "1"},
		{PK: good.PK, SK: "a\x00b"},
		{PK: good.PK, SK: "\xff"},
		{PK: good.PK, SK: strings.Repeat("k", 1024)},
	} {
		row := good
		row.Key = bad
		for _, write := range []func(context.Context, command.Row) error{w.store.Append, w.store.Commit, w.store.Project} {
			require.Error(t, write(t.Context(), row), "%q", bad)
		}
	}
	for _, version := range []int64{0, -1} {
		row := good
		row.Version = version
		require.Error(t, w.store.Append(t.Context(), row))
	}
}

func checkEndedCommandContext(t TB, w *commandWorld) {
	row := commandRow(t, w, "1", 1)
	ctx := ended(t.Context())
	require.Error(t, w.store.Append(ctx, row))
	require.Error(t, w.store.Commit(ctx, row))
	require.Error(t, w.store.Project(ctx, row))
	_, err := w.store.Get(ctx, row.Key)
	require.Error(t, err)
	require.NotErrorIs(t, err, cqrs.ErrNotFound)
	_, err = w.store.GetCommand(t.Context(), row.Key, 1)
	require.ErrorIs(t, err, cqrs.ErrNotFound)
}
