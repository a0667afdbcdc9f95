package command_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// writerKey carries the number of a writer, whose store calls wait for their turn.
type writerKey struct{}

// schedule lets one store call through at a time, in the order that is given by
// the bits: 0 for the first writer, 1 for the second.
type schedule struct {
	arrive chan int
	grant  [2]chan struct{}
}

func (s *schedule) before(ctx context.Context, _ string) error {
	if w, ok := ctx.Value(writerKey{}).(int); ok {
		s.arrive <- w
		<-s.grant[w]
	}
	return nil
}

func (s *schedule) run(order uint, writers [2]func(ctx context.Context)) {
	done := make(chan int)
	var wait sync.WaitGroup
	for i, write := range writers {
		wait.Go(func() {
			write(context.WithValue(context.Background(), writerKey{}, i))
			done <- i
		})
	}
	var waiting, ended [2]bool
	for bit := 0; !ended[0] || !ended[1]; {
		if (waiting[0] || ended[0]) && (waiting[1] || ended[1]) {
			next := int(order >> bit & 1)
			bit++
			if !waiting[next] {
				next = 1 - next
			}
			waiting[next] = false
			s.grant[next] <- struct{}{}
		}
		select {
		case w := <-s.arrive:
			waiting[w] = true
		case w := <-done:
			ended[w] = true
		}
	}
	wait.Wait()
}

// TestTwoWritersUnderEveryInterleaving lets two writers read, change and publish
// one aggregate, with every order of their store calls: exactly one wins each
// version, whoever loses is told, and no version says what nobody published.
func TestTwoWritersUnderEveryInterleaving(t *testing.T) {
	t.Parallel()
	for bits := range uint(1 << 10) {
		s := &schedule{arrive: make(chan int), grant: [2]chan struct{}{make(chan struct{}), make(chan struct{})}}
		store := &counting{Store: command.NewMemory(), before: s.before}
		_, err := command.New(command.Config[order]{Store: store}).PublishSync(t.Context(), newOrder("1", 0))
		require.NoError(t, err)
		var (
			mu      sync.Mutex
			winners = map[int64]string{}
		)
		writer := func(name string) func(ctx context.Context) {
			service := command.New(command.Config[order]{Store: store})
			return func(ctx context.Context) {
				for range 2 {
					c, err := service.GetVersion(ctx, key("1"), command.Latest)
					if err != nil {
						panic(err)
					}
					c.Attributes.Total++ // the same change: content alone tells nobody apart
					published, err := service.Publish(ctx, c)
					mu.Lock()
					switch {
					case err == nil:
						if other, taken := winners[published.Version]; taken {
							panic(fmt.Sprintf("%s and %s both have version %d", other, name, published.Version))
						}
						winners[published.Version] = name
					case !errors.Is(err, cqrs.ErrVersionConflict):
						panic(err)
					}
					mu.Unlock()
				}
			}
		}
		s.run(bits, [2]func(ctx context.Context){writer("a"), writer("b")})
		latest, err := command.New(command.Config[order]{Store: store}).GetVersion(t.Context(), key("1"), command.Latest)
		require.NoError(t, err)
		require.Equal(t, int64(len(winners)), latest.Attributes.Total, "no update is lost; interleaving %b", bits)
		require.Equal(t, int64(len(winners))+1, latest.Version)
	}
}

func TestUpdatesThatRaceAreAllApplied(t *testing.T) {
	t.Parallel()
	store := command.NewMemory()
	_, err := command.New(command.Config[order]{Store: store}).PublishSync(t.Context(), newOrder("1", 0))
	require.NoError(t, err)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			s := command.New(command.Config[order]{Store: store})
			for range 5 {
				for {
					_, err := s.Update(context.Background(), key("1"), func(c *cqrs.Command[order]) error { c.Attributes.Total++; return nil })
					if err == nil {
						break
					}
				}
			}
		})
	}
	wait.Wait()
	latest, err := command.New(command.Config[order]{Store: store}).GetVersion(t.Context(), key("1"), command.Latest)
	require.NoError(t, err)
	require.Equal(t, int64(20), latest.Attributes.Total)
	require.Equal(t, int64(21), latest.Version)
}

