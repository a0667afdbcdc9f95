package app

import (
	"path"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/catalog"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
)

// Factory says which record is which event. The streams of the command tables are
// not here: they go to the data syncs.
func Factory(s Settings) *cqrs.Mux {
	mux := cqrs.NewMux()

	// The dead-letter queue comes first, since its messages look like any others.
	cqrs.OnDeadLetter(mux, cqrs.Queue(queueName(s.DeadLetters)))
	cqrs.OnSQS[notifications.Notification](mux, cqrs.TypeField("type", "NOTIFICATION"))
	cqrs.OnSQS[changes.SyncRequest](mux, cqrs.TypeField("type", "SYNC_REQUEST"))

	cqrs.OnSNS[catalog.PriceChanged](mux, cqrs.TypeField("type", "PRICE_CHANGED"))

	cqrs.OnS3(mux, cqrs.KeyPrefix("imports/csv/"), catalog.ImportOf)
	cqrs.OnS3(mux, cqrs.KeyPrefix("uploads/"), uploads.UploadOf)
	cqrs.OnS3(mux, cqrs.KeyPrefix("partners/"), uploads.PartnerDeliveryOf)

	orders := cqrs.Table(s.OrderTables().Data)
	cqrs.OnDynamoDB[fulfilment.OrderCreated](mux, orders, cqrs.Inserted)
	cqrs.OnChange[shop.Item[shop.Order]](mux, orders)
	cqrs.OnChange[shop.Item[shop.Product]](mux, cqrs.Table(s.ProductTables().Data))
	cqrs.OnChange[shop.User](mux, cqrs.Table(s.UserTable))

	cqrs.OnEventBridge[fulfilment.OrderShipped](mux, cqrs.DetailType("com.shop", "Order Shipped"))
	cqrs.OnEventBridge[readmodels.TakeUp](mux, cqrs.DetailType("aws.events", "Scheduled Event"), takeUp)

	cqrs.OnStepFunction[fulfilment.OrderProcess](mux, "ORDER_PROCESS")
	cqrs.OnStepFunction[catalog.CSVImport](mux, "CSV_IMPORT")
	return mux
}

// takeUp reads nothing of the schedule: that it is time is all it says.
func takeUp(*events.EventBridgeEvent) (readmodels.TakeUp, error) { return readmodels.TakeUp{}, nil }

// queueName is the last part of a queue's URL.
func queueName(url string) string { return path.Base(url) }
