package cqrs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The targets for errors.Is. What comes back is often a typed error with
// details that matches one of them.
var (
	// ErrUnrouted: the factory does not know what to do with a record.
	ErrUnrouted = errors.New("cqrs: unrouted record")
	// ErrNoHandler: no handler is registered for an event's type.
	ErrNoHandler = errors.New("cqrs: no handler")
	// ErrMalformed: a record, or a message in it, cannot be decoded.
	ErrMalformed = errors.New("cqrs: malformed record")
	// ErrUnrecognised: the payload of an invocation is no event.
	ErrUnrecognised = errors.New("cqrs: unrecognised payload")
	// ErrNoImage: the stream record does not carry the image that was asked for.
	ErrNoImage = errors.New("cqrs: no image")
	// ErrDeadline: the invocation's time did not suffice to start the record.
	ErrDeadline = errors.New("cqrs: not started")
	// ErrNoKey: an event without an idempotency key met a handler that needs one.
	ErrNoKey = errors.New("cqrs: no idempotency key")
	// ErrInProgress: another run holds the idempotency key.
	ErrInProgress = errors.New("cqrs: in progress elsewhere")
	// ErrPayloadMismatch: the idempotency key was used for another payload.
	ErrPayloadMismatch = errors.New("cqrs: payload mismatch")
	// ErrLeaseLost: the run's lease passed and another run took the key over.
	ErrLeaseLost = errors.New("cqrs: lease lost")
	// ErrAbandoned: an earlier run took the event and never said what came of it.
	ErrAbandoned = errors.New("cqrs: abandoned run")
	// ErrVersionConflict: somebody else wrote the version that was to be written.
	ErrVersionConflict = errors.New("cqrs: version conflict")
	// ErrTooLarge: something exceeds a limit of AWS.
	ErrTooLarge = errors.New("cqrs: too large")
	// ErrTaskClosed: the Step Functions task has ended or timed out.
	ErrTaskClosed = errors.New("cqrs: task closed")
)

// Control errors say what is to become of a record; outcome.go has the table.
type (
	permanentError  struct{ error }
	retryAfterError struct {
		error

		delay time.Duration
	}
	skipError struct{ reason string }
)

func (e *permanentError) Unwrap() error  { return e.error }
func (e *retryAfterError) Unwrap() error { return e.error }
func (e *skipError) Error() string       { return "skipped: " + e.reason }

// Permanent marks an error that no retry can cure. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// RetryAfter marks an error that is not to be retried before d has passed.
// RetryAfter(d, nil) is nil.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{error: err, delay: max(d, 0)}
}

// Skip ends an event successfully although nothing was done. It is counted.
func Skip(reason string) error { return &skipError{reason: reason} }

type namedError struct {
	error

	name string
}

func (e *namedError) Unwrap() error { return e.error }

// Named gives an error the errorType by which the Catch and Retry of a state
// machine know it. A "States." prefix, which AWS reserves, is dropped, and what
// exceeds 256 characters is cut. Named(name, nil) is nil.
func Named(name string, err error) error {
	if err == nil {
		return nil
	}
	for strings.HasPrefix(name, "States.") {
		name = strings.TrimPrefix(name, "States.")
	}
	return &namedError{error: err, name: cut(name, 256)}
}

// RecordError is the failure of one record.
type RecordError struct {
	Source  Source
	ID      string
	Route   string // of the handler that failed; empty where the record did not get that far
	Attempt int    // 0 where the source does not say
	Err     error
}

func (e *RecordError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s record %q", e.Source, e.ID)
	if e.Route != "" {
		fmt.Fprintf(&b, ", route %s", e.Route)
	}
	if e.Attempt > 0 {
		fmt.Fprintf(&b, ", attempt %d", e.Attempt)
	}
	b.WriteString(": ")
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns Err.
func (e *RecordError) Unwrap() error { return e.Err }

// BatchError is the failure of an invocation. It wraps the failure of each
// record that failed or was not started, in the order of the batch.
type BatchError struct {
	Records []*RecordError
	Total   int // of the batch
}

// The text of a BatchError is answered to AWS, which takes 6 MB at most.
const (
	maxRecordText = 1 << 10
	maxBatchText  = 128 << 10
)

func (e *BatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d records failed", len(e.Records), e.Total)
	for i, r := range e.Records {
		if b.Len() > maxBatchText {
			fmt.Fprintf(&b, "; and %d more", len(e.Records)-i)
			break
		}
		b.WriteString("; ")
		b.WriteString(cut(r.Error(), maxRecordText))
	}
	return b.String()
}

// Unwrap returns the failures of the records.
func (e *BatchError) Unwrap() []error {
	all := make([]error, len(e.Records))
	for i, r := range e.Records {
		all[i] = r
	}
	return all
}

// DecodeError says that something in a record could not be decoded. It matches
// [ErrMalformed], is permanent, and its text never quotes the content.
type DecodeError struct {
	Stage string // "record", "body", "image", or the envelope that was to be opened
	Err   error
}

func (e *DecodeError) Error() string { return "decode " + e.Stage + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Is matches ErrMalformed.
func (e *DecodeError) Is(target error) bool { return target == ErrMalformed }

// PanicError is a panic in a handler, a middleware or a factory.
type PanicError struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value of the panic where it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// describedError is a sentence of its own that matches a sentinel.
type describedError struct {
	text string
	is   error
}

func (e *describedError) Error() string        { return e.text }
func (e *describedError) Is(target error) bool { return target == e.is }

func describe(is error, format string, args ...any) error {
	return &describedError{text: fmt.Sprintf(format, args...), is: is}
}

// cut shortens text to at most limit bytes, on a rune boundary.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const more = "…"
	text = strings.ToValidUTF8(text[:limit-len(more)], "")
	return text + more
}
