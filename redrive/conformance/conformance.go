// Package conformance checks that a store of failures does what redrive.Store
// says. Every implementation runs it against the real thing:
//
//	func TestStore(t *testing.T) {
//		conformance.Run(t, func(t *testing.T) redrive.Store { … })
//	}
package conformance

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/redrive"
)

// Run runs the checks. Each gets a store of its own from open, which must be
// empty.
func Run(t *testing.T, open func(t *testing.T) redrive.Store) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, redrive.Store){
		"saves a letter to the letter":      savesLetters,
		"takes a repeated letter once":      takesOnce,
		"reopens what fails again":          reopens,
		"lists in order, by the filter":     lists,
		"groups by type and error":          groups,
		"changes on condition":              changes,
		"lets one of many changes win":      oneWins,
		"keeps an audit":                    audits,
		"does nothing on an ended context":  ends,
		"stops a list that is left halfway": stops,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

// At is the time of the first letter; AWS's times are in milliseconds.
var at = time.Date(2026, 11, 24, 10, 0, 0, int(5*time.Millisecond), time.UTC) //nolint:gochecknoglobals // a constant that Go cannot spell

func letter(id, route, errorName string, minute int) cqrs.DeadLetter {
	return cqrs.DeadLetter{
		ID: id, Route: route, ErrorName: errorName, Error: "refused", Attempts: 3,
		Event:   []byte(`{"id":"` + id + `"}`),
		At:      at.Add(time.Duration(minute) * time.Minute),
		Message: cqrs.Message{Source: cqrs.SourceSQS, ID: "message-of-" + id, ARN: "arn:aws:sqs:eu-west-1:123456789012:orders"},
	}
}

func save(t *testing.T, s redrive.Store, letters ...cqrs.DeadLetter) {
	t.Helper()
	for _, d := range letters {
		_, err := s.SaveFailure(t.Context(), d)
		require.NoError(t, err)
	}
}

func all(t *testing.T, s redrive.Store, f redrive.Filter) []redrive.Failure {
	t.Helper()
	var found []redrive.Failure
	for failure, err := range s.List(t.Context(), f) {
		require.NoError(t, err)
		found = append(found, failure)
	}
	return found
}

func ids(failures []redrive.Failure) []string {
	found := []string{}
	for _, f := range failures {
		found = append(found, f.ID)
	}
	return found
}

func one(t *testing.T, s redrive.Store, status redrive.Status) redrive.Failure {
	t.Helper()
	found := all(t, s, redrive.Filter{Status: status})
	require.Len(t, found, 1)
	return found[0]
}

func savesLetters(t *testing.T, s redrive.Store) {
	t.Helper()
	var d cqrs.DeadLetter
	require.NoError(t, d.UnmarshalJSON([]byte(`{"type":"cqrs.DeadLetter/1","id":"f-1","route":"orders.Created","errorName":"OutOfStock",
		"error":"no more of it","attempts":2,"at":"2026-11-24T10:00:00.005Z","message":{"source":"aws:sqs","id":"m-1",
		"arn":"arn:aws:sqs:eu-west-1:123456789012:orders.fifo","sequence":"7","group":"g","attempt":2,"maxAttempts":3,
		"time":"2026-11-24T09:59:00Z","correlationId":"c-1","traceHeader":"Root=1"},"payload":"{ \"id\": \"<1>\" }",
		"record":{"messageId":"m-1","messageAttributes":{"a":{"dataType":"String","stringValue":"b"}}}}`)))
	news, err := s.SaveFailure(t.Context(), d)
	require.NoError(t, err)
	require.True(t, news)
	f := one(t, s, redrive.Open)
	want, err := d.MarshalJSON()
	require.NoError(t, err)
	have, err := f.DeadLetter.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(have))
	require.Equal(t, d.Message.Payload(), f.Message.Payload(), "to the letter")
	require.JSONEq(t, string(d.Message.Raw()), string(f.Message.Raw()))
	require.Equal(t, redrive.Open, f.Status)
	require.Equal(t, 1, f.Times)
	require.Zero(t, f.Replays)
	require.True(t, f.FirstAt.Equal(d.At))
}

