package command_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

func TestPublishCreatesAndContinues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: command.NewMemory()}
		who := command.Actor{ID: "ann", IP: "10.0.0.1"}
		s := command.New(command.Config[order]{Store: store, Actor: func(context.Context) command.Actor { return who }})
		created := time.Now().UTC()
		first, err := s.Publish(t.Context(), newOrder("1", 100))
		require.NoError(t, err)
		require.Equal(t, []string{"Append"}, store.take(), "one request")
		require.Equal(t, int64(1), first.Version)
		require.Equal(t, "acme", first.TenantCode)
		require.Equal(t, "ORDER", first.Type)
		require.Equal(t, "ORDER#acme#1", first.ID)
		require.NotEmpty(t, first.RequestID)
		require.Equal(t, created, first.CreatedAt)
		require.Equal(t, "ann", first.CreatedBy)

		time.Sleep(time.Minute)
		who = command.Actor{ID: "bob", IP: "10.0.0.2"}
		first.Attributes.Total = 200
		second, err := s.Publish(t.Context(), first)
		require.NoError(t, err)
		require.Equal(t, []string{"Append"}, store.take(), "what it published itself it need not read")
		require.Equal(t, int64(2), second.Version)
		require.Equal(t, created, second.CreatedAt)
		require.Equal(t, "ann", second.CreatedBy)
		require.Equal(t, "10.0.0.1", second.CreatedIP)
		require.Equal(t, created.Add(time.Minute), second.UpdatedAt)
		require.Equal(t, "bob", second.UpdatedBy)
		require.Equal(t, "10.0.0.2", second.UpdatedIP)
		require.NotEqual(t, first.RequestID, second.RequestID)

		row, err := store.Store.GetCommand(t.Context(), key("1"), 2)
		require.NoError(t, err)
		got, err := cqrs.CommandOf[order](row)
		require.NoError(t, err)
		require.Equal(t, second, got)
	})
}

func TestPublishConflicts(t *testing.T) {
	t.Parallel()
	s, _ := newService()
	first, err := s.Publish(t.Context(), newOrder("1", 100))
	require.NoError(t, err)
	_, err = s.Publish(t.Context(), newOrder("1", 200))
	require.ErrorIs(t, err, cqrs.ErrVersionConflict, "0 creates, and it is there")
	a, b := first, first
	a.Attributes.Total, b.Attributes.Total = 200, 200 // both add 100 to what they read
	_, err = s.Publish(t.Context(), a)
	require.NoError(t, err)
	_, err = s.Publish(t.Context(), b)
	require.ErrorIs(t, err, cqrs.ErrVersionConflict, "the same content is not the same writer")
	conflict, ok := errors.AsType[*cqrs.VersionConflict](err)
	require.True(t, ok)
	require.Equal(t, &cqrs.VersionConflict{Key: key("1"), Expected: 1, Actual: 2}, conflict)

	unread := newOrder("1", 300)
	unread.Version = 100
	_, err = s.Publish(t.Context(), unread)
	require.ErrorIs(t, err, cqrs.ErrVersionConflict, "a version that nobody has published locks nothing")
	unread.Version = -2
	_, err = s.Publish(t.Context(), unread)
	require.ErrorContains(t, err, "0, positive or Latest")
}

func TestPublishAgainIsOneOwn(t *testing.T) {
	t.Parallel()
	s, store := newService()
	c := newOrder("1", 100)
	c.RequestID = "message-1"
	for range 2 {
		published, err := s.Publish(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, int64(1), published.Version)
	}
	// In another process, on a version that it has not read.
	c.Version, c.RequestID, c.Attributes.Total = 1, "message-2", 200
	for range 2 {
		published, err := command.New(command.Config[order]{Store: store}).Publish(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, int64(2), published.Version)
	}
	c.Attributes.Total = 300
	_, err := s.Publish(t.Context(), c)
	require.ErrorIs(t, err, cqrs.ErrVersionConflict, "the same request cannot say two things")
}

