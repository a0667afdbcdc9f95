package command_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

func TestAwaitReadsOnesOwnWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := newService()
		first, err := s.Publish(t.Context(), newOrder("1", 100))
		require.NoError(t, err)
		go func() { // the stream
			time.Sleep(3 * time.Second)
			row, err := store.Store.GetCommand(context.Background(), key("1"), 1)
			if err == nil {
				err = store.Store.Project(context.Background(), row)
			}
			if err != nil {
				panic(err)
			}
		}()
		start := time.Now()
		got, err := s.Await(t.Context(), key("1"), first.Version)
		require.NoError(t, err)
		require.Equal(t, first, got)
		require.LessOrEqual(t, time.Since(start), 3500*time.Millisecond)
		require.Less(t, len(store.take()), 20, "in growing intervals")

		start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = s.Await(ctx, key("1"), 2)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "is at version 1, not yet at 2")
		require.Equal(t, time.Second, time.Since(start), "at once")
	})
}

func TestListHistoryAndExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := newService()
		for n := int64(1); n <= 3; n++ {
			c := newOrder("1", n)
			c.Version = n - 1
			_, err := s.PublishSync(t.Context(), c)
			require.NoError(t, err)
		}
		brief := newOrder("2", 1)
		brief.TTL = time.Now().Add(time.Hour)
		_, err := s.PublishSync(t.Context(), brief)
		require.NoError(t, err)
		list := func() (names []string) {
			for c, err := range s.List(t.Context(), command.Query{PK: "ORDER#acme"}) {
				require.NoError(t, err)
				names = append(names, c.SK)
			}
			return names
		}
		require.Equal(t, []string{"1", "2"}, list())
		time.Sleep(2 * time.Hour)
		require.Equal(t, []string{"1"}, list(), "DynamoDB takes days to remove it")
		_, err = s.Get(t.Context(), key("2"))
		require.ErrorIs(t, err, cqrs.ErrNotFound)

		var totals []int64
		for c, err := range s.History(t.Context(), key("1")) {
			require.NoError(t, err)
			totals = append(totals, c.Attributes.Total)
		}
		require.Equal(t, []int64{1, 2, 3}, totals)
		second, err := s.GetVersion(t.Context(), key("1"), 2)
		require.NoError(t, err)
		require.Equal(t, int64(2), second.Attributes.Total)
		for _, q := range []command.Query{{}, {PK: "ORDER#acme", Prefix: "1", From: "1"}} {
			for _, err := range s.List(t.Context(), q) {
				require.Error(t, err)
			}
		}
	})
}

// blobs is a command.Blobs in memory.
type blobs struct {
	mu      sync.Mutex
	content map[string][]byte
	gets    int
}

func (b *blobs) Put(_ context.Context, key string, content []byte) (command.BlobRef, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.content == nil {
		b.content = map[string][]byte{}
	}
	uri := "s3://bucket/" + key
	b.content[uri] = content
	sum := sha256.Sum256(content)
	return command.BlobRef{URI: uri, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}, nil
}

func (b *blobs) Get(_ context.Context, ref command.BlobRef) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gets++
	content, ok := b.content[ref.URI]
	sum := sha256.Sum256(content)
	if !ok || ref.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%s: %w", ref.URI, command.ErrBlobMismatch)
	}
	return content, nil
}

func (b *blobs) Delete(_ context.Context, ref command.BlobRef) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.content, ref.URI)
	return nil
}

