package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

type Product struct {
	Title string `json:"title"`
	Price int    `json:"price"`
}

// ProductTable is a read model.
type ProductTable struct{ broken bool }

func (t *ProductTable) Up(_ context.Context, cmd cqrs.Command[Product]) error {
	if t.broken {
		return errors.New("connection refused")
	}
	fmt.Printf("up   %s version %d: %s for %d\n", cmd.SK, cmd.Version, cmd.Attributes.Title, cmd.Attributes.Price)
	return nil
}

func (t *ProductTable) Down(_ context.Context, cmd cqrs.Command[Product]) error {
	fmt.Printf("down %s version %d\n", cmd.SK, cmd.Version)
	return nil
}

func product(version int64, price int) cqrs.Command[Product] {
	return cqrs.Command[Product]{
		Key: cqrs.Key{PK: "PRODUCT#acme", SK: "tea"}, Version: version,
		Attributes: Product{Title: "Tea", Price: price},
	}
}

// Versions come in any order and more than once; the gate lets the newest pass.
func ExampleDataSync() {
	ctx := context.Background()
	sync := cqrs.NewDataSync("prod-shop-product-command", cqrs.NewMemorySync(), cqrs.Target("rds", &ProductTable{}))
	deleted := product(3, 6)
	deleted.Deleted = true
	for _, cmd := range []cqrs.Command[Product]{product(2, 6), product(1, 5), product(2, 6), deleted, product(2, 6)} {
		if err := sync.Apply(ctx, cmd); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// up   tea version 2: Tea for 6
	// down tea version 3
}

// What a target cannot take is parked, and taken up once the target is mended.
func ExampleDataSync_Unpark() {
	ctx := context.Background()
	commands, table := command.NewMemory(), &ProductTable{broken: true}
	sync := cqrs.NewDataSync("prod-shop-product-command", cqrs.NewMemorySync(),
		command.Target[Product](commands),
		cqrs.Target("rds", table, cqrs.ParkAfter(2)),
	).With(cqrs.SyncLogger(slog.New(slog.DiscardHandler)))
	products := command.New(command.Config[Product]{Store: commands, Sync: sync})

	created, err := products.PublishSync(ctx, product(0, 5))
	fmt.Println(err)
	fmt.Println(sync.Apply(ctx, created)) // the stream delivers it: the second attempt, and the last
	for parked := range sync.Parked(ctx, "rds") {
		fmt.Println("parked:", parked.Key.SK, parked.Version, parked.Reason)
	}
	table.broken = false
	freed, err := sync.Unpark(ctx, "rds")
	fmt.Println(freed, err)
	// Output:
	// cqrs: target rds could not take PRODUCT#acme tea version 1: connection refused
	// <nil>
	// parked: tea 1 connection refused
	// up   tea version 1: Tea for 5
	// 1 <nil>
}

// The records of the command table go to the sync. A function that does nothing
// else needs no factory.
func ExampleRegisterDataSync() {
	sync := cqrs.NewDataSync("prod-shop-product-command", cqrs.NewMemorySync(), cqrs.Target("rds", &ProductTable{}))
	registry := cqrs.NewRegistry()
	cqrs.RegisterDataSync(registry, sync)
	dispatcher, err := cqrs.New(cqrs.Config{Registry: registry})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := dispatcher.Invoke(context.Background(), []byte(`{"Records": [{
		"eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb",
		"eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/prod-shop-product-command/stream/2026-11-01T00:00:00.000",
		"dynamodb": {
			"SequenceNumber": "111", "StreamViewType": "NEW_IMAGE",
			"Keys": {"pk": {"S": "PRODUCT#acme"}, "sk": {"S": "tea@1"}},
			"NewImage": {
				"pk": {"S": "PRODUCT#acme"}, "sk": {"S": "tea@1"}, "version": {"N": "1"},
				"attributes": {"M": {"title": {"S": "Tea"}, "price": {"N": "5"}}}
			}
		}
	}]}`))
	fmt.Println(string(answer), err)
	// Output:
	// up   tea version 1: Tea for 5
	// {"batchItemFailures":[]} <nil>
}
