package dynamostore_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func TestSyncStoreConformance(t *testing.T) {
	t.Parallel()
	cqrstest.SyncStore(t, func(t *testing.T) cqrs.SyncStore {
		t.Helper()
		c, _ := client(t)
		return dynamostore.NewSync(c, table(t, c, "pk", "sk"))
	})
}

func TestClaims(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	store := dynamostore.NewSync(c, table(t, c, "pk", "sk"))
	claimer := store.(cqrs.SyncClaimer)
	k := cqrs.SyncKey{Table: "orders", Target: "search", Tenant: "acme", Key: orderKey("1")}
	claims := func() []cqrs.SyncClaim {
		status, err := store.(cqrs.SyncReader).Status(t.Context(), []cqrs.SyncKey{k})
		require.NoError(t, err)
		return status[0].Claims
	}
	a, b := cqrs.SyncClaim{Version: 1, Owner: "a"}, cqrs.SyncClaim{Version: 1, Owner: "b"}
	require.NoError(t, claimer.Claim(t.Context(), k, 0, a))
	require.NoError(t, claimer.Claim(t.Context(), k, 0, b))
	require.ElementsMatch(t, []cqrs.SyncClaim{a, b}, claims())
	require.NoError(t, claimer.Complete(t.Context(), k, 0, cqrs.Progress{Version: 1, Hash: "h"}, a))
	require.Equal(t, []cqrs.SyncClaim{b}, claims())
	require.ErrorIs(t, claimer.Claim(t.Context(), k, 0, a), cqrs.ErrVersionConflict)
	require.ErrorIs(t, claimer.Complete(t.Context(), k, 0, cqrs.Progress{Version: 2}, b), cqrs.ErrVersionConflict)
	require.NoError(t, claimer.Release(t.Context(), k, b))
	require.Empty(t, claims())
}

func TestStatusOfManyAndWalk(t *testing.T) {
	t.Parallel()
	c, f := client(t)
	store := dynamostore.NewSync(c, table(t, c, "pk", "sk"))
	var keys []cqrs.SyncKey
	for _, target := range []string{"search", "rds", "sear"} {
		keys = append(keys, cqrs.SyncKey{Table: "orders", Target: target, Tenant: "a#b", Key: orderKey("1#2")})
	}
	require.NoError(t, store.Advance(t.Context(), keys[1], 0, cqrs.Progress{Version: 3, Hash: "h", Deleted: true}))
	require.NoError(t, store.Park(t.Context(), cqrs.Parked{SyncKey: keys[2], Version: 1, LatestSeen: 2}))
	f.Take()
	status, err := store.(cqrs.SyncReader).Status(t.Context(), keys)
	require.NoError(t, err)
	require.Equal(t, []string{"BatchGetItem"}, f.Take())
	require.Zero(t, status[0])
	require.Equal(t, cqrs.Progress{Version: 3, Hash: "h", Deleted: true}, status[1].Progress)
	require.Equal(t, int64(2), status[2].Parked.LatestSeen)
	var walked []cqrs.SyncKey
	for k, err := range store.(cqrs.SyncWalker).Walk(t.Context(), "orders", "rds") {
		require.NoError(t, err)
		walked = append(walked, k)
	}
	require.Equal(t, keys[1:2], walked)
}

// between lets somebody in before a transaction.
type between struct {
	*dynamodb.Client

	before func()
}

func (b *between) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	if before := b.before; before != nil {
		b.before = nil
		before()
	}
	return b.Client.TransactWriteItems(ctx, in, opts...)
}

// TestParkingIsAsItWasRead lets versions be parked between the reading and the
// writing of another Park and of an Unpark: none is forgotten.
func TestParkingIsAsItWasRead(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	b := &between{Client: c}
	name := table(t, c, "pk", "sk")
	store, other := dynamostore.NewSync(b, name), dynamostore.NewSync(c, name)
	p := cqrs.Parked{SyncKey: cqrs.SyncKey{Table: "orders", Target: "search", Key: orderKey("1")}, Version: 1}
	park := func(s cqrs.SyncStore, latest int64) {
		p := p
		p.LatestSeen = latest
		require.NoError(t, s.Park(t.Context(), p))
	}
	latest := func() (n int64) {
		for p, err := range other.List(t.Context(), "orders", "search") {
			require.NoError(t, err)
			n = p.LatestSeen
		}
		status, err := other.(cqrs.SyncReader).Status(t.Context(), []cqrs.SyncKey{p.SyncKey})
		require.NoError(t, err)
		require.Equal(t, n, status[0].Parked.LatestSeen, "item and list agree")
		return n
	}
	for _, start := range []int64{0, 10} { // the entry is new, and it is not
		b.before = func() { park(other, start+5) }
		park(store, start+2)
		require.Equal(t, start+5, latest())
	}
	b.before = func() { park(other, 17) }
	done, err := store.Unpark(t.Context(), p.SyncKey, 16)
	require.NoError(t, err)
	require.False(t, done)
	require.Equal(t, int64(17), latest())
}

