package cqrs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// Invoke implements lambda.Handler: it runs the records in the payload and
// answers for each of them. The payload is copied and may be reused when Invoke
// returns.
//
// The error is an ordinary one: errors.Is finds the sentinels in it and
// errors.As each [*RecordError]. For Step Functions alone it is a
// messages.InvokeResponse_Error, whose Type is stable: the name of [Named], else
// HandlerError, PermanentError, HandlerPanic, DeadlineExceeded, DecodeError,
// Unrouted or NoHandler.
func (d *Dispatcher) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	defer recoverTo(&err)
	if d.fallback != nil && lambdaevent.NoEvent(payload) {
		return d.fallBack(ctx, payload)
	}
	text := string(payload)
	b := d.newBatch(ctx)
	if !b.walk(text) {
		detected, err := lambdaevent.Detect(text)
		if err != nil {
			return d.unrecognised(ctx, payload, err)
		}
		switch detected.Kind {
		case lambdaevent.S3Test:
			return []byte("null"), nil
		case lambdaevent.Empty:
			return checkSize(batchResponse(detected.Window, detected.State, nil))
		}
		b.read(detected)
	}
	if err := b.checkIdentifiers(); err != nil {
		return nil, err
	}
	return b.invoke()
}

func (d *Dispatcher) newBatch(ctx context.Context) *batch {
	trace, _ := ctx.Value("x-amzn-trace-id").(string) // the key of aws-lambda-go
	b := &batch{d: d, trace: trace}
	b.inv.begin(ctx, d)
	return b
}

// walk reads the records in the pass that finds out what the payload is. Where
// it returns false, the payload is none of the common ones, and nothing counts
// of what was read.
func (b *batch) walk(text string) bool {
	var ok bool
	if b.walker, ok = lambdaevent.Open(text, b.d.lean != nil); !ok {
		return false
	}
	b.begin(b.walker.RecordKind(), 1)
	for b.walker.Next() {
		b.add()
		if len(b.messages) == 1 {
			b.grow(min(len(text)/len(b.walker.Raw()), lambdaevent.MaxRecords))
		}
	}
	p, ok := b.walker.Close()
	b.window, b.state = p.Window, p.State
	return ok
}

// read reads records that were cut out of the payload.
func (b *batch) read(p lambdaevent.Payload) {
	b.window, b.state = p.Window, p.State
	b.begin(p.Kind, len(p.Records))
	for _, raw := range p.Records {
		b.walker = lambdaevent.WalkRecord(raw, b.d.lean != nil)
		b.add()
	}
}

func (b *batch) begin(kind lambdaevent.Kind, n int) {
	b.source = sourceOf(kind)
	b.records = b.d.newRecords(kind)
	b.messages, b.results = b.first.message[:0], b.first.result[:0]
	b.records.grow(1)
	if n > 1 {
		b.grow(n)
	}
}

// grow makes room for n more records.
func (b *batch) grow(n int) {
	b.messages = slices.Grow(b.messages, n)
	b.results = slices.Grow(b.results, n)
	b.records.grow(n)
}

// add reads the record at which the walker stands, on its own: an error is this
// record's alone.
func (b *batch) add() {
	b.messages = append(b.messages, Message{Source: b.source, TraceHeader: b.trace})
	b.results = append(b.results, recordResult{})
	i := len(b.messages) - 1
	m := &b.messages[i]
	if err := b.records.read(&b.walker, m); err != nil {
		b.results[i].decodeErr = decodeError(err)
	}
	m.raw = b.walker.Raw()
	if b.source == SourceSQS && len(b.d.maxReceives) > 0 {
		m.MaxAttempts = b.d.maxReceives[lastPart(m.ARN)]
	}
}

