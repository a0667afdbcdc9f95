package redrive_test

import (
	"context"
	"fmt"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/redrive"
)

// queues stands for sqsqueue's sender, which puts messages back.
type queues struct{}

func (queues) Send(_ context.Context, d cqrs.DeadLetter) error {
	fmt.Println("sent", d.ID, "to", d.Message.ARN)
	return nil
}

func Example() {
	ctx := context.Background()
	store := redrive.NewMemory()
	for i, id := range []string{"f-1", "f-2", "f-3"} {
		d := cqrs.DeadLetter{ID: id, Route: "orders.Created", ErrorName: "OutOfStock", At: time.Unix(int64(i), 0)}
		if id == "f-3" {
			d.ErrorName = "HandlerPanic"
		}
		d.Message.ARN = "arn:aws:sqs:eu-west-1:123456789012:orders"
		if _, err := store.SaveFailure(ctx, d); err != nil {
			fmt.Println(err)
		}
	}

	groups, err := store.Groups(ctx, redrive.Open)
	for _, g := range groups {
		fmt.Println(g.Failures, g.Type, g.ErrorName)
	}
	fmt.Println(err)

	redriver := redrive.New(store, queues{})
	mended := redrive.Replay{
		Filter: redrive.Filter{Type: "orders.Created", ErrorName: "OutOfStock"},
		By:     "ada", Note: "stock is filled up", DryRun: true,
	}
	plan, err := redriver.Replay(ctx, mended)
	fmt.Println("would send", plan.Done(), err)

	mended.DryRun = false
	report, err := redriver.Replay(ctx, mended)
	fmt.Println("have sent", report.Done(), err)

	// Output:
	// 2 orders.Created OutOfStock
	// 1 orders.Created HandlerPanic
	// <nil>
	// would send 2 <nil>
	// sent f-1 to arn:aws:sqs:eu-west-1:123456789012:orders
	// sent f-2 to arn:aws:sqs:eu-west-1:123456789012:orders
	// have sent 2 <nil>
}
