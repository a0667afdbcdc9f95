package local_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/local"
)

type order struct {
	Total int64 `json:"total"`
}

// searchIndex is a read model of the newest state. Its gate is the SyncStore's.
type searchIndex struct {
	mu    sync.Mutex
	state map[cqrs.Key]cqrs.Command[order]
}

func (s *searchIndex) Up(_ context.Context, cmd cqrs.Command[order]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state[cmd.Key] = cmd
	return nil
}

func (s *searchIndex) Down(_ context.Context, cmd cqrs.Command[order]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.state, cmd.Key)
	return nil
}

func (s *searchIndex) get(key cqrs.Key) (cqrs.Command[order], bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd, ok := s.state[key]
	return cmd, ok
}

// account books what each version adds, every version once and in order. Its gate
// is its own.
type account struct {
	mu      sync.Mutex
	version map[cqrs.Key]int64
	total   map[cqrs.Key]int64 // the sum of all versions' totals
	stale   int
}

func (a *account) Up(_ context.Context, cmd cqrs.Command[order]) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch have := a.version[cmd.Key]; {
	case cmd.Version <= have:
		a.stale++
		return cqrs.Skip("booked already")
	case cmd.Version > have+1:
		return &cqrs.VersionConflict{Key: cmd.Key, Expected: cmd.Version - 1, Actual: have}
	}
	a.version[cmd.Key] = cmd.Version
	a.total[cmd.Key] += cmd.Attributes.Total
	return nil
}

func (a *account) Down(ctx context.Context, cmd cqrs.Command[order]) error {
	cmd.Attributes.Total = 0
	return a.Up(ctx, cmd)
}

func (a *account) has(key cqrs.Key) (version, total int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.version[key], a.total[key]
}