// checkIdentifiers refuses a batch whose failures could not be reported: AWS
// takes an empty identifier for the failure of the whole batch. It does so
// before anything runs, so that nothing runs in vain.
func (b *batch) checkIdentifiers() error {
	if b.d.batchMode == WholeBatch || !b.reportsItems() {
		return nil
	}
	for i := range b.messages {
		m := &b.messages[i]
		name, id := "sequence number", m.Sequence
		if b.source == SourceSQS {
			name, id = "messageId", m.ID
		}
		if id == "" {
			return &DecodeError{Stage: "batch", Err: fmt.Errorf(
				"record %d of %d (%s) has no %s, so its failure could not be reported; no record was run",
				i+1, len(b.messages), b.source, name)}
		}
	}
	return nil
}

// invoke runs the records and answers.
func (b *batch) invoke() ([]byte, error) {
	ctx, cancel := b.inv.context()
	defer cancel()
	b.ctx = ctx
	s := &b.schedule
	s.init(b.d.orderOf(b.source, b.messages), b.messages, &b.inv)
	s.run(b.d.concurrency, b)
	b.flushAlarms()
	b.end(s)
	answer, err := b.answer(s)
	if err != nil {
		return nil, err
	}
	return checkSize(answer)
}

// end reports the batch as a whole.
func (b *batch) end(s *schedule) {
	result := BatchResult{Source: b.source, Records: len(b.messages), Duration: time.Since(b.inv.start)}
	for i, state := range s.status {
		switch {
		case state == failed:
			result.Failed++
		case state == unstarted:
			result.Unstarted++
		case b.results[i].deadLettered:
			result.DeadLettered++
		}
	}
	if result.Unstarted > 0 {
		b.d.logger.LogAttrs(b.ctx, slog.LevelWarn, "records left for another delivery",
			slog.String("source", string(b.source)), slog.Int("count", result.Unstarted),
			slog.String("reason", s.whyUnstarted().Error()))
	}
	if hook := b.d.observer.BatchEnd; hook != nil {
		b.guard("Observer.BatchEnd", func() { hook(b.ctx, result) })
	}
}

// unrecognised hands a payload that is no event to the fallback, or refuses it.
func (d *Dispatcher) unrecognised(ctx context.Context, payload []byte, err error) ([]byte, error) {
	_, noEvent := errors.AsType[*lambdaevent.UnrecognisedError](err)
	if !noEvent || d.fallback == nil {
		return nil, &PayloadError{err: err}
	}
	return d.fallBack(ctx, payload)
}

func (d *Dispatcher) fallBack(ctx context.Context, payload []byte) ([]byte, error) {
	answer, err := d.callFallback(ctx, payload)
	if err != nil {
		if panicked, ok := errors.AsType[*PanicError](err); ok {
			d.logger.LogAttrs(ctx, slog.LevelError, "fallback panicked",
				slog.String("error", panicked.Error()), slog.String("stack", string(panicked.Stack)))
		}
		if size := len(err.Error()); size > maxBatchText {
			return nil, describe(ErrTooLarge, "cqrs: the fallback's error has a text of %d bytes: %s",
				size, cut(err.Error(), maxRecordText))
		}
		return nil, err
	}
	return checkSize(answer)
}

func (d *Dispatcher) callFallback(ctx context.Context, payload []byte) (answer []byte, err error) {
	defer recoverTo(&err)
	return d.fallback.Invoke(ctx, payload)
}

// PayloadError says what was found in place of an event, and what is understood.
type PayloadError struct{ err error }

func (e *PayloadError) Error() string { return "cqrs: unrecognised payload: " + e.err.Error() }

func (e *PayloadError) Unwrap() error { return e.err }

// Is matches ErrUnrecognised.
func (e *PayloadError) Is(target error) bool { return target == ErrUnrecognised }

// decodeError is the failure of a record that cannot be read, unless the error
// names another stage already.
func decodeError(err error) error {
	if decode, ok := errors.AsType[*DecodeError](err); ok {
		return decode
	}
	return &DecodeError{Stage: "record", Err: err}
}