func takesOnce(t *testing.T, s redrive.Store) {
	t.Helper()
	d := letter("f-1", "orders.Created", "OutOfStock", 0)
	for i := range 3 {
		news, err := s.SaveFailure(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, i == 0, news)
	}
	require.Equal(t, 1, one(t, s, redrive.Open).Times)
	later := d
	later.At = d.At.Add(time.Minute)
	news, err := s.SaveFailure(t.Context(), later)
	require.NoError(t, err)
	require.False(t, news, "it is open already")
	f := one(t, s, redrive.Open)
	require.Equal(t, 2, f.Times)
	require.True(t, f.At.Equal(later.At))
	require.True(t, f.FirstAt.Equal(d.At))
}

func reopens(t *testing.T, s redrive.Store) {
	t.Helper()
	d := letter("f-1", "orders.Created", "OutOfStock", 0)
	save(t, s, d)
	require.NoError(t, s.Change(t.Context(), redrive.Change{ID: "f-1", From: redrive.Open, To: redrive.Replaying, At: at, By: "ada"}))
	require.NoError(t, s.Change(t.Context(), redrive.Change{
		ID: "f-1", From: redrive.Replaying, To: redrive.Replayed, Replays: 1, At: at, By: "ada",
	}))
	news, err := s.SaveFailure(t.Context(), d)
	require.NoError(t, err)
	require.False(t, news, "a late duplicate of the letter that was replayed")
	require.Equal(t, redrive.Replayed, one(t, s, redrive.Replayed).Status)

	again := letter("f-1", "orders.Created", "NoStockAtAll", 9)
	again.Message.ID = "another message"
	news, err = s.SaveFailure(t.Context(), again)
	require.NoError(t, err)
	require.True(t, news)
	f := one(t, s, redrive.Open)
	require.Equal(t, "NoStockAtAll", f.ErrorName)
	require.Equal(t, "another message", f.Message.ID)
	require.Equal(t, 2, f.Times)
	require.Equal(t, 1, f.Replays, "what was done is not forgotten")
}

func lists(t *testing.T, s redrive.Store) {
	t.Helper()
	save(t, s,
		letter("c", "orders.Created", "A", 2), letter("b", "orders.Paid", "A", 1),
		letter("a", "orders.Created", "B", 1), letter("d", "", "A", 0))
	require.Equal(t, []string{"d", "a", "b", "c"}, ids(all(t, s, redrive.Filter{})))
	for want, filter := range map[string]redrive.Filter{
		"[a c]": {Type: "orders.Created"},
		"[d]":   {Type: "orders"},
		"[a]":   {ErrorName: "B"},
		"[b c]": {IDs: []string{"c", "b", "x"}},
		"[c]":   {IDs: []string{"c", "a"}, ErrorName: "A", Status: redrive.Open},
		"[]":    {Status: redrive.Replayed},
	} {
		require.Equal(t, want, fmt.Sprint(ids(all(t, s, filter))))
	}
}

func groups(t *testing.T, s redrive.Store) {
	t.Helper()
	save(t, s,
		letter("a", "orders.Paid", "A", 0), letter("b", "orders.Created", "B", 1),
		letter("c", "orders.Created", "A", 2), letter("d", "orders.Created", "A", 5))
	found, err := s.Groups(t.Context(), redrive.Open)
	require.NoError(t, err)
	require.Len(t, found, 3)
	first := found[0]
	require.True(t, first.FirstAt.Equal(at.Add(2*time.Minute)) && first.LastAt.Equal(at.Add(5*time.Minute)), "%v", first)
	first.FirstAt, first.LastAt = time.Time{}, time.Time{}
	require.Equal(t, redrive.Group{Type: "orders.Created", ErrorName: "A", Failures: 2, Sample: "d"}, first)
	require.Equal(t, "orders.Created B, orders.Paid A", found[1].Type+" "+found[1].ErrorName+", "+found[2].Type+" "+found[2].ErrorName)
	found, err = s.Groups(t.Context(), redrive.Discarded)
	require.NoError(t, err)
	require.Empty(t, found)
}

