package cqrs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// Envelope is how one AWS service wraps its message when it hands it to another.
type Envelope string

// The envelopes.
const (
	SNS         Envelope = "SNS"         // the notification that a subscription without raw delivery sends
	SNSRaw      Envelope = "SNS raw"     // raw message delivery: the body is the message, the attributes are SQS's
	S3          Envelope = "S3"          // an S3 event notification; a test event makes no events
	EventBridge Envelope = "EventBridge" // an event, as a rule without an input transformer sends it
)

// EnvelopeRule is what [From] returns.
type EnvelopeRule struct {
	carrier string
	layers  []Envelope
}

// From declares that the messages of a queue or topic, given by name or ARN,
// carry these envelopes, outermost first. It panics for envelopes that AWS
// never nests in this order.
func From(queueOrTopic string, envelopes ...Envelope) EnvelopeRule {
	rule := EnvelopeRule{carrier: given("From", queueOrTopic), layers: slices.Clone(envelopes)}
	valid := len(envelopes) > 0
	for i, e := range envelopes {
		switch e {
		case SNS, SNSRaw:
			valid = valid && i == 0
		case S3, EventBridge:
			valid = valid && i == len(envelopes)-1
		default:
			valid = false
		}
	}
	if !valid {
		panic(fmt.Sprintf("cqrs: From(%q) needs envelopes outermost first: SNS or SNSRaw, then S3 or EventBridge, or one of them; not %q",
			queueOrTopic, envelopes))
	}
	return rule
}

// Envelopes lets f see what is in the envelopes: a message of a queue that
// carries SNS goes to TransformSNS, one that carries S3 to TransformS3 (once
// for each event in it), one that carries EventBridge to TransformEventBridge.
// All else goes to f as it came.
//
// What a queue carries is declared and never guessed, because a body is the
// sender's to choose. A body without the declared envelope is a [*DecodeError].
// The record that succeeds or fails stays the outer one.
func Envelopes(f EventFactory, rules ...EnvelopeRule) EventFactory {
	if f == nil {
		panic("cqrs: Envelopes needs a factory to decorate, not nil")
	}
	e := &envelopes{EventFactory: f, layers: map[string][]Envelope{}}
	for _, rule := range rules {
		if len(rule.layers) == 0 {
			panic("cqrs: Envelopes got an empty rule; make rules with From")
		}
		if _, taken := e.layers[rule.carrier]; taken {
			panic(fmt.Sprintf("cqrs: Envelopes got two rules for %q", rule.carrier))
		}
		e.layers[rule.carrier] = rule.layers
	}
	return e
}

type envelopes struct {
	EventFactory

	layers map[string][]Envelope
}

// TransformSQS opens the envelopes that are declared for the queue.
func (e *envelopes) TransformSQS(ctx context.Context, r *events.SQSMessage) ([]Event, error) {
	layers := e.of(r.EventSourceARN)
	if len(layers) == 0 {
		return e.EventFactory.TransformSQS(ctx, r)
	}
	if layers[0] != SNS && layers[0] != SNSRaw {
		return e.open(ctx, layers[0], r.Body)
	}
	notification := &events.SNSEventRecord{EventSource: string(SourceSNS)}
	if layers[0] == SNSRaw {
		notification.SNS = rawNotification(r)
	} else if err := lambdaevent.DecodeNotification(r.Body, notification); err != nil {
		return nil, notOpened(err)
	}
	if len(layers) > 1 {
		return e.open(ctx, layers[1], notification.SNS.Message)
	}
	return e.EventFactory.TransformSNS(ctx, notification)
}

// TransformSNS opens the envelope that is declared for the topic.
func (e *envelopes) TransformSNS(ctx context.Context, r *events.SNSEventRecord) ([]Event, error) {
	layers := e.of(r.SNS.TopicArn)
	if len(layers) > 0 && (layers[0] == SNS || layers[0] == SNSRaw) {
		layers = layers[1:]
	}
	if len(layers) == 0 {
		return e.EventFactory.TransformSNS(ctx, r)
	}
	return e.open(ctx, layers[0], r.SNS.Message)
}

