package cqrs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// TaskCallback reports the outcome of Step Functions tasks that wait for one. It
// is called from many goroutines at once. [ErrTaskClosed] says that the task has
// ended or timed out, so no report can change it any more; [ErrTooLarge], that
// AWS does not take an output of that size.
type TaskCallback interface {
	Success(ctx context.Context, token TaskToken, output []byte) error
	Failure(ctx context.Context, token TaskToken, name, cause string) error
	Heartbeat(ctx context.Context, token TaskToken) error
}

// Callback reports what came of an event to the task that waits for it, where
// [Delivery.TaskToken] names one; other events pass through.
//
//	nil, Skip       success, with the JSON of the result, or null
//	error, panic    failure, once no delivery is to follow ([Message.Last])
//	Permanent       failure
//	RetryAfter, ErrInProgress, ErrDeadline, ErrLeaseLost
//	                nothing: another delivery will tell
//
// Name and cause of a failure are those that Step Functions would see of a
// direct invocation: see [Named]. A result that AWS finds too large fails the task
// as "OutputTooLarge".
//
// Where the report itself fails, the record fails, and the next delivery reports
// again. With [Idempotent] inside, as in a [Policy], the outcome is stored before
// it is reported, and that delivery runs nothing; without it the handler runs
// again. A task that has ended already needs no report: it may have had ours, of
// which only the answer was lost.
func Callback(c TaskCallback, opts ...CallbackOption) Middleware {
	return callback(c, slog.Default(), opts)
}

// CallbackOption changes what [Callback] does.
type CallbackOption func(*callbacks)

// HeartbeatEvery sends a heartbeat after each d that the handler runs, which a
// task with HeartbeatSeconds needs; a third of that time leaves room for two that
// are lost. Where a heartbeat finds the task closed, the handler's context ends
// with the cause [ErrTaskClosed], and a failure of the handler is permanent then:
// nobody waits for it any more. Other errors of a heartbeat are logged.
func HeartbeatEvery(d time.Duration) CallbackOption {
	mustBePositive("HeartbeatEvery", d)
	return func(c *callbacks) { c.every = d }
}

type callbacks struct {
	to     TaskCallback
	every  time.Duration
	logger *slog.Logger
}

func callback(to TaskCallback, l *slog.Logger, opts []CallbackOption) Middleware {
	if isNil(to) {
		panic("cqrs: Callback needs a TaskCallback, not nil")
	}
	c := &callbacks{to: to, logger: withDelivery(l)}
	for _, opt := range opts {
		if opt == nil {
			panic("cqrs: Callback got a nil option")
		}
		opt(c)
	}
	return func(next Next) Next {
		return func(ctx context.Context, d *Delivery) (any, error) {
			token := d.TaskToken()
			if token == "" {
				return next(ctx, d)
			}
			return c.handle(ctx, d, token, next)
		}
	}
}

type reportingKey struct{}

// isReporting reports whether a Callback around the caller is going to report.
func isReporting(ctx context.Context) bool { return ctx.Value(reportingKey{}) != nil }

// reportsFailure is the callback's column of the outcome table.
func reportsFailure(d *Delivery, v verdict) bool {
	switch v {
	case verdictPermanent:
		return true
	case verdictFailed, verdictPanic:
		return d.Message != nil && d.Message.Last()
	default:
		return false
	}
}

// nameOutputTooLarge is the name of a task's failure whose handler succeeded.
const nameOutputTooLarge = "OutputTooLarge"

// taskFailure is the name and the cause under which a failure is reported.
func taskFailure(d *Delivery, err error) (name, cause string) {
	return errorName(err), strings.ToValidUTF8(withoutToken(d.TaskToken(), err.Error()), "\uFFFD")
}

