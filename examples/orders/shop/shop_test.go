package shop_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProductValidate(t *testing.T) {
	t.Parallel()
	chair := shop.Product{SKU: "A-1", Name: "Chair", Price: 1, Stock: 0}
	for name, test := range map[string]struct {
		change func(p *shop.Product)
		wrong  string
	}{
		"as it should be":   {func(*shop.Product) {}, ""},
		"the longest name":  {func(p *shop.Product) { p.Name = strings.Repeat("n", 1000) }, ""},
		"no SKU":            {func(p *shop.Product) { p.SKU = "" }, "without an SKU"},
		"no name":           {func(p *shop.Product) { p.Name = "" }, "no name"},
		"a longer name":     {func(p *shop.Product) { p.Name = strings.Repeat("n", 1001) }, "at most 1000"},
		"a name of no text": {func(p *shop.Product) { p.Name = "\xff" }, "UTF-8"},
		"an SKU of no text": {func(p *shop.Product) { p.SKU = "\xff" }, "UTF-8"},
		"no price":          {func(p *shop.Product) { p.Price = 0 }, "the price 0"},
		"a price below 0":   {func(p *shop.Product) { p.Price = -1 }, "the price -1"},
		"a stock below 0":   {func(p *shop.Product) { p.Stock = -1 }, "a stock of -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := chair
			test.change(&p)
			requireWrong(t, p.Validate(), test.wrong)
		})
	}
}

func TestOrderValidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(o *shop.Order)
		wrong  string
	}{
		"as it should be":      {func(*shop.Order) {}, ""},
		"no number":            {func(o *shop.Order) { o.Number = "" }, "a number"},
		"no customer":          {func(o *shop.Order) { o.Customer = "" }, "a customer"},
		"no lines":             {func(o *shop.Order) { o.Lines, o.Total = nil, 0 }, "at least one line"},
		"another total":        {func(o *shop.Order) { o.Total++ }, "its total is 801"},
		"a line of nothing":    {func(o *shop.Order) { o.Lines[0].Quantity = 0 }, "0 × A-1"},
		"a line below nothing": {func(o *shop.Order) { o.Lines[1].Quantity = -1 }, "-1 × A-2"},
		"a price of nothing":   {func(o *shop.Order) { o.Lines[1].Price = 0 }, "for 0"},
		"a price below it":     {func(o *shop.Order) { o.Lines[1].Price = -1 }, "for -1"},
		"as many lines as there may be": {func(o *shop.Order) {
			o.Lines, o.Total = slices.Repeat(o.Lines[:1], 99), 99*300
		}, ""},
		"a line too many": {func(o *shop.Order) {
			o.Lines, o.Total = slices.Repeat(o.Lines[:1], 100), 100*300
		}, "has 100 lines; it may have at most 99"},
		"lines of more than a number holds": {func(o *shop.Order) {
			o.Lines, o.Total = []shop.Line{{SKU: "A-1", Quantity: 1 << 32, Price: 1 << 32}}, 0
		}, "more than"},
		"a sum of more than a number holds": {func(o *shop.Order) {
			o.Lines[0].Quantity, o.Lines[1].Quantity, o.Lines[0].Price, o.Lines[1].Price, o.Total = 1, 1, 1<<63-1, 1<<63-1, -2
		}, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := shop.Order{Number: "1", Customer: "a@example.com", Total: 800, Lines: []shop.Line{
				{SKU: "A-1", Quantity: 3, Price: 100}, {SKU: "A-2", Quantity: 1, Price: 500},
			}}
			test.change(&o)
			requireWrong(t, o.Validate(), test.wrong)
		})
	}
}

func requireWrong(t *testing.T, err error, wrong string) {
	t.Helper()
	if wrong == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, wrong)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	product, err := shop.ProductKey("acme", "A-1")
	require.NoError(t, err)
	require.Equal(t, cqrs.Key{PK: "PRODUCT#acme", SK: "A-1"}, product)
	require.Equal(t, product.PK, shop.Partition(shop.KindProduct, "acme"))
	order, err := shop.OrderKey("acme", "7")
	require.NoError(t, err)
	require.Equal(t, cqrs.Key{PK: "ORDER#acme", SK: "7"}, order)
	for _, bad := range []string{"", "a#b", "a@1", "\xff", "a\n"} {
		_, err := shop.ProductKey("acme", bad)
		require.True(t, cqrs.IsPermanent(err), "%q: %v", bad, err)
		_, err = shop.OrderKey(bad, "7")
		require.True(t, cqrs.IsPermanent(err), "%q: %v", bad, err)
	}
}

// TestKeysTellThingsApart: two things have one key only if they are the same thing.
func TestKeysTellThingsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringOfN(rapid.RuneFrom([]rune("ab#@%")), 0, 3, -1)
		tenant, sku := part.Draw(t, "tenant"), part.Draw(t, "sku")
		otherTenant, otherSKU := part.Draw(t, "other tenant"), part.Draw(t, "other sku")
		one, err := shop.ProductKey(tenant, sku)
		other, otherErr := shop.ProductKey(otherTenant, otherSKU)
		if err == nil && otherErr == nil {
			require.Equal(t, tenant == otherTenant && sku == otherSKU, one == other)
		}
	})
}

func ExampleOrder_Validate() {
	order := shop.Order{Number: "7", Customer: "ann@example.com", Total: 500, Lines: []shop.Line{{SKU: "A-1", Quantity: 3, Price: 250}}}
	fmt.Println(order.Validate())
	// Output: order 7 says its total is 500, and its lines come to 750
}