func TestLargeAttributesAreKeptElsewhere(t *testing.T) {
	t.Parallel()
	store, kept, model := command.NewMemory(), &blobs{}, &readModel{}
	sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(), command.Target[order](store), cqrs.Target("rds", model)).With(cqrs.SyncLogger(quiet()))
	s := command.New(command.Config[order]{Store: store, Sync: sync, Blobs: kept, Limit: 1000})
	large := newOrder("1", 100)
	large.Attributes.Note = strings.Repeat("x", 2000)
	first, err := s.PublishSync(t.Context(), large)
	require.NoError(t, err)
	require.Len(t, kept.content, 1)
	require.Len(t, model.state[key("1")].Attributes.Note, 2000, "targets get the whole")
	row, err := store.GetCommand(t.Context(), key("1"), 1)
	require.NoError(t, err)
	require.Less(t, len(row.Attributes.Raw()), 1000)
	_, offloaded := cqrs.Offloaded(row)
	require.True(t, offloaded)

	// The row reads as ever, in this process and in the stream.
	got, err := s.Get(t.Context(), key("1"))
	require.NoError(t, err)
	require.Equal(t, first, got)
	require.NoError(t, sync.ApplyRow(t.Context(), row))
	require.Equal(t, 1, model.calls, "the same content, so nothing to do")
	same, err := command.New(command.Config[order]{Store: store, Blobs: kept, Limit: 1000}).Publish(t.Context(), got)
	require.NoError(t, err)
	require.Equal(t, int64(1), same.Version)
	updated, err := s.Update(t.Context(), key("1"), func(c *cqrs.Command[order]) error { c.Attributes.Total++; return nil })
	require.NoError(t, err)
	require.Len(t, updated.Attributes.Note, 2000)
	require.Len(t, kept.content, 2, "each version has its own")

	// Who loses a race leaves nothing behind.
	_, err = s.Publish(t.Context(), large)
	require.ErrorIs(t, err, cqrs.ErrVersionConflict)
	require.Len(t, kept.content, 2)

	// Without blobs nothing is taken for empty.
	_, err = command.New(command.Config[order]{Store: store}).Get(t.Context(), key("1"))
	require.ErrorContains(t, err, "configure Blobs")
	_, err = cqrs.CommandOf[order](row)
	require.ErrorContains(t, err, "configure Blobs")
}

// expiredHistory is a store whose history is over.
type expiredHistory struct{ command.Store }

func (expiredHistory) History(context.Context, cqrs.Key, int64) iter.Seq2[command.Row, error] {
	return func(func(command.Row, error) bool) {}
}

func TestBlobsGoWithTheirLastRow(t *testing.T) {
	t.Parallel()
	store, kept := command.NewMemory(), &blobs{}
	s := command.New(command.Config[order]{Store: store, Blobs: kept, Limit: 10})
	large := newOrder("1", 100)
	large.Attributes.Note = strings.Repeat("x", 2000)
	collect := command.NewSource(store, kept).(cqrs.AttributeCollector)
	_, err := s.Publish(t.Context(), large)
	require.NoError(t, err)
	row, err := store.GetCommand(t.Context(), key("1"), 1)
	require.NoError(t, err)
	require.NoError(t, store.Project(t.Context(), row))
	require.NoError(t, collect.Collect(t.Context(), row))
	require.Len(t, kept.content, 1, "data and history refer to it")
	withoutHistory := command.NewSource(expiredHistory{store}, kept).(cqrs.AttributeCollector)
	require.NoError(t, withoutHistory.Collect(t.Context(), row))
	require.Len(t, kept.content, 1, "the data refer to it")

	lonely := newOrder("2", 100)
	lonely.Attributes.Note = large.Attributes.Note
	_, err = s.Publish(t.Context(), lonely)
	require.NoError(t, err)
	row, err = store.GetCommand(t.Context(), key("2"), 1)
	require.NoError(t, err)
	require.Len(t, kept.content, 2)
	require.NoError(t, collect.Collect(t.Context(), row))
	require.Len(t, kept.content, 1)
}

func TestSchemaOfTheService(t *testing.T) {
	t.Parallel()
	store := command.NewMemory()
	old, err := cqrs.NewImage(map[string]any{"amount": 7})
	require.NoError(t, err)
	require.NoError(t, store.Commit(t.Context(), command.Row{Key: key("1"), Version: 1, Attributes: old}))
	s := command.New(command.Config[order]{Store: store, Schema: cqrs.Schema{Version: 2, Upcasters: map[int]cqrs.Upcaster{
		1: func(i cqrs.Image) (cqrs.Image, error) {
			var v struct{ Amount int64 }
			if err := i.Unmarshal(&v); err != nil {
				return i, err
			}
			return cqrs.NewImage(order{Total: v.Amount})
		},
	}}})
	got, err := s.Get(t.Context(), key("1"))
	require.NoError(t, err)
	require.Equal(t, int64(7), got.Attributes.Total)
	updated, err := s.Update(t.Context(), key("1"), func(c *cqrs.Command[order]) error { c.Attributes.Total++; return nil })
	require.NoError(t, err)
	require.Equal(t, 2, updated.Schema)
	row, err := store.GetCommand(t.Context(), key("1"), 2)
	require.NoError(t, err)
	require.Equal(t, 2, row.Schema)
	require.JSONEq(t, `{"total":{"N":"8"}}`, string(row.Attributes.Raw()))
	_, err = command.New(command.Config[order]{Store: store, Schema: cqrs.Schema{Version: 1}}).GetVersion(t.Context(), key("1"), 2)
	require.ErrorIs(t, err, cqrs.ErrNewerSchema)
}
