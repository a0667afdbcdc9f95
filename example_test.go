package cqrs_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
)

type SendNotification struct {
	Recipient string `json:"recipient"`
	Subject   string `json:"subject"`
}

// A function that sends the notifications in a queue. Of three messages the
// second fails, so it alone is reported and comes again.
func Example() {
	mux := cqrs.NewMux()
	cqrs.OnSQS[SendNotification](mux, cqrs.TypeField("type", "NOTIFICATION"))

	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(_ context.Context, n SendNotification) error {
		if n.Recipient == "" {
			return errors.New("nobody to send it to")
		}
		fmt.Println("to", n.Recipient+":", n.Subject)
		return nil
	})

	dispatcher, err := cqrs.New(cqrs.Config{Factory: mux, Registry: registry, Logger: quiet()})
	if err != nil {
		fmt.Println(err)
		return
	}

	answer, err := dispatcher.Invoke(context.Background(), []byte(`{"Records": [
		{"messageId": "m-1", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:notifications",
		 "body": "{\"type\":\"NOTIFICATION\",\"recipient\":\"ada@example.com\",\"subject\":\"Your order\"}"},
		{"messageId": "m-2", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:notifications",
		 "body": "{\"type\":\"NOTIFICATION\"}"},
		{"messageId": "m-3", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:notifications",
		 "body": "{\"type\":\"NOTIFICATION\",\"recipient\":\"alan@example.com\",\"subject\":\"Your parcel\"}"}
	]}`))
	fmt.Println(string(answer), err)

	// Output:
	// to ada@example.com: Your order
	// to alan@example.com: Your parcel
	// {"batchItemFailures":[{"itemIdentifier":"m-2"}]} <nil>
}