// transformText is TransformSQS, TransformSNS and TransformKinesis for a factory
// that needs no record of aws-lambda-go.
func (e *envelopes) transformText(ctx context.Context, t textRecord, into []Event) ([]Event, error) {
	inner := leanOf(e.EventFactory)
	layers := e.of(t.arn)
	switch {
	case t.source == SourceKinesis, len(layers) == 0:
		return inner.transformText(ctx, t, into)
	case t.source == SourceSNS || layers[0] == SNSRaw:
		return transformRecord(ctx, e, t)
	case layers[0] != SNS:
		return e.open(ctx, layers[0], t.text)
	}
	var notification events.SNSEventRecord
	if err := lambdaevent.CheckNotification(t.text, &notification); err != nil {
		return nil, notOpened(err)
	}
	if len(layers) > 1 {
		return e.open(ctx, layers[1], notification.SNS.Message)
	}
	return inner.transformText(ctx, textRecord{
		source: SourceSNS, arn: notification.SNS.TopicArn, text: notification.SNS.Message, raw: t.text, enclosed: true,
	}, into)
}

func (e *envelopes) transformItem(r *DynamoDBRecord, into []Event) ([]Event, error) {
	return leanOf(e.EventFactory).transformItem(r, into)
}

func notOpened(err error) error {
	return &DecodeError{Stage: "SNS envelope", Err: fmt.Errorf("%w; declare SNSRaw where the subscription has raw message delivery", err)}
}

func (e *envelopes) of(arn string) []Envelope {
	if layers, ok := e.layers[arn]; ok {
		return layers
	}
	return e.layers[lastPart(arn)]
}

// open hands the S3 or EventBridge events in text to the factory.
func (e *envelopes) open(ctx context.Context, envelope Envelope, text string) ([]Event, error) {
	if envelope == EventBridge {
		event := &events.EventBridgeEvent{}
		if err := expectKind(text, lambdaevent.EventBridge); err != nil {
			return nil, &DecodeError{Stage: "EventBridge envelope", Err: err}
		}
		if err := lambdaevent.DecodeEventBridge(text, event); err != nil {
			return nil, &DecodeError{Stage: "EventBridge envelope", Err: err}
		}
		return e.EventFactory.TransformEventBridge(ctx, event)
	}
	payload, err := lambdaevent.Detect(text)
	if err == nil && payload.Kind != lambdaevent.S3 && payload.Kind != lambdaevent.S3Test && payload.Kind != lambdaevent.Empty {
		err = fmt.Errorf("it holds %s, not S3", payload.Kind)
	}
	if err != nil {
		return nil, &DecodeError{Stage: "S3 envelope", Err: err}
	}
	records := make([]events.S3EventRecord, len(payload.Records))
	for i, raw := range payload.Records {
		if err := lambdaevent.DecodeS3(raw, &records[i]); err != nil {
			return nil, &DecodeError{Stage: "S3 envelope", Err: err}
		}
	}
	var all []Event
	for i := range records {
		made, err := e.EventFactory.TransformS3(ctx, &records[i])
		if err != nil {
			return nil, err
		}
		all = append(all, made...)
	}
	return all, nil
}

func expectKind(text string, kind lambdaevent.Kind) error {
	payload, err := lambdaevent.Detect(text)
	if err == nil && payload.Kind != kind {
		err = errors.New("it holds " + payload.Kind.String())
	}
	return err
}

// rawNotification is what can be known of an SNS message that was delivered
// raw: SQS passes on the message and its attributes, but not the topic.
func rawNotification(r *events.SQSMessage) events.SNSEntity {
	entity := events.SNSEntity{
		Type:              "Notification",
		MessageID:         r.MessageId,
		Message:           r.Body,
		Timestamp:         milliseconds(r.Attributes["SentTimestamp"]),
		MessageAttributes: make(map[string]any, len(r.MessageAttributes)),
	}
	for name, a := range r.MessageAttributes {
		value := map[string]any{"Type": a.DataType}
		if a.StringValue != nil {
			value["Value"] = *a.StringValue
		} else {
			value["Value"] = a.BinaryValue
		}
		entity.MessageAttributes[name] = value
	}
	return entity
}

// milliseconds reads an epoch in text; zero where it is none.
func milliseconds(text string) time.Time {
	ms, ok := parseInt(text)
	if !ok {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
