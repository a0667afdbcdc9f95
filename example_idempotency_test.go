package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

type ChargeCard struct {
	OrderID string `json:"orderId"`
	Cents   int    `json:"cents"`
}

// queued is an invocation with messages of the queue "orders".
func queued(ids []string, bodies ...string) []byte {
	records := make([]map[string]any, len(bodies))
	for i, body := range bodies {
		records[i] = map[string]any{
			"messageId": ids[i], "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders", "body": body,
		}
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		panic(err)
	}
	return payload
}

func start(mux *cqrs.Mux, registry *cqrs.Registry, cfg cqrs.Config) *cqrs.Dispatcher {
	cfg.Factory, cfg.Registry, cfg.Logger = mux, registry, quiet()
	dispatcher, err := cqrs.New(cfg)
	if err != nil {
		panic(err)
	}
	return dispatcher
}

// SQS delivers a message twice; the card is charged once. In production the store
// is one that all environments share, such as dynamostore.NewIdempotency.
func ExampleIdempotent() {
	mux, registry := cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnSQS[ChargeCard](mux, cqrs.Queue("orders"))
	cqrs.RegisterFunc(registry, func(_ context.Context, c ChargeCard) error {
		fmt.Println("charged", c.OrderID)
		return nil
	}, cqrs.With(cqrs.Idempotent(cqrs.NewMemoryIdempotency(), cqrs.IdempotencyTTL(24*time.Hour))))
	dispatcher := start(mux, registry, cqrs.Config{})

	for range 2 {
		answer, err := dispatcher.Invoke(context.Background(), queued([]string{"m-1"}, `{"orderId":"o-1","cents":995}`))
		fmt.Println(string(answer), err)
	}

	// Output:
	// charged o-1
	// {"batchItemFailures":[]} <nil>
	// {"batchItemFailures":[]} <nil>
}

// The sender sent the same order twice, so its messages have two ids. The key says
// what makes two events the same.
func ExampleKeyBy() {
	mux, registry := cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnSQS[ChargeCard](mux, cqrs.Queue("orders"))
	cqrs.RegisterFunc(registry, func(_ context.Context, c ChargeCard) error {
		fmt.Println("charged", c.OrderID)
		return nil
	}, cqrs.KeyBy(func(c ChargeCard) string { return c.OrderID }))
	dispatcher := start(mux, registry, cqrs.Config{Policy: cqrs.Policy{Idempotency: cqrs.NewMemoryIdempotency()}})

	answer, err := dispatcher.Invoke(context.Background(), queued([]string{"m-1", "m-2", "m-3"},
		`{"orderId":"o-1","cents":995}`,
		`{"orderId":"o-1","cents":995}`,
		`{"orderId":"o-2","cents":100}`))
	fmt.Println(string(answer), err)

	_, err = dispatcher.Invoke(context.Background(), queued([]string{"m-4"}, `{"orderId":"o-1","cents":1}`))
	fmt.Println("another amount:", errors.Is(err, cqrs.ErrPayloadMismatch))

	// Output:
	// charged o-1
	// charged o-2
	// {"batchItemFailures":[]} <nil>
	// another amount: true
}

// stepFunctions stands for sfntask.New(client).
type stepFunctions struct{}

func (stepFunctions) Success(_ context.Context, token cqrs.TaskToken, output []byte) error {
	fmt.Println("success of", string(token)+":", string(output))
	return nil
}

func (stepFunctions) Failure(_ context.Context, token cqrs.TaskToken, name, cause string) error {
	fmt.Println("failure of", string(token)+":", name, "-", cause)
	return nil
}

func (stepFunctions) Heartbeat(context.Context, cqrs.TaskToken) error { return nil }

type ImportFile struct {
	Key       string         `json:"key"`
	TaskToken cqrs.TaskToken `json:"taskToken"`
}

func (i ImportFile) EventToken() cqrs.TaskToken { return i.TaskToken }

func importFile(_ context.Context, i ImportFile) (map[string]int, error) {
	if i.Key == "empty.csv" {
		return nil, cqrs.Permanent(cqrs.Named("EmptyFile", errors.New("no rows in "+i.Key)))
	}
	return map[string]int{"rows": 42}, nil
}

// A state machine puts work into a queue and waits for the answer
// (sqs:sendMessage.waitForTaskToken).
func ExampleCallback() {
	mux, registry := cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnSQS[ImportFile](mux, cqrs.Queue("orders"))
	cqrs.Register(registry, cqrs.Func(importFile),
		cqrs.With(cqrs.Callback(stepFunctions{}, cqrs.HeartbeatEvery(20*time.Second))))
	dispatcher := start(mux, registry, cqrs.Config{})

	answer, err := dispatcher.Invoke(context.Background(), queued([]string{"m-1", "m-2"},
		`{"key":"orders.csv","taskToken":"token-1"}`,
		`{"key":"empty.csv","taskToken":"token-2"}`))
	fmt.Println(string(answer), err)

	// Output:
	// success of token-1: {"rows":42}
	// failure of token-2: EmptyFile - no rows in empty.csv
	// {"batchItemFailures":[{"itemIdentifier":"m-2"}]} <nil>
}

// A policy holds what surrounds handlers in the one order that is safe. Here the
// message comes twice: the file is imported once, after a second attempt, and the
// task hears of it both times.
func ExamplePolicy() {
	mux, registry := cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnSQS[ImportFile](mux, cqrs.Queue("orders"))
	attempts := 0
	cqrs.Register(registry, cqrs.Func(func(ctx context.Context, i ImportFile) (map[string]int, error) {
		attempts++
		fmt.Println("attempt", attempts)
		if attempts == 1 {
			return nil, errors.New("the database is busy")
		}
		return importFile(ctx, i)
	}))
	dispatcher := start(mux, registry, cqrs.Config{Policy: cqrs.Policy{
		Callback:           stepFunctions{},
		CallbackOptions:    []cqrs.CallbackOption{cqrs.HeartbeatEvery(20 * time.Second)},
		Idempotency:        cqrs.NewMemoryIdempotency(),
		IdempotencyOptions: []cqrs.IdempotencyOption{cqrs.IdempotencyTTL(24 * time.Hour)},
		Retry:              &cqrs.RetryPolicy{Backoff: time.Millisecond},
		Timeout:            30 * time.Second,
	}})

	for range 2 {
		answer, err := dispatcher.Invoke(context.Background(), queued([]string{"m-1"}, `{"key":"orders.csv","taskToken":"token-1"}`))
		fmt.Println(string(answer), err)
	}

	// Output:
	// attempt 1
	// attempt 2
	// success of token-1: {"rows":42}
	// {"batchItemFailures":[]} <nil>
	// success of token-1: {"rows":42}
	// {"batchItemFailures":[]} <nil>
}