func TestUnchangedWritesNothing(t *testing.T) {
	t.Parallel()
	s, store := newService()
	first, err := s.Publish(t.Context(), newOrder("1", 100))
	require.NoError(t, err)
	store.take()
	same := newOrder("1", 100)
	same.Version = 1
	for _, c := range []cqrs.Command[order]{first, same} {
		got, err := s.Publish(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, first, got)
		got, err = s.PublishSync(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, first, got)
	}
	require.Empty(t, store.take())
	got, err := command.New(command.Config[order]{Store: store}).Publish(t.Context(), same)
	require.NoError(t, err)
	require.Equal(t, first, got)
	require.Equal(t, []string{"GetCommand 1"}, store.take())

	ttl := first
	ttl.TTL = time.Unix(4_000_000_000, 0)
	second, err := s.Publish(t.Context(), ttl)
	require.NoError(t, err)
	require.Equal(t, int64(2), second.Version, "another time to live is a change")
}

func TestPublishLatest(t *testing.T) {
	t.Parallel()
	s, store := newService()
	for n := int64(1); n <= 12; n++ {
		c := newOrder("1", n)
		c.Version = command.Latest
		published, err := s.Publish(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, n, published.Version)
		if n == 7 {
			row, err := store.Store.GetCommand(t.Context(), key("1"), n)
			require.NoError(t, err)
			require.NoError(t, store.Store.Project(t.Context(), row))
		}
	}
	store.take()
	latest, err := s.GetVersion(t.Context(), key("1"), command.Latest)
	require.NoError(t, err)
	require.Equal(t, int64(12), latest.Version)
	require.Equal(t, []string{"Get", "GetCommand 8", "GetCommand 9", "GetCommand 11", "GetCommand 15", "GetCommand 13", "GetCommand 12"}, store.take())

	// Somebody is faster, twice.
	races := 2
	store.before = func(ctx context.Context, call string) error {
		if call == "Append" && races > 0 {
			races--
			row, err := store.Store.GetCommand(ctx, key("1"), 12+int64(1-races))
			if err != nil {
				return err
			}
			row.Version++
			row.RequestID = "faster"
			row.Attributes, _ = cqrs.NewImage(order{Total: 1000 + row.Version})
			return store.Store.Append(ctx, row)
		}
		return nil
	}
	c := newOrder("1", 99)
	c.Version = command.Latest
	published, err := s.Publish(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, int64(15), published.Version)
}

func TestPublishSyncGoesToTheTargets(t *testing.T) {
	t.Parallel()
	store := &counting{Store: command.NewMemory()}
	model := &readModel{}
	sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(), command.Target[order](store), cqrs.Target("rds", model))
	s := command.New(command.Config[order]{Store: store, Sync: sync})
	c := newOrder("1", 100)
	c.RequestID = "r1"
	first, err := s.PublishSync(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, []string{"Commit"}, store.take(), "command, data and history at once")
	require.Equal(t, first, model.state[key("1")])
	got, err := s.Get(t.Context(), key("1"))
	require.NoError(t, err)
	require.Equal(t, first, got)

	broken := errors.New("down")
	model.fail = func(cqrs.Command[order]) error { return broken }
	c.Version, c.RequestID, c.Attributes.Total = 1, "r2", 200
	second, err := s.PublishSync(t.Context(), c)
	require.ErrorIs(t, err, broken)
	require.Equal(t, int64(2), second.Version, "it is published all the same")
	model.fail = nil
	second, err = s.PublishSync(t.Context(), c)
	require.NoError(t, err, "again with the same request id")
	require.Equal(t, int64(2), model.state[key("1")].Version)
	require.Equal(t, int64(200), model.state[key("1")].Attributes.Total)
	require.Equal(t, 3, model.calls)
	require.Equal(t, int64(2), second.Version)
}

