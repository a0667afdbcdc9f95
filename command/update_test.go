package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// published is a service with one order, whose data are up to date.
func published(t *testing.T) (*command.Service[order], *counting) {
	t.Helper()
	s, store := newService()
	c := newOrder("1", 100)
	c.Attributes.Note, c.Attributes.Ship = "fragile", &address{City: "Kyoto", Zip: "600"}
	c.Attributes.Marks = map[string]string{"a": "1", "b": "2"}
	_, err := s.PublishSync(t.Context(), c)
	require.NoError(t, err)
	store.take()
	return s, store
}

func TestUpdateReadsAndWritesOnce(t *testing.T) {
	t.Parallel()
	s, store := published(t)
	got, err := s.Update(t.Context(), key("1"), func(c *cqrs.Command[order]) error { c.Attributes.Total++; return nil })
	require.NoError(t, err)
	require.Equal(t, int64(2), got.Version)
	require.Equal(t, int64(101), got.Attributes.Total)
	require.Equal(t, []string{"Get", "Append"}, store.take())
}

func TestUpdateGoesOnFromTheNewestVersion(t *testing.T) {
	t.Parallel()
	s, store := published(t)
	add := func(c *cqrs.Command[order]) error { c.Attributes.Total++; return nil }
	for n := range 5 { // the data stay at version 1
		got, err := s.Update(t.Context(), key("1"), add)
		require.NoError(t, err)
		require.Equal(t, int64(101+n), got.Attributes.Total)
	}
	store.take()
	// What is no change of the data may be one of what is newer.
	got, err := s.Update(t.Context(), key("1"), func(c *cqrs.Command[order]) error { c.Attributes.Total = 100; return nil })
	require.NoError(t, err)
	require.Equal(t, int64(7), got.Version)
	require.Equal(t, int64(100), got.Attributes.Total)
}

// What is refused of data that are behind may be right about the newest version.
func TestUpdateRefusesTheNewestVersionAlone(t *testing.T) {
	t.Parallel()
	s, store := published(t)
	step := func(from, to int64) error {
		_, err := s.Update(t.Context(), key("1"), func(c *cqrs.Command[order]) error {
			if c.Attributes.Total != from {
				return fmt.Errorf("the total is %d", c.Attributes.Total)
			}
			c.Attributes.Total = to
			return nil
		})
		return err
	}
	require.NoError(t, step(100, 200)) // the data stay at version 1
	require.NoError(t, step(200, 300))
	require.EqualError(t, step(100, 400), "the total is 300", "although the data say 100")
	store.take()
	require.EqualError(t, step(200, 400), "the total is 300")
	require.NotContains(t, store.take(), "Append")
}

func TestUpdateEnds(t *testing.T) {
	t.Parallel()
	s, store := published(t)
	refused := errors.New("already shipped")
	_, err := s.Update(t.Context(), key("1"), func(*cqrs.Command[order]) error { return refused })
	require.ErrorIs(t, err, refused)
	_, err = s.Update(t.Context(), key("2"), func(*cqrs.Command[order]) error { return nil })
	require.ErrorIs(t, err, cqrs.ErrNotFound)
	_, err = s.Update(t.Context(), key("1"), func(c *cqrs.Command[order]) error { c.SK = "2"; return nil })
	require.ErrorContains(t, err, "another key")
	same, err := s.Update(t.Context(), key("1"), func(*cqrs.Command[order]) error { return nil })
	require.NoError(t, err)
	require.Equal(t, int64(1), same.Version)

	calls := 0
	store.before = func(_ context.Context, call string) error {
		if call == "Append" {
			return &cqrs.VersionConflict{}
		}
		return nil
	}
	_, err = s.Update(t.Context(), key("1"), func(c *cqrs.Command[order]) error { calls++; c.Attributes.Total++; return nil })
	require.ErrorIs(t, err, cqrs.ErrVersionConflict)
	require.Equal(t, 10, calls, "a bounded number of rounds")
}

func TestUpdateAgainWithTheSameRequest(t *testing.T) {
	t.Parallel()
	s, store := published(t)
	add := func(c *cqrs.Command[order]) error { c.RequestID = "message-1"; c.Attributes.Total++; return nil }
	for range 2 {
		got, err := s.Update(t.Context(), key("1"), add)
		require.NoError(t, err)
		require.Equal(t, int64(2), got.Version)
		require.Equal(t, int64(101), got.Attributes.Total)
	}
	// The stream has brought the data up to it meanwhile.
	row, err := store.Store.GetCommand(t.Context(), key("1"), 2)
	require.NoError(t, err)
	require.NoError(t, store.Store.Project(t.Context(), row))
	got, err := s.Update(t.Context(), key("1"), add)
	require.NoError(t, err)
	require.Equal(t, int64(2), got.Version)
	require.Equal(t, int64(101), got.Attributes.Total)
}

