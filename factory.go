package cqrs

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
)

// EventFactory turns AWS records into the application's own events. It is
// asked once for each record, so one bad record is one failed record. No events
// and no error acknowledges the record on purpose; an error fails it.
//
// The record is the factory's to keep. Its methods are called from many
// goroutines at once. The interface is frozen: a new source comes as an
// optional interface of one method. Most applications need no factory of their
// own, but a [Mux]; one that does embeds [DefaultEventFactory].
type EventFactory interface {
	TransformSQS(ctx context.Context, record *events.SQSMessage) ([]Event, error)
	TransformSNS(ctx context.Context, record *events.SNSEventRecord) ([]Event, error)
	TransformDynamoDBStream(ctx context.Context, record *DynamoDBRecord) ([]Event, error)
	TransformKinesis(ctx context.Context, record *events.KinesisEventRecord) ([]Event, error)
	TransformEventBridge(ctx context.Context, event *events.EventBridgeEvent) ([]Event, error)
	TransformStepFunction(ctx context.Context, event *StepFunctionsEvent) ([]Event, error)
	TransformS3(ctx context.Context, record *events.S3EventRecord) ([]Event, error)
}

// DefaultEventFactory is embedded by custom factories. It refuses every record
// with [ErrUnrouted], so a source that nobody thought of fails loudly instead
// of being acknowledged by accident.
type DefaultEventFactory struct{}

var _ EventFactory = DefaultEventFactory{}

// TransformSQS refuses the record.
func (DefaultEventFactory) TransformSQS(_ context.Context, r *events.SQSMessage) ([]Event, error) {
	return nil, notOverridden("TransformSQS", "queue "+r.EventSourceARN)
}

// TransformSNS refuses the record.
func (DefaultEventFactory) TransformSNS(_ context.Context, r *events.SNSEventRecord) ([]Event, error) {
	return nil, notOverridden("TransformSNS", "topic "+r.SNS.TopicArn)
}

// TransformDynamoDBStream refuses the record.
func (DefaultEventFactory) TransformDynamoDBStream(_ context.Context, r *DynamoDBRecord) ([]Event, error) {
	return nil, notOverridden("TransformDynamoDBStream", "table "+r.Table())
}

// TransformKinesis refuses the record.
func (DefaultEventFactory) TransformKinesis(_ context.Context, r *events.KinesisEventRecord) ([]Event, error) {
	return nil, notOverridden("TransformKinesis", "stream "+r.EventSourceArn)
}

// TransformEventBridge refuses the event.
func (DefaultEventFactory) TransformEventBridge(_ context.Context, e *events.EventBridgeEvent) ([]Event, error) {
	return nil, notOverridden("TransformEventBridge", "source "+e.Source+", detail-type "+e.DetailType)
}

// TransformStepFunction refuses the event.
func (DefaultEventFactory) TransformStepFunction(_ context.Context, e *StepFunctionsEvent) ([]Event, error) {
	return nil, notOverridden("TransformStepFunction", "type "+e.Type)
}

// TransformS3 refuses the record.
func (DefaultEventFactory) TransformS3(_ context.Context, r *events.S3EventRecord) ([]Event, error) {
	return nil, notOverridden("TransformS3", "bucket "+r.S3.Bucket.Name)
}

func notOverridden(method, origin string) error {
	return describe(ErrUnrouted, "cqrs: unrouted: the factory does not override %s, which the record of %s needs", method, origin)
}
