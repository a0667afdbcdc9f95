package readmodels_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels/readmodelstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// process makes the calls of one process to AWS, until it ends: before or after a
// call. What comes behind that is not done by anybody.
type process struct {
	until atomic.Int64 // calls and answers that are left
	ended atomic.Bool
}

var errEnded = errors.New("the process has ended")

func newProcess(until int) *process {
	p := &process{}
	p.until.Store(int64(until))
	return p
}

// restart is another process, which does not end.
func (p *process) restart() {
	p.until.Store(1 << 40)
	p.ended.Store(false)
}

func (p *process) step() error {
	if p.ended.Load() || p.until.Add(-1) < 0 {
		p.ended.Store(true)
		return errEnded
	}
	return nil
}

func (p *process) stack(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Process",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			out middleware.InitializeOutput, metadata middleware.Metadata, err error,
		) {
			if err := p.step(); err != nil {
				return out, metadata, err
			}
			out, metadata, err = next.HandleInitialize(ctx, in)
			if ended := p.step(); ended != nil {
				return out, metadata, ended
			}
			return out, metadata, err
		}), middleware.Before)
}

// place is where the read models are.
type place struct {
	cloud                    *cloud
	db                       *sql.DB
	search, progress, bucket string
}

func newPlace(t require.TestingT, c *cloud, file string) *place {
	db, err := readmodels.Open(context.Background(), file)
	require.NoError(t, err)
	return &place{cloud: c, db: db, search: c.newTable(t), progress: c.newTable(t), bucket: c.newBucket(t)}
}

// orders are the read models of orders, as a process has them.
func (p *place) orders(source cqrs.CommandSource, calls *process) *cqrs.DataSync[shop.Order] {
	dynamo := p.cloud.dynamodb(func(o *dynamodb.Options) {
		o.APIOptions, o.Retryer = append(o.APIOptions, calls.stack), aws.NopRetryer{}
	})
	objects := p.cloud.s3(func(o *s3.Options) {
		o.APIOptions, o.Retryer = append(o.APIOptions, calls.stack), aws.NopRetryer{}
	})
	return cqrs.NewDataSync("order-command", dynamostore.NewSync(dynamo, p.progress),
		readmodels.Orders(p.db),
		readmodels.Search(dynamo, p.search, readmodels.OrderText),
		readmodels.Analytics[shop.Order](objects, p.bucket),
	).With(cqrs.SyncSource(source), quiet())
}

func quiet() cqrs.SyncOption { return cqrs.SyncLogger(slog.New(slog.DiscardHandler)) }

// Whatever the order, the duplicates, the processes beside each other and those that
// end before or after any call: the read models come to the same.
func TestReadModelsComeToTheSame(t *testing.T) {
	t.Parallel()
	c, dir := newCloud(t), t.TempDir()
	var runs atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		p := newPlace(t, c, filepath.Join(dir, fmt.Sprintf("%d.db", runs.Add(1))))
		defer func() { require.NoError(t, p.db.Close()) }()
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }
		history := readmodelstest.Orders(pick, 3)
		source, err := readmodelstest.Source(ctx, history)
		require.NoError(t, err)

		var group sync.WaitGroup
		failures := make([]error, 1+pick(2))
		for i := range failures {
			deliveries, calls := readmodelstest.Deliveries(pick, history), newProcess(pick(100))
			group.Go(func() { failures[i] = deliverAll(ctx, p.orders(source, calls), calls, deliveries) })
		}
		group.Wait()
		require.NoError(t, errors.Join(failures...))

		final := p.orders(source, newProcess(1<<40))
		for parked, err := range final.Parked(ctx, "") {
			require.NoError(t, err)
			require.Failf(t, "parked", "%+v", parked)
		}
		want := readmodelstest.Newest(history)
		requireOrders(t, p, want)
		sales, err := readmodels.Sales(ctx, p.db)
		require.NoError(t, err)
		require.Equal(t, readmodelstest.Turnover(history), sales)
		facts, err := readmodels.AnalyticsAll[shop.Order](ctx, c.s3(), p.bucket, shop.KindOrder)
		require.NoError(t, err)
		require.Equal(t, readmodelstest.Facts(shop.KindOrder, history), facts)
	})
}

func requireOrders(t require.TestingT, p *place, want map[cqrs.Key]readmodels.Stored[shop.Order]) {
	rows, err := readmodels.SQLOrders(context.Background(), p.db)
	require.NoError(t, err)
	require.Equal(t, want, rows)
	found, err := readmodels.SearchAll[shop.Order](context.Background(), p.cloud.dynamodb(), p.search, shop.KindOrder)
	require.NoError(t, err)
	require.Equal(t, want, found)
}

// deliverAll is the stream: what failed comes again, to a new process if need be.
func deliverAll(ctx context.Context, s *cqrs.DataSync[shop.Order], calls *process, deliveries []cqrs.Command[shop.Order]) error {
	for _, c := range deliveries {
		var err error
		for range 20 {
			if err = s.Apply(ctx, c); err == nil {
				break
			}
			if calls.ended.Load() {
				calls.restart()
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
