package cqrs

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// records are the decoded records of one invocation.
type records interface {
	// decode reads record i and fills its message, with as much as can be read
	// where the record is malformed.
	decode(i int, raw string, m *Message) error
	// transform asks the factory about record i.
	transform(ctx context.Context, f EventFactory, i int) ([]Event, error)
}

func newRecords(kind lambdaevent.Kind, n int) records {
	switch kind {
	case lambdaevent.SQS:
		return make(sqsRecords, n)
	case lambdaevent.SNS:
		return make(snsRecords, n)
	case lambdaevent.DynamoDB:
		return make(dynamoDBRecords, n)
	case lambdaevent.Kinesis:
		return make(kinesisRecords, n)
	case lambdaevent.S3:
		return make(s3Records, n)
	case lambdaevent.EventBridge:
		return make(eventBridgeRecords, n)
	default:
		return make(stepFunctionsRecords, n)
	}
}

func sourceOf(kind lambdaevent.Kind) Source {
	return map[lambdaevent.Kind]Source{
		lambdaevent.SQS: SourceSQS, lambdaevent.SNS: SourceSNS, lambdaevent.DynamoDB: SourceDynamoDB,
		lambdaevent.Kinesis: SourceKinesis, lambdaevent.S3: SourceS3, lambdaevent.S3Test: SourceS3,
		lambdaevent.EventBridge: SourceEventBridge, lambdaevent.StepFunctions: SourceStepFunctions,
	}[kind]
}

type sqsRecords []events.SQSMessage

func (r sqsRecords) decode(i int, raw string, m *Message) error {
	record := &r[i]
	err := lambdaevent.DecodeSQS(raw, record)
	m.ID = record.MessageId
	m.ARN = record.EventSourceARN
	m.Sequence = record.Attributes["SequenceNumber"]
	if isFIFO(m.ARN) {
		m.Group = record.Attributes["MessageGroupId"]
	}
	if attempt, ok := parseInt(record.Attributes["ApproximateReceiveCount"]); ok {
		m.Attempt = int(attempt)
	}
	m.Time = milliseconds(record.Attributes["SentTimestamp"])
	if header := record.Attributes["AWSTraceHeader"]; header != "" {
		m.TraceHeader = header
	}
	m.CorrelationID = m.ID
	for name, a := range record.MessageAttributes {
		if isCorrelationID(name) && a.StringValue != nil && *a.StringValue != "" {
			m.CorrelationID = *a.StringValue
		}
	}
	m.payload = record.Body
	return err
}

func (r sqsRecords) transform(ctx context.Context, f EventFactory, i int) ([]Event, error) {
	return f.TransformSQS(ctx, &r[i])
}

// isFIFO goes by the name alone: since fair queues, messages of standard queues
// have a MessageGroupId too.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html
func isFIFO(queueARN string) bool { return strings.HasSuffix(queueARN, ".fifo") }

type snsRecords []events.SNSEventRecord

func (r snsRecords) decode(i int, raw string, m *Message) error {
	record := &r[i]
	err := lambdaevent.DecodeSNS(raw, record)
	m.ID = record.SNS.MessageID
	m.ARN = record.SNS.TopicArn
	m.Time = record.SNS.Timestamp
	m.CorrelationID = m.ID
	for name, a := range record.SNS.MessageAttributes {
		attribute, _ := a.(map[string]any)
		if value, _ := attribute["Value"].(string); isCorrelationID(name) && value != "" {
			m.CorrelationID = value
		}
	}
	m.payload = record.SNS.Message
	return err
}

func (r snsRecords) transform(ctx context.Context, f EventFactory, i int) ([]Event, error) {
	return f.TransformSNS(ctx, &r[i])
}

type dynamoDBRecords []*DynamoDBRecord