// searchIndex is a target without a gate.
type searchIndex struct {
	mu    sync.Mutex
	state map[cqrs.Key]cqrs.Command[order]
	calls int
	fail  error
}

func (s *searchIndex) Up(_ context.Context, cmd cqrs.Command[order]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail != nil {
		return s.fail
	}
	if s.state == nil {
		s.state = map[cqrs.Key]cqrs.Command[order]{}
	}
	s.state[cmd.Key] = cmd
	return nil
}

func (s *searchIndex) Down(ctx context.Context, cmd cqrs.Command[order]) error { return s.Up(ctx, cmd) }

// TestCommandsToReadModels is the whole way, with DynamoDB at both ends.
func TestCommandsToReadModels(t *testing.T) {
	t.Parallel()
	c, f := client(t)
	tables := commandTables(t, c)
	store := dynamostore.NewCommands(c, tables)
	index := &searchIndex{}
	syncStore := dynamostore.NewSync(c, table(t, c, "pk", "sk"))
	s := cqrs.NewDataSync(tables.Command, syncStore, command.Target[order](store), cqrs.Target("search", index, cqrs.ParkAfter(2)))
	orders := command.New(command.Config[order]{Store: store, Sync: s})

	first, err := orders.PublishSync(t.Context(), newOrder("1"))
	require.NoError(t, err)
	require.Equal(t, int64(100), index.state[first.Key].Attributes.Total)
	row, err := store.GetCommand(t.Context(), first.Key, 1)
	require.NoError(t, err)
	require.NoError(t, s.ApplyRow(t.Context(), row), "the stream brings it too")
	require.Equal(t, 1, index.calls)

	f.Take()
	second, err := orders.Update(t.Context(), first.Key, func(o *cqrs.Command[order]) error { o.Attributes.Total = 200; return nil })
	require.NoError(t, err)
	row, err = store.GetCommand(t.Context(), first.Key, 2)
	require.NoError(t, err)
	f.Take()
	require.NoError(t, s.ApplyRow(t.Context(), row))
	require.Equal(t, []string{"BatchGetItem", "PutItem", "PutItem", "UpdateItem", "UpdateItem"}, f.Take(),
		"one read for both targets, the data's two writes, the index's claim and progress")
	got, err := orders.Await(t.Context(), second.Key, 2)
	require.NoError(t, err)
	require.Equal(t, int64(200), got.Attributes.Total)

	index.fail = errors.New("down")
	third, err := orders.PublishSync(t.Context(), got)
	require.NoError(t, err)
	require.Equal(t, int64(2), third.Version, "unchanged")
	got.Attributes.Total = 300
	third, err = orders.PublishSync(t.Context(), got)
	require.Error(t, err, "committed, and the target is behind")
	require.Equal(t, int64(3), third.Version)
	row, err = store.GetCommand(t.Context(), first.Key, 3)
	require.NoError(t, err)
	require.NoError(t, s.ApplyRow(t.Context(), row), "parked")

	kinds := func(target string) (kinds []command.DriftKind) {
		for d, err := range orders.Verify(t.Context(), target) {
			require.NoError(t, err)
			kinds = append(kinds, d.Kind)
		}
		return kinds
	}
	require.Empty(t, kinds(command.TargetData))
	require.Equal(t, []command.DriftKind{command.DriftParked}, kinds("search"))
	index.fail = nil
	freed, err := s.Unpark(t.Context(), "search")
	require.NoError(t, err)
	require.Equal(t, 1, freed)
	require.Empty(t, kinds("search"))
	require.Equal(t, int64(300), index.state[first.Key].Attributes.Total)
	rows, err := orders.Rebuild(t.Context(), command.Rebuild{Commands: true, Segments: 2, PageSize: 1})
	require.NoError(t, err)
	require.Equal(t, int64(3), rows)
}
