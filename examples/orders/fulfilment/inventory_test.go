package fulfilment_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

// change changes a product in all of its tables.
func change(t *testing.T, a *shoptest.AWS, sku string, f func(c *cqrs.Command[shop.Product])) {
	t.Helper()
	key, err := shop.ProductKey(tenant, sku)
	require.NoError(t, err)
	newest, err := a.Products.GetVersion(t.Context(), key, command.Latest)
	require.NoError(t, err)
	f(&newest)
	_, err = a.Products.PublishSync(t.Context(), newest)
	require.NoError(t, err)
}

func TestReserve(t *testing.T) {
	t.Parallel()
	type pieces = map[string]int64
	for name, test := range map[string]struct {
		orders   []shop.Order
		refused  []bool
		reserved pieces
	}{
		"less than there is":    {[]shop.Order{orderOf("1", pieces{"A": 3})}, []bool{false}, pieces{"A": 3}},
		"all there is":          {[]shop.Order{orderOf("1", pieces{"A": 10})}, []bool{false}, pieces{"A": 10}},
		"one too many":          {[]shop.Order{orderOf("1", pieces{"A": 11})}, []bool{true}, pieces{}},
		"all or nothing":        {[]shop.Order{orderOf("1", pieces{"A": 3, "B": 6, "C": 1})}, []bool{true}, pieces{}},
		"what others left":      {[]shop.Order{orderOf("1", pieces{"A": 6}), orderOf("2", pieces{"A": 4})}, []bool{false, false}, pieces{"A": 10}},
		"more than others left": {[]shop.Order{orderOf("1", pieces{"A": 6}), orderOf("2", pieces{"A": 5, "B": 1})}, []bool{false, true}, pieces{"A": 6}},
		"once for each order":   {[]shop.Order{orderOf("1", pieces{"A": 6}), orderOf("1", pieces{"A": 6})}, []bool{false, false}, pieces{"A": 6}},
		"what is discontinued":  {[]shop.Order{orderOf("1", pieces{"gone": 1})}, []bool{true}, pieces{}},
		"two lines of one product": {
			[]shop.Order{{Number: "1", Lines: []shop.Line{{SKU: "A", Quantity: 6}, {SKU: "A", Quantity: 5}}}}, []bool{true}, pieces{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			for sku, n := range (pieces{"A": 10, "B": 5, "C": 5, "gone": 5}) {
				a.Stock(t, tenant, sku, n)
			}
			change(t, a, "gone", func(c *cqrs.Command[shop.Product]) { c.Deleted = true })
			inventory := inventoryOf(a)
			for i, order := range test.orders {
				err := inventory.Reserve(t.Context(), tenant, order)
				require.Equal(t, test.refused[i], errors.Is(err, fulfilment.ErrOutOfStock), "%v", err)
				require.Equal(t, test.refused[i], err != nil, "%v", err)
			}
			reserved, err := inventory.Reserved(t.Context(), tenant)
			require.NoError(t, err)
			require.Equal(t, test.reserved, reserved)
		})
	}
}

// TestReserveStaysDecided whatever becomes of the stock.
func TestReserveStaysDecided(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	a.Stock(t, tenant, "A", 10)
	inventory := inventoryOf(a)
	served, refused := orderOf("1", map[string]int64{"A": 8}), orderOf("2", map[string]int64{"A": 3})
	require.NoError(t, inventory.Reserve(t.Context(), tenant, served))
	require.ErrorIs(t, inventory.Reserve(t.Context(), tenant, refused), fulfilment.ErrOutOfStock)
	for _, stock := range []int64{1000, 0} {
		change(t, a, "A", func(c *cqrs.Command[shop.Product]) { c.Attributes.Stock = stock })
		require.NoError(t, inventory.Reserve(t.Context(), tenant, served), stock)
		err := inventory.Reserve(t.Context(), tenant, refused)
		require.ErrorIs(t, err, fulfilment.ErrOutOfStock, stock)
		require.ErrorContains(t, err, "A")
		reserved, err := inventory.Reserved(t.Context(), tenant)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"A": 8}, reserved, stock)
	}
}