func changes(t *testing.T, s redrive.Store) {
	t.Helper()
	save(t, s, letter("f-1", "orders.Created", "A", 0))
	change := func(id string, from, to redrive.Status, replays int) error {
		return s.Change(t.Context(), redrive.Change{ID: id, From: from, To: to, Replays: replays, At: at, By: "ada"})
	}
	require.ErrorIs(t, change("x", redrive.Open, redrive.Replaying, 0), redrive.ErrUnknown)
	require.ErrorIs(t, change("f-1", redrive.Replaying, redrive.Replayed, 0), redrive.ErrChanged)
	require.ErrorIs(t, change("f-1", redrive.Open, redrive.Replaying, 1), redrive.ErrChanged)
	require.NoError(t, change("f-1", redrive.Open, redrive.Replaying, 0))
	require.Equal(t, 1, one(t, s, redrive.Replaying).Replays)
	require.NoError(t, change("f-1", redrive.Replaying, redrive.Open, 1))
	require.Equal(t, 1, one(t, s, redrive.Open).Replays)
}

func oneWins(t *testing.T, s redrive.Store) {
	t.Helper()
	save(t, s, letter("f-1", "orders.Created", "A", 0))
	var won atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if s.Change(t.Context(), redrive.Change{ID: "f-1", From: redrive.Open, To: redrive.Replaying, At: at}) == nil {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	require.EqualValues(t, 1, won.Load())
	require.Equal(t, 1, one(t, s, redrive.Replaying).Replays)
}

func audits(t *testing.T, s redrive.Store) {
	t.Helper()
	save(t, s, letter("f-1", "orders.Created", "A", 0), letter("f-2", "orders.Created", "A", 0))
	require.NoError(t, s.Change(t.Context(), redrive.Change{
		ID: "f-1", From: redrive.Open, To: redrive.Discarded, At: at.Add(time.Hour), By: "ada", Note: "a test order",
	}))
	require.Error(t, s.Change(t.Context(), redrive.Change{ID: "f-1", From: redrive.Open, To: redrive.Discarded, At: at, By: "eve"}))
	var found []redrive.Entry
	for e, err := range s.Audit(t.Context(), "f-1") {
		require.NoError(t, err)
		e.At = e.At.UTC()
		found = append(found, e)
	}
	require.Equal(t, []redrive.Entry{
		{ID: "f-1", At: at, To: redrive.Open, Note: "A"},
		{ID: "f-1", At: at.Add(time.Hour), By: "ada", From: redrive.Open, To: redrive.Discarded, Note: "a test order"},
	}, found)
}

func ends(t *testing.T, s redrive.Store) {
	t.Helper()
	save(t, s, letter("f-1", "orders.Created", "A", 0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.SaveFailure(ctx, letter("f-2", "orders.Created", "A", 0))
	require.Error(t, err)
	require.Error(t, s.Change(ctx, redrive.Change{ID: "f-1", From: redrive.Open, To: redrive.Discarded, At: at}))
	_, err = s.Groups(ctx, redrive.Open)
	require.Error(t, err)
	for _, err := range s.List(ctx, redrive.Filter{}) {
		require.Error(t, err)
	}
	require.Equal(t, []string{"f-1"}, ids(all(t, s, redrive.Filter{})))
}

func stops(t *testing.T, s redrive.Store) {
	t.Helper()
	save(t, s, letter("a", "orders.Created", "A", 0), letter("b", "orders.Created", "A", 1))
	for f, err := range s.List(t.Context(), redrive.Filter{}) {
		require.NoError(t, err)
		require.Equal(t, "a", f.ID)
		// A store must allow changes while it lists.
		require.NoError(t, s.Change(t.Context(), redrive.Change{ID: "a", From: redrive.Open, To: redrive.Discarded, At: at}))
		break
	}
	require.Equal(t, []string{"b"}, ids(all(t, s, redrive.Filter{})))
}
