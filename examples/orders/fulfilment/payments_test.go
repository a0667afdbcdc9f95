package fulfilment_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

// TestCharge charges once, whatever is lost, and decides once.
func TestCharge(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]local.Effect{
		"the answer is lost": local.LoseAnswer, "the request is lost": local.LoseRequest, "too much at once": local.Throttle,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			payments := fulfilment.NewPayments(hasty(a), shoptest.Payments)
			a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: effect})
			err := payments.Charge(t.Context(), tenant, "1", "ann@example.com", 700)
			require.ErrorContains(t, err, "order 1 cannot be charged")
			require.False(t, cqrs.IsPermanent(err), "%v", err)
			for range 2 {
				require.NoError(t, payments.Charge(t.Context(), tenant, "1", "ann@example.com", 700))
			}
			require.NoError(t, payments.Charge(t.Context(), tenant, "1", "bob@refused.example", 900), "it is decided")
			for range 2 {
				err := payments.Charge(t.Context(), tenant, "2", "bob@refused.example", 900)
				require.ErrorIs(t, err, fulfilment.ErrRefused)
			}
			require.ErrorIs(t, payments.Charge(t.Context(), tenant, "2", "ann@example.com", 900), fulfilment.ErrRefused, "it is decided")
			require.NoError(t, payments.Charge(t.Context(), "other", "1", "ann@example.com", 100))

			paid, err := payments.Paid(t.Context(), tenant)
			require.NoError(t, err)
			require.Equal(t, map[string]int64{"1": 700}, paid)
		})
	}
}

func TestOrderProcess(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		customer string
		at       shop.Status // "": there is no such order
		fails    string      // the name of the error, which is permanent
		skipped  bool
		way      []shop.Status
		paid     bool
	}{
		"it is paid":                   {customer: "ann@example.com", at: shop.Placed, way: []shop.Status{shop.Placed, shop.Paid}, paid: true},
		"it is refused":                {customer: "bob@refused.example", at: shop.Placed, fails: "PaymentRefused", way: []shop.Status{shop.Placed, shop.Cancelled}},
		"it has come further meantime": {customer: "ann@example.com", at: shop.Shipped, way: []shop.Status{shop.Shipped}, paid: true},
		"it is cancelled":              {customer: "ann@example.com", at: shop.Cancelled, skipped: true, way: []shop.Status{shop.Cancelled}},
		"there is no such order":       {customer: "ann@example.com", fails: "UnknownOrder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			payments := fulfilment.NewPayments(a.DynamoDB, shoptest.Payments)
			process := fulfilment.NewProcess(payments, a.Orders)
			order := orderOf("1", map[string]int64{"A": 7})
			order.Customer, order.Status = test.customer, test.at
			key, err := shop.OrderKey(tenant, "1")
			require.NoError(t, err)
			if test.at != "" {
				a.Place(t, tenant, order)
			}
			task := fulfilment.OrderProcess{Tenant: tenant, Number: "1", Customer: test.customer, Total: 700}
			require.Equal(t, tenant, task.EventTenant())
			for range 2 {
				answer := ask(t, process.Handle, task)
				require.Equal(t, test.fails, answer.ErrorType)
				require.Equal(t, test.fails != "", cqrs.IsPermanent(answer.Ran[0].Err), "%v", answer.Ran[0].Err)
				require.Equal(t, test.skipped, cqrs.IsSkip(answer.Ran[0].Err), "%v", answer.Ran[0].Err)
				if test.paid {
					var done fulfilment.Processed
					answer.Decode(t, &done)
					require.Equal(t, fulfilment.Processed{Tenant: tenant, Number: "1", Status: shop.Paid}, done)
				}
			}
			if test.at != "" {
				require.Equal(t, test.way, statuses(t, a, key))
			}
			paid, err := payments.Paid(t.Context(), tenant)
			require.NoError(t, err)
			require.Equal(t, test.paid, len(paid) > 0, "%v", paid)
		})
	}
}

// TestOrderProcessGoesOn where it ended: with the customer charged, and nothing said.
func TestOrderProcessGoesOn(t *testing.T) {
	t.Parallel()
	for customer, want := range map[string]shop.Status{"ann@example.com": shop.Paid, "bob@refused.example": shop.Cancelled} {
		t.Run(customer, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			payments := fulfilment.NewPayments(a.DynamoDB, shoptest.Payments)
			process := fulfilment.NewProcess(payments, a.Orders)
			order := orderOf("1", map[string]int64{"A": 7})
			order.Customer = customer
			key := a.Place(t, tenant, order)
			task := fulfilment.OrderProcess{Tenant: tenant, Number: "1", Customer: customer, Total: 700}

			down := a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.InternalError, Skip: 1, Times: 100})
			_, err := process.Handle(t.Context(), task)
			require.Error(t, err)
			require.False(t, cqrs.IsPermanent(err), "%v", err)
			require.Equal(t, []shop.Status{shop.Placed}, statuses(t, a, key))
			down.Remove()

			_, err = process.Handle(t.Context(), task)
			require.Equal(t, want == shop.Cancelled, cqrs.IsPermanent(err), "%v", err)
			require.Equal(t, []shop.Status{shop.Placed, want}, statuses(t, a, key))
			newest, err := a.Orders.GetVersion(t.Context(), key, command.Latest)
			require.NoError(t, err)
			require.Equal(t, want == shop.Cancelled, newest.Attributes.Reason == fulfilment.ErrRefused.Error(), newest.Attributes.Reason)
		})
	}
}

// TestOrderProcessOfNoOrder cannot succeed, and charges nobody.
func TestOrderProcessOfNoOrder(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	process := fulfilment.NewProcess(fulfilment.NewPayments(a.DynamoDB, shoptest.Payments), a.Orders)
	_, err := process.Handle(t.Context(), fulfilment.OrderProcess{Tenant: "a#b", Number: "1", Customer: "ann@example.com"})
	require.True(t, cqrs.IsPermanent(err), "%v", err)
}