// TestTenantsNeverMeet lets two tenants do anything with the same ids: neither
// sees, changes or counts what is the other's, and a context that is confined to
// one cannot name the other's keys.
func TestTenantsNeverMeet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store := command.NewMemory()
		model := &readModel{}
		sync := cqrs.NewDataSync(table, cqrs.NewMemorySync(), command.Target[order](store), cqrs.Target("rds", model))
		s := command.New(command.Config[order]{Store: store, Sync: sync})
		want := map[cqrs.Key]int64{}
		for range rapid.IntRange(1, 25).Draw(t, "operations") {
			own := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "tenant")
			named := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "named")
			k := cqrs.Key{PK: "ORDER#" + named, SK: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "sk")}
			ctx := command.WithTenant(context.Background(), own)
			expired, cancel := context.WithTimeout(ctx, time.Millisecond)
			var err error
			switch op := rapid.SampledFrom([]string{"publish", "sync", "update", "patch", "delete", "get", "list", "history", "await"}).Draw(t, "op"); op {
			case "publish", "sync":
				c := cqrs.Command[order]{Key: k, Version: command.Latest, Attributes: order{Total: rapid.Int64Range(0, 9).Draw(t, "total"), Note: own}}
				write := s.Publish
				if op == "sync" {
					write = s.PublishSync
				}
				c, err = write(ctx, c)
				if err == nil {
					want[k] = c.Version
				}
			case "update":
				var c cqrs.Command[order]
				c, err = s.Update(ctx, k, func(c *cqrs.Command[order]) error { c.Attributes.Total++; return nil })
				if err == nil {
					want[k] = c.Version
				}
			case "patch":
				_, err = s.PublishPartial(ctx, command.Patch{Key: k})
			case "delete":
				var c cqrs.Command[order]
				if c, err = s.Delete(ctx, k, command.Latest); err == nil {
					want[k] = c.Version
				}
			case "get":
				var c cqrs.Command[order]
				if c, err = s.Get(ctx, k); err == nil {
					require.Equal(t, own, c.TenantCode)
				}
			case "list":
				for c, failed := range s.List(ctx, command.Query{PK: k.PK, Deleted: true}) {
					if err = failed; err == nil {
						require.Equal(t, own, c.TenantCode)
						require.Equal(t, own, c.Attributes.Note)
					}
				}
			case "history":
				for _, failed := range s.History(ctx, k) {
					err = failed
				}
			case "await":
				_, err = s.Await(expired, k, 1<<40)
				if errors.Is(err, context.DeadlineExceeded) {
					err = nil
				}
			}
			cancel()
			if own != named {
				require.ErrorIs(t, err, cqrs.ErrForeignTenant)
			} else if !errors.Is(err, cqrs.ErrNotFound) {
				require.NoError(t, err)
			}
		}
		for k, version := range want {
			latest, err := s.GetVersion(context.Background(), k, command.Latest)
			require.NoError(t, err)
			require.Equal(t, version, latest.Version)
			require.Equal(t, "ORDER#"+latest.Attributes.Note, k.PK)
		}
		for k, c := range model.state {
			require.Equal(t, "ORDER#"+c.Attributes.Note, k.PK)
		}
	})
}

func TestActorsTenantIsAGuardToo(t *testing.T) {
	t.Parallel()
	store := command.NewMemory()
	s := command.New(command.Config[order]{Store: store, Actor: func(context.Context) command.Actor { return command.Actor{ID: "eve", Tenant: "other"} }})
	_, err := s.Publish(t.Context(), newOrder("1", 1))
	require.ErrorIs(t, err, cqrs.ErrForeignTenant)
	_, err = s.Get(t.Context(), key("1"))
	require.ErrorIs(t, err, cqrs.ErrForeignTenant)
	sequence := command.Sequence{Counter: command.NewMemoryCounter(), Type: "invoice"}
	_, err = sequence.Next(command.WithTenant(t.Context(), "other"), "acme")
	require.ErrorIs(t, err, cqrs.ErrForeignTenant)
}
