package cqrs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// DeadLetter is a record that failed for good.
type DeadLetter struct {
	ID        string          // the same record has the same id on every delivery
	Message   Message         // without its task token
	Route     string          // of the handler that gave up; empty where the record did not get that far
	Event     json.RawMessage // the payload that the sender sent; a JSON string where that is not JSON
	ErrorName string          // as Step Functions would see it: the name of [Named], else the kind of failure
	Error     string
	Attempts  int // 0 where the source does not say
	At        time.Time
}

// FailureIDAttribute is the message attribute that carries the DeadLetter.ID of a
// message that is put back into its queue, so that it keeps its id where it fails
// again, although SQS knows it under a new one, and so that the routes that had
// completed know it again: see [Delivery.Key].
const FailureIDAttribute = "cqrs-failure-id"

// DeadLetterSink keeps dead letters. Once it returns nil the record is
// acknowledged, so it must have stored the letter by then. It is called from
// many goroutines at once and again for a record whose acknowledgement was lost.
type DeadLetterSink interface {
	DeadLetter(ctx context.Context, d DeadLetter) error
}

// Redeliverer delays the next delivery of a record that failed with
// [RetryAfter]. It is called for SQS only, the one source whose records can be
// delayed one by one. Where it fails, the record comes back at the queue's own
// pace.
type Redeliverer interface {
	Redeliver(ctx context.Context, m *Message, after time.Duration) error
}

// DeadLetters hands the records that fail with [Permanent] in what it wraps to
// the sink, in place of Config.DeadLetter, and acknowledges them once the sink has
// them; where the sink fails, the record fails and comes again.
//
// A record that fails elsewhere too, and not for good, comes again before
// anything is kept of it. As with Config.DeadLetter, tasks of Step Functions stay
// out of it. Where the middleware runs without a [Dispatcher], it calls the sink
// itself and returns no error once that has the letter. It panics where the sink
// is nil.
func DeadLetters(sink DeadLetterSink) Middleware {
	if isNil(sink) {
		panic("cqrs: DeadLetters needs a sink, not nil")
	}
	to := &via[DeadLetterSink]{port: sink}
	return func(next Next) Next {
		return func(ctx context.Context, d *Delivery) (any, error) {
			result, err := next(ctx, d)
			if verdict, _ := judge(err); verdict != verdictPermanent {
				return result, err
			}
			if invocationOf(ctx) != nil {
				return result, &assignedError[DeadLetterSink]{error: err, to: to}
			}
			if d.Message == nil || d.Message.Source == SourceStepFunctions {
				return result, err
			}
			short, cancel := detached(ctx)
			defer cancel()
			failure := newRecordError(d.Message, []deliveryFailure{{route: d.Route, err: err}})
			if lost := sink.DeadLetter(short, newDeadLetter(d.Message, failure, d.TaskToken(), time.Now())); lost != nil {
				return result, errors.Join(err, lost)
			}
			return nil, nil
		}
	}
}

func newDeadLetter(m *Message, failure *RecordError, token TaskToken, now time.Time) DeadLetter {
	if token == "" {
		token = tokenIn(m.payload)
	}
	letter := DeadLetter{
		ID:        letterID(m),
		Message:   *m,
		Route:     failure.Route,
		Event:     jsonText(withoutToken(token, m.payload)),
		ErrorName: errorName(failure.Err),
		Error:     withoutToken(token, failure.Err.Error()),
		Attempts:  m.Attempt,
		At:        now,
	}
	letter.Message.TaskToken = ""
	letter.Message.raw = withoutToken(token, withoutReceipt(m))
	letter.Message.payload = withoutToken(token, m.payload)
	return letter
}

// letterID is the same for the same record on every delivery, and for all that it
// has become since it was redriven.
func letterID(m *Message) string {
	if m.Source == SourceSQS {
		if id := failureIDOf(m.raw); id != "" {
			return id
		}
	}
	return recordID(m)
}

func recordID(m *Message) string { return string(m.appendRecordID(nil)) }

// appendRecordID appends the hash of all that names the record, and of the record
// itself where nothing does.
func (m *Message) appendRecordID(to []byte) []byte {
	var space [512]byte
	text := append(append(space[:0], m.Source...), '|')
	if m.identified() {
		text = m.appendIdentity(text)
	} else {
		text = append(text, m.raw...)
	}
	sum := sha256.Sum256(text)
	return hex.AppendEncode(to, sum[:])
}

const (
	idLength    = 2 * sha256.Size
	shareLength = 16
)

// shareID is the id of one of several letters of a record: that of the record and
// what tells the routes apart. It is the same again where the letter was redriven.
func shareID(id, route string) string {
	if record, ok := recordOf(id); ok {
		id = record
	}
	return id + "-" + hash(route)[:shareLength]
}

// recordOf returns the recordID in the id of a letter; false where it holds none,
// for whoever sends a message may write anything into its attributes.
func recordOf(id string) (string, bool) {
	record, share, shared := strings.Cut(id, "-")
	if !isHex(record, idLength) || shared && !isHex(share, shareLength) {
		return "", false
	}
	return record, true
}

func isHex(text string, length int) bool {
	return len(text) == length && strings.Trim(text, "0123456789abcdef") == ""
}

// failureIDOf reads FailureIDAttribute in the record of an SQS message.
func failureIDOf(raw string) string {
	if !strings.Contains(raw, FailureIDAttribute) {
		return ""
	}
	for _, name := range []string{"messageAttributes", FailureIDAttribute, "stringValue"} {
		part, err := bodyField(raw, name)
		if err != nil {
			return ""
		}
		raw = part
	}
	s := scan.New(raw)
	return s.Text()
}

// jsonText returns the text itself where it is JSON, else as a JSON string.
func jsonText(text string) json.RawMessage {
	if scan.Valid(text) == nil {
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(strings.ToValidUTF8(text, "\uFFFD"))
	if err != nil {
		return json.RawMessage("null")
	}
	return quoted
}
