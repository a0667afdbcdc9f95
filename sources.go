package cqrs

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// records are the decoded records of one invocation, in their order.
type records interface {
	// read takes the record at which the walk stands and fills its message, with
	// as much as can be read where the record is malformed.
	read(w *lambdaevent.Walk, m *Message) error
	// grow makes room for n more records.
	grow(n int)
	// transform asks the factory about record i, whose message is m. It may put
	// the events into the slice that it is given, which is empty.
	transform(ctx context.Context, i int, m *Message, into []Event) ([]Event, error)
}

// newRecords returns records that go to the factory, or, where it needs no
// record of aws-lambda-go to make events, to lean.
func (d *Dispatcher) newRecords(kind lambdaevent.Kind) records {
	if d.lean != nil {
		switch kind {
		case lambdaevent.SQS, lambdaevent.SNS, lambdaevent.Kinesis:
			return &textRecords{factory: d.lean, source: sourceOf(kind)}
		}
	}
	switch kind {
	case lambdaevent.SQS:
		return &sqsRecords{factory: d.factory}
	case lambdaevent.SNS:
		return &snsRecords{factory: d.factory}
	case lambdaevent.DynamoDB:
		return &dynamoDBRecords{factory: d.factory, lean: d.lean, mux: muxOf(d.factory)}
	case lambdaevent.Kinesis:
		return &kinesisRecords{factory: d.factory}
	case lambdaevent.S3:
		return &s3Records{factory: d.factory}
	case lambdaevent.EventBridge:
		return &eventBridgeRecord{factory: d.factory}
	default:
		return &stepFunctionsRecord{factory: d.factory}
	}
}

func sourceOf(kind lambdaevent.Kind) Source {
	switch kind {
	case lambdaevent.SQS:
		return SourceSQS
	case lambdaevent.SNS:
		return SourceSNS
	case lambdaevent.DynamoDB:
		return SourceDynamoDB
	case lambdaevent.Kinesis:
		return SourceKinesis
	case lambdaevent.S3, lambdaevent.S3Test:
		return SourceS3
	case lambdaevent.EventBridge:
		return SourceEventBridge
	case lambdaevent.StepFunctions:
		return SourceStepFunctions
	default:
		return ""
	}
}

// list is the part of records that keeps aws-lambda-go's.
type list[R any] struct {
	all   []R
	first [1]R // where the first one is, until there are more
}

func (l *list[R]) grow(n int) {
	if l.all == nil && n == 1 {
		l.all = l.first[:0]
		return
	}
	l.all = slices.Grow(l.all, n)
}

// next returns the place of the next record.
func (l *list[R]) next() *R {
	var none R
	l.all = append(l.all, none)
	return &l.all[len(l.all)-1]
}

type sqsRecords struct {
	list[events.SQSMessage]

	factory EventFactory
}

func (r *sqsRecords) read(w *lambdaevent.Walk, m *Message) error {
	var a lambdaevent.Attributes
	record := r.next()
	err := w.SQS(record, &a)
	m.ofSQS(record, &a)
	return err
}

func (r *sqsRecords) transform(ctx context.Context, i int, _ *Message, _ []Event) ([]Event, error) {
	return r.factory.TransformSQS(ctx, &r.all[i])
}

func (m *Message) ofSQS(record *events.SQSMessage, a *lambdaevent.Attributes) {
	m.ID = record.MessageId
	m.ARN = record.EventSourceARN
	m.Sequence = a.Sequence
	if isFIFO(m.ARN) {
		m.Group = a.Group
	}
	if attempt, ok := parseInt(a.ReceiveCount); ok {
		m.Attempt = int(attempt)
	}
	m.Time = milliseconds(a.SentTimestamp)
	if a.TraceHeader != "" {
		m.TraceHeader = a.TraceHeader
	}
	m.CorrelationID = a.CorrelationID
	if m.CorrelationID == "" {
		m.CorrelationID = m.ID
	}
	m.payload = record.Body
}

// isFIFO goes by the name alone: since fair queues, messages of standard queues
// have a MessageGroupId too.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html
func isFIFO(queueARN string) bool { return strings.HasSuffix(queueARN, ".fifo") }

type snsRecords struct {
	list[events.SNSEventRecord]

	factory EventFactory
}

func (r *snsRecords) read(w *lambdaevent.Walk, m *Message) error {
	var a lambdaevent.Attributes
	record := r.next()
	err := w.SNS(record, &a)
	m.ofSNS(record, &a)
	return err
}

func (r *snsRecords) transform(ctx context.Context, i int, _ *Message, _ []Event) ([]Event, error) {
	return r.factory.TransformSNS(ctx, &r.all[i])
}

func (m *Message) ofSNS(record *events.SNSEventRecord, a *lambdaevent.Attributes) {
	m.ID = record.SNS.MessageID
	m.ARN = record.SNS.TopicArn
	m.Time = record.SNS.Timestamp
	m.CorrelationID = a.CorrelationID
	if m.CorrelationID == "" {
		m.CorrelationID = m.ID
	}
	m.payload = record.SNS.Message
}

type kinesisRecords struct {
	list[events.KinesisEventRecord]

	factory EventFactory
}

func (r *kinesisRecords) read(w *lambdaevent.Walk, m *Message) error {
	record := r.next()
	err := w.Kinesis(record)
	m.ofKinesis(record)
	return err
}

