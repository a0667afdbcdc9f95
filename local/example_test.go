package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambda-cqrs/cqrs/local"
)

// must keeps the examples short.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func Example() {
	ctx := context.Background()
	a := must(local.Start(ctx))
	defer a.Close()

	queues := sqs.NewFromConfig(a.Config())
	orders := must(queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")}))

	done := make(chan string)
	function := a.Function("orders", lambda.NewHandler(func(event events.SQSEvent) (events.SQSEventResponse, error) {
		for _, message := range event.Records {
			done <- message.Body
		}
		return events.SQSEventResponse{}, nil
	}))
	if err := function.OnQueue("orders", local.ReportBatchItemFailures()); err != nil {
		panic(err)
	}
	must(queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: orders.QueueUrl, MessageBody: aws.String("hello")}))
	fmt.Println(<-done)
	// Output: hello
}

// A message that failed comes back when its visibility timeout has passed, which
// takes no time on a clock that the test advances.
func ExampleUseClock() {
	ctx := context.Background()
	clock := local.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	a := must(local.Start(ctx, local.UseClock(clock)))
	defer a.Close()
	queues := sqs.NewFromConfig(a.Config())
	orders := must(queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")}))

	began, attempts := clock.Now(), make(chan string, 2)
	function := a.Function("orders", lambda.NewHandler(func(event events.SQSEvent) error {
		attempts <- fmt.Sprint("attempt ", event.Records[0].Attributes["ApproximateReceiveCount"])
		if clock.Now().Sub(began) < 30*time.Second {
			return fmt.Errorf("not yet")
		}
		return nil
	}))
	if err := function.OnQueue("orders"); err != nil {
		panic(err)
	}
	must(queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: orders.QueueUrl, MessageBody: aws.String("hello")}))
	clock.AdvanceUntil(ctx, time.Second, func() bool { return len(attempts) == 2 })
	fmt.Println(<-attempts)
	fmt.Println(<-attempts)
	// Output:
	// attempt 1
	// attempt 2
}

// An acknowledgement that is lost makes the client send the message again.
func ExampleAWS_Inject() {
	ctx := context.Background()
	a := must(local.Start(ctx))
	defer a.Close()
	queues := sqs.NewFromConfig(a.Config())
	orders := must(queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")}))

	a.Inject(local.Fault{Service: "sqs", Operation: "SendMessage", Effect: local.LoseAnswer})
	must(queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: orders.QueueUrl, MessageBody: aws.String("hello")}))
	received := must(queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: orders.QueueUrl, MaxNumberOfMessages: 10}))
	fmt.Println(len(received.Messages), "messages")
	// Output: 2 messages
}

func ExampleFunction_Invoke() {
	ctx := context.Background()
	a := must(local.Start(ctx))
	defer a.Close()
	function := a.Function("greet", lambda.NewHandler(func(name string) (string, error) { return "Hello " + name, nil }))
	fmt.Println(string(must(function.Invoke(ctx, json.RawMessage(`"Ada"`)))))
	// Output: "Hello Ada"
}
