package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/catalog"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

func TestPriceChanged(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	a.Stock(t, tenant, "A-1", 5)
	a.Stock(t, tenant, "A-2", 5)
	_, err := a.Products.Delete(t.Context(), product(t, a, "A-2").Key, command.Latest)
	require.NoError(t, err)
	prices := catalog.NewPriceUpdater(a.Products)

	refused := map[string]catalog.PriceChanged{
		"a product that there is not": {ID: "1", Tenant: tenant, SKU: "A-3", Price: 100},
		"another tenant's":            {ID: "1", Tenant: "other", SKU: "A-1", Price: 100},
		"no price":                    {ID: "1", Tenant: tenant, SKU: "A-1"},
		"a price below nothing":       {ID: "1", Tenant: tenant, SKU: "A-1", Price: -1},
		"no tenant":                   {ID: "1", SKU: "A-1", Price: 100},
		"no SKU":                      {ID: "1", Tenant: tenant, Price: 100},
	}
	for name, event := range refused {
		err := prices.Handle(t.Context(), event)
		require.Error(t, err, name)
		require.True(t, cqrs.IsPermanent(err), "%s: %v", name, err)
	}
	err = prices.Handle(t.Context(), catalog.PriceChanged{ID: "1", Tenant: tenant, SKU: "A-2", Price: 90})
	require.True(t, cqrs.IsSkip(err), "%v", err)
	require.EqualValues(t, 1, product(t, a, "A-1").Version)
	require.EqualValues(t, 2, product(t, a, "A-2").Version)

	cheaper := catalog.PriceChanged{ID: "2", Tenant: tenant, SKU: "A-1", Price: 90}
	require.Equal(t, "2", cheaper.EventKey())
	require.Equal(t, tenant, cheaper.EventTenant())
	lost := a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer})
	require.NoError(t, prices.Handle(t.Context(), cheaper))
	require.NoError(t, prices.Handle(t.Context(), cheaper), "again")
	require.Equal(t, 1, lost.Struck())
	got := product(t, a, "A-1")
	require.EqualValues(t, 2, got.Version)
	require.EqualValues(t, 90, got.Attributes.Price)
	require.EqualValues(t, 5, got.Attributes.Stock)
	require.Equal(t, "price/2", got.RequestID)
}

// TestPriceOfAProductThatFails for a reason of the shop's own comes again.
func TestPriceOfAProductThatFails(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	a.Stock(t, tenant, "A-1", 5)
	a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.InternalError, Times: 100})
	err := catalog.NewPriceUpdater(a.Products).Handle(t.Context(), catalog.PriceChanged{ID: "1", Tenant: tenant, SKU: "A-1", Price: 90})
	require.Error(t, err)
	require.False(t, cqrs.IsPermanent(err), "%v", err)
}