func (r dynamoDBRecords) decode(i int, raw string, m *Message) error {
	var decoded lambdaevent.DynamoDBRecord
	err := lambdaevent.DecodeDynamoDB(raw, &decoded)
	record := newDynamoDBRecord(&decoded)
	r[i] = record
	m.ID = record.EventID
	m.ARN = record.EventSourceARN
	m.Sequence = record.SequenceNumber
	m.Time = record.ApproximateCreationTime
	m.CorrelationID = m.ID
	m.payload = record.image().text
	if m.payload == "" {
		m.payload = record.Keys.text
	}
	if err != nil || record.Keys.IsZero() {
		return err
	}
	m.Group, err = image.Canonical(record.Keys.text)
	if err != nil {
		return &DecodeError{Stage: "keys", Err: err}
	}
	return nil
}

func (r dynamoDBRecords) transform(ctx context.Context, f EventFactory, i int) ([]Event, error) {
	return f.TransformDynamoDBStream(ctx, r[i])
}

type kinesisRecords []events.KinesisEventRecord

func (r kinesisRecords) decode(i int, raw string, m *Message) error {
	record := &r[i]
	err := lambdaevent.DecodeKinesis(raw, record)
	m.ID = record.EventID
	m.ARN = record.EventSourceArn
	m.Sequence = record.Kinesis.SequenceNumber
	m.Group = record.Kinesis.PartitionKey
	m.Time = record.Kinesis.ApproximateArrivalTimestamp.Time
	m.CorrelationID = m.ID
	m.payload = string(record.Kinesis.Data)
	return err
}

func (r kinesisRecords) transform(ctx context.Context, f EventFactory, i int) ([]Event, error) {
	return f.TransformKinesis(ctx, &r[i])
}

type s3Records []events.S3EventRecord

func (r s3Records) decode(i int, raw string, m *Message) error {
	record := &r[i]
	err := lambdaevent.DecodeS3(raw, record)
	key := record.S3.Object.URLDecodedKey
	if key == "" {
		key = record.S3.Object.Key
	}
	m.ID = strings.Join([]string{record.S3.Bucket.Name, key, record.S3.Object.VersionID, record.S3.Object.Sequencer}, "/")
	m.ARN = record.S3.Bucket.Arn
	m.Sequence = record.S3.Object.Sequencer
	m.Time = record.EventTime
	m.CorrelationID = record.ResponseElements["x-amz-request-id"]
	m.payload = s3Object(raw)
	return err
}

func (r s3Records) transform(ctx context.Context, f EventFactory, i int) ([]Event, error) {
	return f.TransformS3(ctx, &r[i])
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

type eventBridgeRecords []events.EventBridgeEvent

func (r eventBridgeRecords) decode(i int, raw string, m *Message) error {
	record := &r[i]
	err := lambdaevent.DecodeEventBridge(raw, record)
	m.ID = record.ID
	m.Time = record.Time
	m.CorrelationID = m.ID
	m.payload = string(record.Detail)
	return err
}

func (r eventBridgeRecords) transform(ctx context.Context, f EventFactory, i int) ([]Event, error) {
	return f.TransformEventBridge(ctx, &r[i])
}

type stepFunctionsRecords []*StepFunctionsEvent

func (r stepFunctionsRecords) decode(i int, raw string, m *Message) error {
	var decoded lambdaevent.StepFunctionsTask
	err := lambdaevent.DecodeStepFunctions(raw, &decoded)
	event := newStepFunctionsEvent(raw, &decoded)
	r[i] = event
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

func (r stepFunctionsRecords) transform(ctx context.Context, f EventFactory, i int) ([]Event, error) {
	return f.TransformStepFunction(ctx, r[i])
}

// isCorrelationID recognises correlationId, CorrelationID, correlation-id, ….
func isCorrelationID(name string) bool {
	const want = "correlationid"
	i := 0
	for _, c := range []byte(name) {
		switch {
		case c == '-' || c == '_':
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if i >= len(want) || c != want[i] {
			return false
		}
		i++
	}
	return i == len(want)
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
