package fulfilment_test

import (
	"context"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

// createdOf is the event of an order that was placed.
func createdOf(tenant string, order shop.Order) fulfilment.OrderCreated {
	return fulfilment.OrderCreated{PK: "ORDER#" + tenant, SK: order.Number, Version: 1, TenantCode: tenant, Attributes: order}
}

func TestOrderCreated(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	m := newMachine(t, a, false)
	a.Stock(t, tenant, "A", 10)
	creator := fulfilment.NewCreator(inventoryOf(a), a.Queue, fulfilment.NewWorkflow(m, m.arn), a.Orders)

	served := orderOf("1", map[string]int64{"A": 7})
	key := a.Place(t, tenant, served)
	created := createdOf(tenant, served)
	require.Equal(t, "ORDER#acme/1", created.EventKey())
	require.Equal(t, tenant, created.EventTenant())
	for range 2 {
		require.NoError(t, creator.Handle(t.Context(), created))
		told := mails(t, a)
		require.Len(t, told, 1)
		require.Equal(t, "NOTIFICATION", told[0].Type)
		require.Equal(t, "order-received", told[0].Template)
		require.Equal(t, "EMAIL", told[0].Channel)
		require.Equal(t, served.Customer, told[0].To)
		require.Equal(t, map[string]string{"number": "1", "total": "7.00"}, told[0].Data)
	}
	require.Equal(t, []shop.Status{shop.Placed}, statuses(t, a, key))
	require.Len(t, m.inputs(t), 1)

	refused := orderOf("2", map[string]int64{"A": 4})
	key = a.Place(t, tenant, refused)
	for range 2 {
		require.NoError(t, creator.Handle(t.Context(), createdOf(tenant, refused)))
		told := mails(t, a)
		require.Len(t, told, 2)
		at := slices.IndexFunc(told, func(m mail) bool { return m.Template == "order-cancelled" })
		require.GreaterOrEqual(t, at, 0)
		require.Equal(t, map[string]string{"number": "2", "total": "4.00", "reason": "out of stock: A"}, told[at].Data)
		require.NotEqual(t, told[0].ID, told[1].ID)
	}
	require.Equal(t, []shop.Status{shop.Placed, shop.Cancelled}, statuses(t, a, key))
	newest, err := a.Orders.GetVersion(t.Context(), key, command.Latest)
	require.NoError(t, err)
	require.Equal(t, "out of stock: A", newest.Attributes.Reason)
	require.Len(t, m.inputs(t), 1)

	reserved, err := inventoryOf(a).Reserved(t.Context(), tenant)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"A": 7}, reserved)
}

// TestOrderCreatedTellsEachTenantsCustomers: a number is the tenant's own, and so is
// what is said about it.
func TestOrderCreatedTellsEachTenantsCustomers(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	m := newMachine(t, a, false)
	creator := fulfilment.NewCreator(inventoryOf(a), a.Queue, fulfilment.NewWorkflow(m, m.arn), a.Orders)
	for _, tenant := range []string{tenant, "other"} {
		a.Stock(t, tenant, "A", 10)
		require.NoError(t, creator.Handle(t.Context(), createdOf(tenant, orderOf("1", map[string]int64{"A": 1}))))
	}
	told := mails(t, a)
	require.Len(t, told, 2)
	require.NotEqual(t, told[0].ID, told[1].ID)
	require.Len(t, m.inputs(t), 2)
}

// TestOrderCreatedFails: whatever cannot be done now leaves the order as it is, and the
// next delivery does the rest.
func TestOrderCreatedFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]local.Fault{
		"the stock is not reserved":   {Service: "dynamodb", Operation: "TransactWriteItems"},
		"the customer is not told":    {Service: "sqs", Operation: "SendMessage"},
		"the workflow does not start": {Service: "states", Operation: "StartExecution"},
		"the products cannot be read": {Service: "dynamodb", Operation: "GetItem"},
		"nothing can be reached":      {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			m := newMachine(t, a, false)
			a.Stock(t, tenant, "A", 10)
			creator := fulfilment.NewCreator(inventoryOf(a), a.Queue, fulfilment.NewWorkflow(m, m.arn), a.Orders)
			order := orderOf("1", map[string]int64{"A": 7})
			key := a.Place(t, tenant, order)

			fault.Effect, fault.Times = local.InternalError, 1000
			down := a.Inject(fault)
			err := creator.Handle(t.Context(), createdOf(tenant, order))
			require.Error(t, err)
			require.False(t, cqrs.IsPermanent(err), "%v", err)
			down.Remove()
			require.Empty(t, m.inputs(t))

			require.NoError(t, creator.Handle(t.Context(), createdOf(tenant, order)))
			require.Equal(t, []shop.Status{shop.Placed}, statuses(t, a, key))
			require.Len(t, m.inputs(t), 1)
			ids := map[string]bool{}
			for _, m := range mails(t, a) {
				ids[m.ID] = true
			}
			require.Len(t, ids, 1)
			reserved, err := inventoryOf(a).Reserved(t.Context(), tenant)
			require.NoError(t, err)
			require.Equal(t, map[string]int64{"A": 7}, reserved)
		})
	}
}

// TestOrderCreatedOfNoProduct can never be served.
func TestOrderCreatedOfNoProduct(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	m := newMachine(t, a, false)
	creator := fulfilment.NewCreator(inventoryOf(a), a.Queue, fulfilment.NewWorkflow(m, m.arn), a.Orders)
	err := creator.Handle(t.Context(), createdOf(tenant, orderOf("1", map[string]int64{"A#": 7})))
	require.True(t, cqrs.IsPermanent(err), "%v", err)
	require.Empty(t, m.inputs(t))
}

// mad is a queue whose client panics.
type mad struct{}

func (mad) SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	panic("the client is mad")
}

// TestOrderCreatedSurvivesAPanic of what runs beside it, as an error.
func TestOrderCreatedSurvivesAPanic(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	m := newMachine(t, a, false)
	a.Stock(t, tenant, "A", 10)
	queue := notifications.NewQueue(mad{}, a.QueueURL)
	creator := fulfilment.NewCreator(inventoryOf(a), queue, fulfilment.NewWorkflow(m, m.arn), a.Orders)
	err := creator.Handle(t.Context(), createdOf(tenant, orderOf("1", map[string]int64{"A": 7})))
	require.ErrorContains(t, err, "panic: the client is mad")
	require.Empty(t, m.inputs(t))
}
