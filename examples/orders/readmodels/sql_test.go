package readmodels_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels/readmodelstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

func order(t *testing.T, version int64, customer string, total int64, status shop.Status) cqrs.Command[shop.Order] {
	t.Helper()
	key, err := shop.OrderKey("acme", "1001")
	require.NoError(t, err)
	return cqrs.Command[shop.Order]{Key: key, TenantCode: "acme", Version: version, Attributes: shop.Order{
		Number: "1001", Customer: customer, Lines: []shop.Line{{SKU: "tea-1", Quantity: 1, Price: total}}, Total: total, Status: status,
	}}
}

// The sales follow what an order is, not how often it was told.
func TestSales(t *testing.T) {
	t.Parallel()
	type sales = map[readmodels.Customer]readmodels.Turnover
	ada, bob := readmodels.Customer{Tenant: "acme", Customer: "ada"}, readmodels.Customer{Tenant: "acme", Customer: "bob"}
	db, _ := openFile(t)
	s := cqrs.NewDataSync("order-command", sqlstore.NewSync(db), readmodels.Orders(db)).With(quiet())
	for _, step := range []struct {
		why  string
		come cqrs.Command[shop.Order]
		want sales
	}{
		{"placed", order(t, 1, "ada", 500, shop.Placed), sales{ada: {Orders: 1, Money: 500}}},
		{"placed again", order(t, 1, "ada", 500, shop.Placed), sales{ada: {Orders: 1, Money: 500}}},
		{"paid, and nothing else changes", order(t, 2, "ada", 500, shop.Paid), sales{ada: {Orders: 1, Money: 500}}},
		{"another total", order(t, 3, "ada", 700, shop.Paid), sales{ada: {Orders: 1, Money: 700}}},
		{"late", order(t, 2, "ada", 500, shop.Paid), sales{ada: {Orders: 1, Money: 700}}},
		{"another customer", order(t, 4, "bob", 700, shop.Paid), sales{bob: {Orders: 1, Money: 700}}},
		{"cancelled", order(t, 5, "bob", 700, shop.Cancelled), sales{}},
		{"placed after all", order(t, 6, "bob", 100, shop.Placed), sales{bob: {Orders: 1, Money: 100}}},
		{"deleted", deleted(order(t, 7, "bob", 100, shop.Placed)), sales{}},
		{"late, after the deletion", order(t, 6, "bob", 100, shop.Placed), sales{}},
		{"back", order(t, 8, "ada", 300, shop.Placed), sales{ada: {Orders: 1, Money: 300}}},
	} {
		require.NoError(t, s.Apply(t.Context(), step.come), step.why)
		got, err := readmodels.Sales(t.Context(), db)
		require.NoError(t, err)
		require.Equal(t, step.want, got, step.why)
	}
}

// What the other tests compare with, counted by hand.
func TestTurnover(t *testing.T) {
	t.Parallel()
	orders := map[cqrs.Key]readmodels.Stored[shop.Order]{}
	for number, o := range map[string]shop.Order{
		"1": {Customer: "ada", Total: 500, Status: shop.Placed},
		"2": {Customer: "ada", Total: 300, Status: shop.Shipped},
		"3": {Customer: "ada", Total: 100, Status: shop.Cancelled},
		"4": {Customer: "bob", Total: 100, Status: shop.Cancelled},
	} {
		orders[cqrs.Key{PK: "ORDER#acme", SK: number}] = readmodels.Stored[shop.Order]{Version: 1, Attributes: o}
	}
	require.Equal(t, map[readmodels.Customer]readmodels.Turnover{
		{Tenant: "acme", Customer: "ada"}: {Orders: 2, Money: 800},
	}, readmodelstest.Sales(orders))
}

// What is deleted leaves its number and nothing else.
func TestProductsThatAreDeleted(t *testing.T) {
	t.Parallel()
	db, _ := openFile(t)
	s := cqrs.NewDataSync("product-command", sqlstore.NewSync(db), readmodels.Products(db)).With(quiet())
	require.NoError(t, s.Apply(t.Context(), product(t, "tea-1", "Tea", 1)))
	require.NoError(t, s.Apply(t.Context(), deleted(product(t, "tea-1", "Tea", 2))))
	require.NoError(t, s.Apply(t.Context(), product(t, "tea-1", "Tea", 1)), "late")
	all, err := readmodels.SQLProducts(t.Context(), db)
	require.NoError(t, err)
	require.Empty(t, all)
	var sku, name string
	var price, version int64
	row := db.QueryRowContext(t.Context(), `SELECT sku, name, price, version FROM product_rows`)
	require.NoError(t, row.Scan(&sku, &name, &price, &version))
	require.Equal(t, []any{"tea-1", "", int64(0), int64(2)}, []any{sku, name, price, version})
}

// A key that is no KIND#tenant can be in no read model, and is parked at once.
func TestKeysWithoutATenantAreRefused(t *testing.T) {
	t.Parallel()
	db, _ := openFile(t)
	c := newCloud(t)
	s := cqrs.NewDataSync("product-command", sqlstore.NewSync(db), readmodels.Products(db),
		readmodels.Analytics[shop.Product](c.s3(), "bucket")).With(quiet())
	strange := product(t, "tea-1", "Tea", 1)
	strange.PK = "tea"
	require.NoError(t, s.Apply(t.Context(), strange))
	require.ElementsMatch(t, []string{"product-command/sql", "product-command/analytics"}, parked(t, s))
}
