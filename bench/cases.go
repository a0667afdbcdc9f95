package bench

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs"
)

// Case is one piece of work.
type Case struct {
	Name string
	Ways []Way // the first is the one that the others are compared with
}

// Way is one way of doing it.
type Way struct {
	Name string
	// Per is how many records one Run handles, 1 where it is about something else.
	Per   int
	Bytes int // of the payload
	Run   func() error
	// Time and Allocations are the targets, as ratios to the first way; 0 where
	// there is none.
	Time, Allocations float64
}

// The names of the cases.
const (
	CaseSQS       = "SQS, 10 messages"
	CaseDynamoDB  = "DynamoDB, 100 records"
	CaseDispatch  = "dispatch, 1,000 events of one message"
	CaseDetection = "detection"
	CaseGrowth    = "growth"
)

// Names lists the cases in their order.
func Names() []string {
	return []string{CaseSQS, CaseDynamoDB, CaseDispatch, CaseDetection, CaseGrowth}
}

// New returns the case of that name, wired anew.
func New(name string) Case {
	switch name {
	case CaseSQS:
		return sqsCase()
	case CaseDynamoDB:
		return dynamoDBCase()
	case CaseDispatch:
		return dispatchCase()
	case CaseDetection:
		return detectionCase()
	case CaseGrowth:
		return growthCase()
	default:
		panic("bench: no case " + name)
	}
}

func sqsCase() Case {
	payload := SQS(10)
	store := renewed{cqrs.NewMemoryIdempotency()}
	again := WithIdempotency(cqrs.NewMemoryIdempotency(), onNotification, onOrder)
	first := way("Mux, idempotent, first run", 10, WithIdempotency(&store, onNotification, onOrder), payload).target(0.40, 0)
	run := first.Run
	first.Run = func() error {
		store.renew()
		return run()
	}
	return Case{CaseSQS, []Way{
		way("by hand", 10, lambda.NewHandler(SQSByHand(onNotification)), payload),
		way("Mux", 10, WithMux(onNotification, onOrder), payload).target(0.16, 0.10),
		way("factory, encoding/json", 10, WithFactory(onNotification, onOrder), payload).target(0.70, 0.78),
		first,
		way("Mux, idempotent, duplicates", 10, again, payload).target(0.40, 0),
	}}
}

func dynamoDBCase() Case {
	payload := DynamoDB(100)
	return Case{CaseDynamoDB, []Way{
		way("by hand", 100, lambda.NewHandler(DynamoDBByHand(onOrder)), payload),
		way("Mux", 100, WithMux(onNotification, onOrder), payload).target(0.05, 0.01),
		way("factory, Image.Unmarshal", 100, WithFactory(onNotification, onOrder), payload).target(0.07, 0.015),
	}}
}

func dispatchCase() Case {
	pass := func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) { return next(ctx, d) }
	}
	payload := Pings(1)
	return Case{CaseDispatch, []Way{
		way("no middleware", 1_000, withPings(1_000), payload),
		way("5 middlewares", 1_000, withPings(1_000, pass, pass, pass, pass, pass), payload),
	}}
}

func detectionCase() Case {
	h := WithMux(onNotification, onOrder)
	custom, http := Custom(), HTTP()
	return Case{CaseDetection, []Way{
		way(fmt.Sprintf("custom payload of %d bytes to Fallback", len(custom)), 1, h, custom),
		way(fmt.Sprintf("HTTP request of %d bytes to Fallback", len(http)), 1, h, http),
	}}
}

func growthCase() Case {
	c := Case{Name: CaseGrowth}
	for _, n := range []int{10, 100, 1_000, 10_000} {
		c.Ways = append(c.Ways, way(fmt.Sprintf("%d SQS messages", n), n, WithPings(), Pings(n)))
	}
	for _, n := range []int{10, 100, 1_000, 4_000} {
		c.Ways = append(c.Ways, way(fmt.Sprintf("%d DynamoDB records", n), n, WithMux(onNotification, onOrder), DynamoDB(n)))
	}
	return c
}

func way(name string, per int, h lambda.Handler, payload []byte) Way {
	ctx := context.Background()
	return Way{Name: name, Per: per, Bytes: len(payload), Run: func() error {
		_, err := h.Invoke(ctx, payload)
		return err
	}}
}

func (w Way) target(time, allocations float64) Way {
	w.Time, w.Allocations = time, allocations
	return w
}

func onNotification(context.Context, Notification) error { return nil }

func onOrder(context.Context, Order) error { return nil }
