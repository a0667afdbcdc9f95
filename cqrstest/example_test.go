package cqrstest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// Order is the event of the examples.
type Order struct {
	ID    string  `dynamodbav:"id"    json:"id"`
	Total float64 `dynamodbav:"total" json:"total"`
}

// T stands for the *testing.T that a test has, and an example has not.
var T = cqrstest.TBForExamples()

// newOrders is the dispatcher under test, as main would make it.
func newOrders(handle func(ctx context.Context, o Order) (any, error), mw ...cqrs.Middleware) *cqrs.Dispatcher {
	mux := cqrs.NewMux()
	cqrs.OnSQS[Order](mux, cqrs.Queue("orders"))
	cqrs.OnDynamoDB[Order](mux, cqrs.Table("orders"), cqrs.Inserted|cqrs.Modified)
	cqrs.OnStepFunction[Order](mux, "CHARGE")
	registry := cqrs.NewRegistry(mw...)
	cqrs.Register(registry, cqrs.HandlerFunc[Order](handle))
	d, err := cqrs.New(cqrs.Config{Factory: mux, Registry: registry, Logger: quiet()})
	if err != nil {
		panic(err)
	}
	return d
}

func charge(_ context.Context, o Order) (any, error) {
	if o.Total <= 0 {
		return nil, errors.New("nothing to charge")
	}
	return o.ID + " is charged", nil
}

// Of two messages one fails; AWS delivers it again.
func ExampleInvoke() {
	recorder := cqrstest.NewRecorder()
	dispatcher := newOrders(charge, recorder.Middleware())

	payload := cqrstest.SQS("orders",
		cqrstest.Body(Order{ID: "7", Total: 19.90}).ID("m-1"),
		cqrstest.Body(Order{ID: "8"}).ID("m-2"),
	)
	answer := cqrstest.Invoke(T, dispatcher, payload)
	fmt.Println("failed:", answer.Failed)
	for _, run := range answer.Ran {
		fmt.Println(run.Route, run.ID, run.Attempt, run.Err)
	}

	again, more := payload.Redelivery(answer)
	fmt.Println(more, again.IDs())
	fmt.Println("attempt", cqrstest.Invoke(T, dispatcher, again).Ran[0].Attempt)

	// Output:
	// failed: [m-2]
	// cqrstest_test.Order m-1 1 <nil>
	// cqrstest_test.Order m-2 1 nothing to charge
	// true [m-2]
	// attempt 2
}

// The images of a stream come from Go values.
func ExampleStream() {
	recorder := cqrstest.NewRecorder()
	dispatcher := newOrders(charge, recorder.Middleware())

	before, after := Order{ID: "7", Total: 19.90}, Order{ID: "7", Total: 24.90}
	cqrstest.Invoke(T, dispatcher, cqrstest.Stream("orders", cqrstest.Modify(before, after).Keys("id")))
	fmt.Println(cqrstest.Events[Order](recorder))

	// Output: [{7 24.9}]
}

func ExampleStepFunction() {
	dispatcher := newOrders(charge)
	var result string
	cqrstest.Invoke(T, dispatcher, cqrstest.StepFunction("CHARGE", Order{ID: "7", Total: 19.90})).Decode(T, &result)
	fmt.Println(result)
	answer := cqrstest.Invoke(T, dispatcher, cqrstest.StepFunction("CHARGE", Order{ID: "8"}))
	fmt.Println(answer.ErrorType)

	// Output:
	// 7 is charged
	// HandlerError
}

// An upload, announced by SNS in a queue.
func ExampleNotification() {
	type upload struct{ Key string }
	mux := cqrs.NewMux()
	cqrs.OnS3(mux, cqrs.KeyPrefix("imports/"), func(r *events.S3EventRecord) (upload, error) { return upload{r.S3.Object.URLDecodedKey}, nil })
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(_ context.Context, u upload) error {
		fmt.Println(u.Key)
		return nil
	})
	dispatcher, err := cqrs.New(cqrs.Config{Factory: cqrs.Envelopes(mux, cqrs.From("uploads", cqrs.SNS, cqrs.S3)), Registry: registry})
	if err != nil {
		panic(err)
	}

	s3 := cqrstest.S3("bucket", cqrstest.Created("imports/new orders.csv"))
	cqrstest.Invoke(T, dispatcher, cqrstest.SQS("uploads", cqrstest.Body(cqrstest.Notification("topic", cqrstest.Body(s3)))))

	// Output: imports/new orders.csv
}

