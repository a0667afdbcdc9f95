package cqrs

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// deadLetterType marks the JSON of a DeadLetter.
const deadLetterType = "cqrs.DeadLetter/1"

// deadLetterJSON is the JSON of a DeadLetter. Once released it only grows.
type deadLetterJSON struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Route     string          `json:"route,omitempty"`
	ErrorName string          `json:"errorName"`
	Error     string          `json:"error"`
	Attempts  int             `json:"attempts,omitempty"`
	At        time.Time       `json:"at"`
	Message   messageJSON     `json:"message"`
	Payload   string          `json:"payload"`          // to the letter, JSON or not
	Data      []byte          `json:"data,omitempty"`   // the payload where it is not UTF-8
	Record    json.RawMessage `json:"record,omitempty"` // as it arrived, but for the body and the receipt handle of an SQS message
}

type messageJSON struct {
	Source        Source    `json:"source"`
	ID            string    `json:"id"`
	ARN           string    `json:"arn,omitempty"`
	Sequence      string    `json:"sequence,omitempty"`
	Group         string    `json:"group,omitempty"`
	Attempt       int       `json:"attempt,omitempty"`
	MaxAttempts   int       `json:"maxAttempts,omitempty"`
	Time          time.Time `json:"time,omitzero"`
	CorrelationID string    `json:"correlationId,omitempty"`
	TraceHeader   string    `json:"traceHeader,omitempty"`
}

// MarshalJSON writes the letter with all that is needed to deliver the record
// again. The form is stable:
//
//	{"type": "cqrs.DeadLetter/1", "id": …, "route": …, "errorName": …, "error": …, "attempts": …, "at": …,
//	 "message": {"source": …, "id": …, "arn": …, …}, "payload": "…", "record": {…}}
//
// It holds the payload as text, to the letter, since redelivering it with as much
// as a space changed makes another payload of it.
func (d DeadLetter) MarshalJSON() ([]byte, error) {
	m := &d.Message
	wire := deadLetterJSON{
		Type: deadLetterType, ID: d.ID, Route: d.Route, ErrorName: d.ErrorName, Error: d.Error, Attempts: d.Attempts, At: d.At,
		Message: messageJSON{
			Source: m.Source, ID: m.ID, ARN: m.ARN, Sequence: m.Sequence, Group: m.Group, Attempt: m.Attempt,
			MaxAttempts: m.MaxAttempts, Time: m.Time, CorrelationID: m.CorrelationID, TraceHeader: m.TraceHeader,
		},
		Payload: m.payload,
	}
	if m.payload == "" && m.raw == "" { // a letter that somebody made by hand
		wire.Payload = string(d.Event)
	}
	if !utf8.ValidString(wire.Payload) {
		wire.Payload, wire.Data = "", []byte(wire.Payload)
	}
	record := m.raw
	if m.Source == SourceSQS {
		record = withoutMembers(record, "body", "receiptHandle")
	}
	wire.Record = rawJSON(record)
	return json.Marshal(wire)
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else.
func (d *DeadLetter) UnmarshalJSON(text []byte) error {
	wire, err := DecodeJSON[deadLetterJSON](string(text))
	if err != nil {
		return err
	}
	if wire.Type != deadLetterType {
		return &DecodeError{Stage: "dead letter", Err: fmt.Errorf("its type is %q, not %q", cut(wire.Type, 64), deadLetterType)}
	}
	payload := wire.Payload
	if len(wire.Data) > 0 {
		payload = string(wire.Data)
	}
	m := wire.Message
	*d = DeadLetter{
		ID: wire.ID, Route: wire.Route, ErrorName: wire.ErrorName, Error: wire.Error, Attempts: wire.Attempts, At: wire.At,
		Event: jsonText(payload),
		Message: Message{
			Source: m.Source, ID: m.ID, ARN: m.ARN, Sequence: m.Sequence, Group: m.Group, Attempt: m.Attempt,
			MaxAttempts: m.MaxAttempts, Time: m.Time, CorrelationID: m.CorrelationID, TraceHeader: m.TraceHeader,
			payload: payload, raw: string(wire.Record),
		},
	}
	if m.Source == SourceSQS && len(wire.Record) > 2 {
		d.Message.raw = withBody(string(wire.Record), payload)
	}
	return nil
}

// withBody puts the body back into the record of an SQS message.
func withBody(record, body string) string {
	quoted, err := jsontext.AppendQuote([]byte(`{"body":`), body)
	if err != nil {
		return record
	}
	return string(quoted) + "," + record[1:]
}
