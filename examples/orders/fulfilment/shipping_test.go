package fulfilment_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

func TestOrderShipped(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at                        shop.Status // "": there is no such order
		fails, permanent, skipped bool
		way                       []shop.Status
	}{
		"it is paid":             {at: shop.Paid, way: []shop.Status{shop.Paid, shop.Shipped}},
		"it is shipped already":  {at: shop.Shipped, way: []shop.Status{shop.Shipped}},
		"it is not paid yet":     {at: shop.Placed, way: []shop.Status{shop.Placed}, fails: true},
		"it is cancelled":        {at: shop.Cancelled, way: []shop.Status{shop.Cancelled}, skipped: true},
		"there is no such order": {fails: true, permanent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			order := orderOf("1", map[string]int64{"A": 7})
			order.Status = test.at
			if test.at != "" {
				a.Place(t, tenant, order)
			}
			shipping := fulfilment.NewShipping(a.Orders, a.Queue)
			for range 2 {
				err := shipping.Handle(t.Context(), fulfilment.OrderShipped{Tenant: tenant, Number: "1"})
				require.Equal(t, test.fails || test.skipped, err != nil, "%v", err)
				require.Equal(t, test.permanent, cqrs.IsPermanent(err), "%v", err)
				require.Equal(t, test.skipped, cqrs.IsSkip(err), "%v", err)
				told := mails(t, a)
				require.Equal(t, err == nil, len(told) == 1)
				for _, m := range told {
					require.Equal(t, "order-shipped", m.Template)
					require.Equal(t, order.Customer, m.To)
				}
			}
			if test.at != "" {
				key, err := shop.OrderKey(tenant, "1")
				require.NoError(t, err)
				require.Equal(t, test.way, statuses(t, a, key))
			}
		})
	}
}

// TestOrderShippedIsRetried until the order is paid: the event may be the faster.
func TestOrderShippedIsRetried(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	key := a.Place(t, tenant, orderOf("1", map[string]int64{"A": 7}))
	process := fulfilment.NewProcess(fulfilment.NewPayments(a.DynamoDB, shoptest.Payments), a.Orders)
	shipping := fulfilment.NewShipping(a.Orders, a.Queue)
	event := fulfilment.OrderShipped{Tenant: tenant, Number: "1"}
	require.Equal(t, "1", event.EventKey())
	require.Equal(t, tenant, event.EventTenant())

	require.ErrorContains(t, shipping.Handle(t.Context(), event), "order 1 is PLACED, and cannot be SHIPPED before it is PAID")
	_, err := process.Handle(t.Context(), fulfilment.OrderProcess{Tenant: tenant, Number: "1", Customer: "ann@example.com", Total: 700})
	require.NoError(t, err)

	down := a.Inject(local.Fault{Service: "sqs", Operation: "SendMessage", Effect: local.InternalError, Times: 100})
	require.Error(t, shipping.Handle(t.Context(), event), "the customer is not told yet")
	down.Remove()
	require.NoError(t, shipping.Handle(t.Context(), event))
	require.Len(t, mails(t, a), 1)
	require.Equal(t, []shop.Status{shop.Placed, shop.Paid, shop.Shipped}, statuses(t, a, key))
}

func TestOrderShippedOfNoOrder(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	err := fulfilment.NewShipping(a.Orders, a.Queue).Handle(t.Context(), fulfilment.OrderShipped{Tenant: tenant, Number: "a#b"})
	require.True(t, cqrs.IsPermanent(err), "%v", err)
}

// TestStatusNeverGoesBack whatever comes in whatever order, and however often: each
// order goes one way, step by step, and never on from its end.
func TestStatusNeverGoesBack(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	m := newMachine(t, a, false)
	payments := fulfilment.NewPayments(a.DynamoDB, shoptest.Payments)
	creator := fulfilment.NewCreator(inventoryOf(a), a.Queue, fulfilment.NewWorkflow(m, m.arn), a.Orders)
	process, shipping := fulfilment.NewProcess(payments, a.Orders), fulfilment.NewShipping(a.Orders, a.Queue)
	ways := [][]shop.Status{
		{shop.Placed}, {shop.Placed, shop.Paid}, {shop.Placed, shop.Paid, shop.Shipped}, {shop.Placed, shop.Cancelled},
	}
	var tenants atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		tenant := fmt.Sprintf("tenant-%d", tenants.Add(1))
		a.Stock(t, tenant, "A", rapid.Int64Range(0, 1).Draw(t, "stock"))
		order := orderOf("1", map[string]int64{"A": 1})
		order.Customer = rapid.SampledFrom([]string{"ann@example.com", "bob@refused.example"}).Draw(t, "customer")
		key := a.Place(t, tenant, order)
		for range rapid.IntRange(1, 6).Draw(t, "events") {
			var err error
			switch rapid.IntRange(0, 2).Draw(t, "event") {
			case 0:
				err = creator.Handle(t.Context(), createdOf(tenant, order))
			case 1:
				_, err = process.Handle(t.Context(), fulfilment.OrderProcess{Tenant: tenant, Number: "1", Customer: order.Customer, Total: order.Total})
			case 2:
				err = shipping.Handle(t.Context(), fulfilment.OrderShipped{Tenant: tenant, Number: "1"})
			}
			way := statuses(t, a, key)
			require.True(t, slices.ContainsFunc(ways, func(w []shop.Status) bool { return slices.Equal(w, way) }), "%v after %v", way, err)
			paid, err := payments.Paid(t.Context(), tenant)
			require.NoError(t, err)
			if len(paid) > 0 {
				require.NotEqual(t, shop.Cancelled, way[len(way)-1], "it is paid")
			}
		}
	})
}