// The sink is down when the first letter comes, so the message stays in its queue.
func ExampleFaults() {
	var letters cqrstest.DeadLetters
	letters.FailN(1, errors.New("the sink is down"))

	mux := cqrs.NewMux()
	cqrs.OnSQS[Order](mux, cqrs.Queue("orders"))
	registry := cqrs.NewRegistry()
	var handler cqrstest.Handler[Order]
	handler.FailN(2, cqrs.Permanent(errors.New("no such customer")))
	cqrs.Register(registry, &handler)
	dispatcher, err := cqrs.New(cqrs.Config{Factory: mux, Registry: registry, DeadLetter: &letters, Logger: quiet()})
	if err != nil {
		panic(err)
	}

	payload := cqrstest.SQS("orders", cqrstest.Body(Order{ID: "7"}).ID("m-1"))
	answer := cqrstest.Invoke(T, dispatcher, payload)
	fmt.Println(answer.Failed, len(letters.Letters()))
	again, _ := payload.Redelivery(answer)
	answer = cqrstest.Invoke(T, dispatcher, again)
	fmt.Println(answer.Failed, len(letters.Letters()))

	// Output:
	// [m-1] 0
	// [] 1
}

// A handler that adds is not idempotent.
func ExampleDuplicate() {
	total := 0.0
	dispatcher := newOrders(func(_ context.Context, o Order) (any, error) {
		total += o.Total
		return nil, nil
	}, cqrstest.Duplicate())
	cqrstest.Invoke(T, dispatcher, cqrstest.SQS("orders", cqrstest.Body(Order{ID: "7", Total: 20})))
	fmt.Println(total)

	// Output: 40
}

// In a test of your own store, IdempotencyStore gets its t, and the function that
// makes the store. One that takes a clock is tested without waiting:
// func(t *testing.T, now func() time.Time) cqrs.IdempotencyStore.
func ExampleIdempotencyStore() {
	ok := cqrstest.InTest("TestStore", func(test cqrstest.Test) {
		cqrstest.IdempotencyStore(test.T, cqrs.NewMemoryIdempotency)
	})
	fmt.Println("keeps every promise:", ok)

	// Output: keeps every promise: true
}

func ExampleSyncStore() {
	ok := cqrstest.InTest("TestStore", func(test cqrstest.Test) {
		cqrstest.SyncStore(test.T, cqrs.NewMemorySync)
	})
	fmt.Println("keeps every promise:", ok)

	// Output: keeps every promise: true
}

// The directory holds orders.json and task.json, and what came of them.
func ExampleGolden() {
	ok := cqrstest.InTest("TestRecorded", func(test cqrstest.Test) {
		cqrstest.Golden(test.T, goldenDispatcher(test.T, "total"), "testdata/golden")
	})
	fmt.Println("as recorded:", ok)

	// Output: as recorded: true
}

// The function is a process of its own. A panic in it fails its record alone.
// TestMain begins with cqrstest.Functions.
func ExampleStartFunction() {
	cqrstest.InTest("TestFunction", func(test cqrstest.Test) {
		function := cqrstest.StartFunction(test.T, "work")
		answer := function.Invoke(test.T, cqrstest.SQS("work",
			cqrstest.Body(work{Do: "panic"}).ID("m-1"),
			cqrstest.Body(work{Do: "something"}).ID("m-2"),
		))
		fmt.Println(string(answer.JSON))
	})

	// Output: {"batchItemFailures":[{"itemIdentifier":"m-1"}]}
}
