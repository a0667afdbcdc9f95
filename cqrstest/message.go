package cqrstest

import (
	"maps"
	"time"
)

// Message is one message of a queue or topic, or one record of a Kinesis stream.
// Its methods return a changed copy.
type Message struct {
	body       string
	id         string
	group      string
	sequence   string
	subject    string
	trace      string
	received   int
	sent       time.Time
	attributes map[string]attribute
}

type attribute struct {
	dataType string
	text     string
	binary   []byte
}

// Body is a message with this content: a string, []byte or json.RawMessage as it
// is, anything else as JSON. An envelope is content as well: see [Notification]
// and [Payload].
func Body(v any) Message { return Message{body: text(v)} }

// ID is the messageId; the default is a new UUID for each call of the function
// that makes the payload.
func (m Message) ID(id string) Message { m.id = id; return m }

// Group is the message group, which standard queues may have too, or the
// partition key of a Kinesis record.
func (m Message) Group(group string) Message { m.group = group; return m }

// Received is the number of this delivery; the default is 1, the first.
func (m Message) Received(times int) Message { m.received = times; return m }

// Sequence is the sequence number of a FIFO message or Kinesis record; the
// default rises within the payload.
func (m Message) Sequence(number string) Message { m.sequence = number; return m }

// Sent is when the message was sent; the default is now.
func (m Message) Sent(at time.Time) Message { m.sent = at; return m }

// Subject is the subject of an SNS message; the default is none.
func (m Message) Subject(subject string) Message { m.subject = subject; return m }

// Trace is the X-Ray header that came with an SQS message.
func (m Message) Trace(header string) Message { m.trace = header; return m }

// Attribute adds a message attribute of type String.
func (m Message) Attribute(name, value string) Message {
	return m.withAttribute(name, attribute{dataType: "String", text: value})
}

// NumberAttribute adds a message attribute of type Number.
func (m Message) NumberAttribute(name, value string) Message {
	return m.withAttribute(name, attribute{dataType: "Number", text: value})
}

// BinaryAttribute adds a message attribute of type Binary.
func (m Message) BinaryAttribute(name string, value []byte) Message {
	return m.withAttribute(name, attribute{dataType: "Binary", binary: value})
}

func (m Message) withAttribute(name string, a attribute) Message {
	all := maps.Clone(m.attributes)
	if all == nil {
		all = map[string]attribute{}
	}
	all[name] = a
	m.attributes = all
	return m
}

func (m Message) idOr() string {
	if m.id != "" {
		return m.id
	}
	return newID()
}

func (m Message) sentOr() time.Time {
	if m.sent.IsZero() {
		return time.Now()
	}
	return m.sent
}
