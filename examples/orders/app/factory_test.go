package app_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/catalog"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
)

// TestFactory: each kind of record becomes its event, with all that is in it.
func TestFactory(t *testing.T) {
	t.Parallel()
	s := app.Settings{Prefix: "shop", UserTable: "users", DeadLetters: "https://sqs.example/1/dead", Notifications: "https://sqs.example/1/queue"}
	recorder := cqrstest.NewRecorder()
	r := cqrs.NewRegistry(recorder.Middleware())
	cqrs.Register(r, &cqrstest.Handler[cqrs.DeadLetter]{})
	cqrs.Register(r, &cqrstest.Handler[notifications.Notification]{})
	cqrs.Register(r, &cqrstest.Handler[changes.SyncRequest]{})
	cqrs.Register(r, &cqrstest.Handler[catalog.PriceChanged]{})
	cqrs.Register(r, &cqrstest.Handler[catalog.CSVImport]{})
	cqrs.Register(r, &cqrstest.Handler[uploads.Upload]{})
	cqrs.Register(r, &cqrstest.Handler[uploads.PartnerDelivery]{})
	cqrs.Register(r, &cqrstest.Handler[fulfilment.OrderCreated]{})
	cqrs.Register(r, &cqrstest.Handler[cqrs.Change[shop.Item[shop.Order]]]{}, cqrs.RouteName("order"))
	cqrs.Register(r, &cqrstest.Handler[cqrs.Change[shop.Item[shop.Product]]]{}, cqrs.RouteName("product"))
	cqrs.Register(r, &cqrstest.Handler[cqrs.Change[shop.User]]{}, cqrs.RouteName("user"))
	cqrs.Register(r, &cqrstest.Handler[fulfilment.OrderShipped]{})
	cqrs.Register(r, &cqrstest.Handler[readmodels.TakeUp]{})
	cqrs.Register(r, &cqrstest.Handler[fulfilment.OrderProcess]{})
	function, err := cqrs.New(cqrs.Config{Factory: app.Factory(s), Registry: r, Observer: recorder.Observer(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)

	order := shop.Item[shop.Order]{PK: "ORDER#acme", SK: "7", Version: 1, TenantCode: "acme", Attributes: shop.Order{Number: "7"}}
	paid := order
	paid.Version, paid.Attributes.Status = 2, shop.Paid
	product := shop.Item[shop.Product]{PK: "PRODUCT#acme", SK: "A-1", Version: 1, TenantCode: "acme", Attributes: shop.Product{SKU: "A-1"}}
	user := shop.User{PK: "USER#acme", SK: "1", Name: "Ann", Version: 1}
	notification := notifications.Notification{ID: "1", Channel: notifications.SMS, Recipient: "+4930123456", Body: "Hello"}
	const hello = `{"type":"NOTIFICATION","id":"1","channel":"SMS","recipient":"+4930123456","body":"Hello"}`
	ref := func(key string) s3store.Ref { return s3store.Ref{Bucket: "files", Key: key, ETag: "e"} }
	object := func(key string) cqrstest.Payload {
		return cqrstest.S3("files", cqrstest.Created(key).ETag("e").Size(7).Sequencer("0A"))
	}
	upload := func(key string) uploads.Upload { return uploads.Upload{Ref: ref(key), Size: 7, Sequencer: "0A"} }

	for name, test := range map[string]struct {
		payload cqrstest.Payload
		want    any // nil: there is no event, and the record fails
	}{
		"a notification":         {cqrstest.SQS("queue", cqrstest.Body(hello)), notification},
		"a request":              {cqrstest.SQS("queue", cqrstest.Body(`{"type":"SYNC_REQUEST","kind":"ORDER","tenant":"acme","sk":"7"}`)), changes.SyncRequest{Kind: "ORDER", Tenant: "acme", SK: "7"}},
		"a message of no type":   {cqrstest.SQS("queue", cqrstest.Body(`{"id":"1"}`)), nil},
		"a message of another":   {cqrstest.SQS("queue", cqrstest.Body(`{"type":"PRICE_CHANGED"}`)), nil},
		"a price":                {cqrstest.SNS("prices", cqrstest.Body(`{"type":"PRICE_CHANGED","id":"1","tenant":"acme","sku":"A-1","price":7}`)), catalog.PriceChanged{ID: "1", Tenant: "acme", SKU: "A-1", Price: 7}},
		"news of another type":   {cqrstest.SNS("prices", cqrstest.Body(`{"type":"NOTIFICATION"}`)), nil},
		"a price list":           {object("imports/csv/ä b.csv"), catalog.CSVImport(ref("imports/csv/ä b.csv"))},
		"an upload":              {object("uploads/a+b.pdf"), upload("uploads/a+b.pdf")},
		"a delivery":             {object("partners/logistics/a.csv"), uploads.PartnerDelivery{Upload: upload("partners/logistics/a.csv"), Partner: "logistics", EventName: "ObjectCreated:Put"}},
		"a file of another kind": {object("templates/a.txt"), nil},
		"a new order":            {cqrstest.Stream("shop-order-data", cqrstest.Insert(order)), fulfilment.OrderCreated(order)},
		"an order that changes":  {cqrstest.Stream("shop-order-data", cqrstest.Modify(order, paid)), cqrs.Change[shop.Item[shop.Order]]{}},
		"an order that is gone":  {cqrstest.Stream("shop-order-data", cqrstest.Remove(order)), cqrs.Change[shop.Item[shop.Order]]{}},
		"a new product":          {cqrstest.Stream("shop-product-data", cqrstest.Insert(product)), cqrs.Change[shop.Item[shop.Product]]{}},
		"a new user":             {cqrstest.Stream("users", cqrstest.Insert(user)), cqrs.Change[shop.User]{}},
		"a row of another table": {cqrstest.Stream("shop-order-history", cqrstest.Insert(order)), nil},
		"an order that is on its way": {
			cqrstest.EventBridge("com.shop", "Order Shipped", map[string]string{"tenant": "acme", "number": "7"}),
			fulfilment.OrderShipped{Tenant: "acme", Number: "7"},
		},
		"an event of another source": {cqrstest.EventBridge("com.other", "Order Shipped", map[string]string{"number": "7"}), nil},
		"an event of another type":   {cqrstest.EventBridge("com.shop", "Order Lost", map[string]string{"number": "7"}), nil},
		"the time":                   {cqrstest.EventBridge("aws.events", "Scheduled Event", map[string]string{}), readmodels.TakeUp{}},
		"an order to be paid": {
			cqrstest.StepFunction("ORDER_PROCESS", map[string]any{"tenant": "acme", "number": "7", "customer": "ann@example.com", "total": 700}),
			fulfilment.OrderProcess{Tenant: "acme", Number: "7", Customer: "ann@example.com", Total: 700},
		},
		"a list to be imported": {
			cqrstest.StepFunction("CSV_IMPORT", map[string]string{"bucket": "files", "key": "a.csv"}), catalog.CSVImport{Bucket: "files", Key: "a.csv"},
		},
		"a task of another type": {cqrstest.StepFunction("ORDER_REFUND", map[string]string{"number": "7"}), nil},
		"a dead letter":          {cqrstest.SQS("dead", cqrstest.Body(hello)), cqrs.DeadLetter{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := cqrstest.Invoke(t, function, test.payload)
			if test.want == nil {
				require.Empty(t, answer.Ran)
				require.Len(t, answer.Records, 1)
				require.ErrorIs(t, answer.Records[0].Err, cqrs.ErrUnrouted)
				require.True(t, answer.Err != nil || len(answer.Failed) == 1, "it is reported")
				return
			}
			require.NoError(t, answer.Err)
			require.Empty(t, answer.Failed)
			require.Len(t, answer.Ran, 1)
			switch got := answer.Ran[0].Event.(type) {
			case cqrs.Change[shop.Item[shop.Order]], cqrs.Change[shop.Item[shop.Product]], cqrs.Change[shop.User], cqrs.DeadLetter:
				require.IsType(t, test.want, got)
			default:
				require.Equal(t, test.want, got)
			}
		})
	}
}
