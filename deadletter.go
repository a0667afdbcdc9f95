package cqrs

import (
	"context"
	"encoding/json"
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

func newDeadLetter(m *Message, failure *RecordError, token TaskToken, now time.Time) DeadLetter {
	if token == "" {
		token = tokenIn(m.payload)
	}
	identity := m.identity()
	if identity == "" {
		identity = m.raw
	}
	letter := DeadLetter{
		ID:        hash(string(m.Source) + "|" + identity),
		Message:   *m,
		Route:     failure.Route,
		Event:     jsonText(withoutToken(token, m.payload)),
		ErrorName: errorName(failure.Err),
		Error:     withoutToken(token, failure.Err.Error()),
		Attempts:  m.Attempt,
		At:        now,
	}
	letter.Message.TaskToken = ""
	letter.Message.raw = withoutToken(token, m.raw)
	letter.Message.payload = withoutToken(token, m.payload)
	return letter
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

// tokenIn finds the token of a task in a message that nobody could decode.
func tokenIn(payload string) TaskToken {
	members, err := readMembers(payload, []string{"taskToken", "TaskToken"})
	if err != nil {
		return ""
	}
	for _, m := range members {
		if m.isText && m.text != "" {
			return TaskToken(m.text)
		}
	}
	return ""
}

// hideToken returns err with the token taken out of its text.
func hideToken(token TaskToken, err error) error {
	if token == "" {
		return err
	}
	return &hiddenError{err: err, token: token}
}

type hiddenError struct {
	err   error
	token TaskToken
}

func (e *hiddenError) Error() string { return withoutToken(e.token, e.err.Error()) }

func (e *hiddenError) Unwrap() error { return e.err }

// withoutToken takes a task token out of a text that is kept or shown.
func withoutToken(token TaskToken, text string) string {
	if token == "" {
		return text
	}
	return strings.ReplaceAll(text, string(token), redacted)
}
