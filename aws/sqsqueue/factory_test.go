package sqsqueue_test

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs"
)

func (anything) TransformSQS(context.Context, *events.SQSMessage) ([]cqrs.Event, error) {
	return []cqrs.Event{event{}}, nil
}

func (anything) TransformSNS(context.Context, *events.SNSEventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{event{}}, nil
}
