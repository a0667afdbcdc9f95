package cqrs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"
)

// Event is any Go value. Its type selects the handlers; a T and a *T are the
// same event, whichever of the two the factory returns and the handler takes.
//
// An event may implement any of
//
//	EventKey() string         // its idempotency key
//	EventToken() TaskToken    // the Step Functions task that waits for it
//	EventTenant() string      // the tenant that it belongs to
//	EventCorrelation() string // the correlation id for its log lines
//
// with a value receiver, or with a pointer receiver where the handler is
// registered for the pointer.
type Event = any

type (
	keyedEvent      interface{ EventKey() string }
	tokenEvent      interface{ EventToken() TaskToken }
	tenantEvent     interface{ EventTenant() string }
	correlatedEvent interface{ EventCorrelation() string }
)

// Source is the AWS service that a record came from, in AWS's own spelling.
type Source string

// The sources that a [Dispatcher] serves.
const (
	SourceSQS           Source = "aws:sqs"
	SourceSNS           Source = "aws:sns"
	SourceDynamoDB      Source = "aws:dynamodb"
	SourceKinesis       Source = "aws:kinesis"
	SourceS3            Source = "aws:s3"
	SourceEventBridge   Source = "aws:events"
	SourceStepFunctions Source = "aws:states"
)

// Message is what is known of the AWS record that an event came from. It is
// shared by all deliveries of the record and must not be changed.
type Message struct {
	Source Source
	// ID is the messageId of SQS, the MessageId of SNS, the eventID of a stream
	// record, the id of an EventBridge event, bucket/key/version/sequencer of
	// an S3 event with the key decoded, execution/state of a Step Functions
	// task (or a hash of its token where the payload carries no context).
	ID string
	// ARN names the queue, topic, stream, bucket or state machine. It is empty
	// for EventBridge, whose events do not carry their bus.
	ARN string
	// Sequence is the stream sequence number, the S3 sequencer (see
	// [CompareSequencers]) or the sequence number of a FIFO queue.
	Sequence string
	// Group is the unit of ordering: the message group of a FIFO queue, the
	// partition key of Kinesis, the item key of a DynamoDB stream.
	Group string
	// Attempt is 1 on the first delivery, and 0 where the source does not say.
	Attempt int
	// MaxAttempts comes from Config.MaxReceives; 0 means unknown.
	MaxAttempts int
	// Time is when the message was sent or the change happened.
	Time time.Time
	// CorrelationID is the message attribute "correlationId" where there is one
	// (any case, with or without - and _), else the id under which the source
	// itself knows the occurrence.
	CorrelationID string
	// TraceHeader is the X-Ray header of the record, else of the invocation.
	TraceHeader string
	// TaskToken is set for Step Functions tasks that wait for a callback.
	TaskToken TaskToken

	raw, payload string
}

// Raw returns the record as it arrived. The caller owns the copy.
func (m *Message) Raw() json.RawMessage { return json.RawMessage(m.raw) }

// Payload returns what the sender sent: the body of an SQS message, the text
// of an SNS message, the data of a Kinesis record, the detail of an EventBridge
// event, the newest image of a stream record (or its keys), the object of an S3
// event, the payload of a Step Functions task. It need not be JSON. The caller
// owns the copy.
func (m *Message) Payload() json.RawMessage { return json.RawMessage(m.payload) }

// Last reports whether, as far as is known, no further delivery follows this
// one: the attempt is the last that Config.MaxReceives allows, or the source
// is Step Functions, where a retry is a new task with a new token.
func (m *Message) Last() bool {
	if m.Source == SourceStepFunctions {
		return true
	}
	return m.MaxAttempts > 0 && m.Attempt >= m.MaxAttempts
}

// LogValue leaves out the payload and the task token.
func (m *Message) LogValue() slog.Value { return slog.GroupValue(messageAttrs(m)...) }

// Format writes source and id, for every verb, and never the payload or the
// token: where a verb does not fit, fmt would not ask the token how to print it.
func (m *Message) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{%s record %q}", m.Source, m.ID)
}

// identified reports whether the source gave anything to tell the record from
// others.
func (m *Message) identified() bool {
	return m.ID != "" || m.Sequence != "" || m.Source == SourceStepFunctions && m.TaskToken != ""
}

// appendIdentity appends what names the record among all records of its source:
// the same on each delivery, and nothing where it is not identified.
func (m *Message) appendIdentity(to []byte) []byte {
	switch {
	case !m.identified():
		return to
	case m.Source == SourceStepFunctions && m.TaskToken != "":
		return append(to, hash(string(m.TaskToken))...)
	case m.Source == SourceDynamoDB, m.Source == SourceKinesis:
		return appendJoined(to, m.ARN, m.Group, m.Sequence)
	default:
		return appendJoined(to, m.ARN, m.ID)
	}
}

