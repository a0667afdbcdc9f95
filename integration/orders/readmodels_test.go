// Package orders_test runs parts of the example of a shop against the servers that it
// has in production.
package orders_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels/readmodelstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/integration/servers"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

var server = servers.SharedPostgreSQL()

// TestMain is the shop's function where the day starts this program as one.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		app.Start()
	}
	goleak.VerifyTestMain(closing{m})
}

// closing stops the server before anybody looks for what is left behind.
type closing struct{ *testing.M }

func (c closing) Run() int {
	defer server.Close()
	return c.M.Run()
}

// Several functions make the tables of one database at once, and bring everything to
// it, each in an order of its own: nothing fails, nothing is lost, nothing counts twice.
func TestReadModelsInSQL(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func(t *testing.T) (address string, err error){
		"PostgreSQL": func(t *testing.T) (string, error) { t.Helper(); return server.Get(t).Create(t.Context()) },
		"SQLite":     func(t *testing.T) (string, error) { t.Helper(); return filepath.Join(t.TempDir(), "shop.db"), nil },
	} {
		for seed := range uint64(5) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				address, err := create(t)
				require.NoError(t, err)
				var group sync.WaitGroup
				failures := make([]error, 6)
				for i := range failures {
					group.Go(func() { failures[i] = deliver(t.Context(), address, seed, uint64(i)) })
				}
				group.Wait()
				require.NoError(t, errors.Join(failures...))
				requireNewest(t, address, seed)
			})
		}
	}
}

func generator(seed, number uint64) func(int) int { return rand.New(rand.NewPCG(seed, number)).IntN }

// deliver is a function, with its own connections. Its records come one after another.
func deliver(ctx context.Context, address string, seed, number uint64) (err error) {
	db, err := readmodels.Open(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	history, order := generator(seed, 0), generator(seed, number+1)
	orders := cqrs.NewDataSync("order-command", sqlstore.NewSync(db), readmodels.Orders(db))
	for _, c := range readmodelstest.Deliveries(order, readmodelstest.Orders(history, 20)) {
		if err := orders.Apply(ctx, c); err != nil {
			return err
		}
	}
	products := cqrs.NewDataSync("product-command", sqlstore.NewSync(db), readmodels.Products(db))
	for _, c := range readmodelstest.Deliveries(order, readmodelstest.Products(history, 20)) {
		if err := products.Apply(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func requireNewest(t *testing.T, address string, seed uint64) {
	t.Helper()
	db, err := readmodels.Open(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	history := generator(seed, 0)
	orders := readmodelstest.Orders(history, 20)
	requireSame(t, db, readmodels.SQLOrders, readmodelstest.Newest(orders))
	requireSame(t, db, readmodels.SQLProducts, readmodelstest.Newest(readmodelstest.Products(history, 20)))
	requireSame(t, db, readmodels.Sales, readmodelstest.Turnover(orders))
}

func requireSame[V any](t *testing.T, db *sql.DB, read func(ctx context.Context, db *sql.DB) (V, error), want V) {
	t.Helper()
	got, err := read(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// Two orders go back and forth between two customers, so that each transaction
// touches both rows of the sales: they wait, and never for each other.
func TestOrdersThatChangeCustomersDoNotDeadlock(t *testing.T) {
	t.Parallel()
	address, err := server.Get(t).Create(t.Context())
	require.NoError(t, err)
	db, err := readmodels.Open(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	orders := cqrs.NewDataSync("order-command", sqlstore.NewSync(db), readmodels.Orders(db))
	customers := []string{"ada", "bob"}
	var group sync.WaitGroup
	failures := make([]error, 2)
	for i := range failures {
		group.Go(func() {
			for version := range 200 {
				failures[i] = errors.Join(failures[i], orders.Apply(t.Context(), cqrs.Command[shop.Order]{
					Key: cqrs.Key{PK: "ORDER#acme", SK: fmt.Sprint(i)}, Version: int64(version + 1),
					Attributes: shop.Order{Customer: customers[(version+i)%2], Total: 100},
				}))
			}
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(failures...))
	requireSame(t, db, readmodels.Sales, map[readmodels.Customer]readmodels.Turnover{
		{Tenant: "acme", Customer: "ada"}: {Orders: 1, Money: 100}, {Tenant: "acme", Customer: "bob"}: {Orders: 1, Money: 100},
	})
}

// A database that cannot be reached is an error that names no password.
func TestOpenWithoutADatabase(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"postgres://shop:secret@127.0.0.1:1/shop", filepath.Join(t.TempDir(), "no", "such", "directory")} {
		_, err := readmodels.Open(t.Context(), address)
		require.ErrorContains(t, err, "readmodels: bring the tables up to date")
		require.NotContains(t, err.Error(), "secret")
	}
}