// TestReserveFails where nothing can be decided.
func TestReserveFails(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	a.Stock(t, tenant, "A", 10)
	inventory := inventoryOf(a)
	err := inventory.Reserve(t.Context(), tenant, orderOf("1", map[string]int64{"B": 1}))
	require.ErrorIs(t, err, cqrs.ErrNotFound, "it may be on its way")
	require.False(t, cqrs.IsPermanent(err), "%v", err)
	err = inventory.Reserve(t.Context(), tenant, orderOf("1", map[string]int64{"B#": 1}))
	require.True(t, cqrs.IsPermanent(err), "%v", err)

	throttled := a.Inject(local.Fault{Service: "dynamodb", Operation: "TransactWriteItems", Effect: local.Throttle, Times: 100})
	err = inventory.Reserve(t.Context(), tenant, orderOf("1", map[string]int64{"A": 1}))
	require.Error(t, err)
	require.NotErrorIs(t, err, fulfilment.ErrOutOfStock)
	require.False(t, cqrs.IsPermanent(err), "%v", err)
	throttled.Remove()

	require.NoError(t, inventory.Reserve(t.Context(), tenant, orderOf("1", map[string]int64{"A": 1})), "nothing was decided")
	a.Stock(t, "other", "A", 1)
	require.NoError(t, inventory.Reserve(t.Context(), "other", orderOf("1", map[string]int64{"A": 1})), "another's order")
	reserved, err := inventory.Reserved(t.Context(), "other")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"A": 1}, reserved)
}

// TestReserveNeverTooMuch has orders come several times and all at once, and answers
// that are lost: never more is reserved than there is, and for each order all of it
// once, or nothing.
func TestReserveNeverTooMuch(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	inventory := fulfilment.NewInventory(hasty(a), shoptest.Inventory, a.Products)
	var tenants atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		tenant := fmt.Sprintf("tenant-%d", tenants.Add(1))
		stock := map[string]int64{"A": rapid.Int64Range(0, 8).Draw(t, "A"), "B": rapid.Int64Range(0, 8).Draw(t, "B")}
		for sku, n := range stock {
			a.Stock(t, tenant, sku, n)
		}
		orders := rapid.SliceOfN(rapid.MapOfN(rapid.SampledFrom([]string{"A", "B"}), rapid.Int64Range(1, 5), 1, 2), 1, 3).Draw(t, "orders")
		fault := a.Inject(local.Fault{
			Service: "dynamodb", Operation: rapid.SampledFrom([]string{"TransactWriteItems", "PutItem"}).Draw(t, "operation"),
			Effect: rapid.SampledFrom([]local.Effect{local.LoseAnswer, local.LoseRequest, local.Throttle}).Draw(t, "effect"),
			Times:  rapid.IntRange(1, 3).Draw(t, "times"),
		})
		defer fault.Remove()

		var deliveries sync.WaitGroup
		answers := make([][2]error, len(orders))
		for n, pieces := range orders {
			for again := range answers[n] {
				deliveries.Go(func() {
					err := inventory.Reserve(t.Context(), tenant, orderOf(fmt.Sprint(n), pieces))
					for err != nil && !errors.Is(err, fulfilment.ErrOutOfStock) { // as a stream tries again
						err = inventory.Reserve(t.Context(), tenant, orderOf(fmt.Sprint(n), pieces))
					}
					answers[n][again] = err
				})
			}
		}
		deliveries.Wait()

		want := map[string]int64{}
		for n, pieces := range orders {
			require.Equal(t, answers[n][0] == nil, answers[n][1] == nil, "order %d: %v", n, answers[n])
			for sku, quantity := range pieces {
				if answers[n][0] == nil {
					want[sku] += quantity
				}
			}
		}
		reserved, err := inventory.Reserved(t.Context(), tenant)
		require.NoError(t, err)
		require.Equal(t, want, reserved)
		for sku, n := range reserved {
			require.LessOrEqual(t, n, stock[sku], sku)
		}
	})
}