func (r *kinesisRecords) transform(ctx context.Context, i int, _ *Message, _ []Event) ([]Event, error) {
	return r.factory.TransformKinesis(ctx, &r.all[i])
}

func (m *Message) ofKinesis(record *events.KinesisEventRecord) {
	m.ID = record.EventID
	m.ARN = record.EventSourceArn
	m.Sequence = record.Kinesis.SequenceNumber
	m.Group = record.Kinesis.PartitionKey
	m.Time = record.Kinesis.ApproximateArrivalTimestamp.Time
	m.CorrelationID = m.ID
	m.payload = string(record.Kinesis.Data)
}

// textRecords are records whose messages tell all that their events are made
// of. Each is read over the one before it.
type textRecords struct {
	factory leanFactory
	source  Source

	attributes lambdaevent.Attributes
	sqs        events.SQSMessage
	sns        events.SNSEventRecord
	kinesis    events.KinesisEventRecord
}

func (r *textRecords) grow(int) {}

func (r *textRecords) read(w *lambdaevent.Walk, m *Message) error {
	switch r.source {
	case SourceSQS:
		err := w.SQS(&r.sqs, &r.attributes)
		m.ofSQS(&r.sqs, &r.attributes)
		return err
	case SourceSNS:
		err := w.SNS(&r.sns, &r.attributes)
		m.ofSNS(&r.sns, &r.attributes)
		return err
	default:
		err := w.Kinesis(&r.kinesis)
		m.ofKinesis(&r.kinesis)
		return err
	}
}

func (r *textRecords) transform(ctx context.Context, _ int, m *Message, into []Event) ([]Event, error) {
	return r.factory.transformText(ctx, textRecord{source: r.source, arn: m.ARN, text: m.payload, raw: m.raw}, into)
}

type s3Records struct {
	list[events.S3EventRecord]

	factory EventFactory
}

func (r *s3Records) read(w *lambdaevent.Walk, m *Message) error {
	var a lambdaevent.Attributes
	record := r.next()
	err := w.S3(record, &a)
	key := record.S3.Object.URLDecodedKey
	if key == "" {
		key = record.S3.Object.Key
	}
	m.ID = strings.Join([]string{record.S3.Bucket.Name, key, record.S3.Object.VersionID, record.S3.Object.Sequencer}, "/")
	m.ARN = record.S3.Bucket.Arn
	m.Sequence = record.S3.Object.Sequencer
	m.Time = record.EventTime
	m.CorrelationID = a.CorrelationID
	m.payload = s3Object(w.Raw())
	return err
}

func (r *s3Records) transform(ctx context.Context, i int, _ *Message, _ []Event) ([]Event, error) {
	return r.factory.TransformS3(ctx, &r.all[i])
}

// s3Object returns the object of a record in which it is known to stand.
func s3Object(raw string) string {
	for _, name := range []string{"s3", "object"} {
		part, err := bodyField(raw, name)
		if err != nil {
			return ""
		}
		raw = part
	}
	return raw
}

type eventBridgeRecord struct {
	events.EventBridgeEvent

	factory EventFactory
}

func (r *eventBridgeRecord) grow(int) {}

func (r *eventBridgeRecord) read(w *lambdaevent.Walk, m *Message) error {
	record := &r.EventBridgeEvent
	err := w.EventBridge(record)
	m.ID = record.ID
	m.Time = record.Time
	m.CorrelationID = m.ID
	m.payload = string(record.Detail)
	return err
}

func (r *eventBridgeRecord) transform(ctx context.Context, _ int, _ *Message, _ []Event) ([]Event, error) {
	return r.factory.TransformEventBridge(ctx, &r.EventBridgeEvent)
}

type stepFunctionsRecord struct {
	*StepFunctionsEvent

	factory EventFactory
}

func (r *stepFunctionsRecord) grow(int) {}

func (r *stepFunctionsRecord) read(w *lambdaevent.Walk, m *Message) error {
	var decoded lambdaevent.StepFunctionsTask
	err := w.StepFunctions(&decoded)
	event := newStepFunctionsEvent(w.Raw(), &decoded)
	r.StepFunctionsEvent = event
	m.TaskToken = event.TaskToken
	m.payload = decoded.Payload
	if c := event.Context; c != nil {
		m.ID = c.Execution.ID + "/" + c.State.Name
		m.ARN = c.StateMachine.ID
		m.Time = c.State.EnteredTime
		m.Attempt = c.State.RetryCount + 1
		m.CorrelationID = c.Execution.ID
	} else if event.TaskToken != "" {
		m.ID = hash(string(event.TaskToken))
		m.CorrelationID = m.ID
	}
	return err
}

func (r *stepFunctionsRecord) transform(ctx context.Context, _ int, _ *Message, _ []Event) ([]Event, error) {
	return r.factory.TransformStepFunction(ctx, r.StepFunctionsEvent)
}

func parseInt(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// CompareSequencers orders the sequencers of two events of one S3 object key:
// negative where a is the older one. Events of a key arrive in any order and
// more than once, so a handler that keeps the newest state stores the sequencer
// (Message.Sequence) beside it and skips what is not newer. Sequencers of
// different keys cannot be compared.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func CompareSequencers(a, b string) int { return lambdaevent.CompareSequencers(a, b) }