func (c *callbacks) handle(ctx context.Context, d *Delivery, token TaskToken, next Next) (any, error) {
	result, err := c.run(context.WithValue(ctx, reportingKey{}, true), d, token, next)
	if unsaved, ok := errors.AsType[*UnsavedError](err); ok && !errors.Is(err, ErrLeaseLost) && d.Message != nil && d.Message.Last() {
		// No delivery will follow that could report, and the handler did succeed.
		c.logger.LogAttrs(ctx, slog.LevelError, "success is reported although it was not stored",
			slog.String("error", withoutToken(token, unsaved.Error())))
		return c.succeeded(ctx, d, token, unsaved.Result)
	}
	switch verdict, _ := judge(err); {
	case verdict == verdictDone:
		return c.succeeded(ctx, d, token, result)
	case verdict == verdictSkip:
		if _, lost := c.succeeded(ctx, d, token, nil); lost != nil {
			return nil, lost
		}
	case reportsFailure(d, verdict) && !errors.Is(err, ErrLeaseLost):
		return result, c.failed(ctx, d, token, err)
	}
	return result, err
}

// run runs the handler, with heartbeats where they are wanted.
func (c *callbacks) run(ctx context.Context, d *Delivery, token TaskToken, next Next) (any, error) {
	if c.every == 0 {
		return recovered(ctx, d, next)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	beats := c.startHeartbeats(ctx, token, cancel)
	defer func() { _ = beats.stop() }() // runtime.Goexit
	defer cancel(nil)
	result, err := recovered(ctx, d, next)
	panicked := beats.stop()
	if closed := context.Cause(ctx); errors.Is(closed, ErrTaskClosed) {
		switch verdict, _ := judge(err); verdict {
		case verdictDone, verdictSkip:
		default:
			err = Permanent(&closedError{err: err})
		}
	}
	if panicked != nil && err != nil {
		err = &heartbeatError{error: err, panicked: panicked}
	}
	return result, err
}

// closedError is the failure of a handler whose task had ended.
type closedError struct{ err error }

func (e *closedError) Error() string {
	return "cqrs: the task ended or timed out while the handler ran: " + e.err.Error()
}

// Unwrap lets no control error of the handler count.
func (e *closedError) Unwrap() []error { return []error{ErrTaskClosed, e.err} }

func (c *callbacks) succeeded(ctx context.Context, d *Delivery, token TaskToken, result any) (any, error) {
	output, err := json.Marshal(result)
	if err != nil {
		return nil, c.failed(ctx, d, token, Permanent(fmt.Errorf("cqrs: the handler's result, a %T, cannot be encoded: %w", result, err)))
	}
	err = c.report(ctx, func(ctx context.Context) error { return c.to.Success(ctx, token, output) })
	switch {
	case err == nil:
		return result, nil
	case errors.Is(err, ErrTaskClosed):
		c.logger.LogAttrs(ctx, slog.LevelInfo, "task had ended before its success was reported")
		return result, nil
	case errors.Is(err, ErrTooLarge):
		return nil, c.failed(ctx, d, token, Permanent(Named(nameOutputTooLarge,
			fmt.Errorf("cqrs: the handler succeeded, but its result of %d bytes is too large for the task: %w", len(output), err))))
	default:
		return nil, hideToken(token, fmt.Errorf("cqrs: the success of the task was not reported: %w", err))
	}
}

// failed reports the failure and returns what it comes to: the failure itself,
// or, where nobody has been told of it, an error that lets the record come again.
func (c *callbacks) failed(ctx context.Context, d *Delivery, token TaskToken, failure error) error {
	if errors.Is(failure, ErrTaskClosed) {
		return failure
	}
	name, cause := taskFailure(d, failure)
	err := c.report(ctx, func(ctx context.Context) error { return c.to.Failure(ctx, token, name, cause) })
	switch {
	case err == nil:
		return failure
	case errors.Is(err, ErrTaskClosed):
		c.logger.LogAttrs(ctx, slog.LevelInfo, "task had ended before its failure was reported")
		return failure
	case d.Message != nil && d.Message.Source == SourceStepFunctions:
		// What the invocation answers fails the task as well.
		c.logger.LogAttrs(ctx, slog.LevelWarn, "failure of the task was not reported",
			slog.String("error", withoutToken(token, err.Error())))
		return failure
	default:
		return hideToken(token, errors.Join(failure, fmt.Errorf("cqrs: the failure of the task was not reported: %w", err)))
	}
}

// report calls the port on a context that outlives the handler's.
func (c *callbacks) report(ctx context.Context, f func(context.Context) error) (err error) {
	defer recoverTo(&err)
	ctx, cancel := detached(ctx)
	defer cancel()
	return f(ctx)
}