// TestCommandsThroughFaults publishes from many writers at once. What the streams
// bring, in an order of their own and more than once, through lost answers and
// killed functions, leaves every read model equal to the commands.
func TestCommandsThroughFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("order ", seed), func(t *testing.T) {
			t.Parallel()
			projectCommands(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

const (
	writers    = 4
	aggregates = 4
	versions   = 8 // that each writer publishes of each aggregate
)

func projectCommands(t *testing.T, random *rand.Rand) {
	t.Helper()
	a, config, clock := start(t, local.ShuffleStreams(random.IntN))
	client := dynamodb.NewFromConfig(config)
	tables := dynamostore.TablesOf("test-shop", "order")
	for _, name := range []string{tables.Command, tables.Data, tables.History, "sync"} {
		createTable(t, client, name, "pk", "sk")
	}
	index, books := &searchIndex{state: map[cqrs.Key]cqrs.Command[order]{}}, &account{version: map[cqrs.Key]int64{}, total: map[cqrs.Key]int64{}}
	store := dynamostore.NewCommands(client, tables)
	projection := cqrs.NewDataSync(tables.Command, dynamostore.NewSync(client, "sync"),
		command.Target[order](store),
		cqrs.Target("search", index),
		cqrs.Target("account", books, cqrs.SelfGated(), cqrs.Sequential()),
	).With(cqrs.SyncLogger(slog.New(slog.DiscardHandler)))
	service := command.New(command.Config[order]{Store: store, Sync: projection})
	registry := cqrs.NewRegistry()
	cqrs.RegisterDataSync(registry, projection)
	d, err := cqrs.New(cqrs.Config{Registry: registry, Logger: slog.New(slog.DiscardHandler), Concurrency: 4})
	require.NoError(t, err)

	at := func(operation string, effect local.Effect, skip int, kill string) *local.Injection {
		return a.Inject(local.Fault{Service: "dynamodb", Operation: operation, Effect: effect, Skip: skip, Times: 2, Kill: kill})
	}
	injected := map[string]*local.Injection{
		"batches come twice":        a.Inject(local.Fault{Target: "project", Effect: local.Duplicate, Times: 10}),
		"answers to puts are lost":  at("PutItem", local.LoseAnswer, 4, ""),
		"and again":                 at("PutItem", local.LoseAnswer, 60, ""),
		"puts are lost":             at("PutItem", local.LoseRequest, 20, ""),
		"puts are throttled":        at("PutItem", local.Throttle, 90, ""),
		"progress is lost":          at("UpdateItem", local.LoseAnswer, 3, ""),
		"the service has failed":    at("UpdateItem", local.InternalError, 9, ""),
		"killed at a read model":    at("PutItem", local.LoseAnswer, 130, "project"),
		"killed at its progress":    at("UpdateItem", local.LoseAnswer, 12, "project"),
		"killed before progress":    at("UpdateItem", local.LoseRequest, 20, "project"),
		"killed when it has looked": at("BatchGetItem", local.LoseAnswer, 2, "project"),
	}
	f := a.Function("project", d, local.InvocationTimeout(functionTimeout))
	require.NoError(t, f.OnStream(tables.Command, local.ReportBatchItemFailures(), local.BatchSize(20), local.BisectOnError()))

	keys := make([]cqrs.Key, aggregates)
	for i := range keys {
		keys[i], err = command.NewKey("ORDER", "acme", fmt.Sprint("order-", i))
		require.NoError(t, err)
	}
	publish(t, service, keys)
	gone, err := service.GetVersion(t.Context(), keys[0], writers*versions)
	require.NoError(t, err)
	_, err = service.Delete(t.Context(), keys[0], gone.Version)
	require.NoError(t, err)

	for i, key := range keys {
		last := int64(writers * versions)
		if i == 0 {
			last++
		}
		advance(t, clock, "the read models follow "+key.SK, func() bool {
			version, _ := books.has(key)
			found, ok := index.get(key)
			return version == last && ok == (i > 0) && (!ok || found.Version == last)
		})
		_, total := books.has(key)
		newest, err := store.GetCommand(t.Context(), key, last)
		require.NoError(t, err)
		advance(t, clock, "the data follow "+key.SK, func() bool {
			row, err := store.Get(t.Context(), key)
			require.NoError(t, err)
			return row.Version == last
		})
		var sum int64
		advance(t, clock, "every version of "+key.SK+" is in the history", func() bool {
			var version int64
			sum = 0
			for cmd, err := range service.History(t.Context(), key) {
				require.NoError(t, err)
				version++
				if cmd.Version != version {
					return false
				}
				if !cmd.Deleted {
					sum += cmd.Attributes.Total
				}
			}
			return version == last
		})
		require.Equal(t, sum, total, "every version is booked once")
		if found, ok := index.get(key); ok {
			var o order
			require.NoError(t, newest.Attributes.Unmarshal(&o))
			require.Equal(t, o, found.Attributes)
		}
	}
	for _, target := range projection.Targets() {
		for parked, err := range projection.Parked(t.Context(), target) {
			require.NoError(t, err)
			require.Fail(t, "parked", "%+v", parked)
		}
	}
	for _, target := range []string{command.TargetData, "search"} {
		for drift, err := range service.Verify(t.Context(), target) {
			require.NoError(t, err)
			require.Fail(t, "drift", "%+v", drift)
		}
	}
	struck(t, injected)
	require.Positive(t, books.stale, "versions have come more than once")
}

// publish has many writers add to each aggregate. Who loses a race reads again.
func publish(t *testing.T, service *command.Service[order], keys []cqrs.Key) {
	t.Helper()
	var group sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		group.Go(func() {
			for n := range versions {
				for _, key := range keys {
					c := cqrs.Command[order]{
						Key: key, Version: command.Latest, RequestID: fmt.Sprint(w, "/", n, "/", key.SK),
						Attributes: order{Total: int64(1 + n*writers + w)},
					}
					_, err := service.Publish(t.Context(), c)
					for errors.Is(err, cqrs.ErrVersionConflict) {
						_, err = service.Publish(t.Context(), c)
					}
					errs[w] = errors.Join(errs[w], err)
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
}
