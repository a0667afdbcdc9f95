package snsalarm_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/snsalarm"
)

// printer stands for a *sns.Client.
type printer struct{}

func (printer) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	fmt.Println(*in.Subject)
	fmt.Println(*in.Message)
	return &sns.PublishOutput{}, nil
}

// With a real client it is snsalarm.New(sns.NewFromConfig(cfg), topicARN), for
// Config.Alarm of a dispatcher.
func ExampleNew() {
	alarms := snsalarm.New(printer{}, "arn:aws:sns:eu-west-1:123456789012:alarms", snsalarm.Environment("production"))
	err := alarms.Alarm(context.Background(), cqrs.Alarm{
		Severity: cqrs.SeverityCritical,
		Source:   "orders.Created",
		Message:  "the card was declined\nthree times",
		Details:  map[string]any{"orderId": "o-1", "taskToken": cqrs.TaskToken("AQCEAAAAKgAAAAMAAAAA")},
		Err:      errors.New("402 Payment Required"),
		Time:     time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
	})
	fmt.Println(err)

	// Output:
	// [CRITICAL] orders.Created: the card was declined three times
	// {
	//   "severity": "CRITICAL",
	//   "source": "orders.Created",
	//   "message": "the card was declined\nthree times",
	//   "details": {
	//     "orderId": "o-1",
	//     "taskToken": "[redacted]"
	//   },
	//   "error": {
	//     "name": "Error",
	//     "message": "402 Payment Required"
	//   },
	//   "timestamp": "2026-11-01T12:00:00.000Z",
	//   "environment": "production"
	// }
	// <nil>
}
