package cqrs

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// FailureStore keeps dead letters where people can look at them. Package redrive
// lists what is in it and delivers it again.
type FailureStore interface {
	// SaveFailure stores the letter under its ID. It reports whether it is news: the
	// first letter of that ID, or one of a record that was redriven and failed again.
	// The same letter twice is none.
	SaveFailure(ctx context.Context, d DeadLetter) (news bool, err error)
}

// StoreFailures is the handler for the dead letters that [OnDeadLetter] reads: it
// stores each of them and raises one alarm for what is news. The alarm does not
// hold the payload, and where it fails, the letter is stored all the same. A nil
// alarmer raises none; a nil store panics.
//
// Where the store fails, the letter stays in its queue and comes again. It is
// never sent to the queue that it came from.
func StoreFailures(store FailureStore, a Alarmer) Handler[DeadLetter] {
	if isNil(store) {
		panic("cqrs: StoreFailures needs a store, not nil")
	}
	return HandlerFunc[DeadLetter](func(ctx context.Context, d DeadLetter) (any, error) {
		news, err := store.SaveFailure(ctx, d)
		if err != nil {
			return nil, &failureError{err: err}
		}
		if news && !isNil(a) {
			if err := raiseLetter(ctx, a, d); err != nil {
				slog.ErrorContext(ctx, "alarmer failed", slog.String("id", d.ID), slog.String("error", err.Error()))
			}
		}
		return nil, nil
	})
}

// failureError lets no control error of the store count: a letter must not be lost
// because a table is out of reach.
type failureError struct{ err error }

func (e *failureError) Error() string {
	return "cqrs: the dead letter was not stored: " + e.err.Error()
}
func (e *failureError) Unwrap() []error { return []error{e.err} }

func raiseLetter(ctx context.Context, a Alarmer, d DeadLetter) (err error) {
	defer recoverTo(&err)
	source := d.Route
	if source == "" {
		source = string(d.Message.Source)
	}
	return a.Alarm(ctx, Alarm{
		Severity: SeverityError,
		Source:   source,
		Message:  "an event failed for good and waits for a person: " + cut(d.Error, maxRecordText),
		Details: map[string]any{
			"failureId": d.ID, "source": string(d.Message.Source), "id": d.Message.ID, "arn": d.Message.ARN,
			"attempt": d.Attempts, "correlationId": d.Message.CorrelationID, "errorName": d.ErrorName,
		},
		Err:  errors.New(d.Error),
		Time: time.Now(),
	})
}
