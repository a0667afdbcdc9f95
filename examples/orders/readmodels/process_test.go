package readmodels_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels/readmodelstest"
	"github.com/lambda-cqrs/cqrs/local"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// What makes this program a process that writes: the database, and the seed of the
// order in which everything is delivered to it.
const (
	writerFile = "READMODELS_FILE"
	writerSeed = "READMODELS_SEED"
)

// The history is the same for all processes.
func processHistory() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// write is such a process. It writes a line for each delivery that has succeeded.
func write(ctx context.Context, file, seed string) error {
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return err
	}
	db, err := readmodels.Open(ctx, file)
	if err != nil {
		return err
	}
	defer db.Close()
	history, order := processHistory(), rand.New(rand.NewPCG(n, n))
	orders := cqrs.NewDataSync("order-command", sqlstore.NewSync(db), readmodels.Orders(db))
	products := cqrs.NewDataSync("product-command", sqlstore.NewSync(db), readmodels.Products(db))
	for _, c := range readmodelstest.Deliveries(order.IntN, readmodelstest.Orders(history.IntN, 20)) {
		if err := orders.Apply(ctx, c); err != nil {
			return err
		}
		fmt.Println(c.SK, c.Version)
	}
	for _, c := range readmodelstest.Deliveries(order.IntN, readmodelstest.Products(history.IntN, 20)) {
		if err := products.Apply(ctx, c); err != nil {
			return err
		}
		fmt.Println(c.SK, c.Version)
	}
	return db.Close()
}

// Several processes make one database and bring everything to it, each in an order of
// its own. Some are killed in the middle, and come again.
func TestProcessesShareAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "the #1 shop?.db")
	var group sync.WaitGroup
	failures := make([]error, 6)
	for i := range failures {
		group.Go(func() {
			failures[i] = writeInProcess(t.Context(), file, i, 3*i) // the first at once
			if i%2 == 0 && failures[i] == nil {
				failures[i] = writeInProcess(t.Context(), file, i+100, -1)
			}
		})
	}
	group.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	db, err := readmodels.Open(t.Context(), file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })

	history := processHistory()
	orders := readmodelstest.Orders(history.IntN, 20)
	products := readmodelstest.Products(history.IntN, 20)
	gotOrders, err := readmodels.SQLOrders(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, readmodelstest.Newest(orders), gotOrders)
	require.Greater(t, len(gotOrders), 5)
	gotProducts, err := readmodels.SQLProducts(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, readmodelstest.Newest(products), gotProducts)
	sales, err := readmodels.Sales(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, readmodelstest.Turnover(orders), sales)
}

// writeInProcess runs one process to its end, or, where the seed is even, kills it
// after so many deliveries; a negative number never comes.
func writeInProcess(ctx context.Context, file string, seed, deliveries int) error {
	kill := seed%2 == 0 && deliveries >= 0
	child, err := local.Self(ctx)
	if err != nil {
		return err
	}
	child.Env = append(os.Environ(), writerFile+"="+file, fmt.Sprintf("%s=%d", writerSeed, seed))
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(output)
	for n := 0; !kill || n < deliveries; n++ {
		if !lines.Scan() {
			break
		}
	}
	if kill {
		_ = child.Process.Kill()
		_ = child.Wait()
		return nil
	}
	return child.Wait()
}
