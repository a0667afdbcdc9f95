package bench

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs"
)

// WithMux is the library as most teams use it: rules, and one handler for each
// of the two events.
func WithMux(onNotification func(context.Context, Notification) error, onOrder func(context.Context, Order) error) lambda.Handler {
	return dispatcher(mux(), onNotification, onOrder, cqrs.Policy{})
}

func mux() *cqrs.Mux {
	mux := cqrs.NewMux()
	cqrs.OnSQS[Notification](mux, cqrs.TypeField("type", "NOTIFICATION"))
	cqrs.OnDynamoDB[Order](mux, cqrs.PKPrefix("ORDER#"), cqrs.Inserted|cqrs.Modified)
	return mux
}

// WithIdempotency is WithMux with a store for idempotency keys.
func WithIdempotency(store cqrs.IdempotencyStore, onNotification func(context.Context, Notification) error,
	onOrder func(context.Context, Order) error,
) lambda.Handler {
	return dispatcher(mux(), onNotification, onOrder, cqrs.Policy{Idempotency: store})
}

// renewed is a memory store that can be replaced by an empty one, between two
// batches.
type renewed struct{ cqrs.IdempotencyStore }

func (r *renewed) renew() { r.IdempotencyStore = cqrs.NewMemoryIdempotency() }

// WithFactory is the library with a factory of the team's own, which decodes
// with what the team used before.
func WithFactory(onNotification func(context.Context, Notification) error, onOrder func(context.Context, Order) error) lambda.Handler {
	return dispatcher(factory{}, onNotification, onOrder, cqrs.Policy{})
}

// WithPings is a dispatcher for the messages of [Pings], with a factory that
// spends no time on them.
func WithPings(mw ...cqrs.Middleware) lambda.Handler { return withPings(1, mw...) }

// withPings makes several events of each message.
func withPings(each int, mw ...cqrs.Middleware) lambda.Handler {
	f := pings{events: make([]cqrs.Event, each)}
	for i := range f.events {
		f.events[i] = ping{}
	}
	registry := cqrs.NewRegistry(mw...)
	cqrs.RegisterFunc(registry, func(context.Context, ping) error { return nil })
	d, err := cqrs.New(cqrs.Config{Factory: f, Registry: registry, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err) // the wiring is this file's
	}
	return d
}

type ping struct{}

type pings struct {
	cqrs.DefaultEventFactory

	events []cqrs.Event
}

// TransformSQS takes every message for the same pings.
func (p pings) TransformSQS(context.Context, *events.SQSMessage) ([]cqrs.Event, error) {
	return p.events, nil
}

func dispatcher(f cqrs.EventFactory, onNotification func(context.Context, Notification) error,
	onOrder func(context.Context, Order) error, policy cqrs.Policy,
) lambda.Handler {
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, onNotification)
	cqrs.RegisterFunc(registry, onOrder)
	d, err := cqrs.New(cqrs.Config{
		Factory:  f,
		Registry: registry,
		Policy:   policy,
		Logger:   slog.New(slog.DiscardHandler),
		Fallback: fallback{},
	})
	if err != nil {
		panic(err) // the wiring is this file's
	}
	return d
}

// fallback takes what is no event.
type fallback struct{}

// Invoke answers with nothing.
func (fallback) Invoke(context.Context, []byte) ([]byte, error) { return nil, nil }

type factory struct{ cqrs.DefaultEventFactory }

// TransformSQS decodes the body with encoding/json, as teams do.
func (factory) TransformSQS(_ context.Context, record *events.SQSMessage) ([]cqrs.Event, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal([]byte(record.Body), &kind); err != nil {
		return nil, err
	}
	if kind.Type != "NOTIFICATION" {
		return nil, cqrs.ErrUnrouted
	}
	var notification Notification
	if err := json.Unmarshal([]byte(record.Body), &notification); err != nil {
		return nil, err
	}
	return []cqrs.Event{notification}, nil
}

// TransformDynamoDBStream decodes the new image.
func (factory) TransformDynamoDBStream(_ context.Context, record *cqrs.DynamoDBRecord) ([]cqrs.Event, error) {
	if record.EventName != "INSERT" && record.EventName != "MODIFY" {
		return nil, nil
	}
	var order Order
	if err := record.NewImage.Unmarshal(&order); err != nil {
		return nil, err
	}
	return []cqrs.Event{order}, nil
}
