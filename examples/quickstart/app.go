package main

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs"
)

// The events of a shop, each a plain Go type.
type (
	Notification struct{ Channel, Recipient, Subject string }
	Payment      struct {
		Order  string
		Amount float64
	}
	OrderPlaced    struct{ ID, Customer string }
	OrderShipped   struct{ ID, Carrier string }
	Nightly        struct{ Schedule string }
	Order          struct{ ID, Status string }
	SessionExpired struct{ SK string }
	Click          struct{ Page string }
	Upload         struct{ Bucket, Key string }
	CSVImport      struct{ Bucket, Key string }
	ProcessOrder   struct{ OrderID, TenantCode string }
)

// factory says which records become which events.
func factory() cqrs.EventFactory {
	mux := cqrs.NewMux()
	cqrs.OnSQS[Notification](mux, cqrs.TypeField("type", "NOTIFICATION"))
	cqrs.OnSQS[Payment](mux, cqrs.And(cqrs.Queue("fifo.fifo"), cqrs.TypeField("type", "PAYMENT")), cqrs.Body("payload"))
	cqrs.OnSNS[OrderPlaced](mux, cqrs.TypeField("type", "ORDER_PLACED"))
	cqrs.OnS3(mux, cqrs.KeyPrefix("imports/csv/"), func(r *events.S3EventRecord) (CSVImport, error) {
		return CSVImport{Bucket: r.S3.Bucket.Name, Key: r.S3.Object.URLDecodedKey}, nil
	})
	cqrs.OnS3(mux, cqrs.KeyPrefix("uploads/"), func(r *events.S3EventRecord) (Upload, error) {
		return Upload{Bucket: r.S3.Bucket.Name, Key: r.S3.Object.URLDecodedKey}, nil
	})
	cqrs.OnDynamoDB[SessionExpired](mux, cqrs.Expired(), cqrs.Removed)
	cqrs.OnDynamoDB[Order](mux, cqrs.PKPrefix("ORDER#"), cqrs.Inserted|cqrs.Modified)
	cqrs.OnChange[Order](mux, cqrs.Table("orders"))
	cqrs.OnKinesis[Click](mux, cqrs.TypeField("type", "CLICK"))
	cqrs.OnEventBridge[OrderShipped](mux, cqrs.DetailType("com.shop", "Order Shipped"))
	for _, source := range []string{"aws.events", "aws.scheduler"} {
		cqrs.OnEventBridge[Nightly](mux, cqrs.DetailType(source, "Scheduled Event"), func(e *events.EventBridgeEvent) (Nightly, error) {
			return Nightly{Schedule: e.Resources[0]}, nil
		})
	}
	cqrs.OnEventBridge[Upload](mux, cqrs.DetailType("aws.s3", "Object Created"), uploadOf)
	cqrs.OnStepFunction[ProcessOrder](mux, "ORDER_PROCESS")
	cqrs.OnStepFunction[CSVImport](mux, "CSV_IMPORT")
	return cqrs.Envelopes(mux,
		cqrs.From("orders-queue", cqrs.SNS), cqrs.From("raw-queue", cqrs.SNSRaw), cqrs.From("uploads-queue", cqrs.S3),
		cqrs.From("uploads-sns-queue", cqrs.SNS, cqrs.S3), cqrs.From("bus-queue", cqrs.EventBridge))
}

// uploadOf reads the S3 event that EventBridge carries, whose keys are not
// encoded.
func uploadOf(e *events.EventBridgeEvent) (Upload, error) {
	detail, err := cqrs.DecodeJSON[struct{ Bucket, Object struct{ Name, Key string } }](string(e.Detail))
	return Upload{Bucket: detail.Bucket.Name, Key: detail.Object.Key}, err
}

// registry says what is done about each event.
func registry() *cqrs.Registry {
	r := cqrs.NewRegistry(report)
	cqrs.RegisterFunc(r, func(_ context.Context, n Notification) error {
		switch {
		case n.Recipient == "":
			return cqrs.Permanent(errors.New("nobody to send it to"))
		case n.Channel == "SMS" && !strings.HasPrefix(n.Recipient, "+"):
			panic("a number without a country")
		case n.Channel == "PUSH":
			return cqrs.Skip("no push service yet")
		}
		return nil
	})
	cqrs.RegisterFunc(r, func(_ context.Context, p Payment) error {
		if p.Amount <= 0 {
			return errors.New("the bank refuses the amount")
		}
		return nil
	})
	cqrs.Register(r, cqrs.Func(func(_ context.Context, p ProcessOrder) (map[string]string, error) {
		if p.OrderID == "" {
			return nil, cqrs.Named("OutOfStock", errors.New("nothing left to send"))
		}
		return map[string]string{"orderId": p.OrderID, "status": "PROCESSED"}, nil
	}))
	cqrs.RegisterFunc(r, done[OrderPlaced])
	cqrs.RegisterFunc(r, done[OrderShipped])
	cqrs.RegisterFunc(r, done[Order])
	cqrs.RegisterFunc(r, done[cqrs.Change[Order]])
	cqrs.RegisterFunc(r, done[SessionExpired])
	cqrs.RegisterFunc(r, done[Nightly])
	cqrs.RegisterFunc(r, done[Click])
	cqrs.RegisterFunc(r, done[Upload])
	cqrs.RegisterFunc(r, done[CSVImport])
	return r
}

func done[T any](context.Context, T) error { return nil }
