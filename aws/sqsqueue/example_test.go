package sqsqueue_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
)

// printer stands for a *sqs.Client.
type printer struct{ queue }

func (*printer) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	fmt.Println("send to", *in.QueueUrl)
	fmt.Println("failed in", *in.MessageAttributes["cqrs-route"].StringValue+":", *in.MessageAttributes["cqrs-error-name"].StringValue)
	return &sqs.SendMessageOutput{}, nil
}

func (*printer) ChangeMessageVisibility(
	_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	fmt.Println("visible again in", in.VisibilityTimeout, "s:", *in.QueueUrl)
	return &sqs.ChangeMessageVisibilityOutput{}, nil
}

// Of three messages one can never be handled and two not yet. With a real client
// the ports are made with sqs.NewFromConfig(cfg).
func Example() {
	client := &printer{}
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(ctx context.Context, _ event) error {
		if d, _ := cqrs.DeliveryFrom(ctx); d.Message.ID == "m-1" {
			return cqrs.Permanent(cqrs.Named("CardDeclined", errors.New("no money")))
		}
		return cqrs.RetryAfter(5*time.Minute, errors.New("the bank is closed"))
	}, cqrs.RouteName("payments.Charge"))
	dispatcher, err := cqrs.New(cqrs.Config{
		Factory:    anything{},
		Registry:   registry,
		DeadLetter: sqsqueue.NewDeadLetters(client, "https://sqs.eu-west-1.amazonaws.com/123456789012/payments-dead"),
		Redeliver:  sqsqueue.NewRedeliverer(client),
		Logger:     quiet(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, _ := dispatcher.Invoke(context.Background(), []byte(`{"Records": [
		{"messageId": "m-1", "receiptHandle": "r-1", "body": "{}", "eventSource": "aws:sqs",
		 "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:payments"},
		{"messageId": "m-2", "receiptHandle": "r-2", "body": "{}", "eventSource": "aws:sqs",
		 "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:payments"},
		{"messageId": "m-3", "receiptHandle": "r-3", "body": "{}", "eventSource": "aws:sqs",
		 "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:payments"}
	]}`))
	fmt.Println(string(answer))

	// Output:
	// send to https://sqs.eu-west-1.amazonaws.com/123456789012/payments-dead
	// failed in payments.Charge: CardDeclined
	// visible again in 300 s: https://sqs.eu-west-1.amazonaws.com/123456789012/payments
	// visible again in 300 s: https://sqs.eu-west-1.amazonaws.com/123456789012/payments
	// {"batchItemFailures":[{"itemIdentifier":"m-2"},{"itemIdentifier":"m-3"}]}
}

// A dead letter goes back to the queue that its message came from. With package
// redrive this is the sender; by itself it puts back one letter.
func ExampleSender_Send() {
	q := &queue{}
	sender := sqsqueue.NewSender(q)

	letter := exampleLetter()
	fmt.Println(sender.Send(context.Background(), letter))
	fmt.Println(*q.sent[0].QueueUrl, *q.sent[0].MessageBody)
	fmt.Println("the same failure:", *q.sent[0].MessageAttributes["cqrs-failure-id"].StringValue == letter.ID)

	// Output:
	// <nil>
	// https://sqs.eu-west-1.amazonaws.com/123456789012/payments {"amount":3}
	// the same failure: true
}

// What a sink would get.
func exampleLetter() (letter cqrs.DeadLetter) {
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(context.Context, event) error { return cqrs.Permanent(errors.New("no money")) })
	dispatcher, err := cqrs.New(cqrs.Config{
		Factory: anything{}, Registry: registry, Logger: quiet(),
		DeadLetter: sinkFunc(func(_ context.Context, d cqrs.DeadLetter) error { letter = d; return nil }),
	})
	if err == nil {
		_, _ = dispatcher.Invoke(context.Background(), []byte(`{"Records": [
			{"messageId": "m-1", "receiptHandle": "r-1", "body": "{\"amount\":3}", "eventSource": "aws:sqs",
			 "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:payments"}]}`))
	}
	return letter
}

// A dead-letter queue that no function polls is emptied into the function that
// reads dead letters.
func ExampleDrain() {
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(context.Context, event) error { return nil })
	dispatcher, err := cqrs.New(cqrs.Config{Factory: anything{}, Registry: registry, Logger: quiet()})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &full{messages: messages(12)} // stands for a *sqs.Client

	report, err := sqsqueue.Drain(context.Background(), client, "arn:aws:sqs:eu-west-1:123456789012:payments-dead", dispatcher)
	fmt.Printf("%+v %v\n", report, err)

	// Output:
	// {Handled:12 Failed:0} <nil>
}