func TestDeleteIsAVersion(t *testing.T) {
	t.Parallel()
	store := command.NewMemory()
	model := &readModel{}
	sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(), command.Target[order](store), cqrs.Target("rds", model))
	s := command.New(command.Config[order]{Store: store, Sync: sync})
	_, err := s.PublishSync(t.Context(), newOrder("1", 100))
	require.NoError(t, err)
	deleted, err := s.Delete(t.Context(), key("1"), 1)
	require.NoError(t, err)
	require.Equal(t, int64(2), deleted.Version)
	require.True(t, deleted.Deleted)
	require.Equal(t, int64(100), deleted.Attributes.Total, "Down is told of what")
	again, err := s.Delete(t.Context(), key("1"), 2)
	require.NoError(t, err)
	require.Equal(t, int64(2), again.Version)
	_, err = s.Delete(t.Context(), key("1"), 1)
	require.ErrorIs(t, err, cqrs.ErrVersionConflict)
	_, err = s.Delete(t.Context(), key("unknown"), command.Latest)
	require.ErrorIs(t, err, cqrs.ErrNotFound)

	require.NoError(t, sync.Apply(t.Context(), deleted))
	got, err := s.Get(t.Context(), key("1"))
	require.NoError(t, err)
	require.True(t, got.Deleted)
	for range s.List(t.Context(), command.Query{PK: "ORDER#acme"}) {
		require.Fail(t, "deleted")
	}
	got.Deleted = false
	revived, err := s.Publish(t.Context(), got)
	require.NoError(t, err)
	require.Equal(t, int64(3), revived.Version)
}

func TestKeysAndTenantsAreChecked(t *testing.T) {
	t.Parallel()
	s, store := newService()
	for name, bad := range map[string]cqrs.Command[order]{
		"no tenant":       {Key: cqrs.Key{PK: "ORDER", SK: "1"}},
		"two tenants":     {Key: cqrs.Key{PK: "ORDER#a#b", SK: "1"}},
		"e-mail":          {Key: cqrs.Key{PK: "ORDER#a", SK: "ann@example.com"}},
		"a version":       {Key: cqrs.Key{PK: "ORDER#a", SK: "1@2"}},
		"no sort key":     {Key: cqrs.Key{PK: "ORDER#a"}},
		"foreign tenant":  {Key: cqrs.Key{PK: "ORDER#a", SK: "1"}, TenantCode: "b"},
		"control":         {Key: cqrs.Key{PK: "ORDER#a", SK: "1\n"}},
		"not UTF-8":       {Key: cqrs.Key{PK: "ORDER#a\xff", SK: "1"}},
		"tenant is empty": {Key: cqrs.Key{PK: "ORDER#", SK: "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.Publish(t.Context(), bad)
			require.Error(t, err)
			_, err = s.PublishSync(t.Context(), bad)
			require.Error(t, err)
		})
	}
	require.Empty(t, store.take())
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	k, err := command.NewKey("ORDER", "acme", "2026", "1")
	require.NoError(t, err)
	require.Equal(t, cqrs.Key{PK: "ORDER#acme", SK: "2026#1"}, k)
	k, err = command.NewKey("USER", "acme", command.EscapePart("ann@x#%\n.com"))
	require.NoError(t, err)
	require.Equal(t, "ann%40x%23%25%0A.com", k.SK)
	for _, parts := range [][]string{
		{"ORDER", "acme"},
		{"", "acme", "1"},
		{"ORDER", "", "1"},
		{"ORDER", "a#b", "1"},
		{"OR@DER", "a", "1"},
		{"ORDER", "acme", "a#b"},
		{"ORDER", "acme", "a@b"},
		{"ORDER", "acme", "a", ""},
		{"ORDER", "acme", "\x7f"},
	} {
		_, err := command.NewKey(parts[0], parts[1], parts[2:]...)
		var bad *command.KeyError
		require.ErrorAs(t, err, &bad, "%q", parts)
	}
}

func TestNewPanicsWithoutStore(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "command: New needs Config.Store, such as NewMemory()", func() { command.New(command.Config[order]{}) })
	require.Panics(t, func() { command.Target[order](nil) })
}