// appendOrigin appends what the record was when it was sent first: all that it has
// become since it was redriven has the same, as long as it stands in the same
// queue.
func (m *Message) appendOrigin(to []byte) []byte {
	if m.Source != SourceSQS {
		return m.appendIdentity(to)
	}
	if id, ok := recordOf(failureIDOf(m.raw)); ok {
		return appendJoined(to, m.ARN, id)
	}
	if !m.identified() {
		return to
	}
	return m.appendRecordID(append(append(to, m.ARN...), '|'))
}

func appendJoined(to []byte, parts ...string) []byte {
	for i, part := range parts {
		if i > 0 {
			to = append(to, '|')
		}
		to = append(to, part...)
	}
	return to
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	var out [2 * sha256.Size]byte
	hex.Encode(out[:], sum[:])
	return string(out[:])
}

// Delivery is one event on its way to one handler. Middleware may read it and
// may pass a changed copy on, but must not change it.
type Delivery struct {
	Event   Event
	Index   int    // of the event among those of its record
	Route   string // the route's stable name, e.g. "orders.Created"
	Message *Message

	route *route
}

// DeliveryFrom returns the delivery that ctx belongs to. It is there in every
// middleware and handler, and nowhere else.
func DeliveryFrom(ctx context.Context) (*Delivery, bool) {
	d, ok := ctx.Value(deliveryKey{}).(*Delivery)
	return d, ok
}

// Key returns what makes the delivery the same work as another one: the
// route's [KeyBy], else the event's EventKey, else the identity of the record
// and the event's index. It is the same on each delivery of the record, is not
// yet scoped by route or tenant, and is "" where there is nothing to go by.
//
// The identity of an SQS message is its queue and the id that its dead letter has
// or would have. So it survives a redrive into the same queue, by the attribute
// [FailureIDAttribute], although SQS gives the message another id. Who may send to
// the queue may set the attribute as well, and so pass a message off as another
// one of that queue, never as one of another queue: with another payload it is
// refused as [ErrPayloadMismatch], with the same it counts as a duplicate.
func (d *Delivery) Key() string {
	if d.route != nil && d.route.keyBy != nil {
		if key, ok := d.route.keyBy.of(d.Event); ok {
			return key
		}
	}
	if e, ok := d.Event.(keyedEvent); ok {
		return e.EventKey()
	}
	if d.Message == nil {
		return ""
	}
	var space [256]byte
	key := d.Message.appendOrigin(space[:0])
	if len(key) == 0 {
		return ""
	}
	return string(strconv.AppendInt(append(key, '#'), int64(d.Index), 10))
}

// redriven reports whether the message was a dead letter.
func (d *Delivery) redriven() bool {
	return d.Message != nil && d.Message.Source == SourceSQS && failureIDOf(d.Message.raw) != ""
}

// Tenant returns the event's EventTenant, or "".
func (d *Delivery) Tenant() string {
	if e, ok := d.Event.(tenantEvent); ok {
		return e.EventTenant()
	}
	return ""
}

// CorrelationID returns the event's EventCorrelation, else the message's.
func (d *Delivery) CorrelationID() string {
	if e, ok := d.Event.(correlatedEvent); ok {
		if id := e.EventCorrelation(); id != "" {
			return id
		}
	}
	if d.Message == nil {
		return ""
	}
	return d.Message.CorrelationID
}

// TaskToken returns the event's EventToken, else the message's token. One that
// was redacted, as it is in a dead letter that is delivered again, is none.
func (d *Delivery) TaskToken() TaskToken {
	if token := d.anyToken(); token != redacted {
		return token
	}
	return ""
}

// anyToken is TaskToken, or "[redacted]" for one that was.
func (d *Delivery) anyToken() TaskToken {
	if e, ok := d.Event.(tokenEvent); ok {
		if token := e.EventToken(); token != "" {
			return token
		}
	}
	if d.Message == nil {
		return ""
	}
	return d.Message.TaskToken
}

// LogValue leaves out the event.
func (d *Delivery) LogValue() slog.Value { return slog.GroupValue(deliveryAttrs(d)...) }

type deliveryKey struct{}

// deliveryContext is the one allocation of a dispatch: the delivery and the
// context that carries it.
type deliveryContext struct {
	context.Context //nolint:containedctx // it is one
	delivery        Delivery
}

// Value returns the delivery for its key, and else what the parent has.
func (c *deliveryContext) Value(key any) any {
	if key == (deliveryKey{}) {
		return &c.delivery
	}
	return c.Context.Value(key)
}

// TaskToken is the token of a Step Functions task. Whoever holds it can end
// the task, so it prints and logs as "[redacted]". To and from JSON it is an
// ordinary string; string(token) is the token itself.
type TaskToken string

const redacted = "[redacted]"

// String returns "[redacted]", or "" for the empty token.
func (t TaskToken) String() string {
	if t == "" {
		return ""
	}
	return redacted
}

// GoString is String.
func (t TaskToken) GoString() string { return t.String() }

// Format writes String for every verb.
func (t TaskToken) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue is String.
func (t TaskToken) LogValue() slog.Value { return slog.StringValue(t.String()) }