// The examples of RFC 7396 that apply to an object.
func TestPublishPartialMerges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		patch string
		want  func(o *order)
	}{
		"replaces":       {`{"total":7}`, func(o *order) { o.Total = 7 }},
		"null removes":   {`{"note":null}`, func(o *order) { o.Note = "" }},
		"objects merge":  {`{"ship":{"zip":"601"}}`, func(o *order) { o.Ship.Zip = "601" }},
		"null in them":   {`{"ship":{"zip":null}}`, func(o *order) { o.Ship.Zip = "" }},
		"a whole object": {`{"ship":null}`, func(o *order) { o.Ship = nil }},
		"maps":           {`{"marks":{"a":null,"c":"3"}}`, func(o *order) { o.Marks = map[string]string{"b": "2", "c": "3"} }},
		"nothing":        {`{}`, func(*order) {}},
		"no text":        {``, func(*order) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := published(t)
			before, err := s.Get(t.Context(), key("1"))
			require.NoError(t, err)
			got, err := s.PublishPartial(t.Context(), command.Patch{Key: key("1"), Version: 1, Attributes: json.RawMessage(test.patch)})
			require.NoError(t, err)
			want := before.Attributes
			test.want(&want)
			require.Equal(t, want, got.Attributes)
			reread, err := s.GetVersion(t.Context(), key("1"), command.Latest)
			require.NoError(t, err)
			require.Equal(t, want, reread.Attributes)
		})
	}
}

func TestPublishPartialRefuses(t *testing.T) {
	t.Parallel()
	s, _ := published(t)
	for name, patch := range map[string]string{
		"an unknown name": `{"totl":1}`, "a wrong type": `{"total":"1"}`, "no object": `[1]`, "broken": `{`,
	} {
		_, err := s.PublishPartial(t.Context(), command.Patch{Key: key("1"), Attributes: json.RawMessage(patch)})
		require.Error(t, err, name)
	}
	_, err := s.PublishPartial(t.Context(), command.Patch{Key: key("2"), Attributes: json.RawMessage(`{"total":1}`)})
	require.ErrorIs(t, err, cqrs.ErrNotFound)
	_, err = s.PublishPartial(t.Context(), command.Patch{Key: key("1"), Version: 3, Attributes: json.RawMessage(`{"total":1}`)})
	require.ErrorIs(t, err, cqrs.ErrVersionConflict)
	name := "Renamed"
	got, err := s.PublishPartial(t.Context(), command.Patch{Key: key("1"), Name: &name, Source: "api", RequestID: "r"})
	require.NoError(t, err)
	require.Equal(t, "Renamed", got.Name)
	require.Equal(t, "api", got.Source)
	require.Equal(t, "r", got.RequestID)
	require.Equal(t, "fragile", got.Attributes.Note)
}

func TestWhatTheTypeDoesNotKnowSurvives(t *testing.T) {
	t.Parallel()
	s, store := newService()
	var raw cqrs.Image
	require.NoError(t, raw.UnmarshalJSON([]byte(`{"total":{"N":"1"},"newer":{"SS":["a","b"]},
		"ship":{"M":{"city":{"S":"Kyoto"},"floor":{"N":"12345678901234567890123"}}}}`)))
	require.NoError(t, store.Store.Commit(t.Context(), command.Row{Key: key("1"), Version: 1, Attributes: raw}))
	_, err := s.Update(t.Context(), key("1"), func(c *cqrs.Command[order]) error { c.Attributes.Ship.City = "Osaka"; return nil })
	require.NoError(t, err)
	_, err = s.PublishPartial(t.Context(), command.Patch{Key: key("1"), Attributes: json.RawMessage(`{"total":2}`)})
	require.NoError(t, err)
	deleted, err := s.Delete(t.Context(), key("1"), command.Latest)
	require.NoError(t, err)
	row, err := store.Store.GetCommand(t.Context(), key("1"), deleted.Version)
	require.NoError(t, err)
	require.JSONEq(t, `{"total":{"N":"2"},"newer":{"SS":["a","b"]},
		"ship":{"M":{"city":{"S":"Osaka"},"floor":{"N":"12345678901234567890123"}}}}`, string(row.Attributes.Raw()))
}
