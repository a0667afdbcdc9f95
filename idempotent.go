package cqrs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"
)

// The waits between two looks at a key that another run holds.
const (
	firstLook = 100 * time.Millisecond
	lastLook  = 2 * time.Second
)

// Idempotent lets each event run once in each route, and answers its duplicates
// with the outcome of that run. Events are the same where their [Delivery.Key],
// route and tenant are; an event without a key fails with [ErrNoKey].
//
// What becomes of a run:
//
//	nil, Skip      its result is stored and replayed to the letter, also null, 0 and ""
//	an error       the key is released: the next delivery runs
//	a failure that [Callback] is going to report
//	               is stored and replayed, so that it is reported again and not run again
//	ErrInProgress,
//	ErrDeadline    nothing: the lease ends by itself
//	a crash        nothing: the next delivery after the lease runs (but see RefuseAbandoned)
//
// While a run holds the key, other deliveries of the event fail with
// [ErrInProgress], so they come again. The same key with another payload is
// [ErrPayloadMismatch], and permanent. Where the store fails before the run, the
// record fails and the handler does not run; where it fails after it, the record
// fails with an [*UnsavedError].
//
// A failure that was reported is not replayed to a message that was redriven, which
// has no task to report to: that runs, under a key of its own.
//
// The context of a run ends with its lease. A run that goes on nevertheless and
// loses its key to another run can neither overwrite nor delete what that one
// stores: it fails with [ErrLeaseLost].
//
// It panics for a store that is nil and for options that do not fit it.
func Idempotent(store IdempotencyStore, opts ...IdempotencyOption) Middleware {
	return idempotent(store, slog.Default(), opts)
}

// UnsavedError says that a handler succeeded and that its outcome could not be
// stored. The record fails, and the event will run again once the lease is over,
// unless another run has the key already: then the error matches [ErrLeaseLost]
// and the next delivery is answered with the outcome of that run.
type UnsavedError struct {
	Result any   // the handler's
	Err    error // the store's
}

func (e *UnsavedError) Error() string {
	if errors.Is(e.Err, ErrLeaseLost) {
		return "cqrs: the handler succeeded, but its lease had passed and another run has the event: " + e.Err.Error()
	}
	return "cqrs: the handler succeeded, but its outcome was not stored, so the event may run again: " + e.Err.Error()
}

// Unwrap returns Err, in a way that lets no control error in it count.
func (e *UnsavedError) Unwrap() []error { return []error{e.Err} }

func idempotent(store IdempotencyStore, l *slog.Logger, opts []IdempotencyOption) Middleware {
	i := newIdempotency(store, l, opts)
	return func(next Next) Next {
		return func(ctx context.Context, d *Delivery) (any, error) { return i.handle(ctx, d, next) }
	}
}

func (i *idempotency) handle(ctx context.Context, d *Delivery, next Next) (any, error) {
	key := d.Key()
	if key == "" {
		if i.allowNoKey {
			return next(ctx, d)
		}
		return nil, Permanent(describe(ErrNoKey,
			"cqrs: no idempotency key: the event of route %s has neither a key of its own (KeyBy, EventKey) nor a record with an id",
			d.Route))
	}
	c := Claim{Key: scopedKey(d.Route, d.Tenant(), key), Owner: newOwner()}
	if !i.ignorePayload {
		c.PayloadHash = payloadHash(d)
	}
	outcome, err := i.claim(ctx, &c)
	if err == nil && outcome != nil && outcome.failed() && d.redriven() && !isReporting(ctx) {
		// The failure has been reported. Whoever redrives the event wants it to run, once.
		c.Key, c.Owner = redrivenKey+c.Key, newOwner()
		outcome, err = i.claim(ctx, &c)
	}
	switch {
	case err != nil:
		return nil, refusal(d, err)
	case outcome != nil:
		return i.replay(ctx, d, outcome)
	case !time.Now().Before(c.LeaseUntil): // the answer of the store took that long
		i.release(ctx, d, c)
		return nil, errLeaseUsedUp
	default:
		return i.run(ctx, d, next, c)
	}
}

// claim acquires the key, after a wait for the run that holds it where that was
// asked for.
func (i *idempotency) claim(ctx context.Context, c *Claim) (*Outcome, error) {
	end := time.Now().Add(i.wait)
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		now := time.Now()
		c.LeaseUntil = i.leaseUntil(ctx, now)
		c.ExpiresAt = now.Add(i.ttl)
		if c.ExpiresAt.Before(c.LeaseUntil) {
			c.ExpiresAt = c.LeaseUntil // a lease holds in any case
		}
		outcome, err := i.acquire(ctx, *c)
		if !errors.Is(err, ErrInProgress) {
			return outcome, err
		}
		pause = min(pause, end.Sub(now))
		if pause <= 0 || !sleepFits(ctx, pause) || !sleep(ctx, pause) {
			return nil, err
		}
	}
}

func (i *idempotency) leaseUntil(ctx context.Context, now time.Time) time.Time {
	if i.lease > 0 {
		return now.Add(i.lease)
	}
	if inv := invocationOf(ctx); inv != nil && !inv.deadline.IsZero() {
		return inv.deadline
	}
	if deadline, ok := ctx.Deadline(); ok {
		return deadline
	}
	return now.Add(defaultLease)
}

// refusal is why an event does not run. What the store says cannot make it
// permanent: a table that is out of reach is no reason to give up an event.
func refusal(d *Delivery, err error) error {
	switch {
	case errors.Is(err, ErrInProgress):
		return describe(ErrInProgress, "cqrs: in progress elsewhere: another run of route %s holds the event", d.Route)
	case errors.Is(err, ErrPayloadMismatch):
		return Permanent(describe(ErrPayloadMismatch,
			"cqrs: payload mismatch: route %s has met this idempotency key with another payload, so it does not name one event", d.Route))
	case errors.Is(err, ErrAbandoned):
		return Permanent(describe(ErrAbandoned,
			"cqrs: abandoned run: an earlier run of route %s never ended, so how much of it is done has to be seen by hand", d.Route))
	default:
		return &storeError{err: err}
	}
}

type storeError struct{ err error }

func (e *storeError) Error() string {
	return "cqrs: the idempotency store failed, so the handler did not run: " + e.err.Error()
}

// Unwrap lets no control error in the store's error count.
func (e *storeError) Unwrap() []error { return []error{e.err} }

var errLeaseOver = describe(ErrLeaseLost, "cqrs: the run's lease is over, so another run may take the event over")

var errLeaseUsedUp = describe(ErrDeadline, "cqrs: not started: the run's lease was over before it could begin")

// run runs the handler under the claim and stores what comes of it.
func (i *idempotency) run(ctx context.Context, d *Delivery, next Next, c Claim) (any, error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); !ok || c.LeaseUntil.Before(deadline) {
		limited, cancel = context.WithDeadlineCause(ctx, c.LeaseUntil, errLeaseOver)
	}
	defer cancel()
	ended := false
	defer func() {
		if !ended { // runtime.Goexit
			i.release(ctx, d, c)
		}
	}()
	result, err := recovered(limited, d, next)
	ended = true
	switch verdict, _ := judge(err); {
	case verdict == verdictDone:
		return i.succeeded(ctx, c, result)
	case verdict == verdictSkip:
		if _, unsaved := i.succeeded(ctx, c, nil); unsaved != nil {
			return nil, unsaved
		}
	case verdict == verdictHeld && !i.refuse:
	case isReporting(ctx) && reportsFailure(d, verdict):
		return result, i.failed(ctx, d, c, err)
	default:
		i.release(ctx, d, c)
	}
	return result, err
}

// recovered calls next and turns a panic into an error.
func recovered(ctx context.Context, d *Delivery, next Next) (result any, err error) {
	defer recoverTo(&err)
	return next(ctx, d)
}

// succeeded stores the result. One that cannot be encoded is no concern of this
// middleware: whoever waits for it will say so.
func (i *idempotency) succeeded(ctx context.Context, c Claim, result any) (any, error) {
	var o Outcome
	if result == nil {
		o.Result = json.RawMessage("null")
	} else if text, err := json.Marshal(result); err == nil {
		o.Result = text
	}
	err := i.complete(ctx, c, o)
	if errors.Is(err, ErrTooLarge) {
		i.logger.LogAttrs(ctx, slog.LevelWarn, "result is too large to be stored, so it cannot be replayed",
			slog.Int("bytes", len(o.Result)))
		err = i.complete(ctx, c, Outcome{})
	}
	if err != nil {
		return nil, &UnsavedError{Result: result, Err: err}
	}
	return result, nil
}

// failed stores the failure that is about to be reported.
func (i *idempotency) failed(ctx context.Context, d *Delivery, c Claim, failure error) error {
	name, cause := taskFailure(d, failure)
	err := i.complete(ctx, c, Outcome{ErrorName: name, ErrorCause: cause})
	switch {
	case errors.Is(err, ErrLeaseLost):
		return errors.Join(err, failure) // the other run's outcome is the one to report
	case err != nil:
		i.logger.LogAttrs(ctx, slog.LevelWarn, "failure was not stored, so the event may run again",
			slog.String("error", withoutToken(d.TaskToken(), err.Error())))
	}
	return failure
}

func (i *idempotency) complete(ctx context.Context, c Claim, o Outcome) (err error) {
	defer recoverTo(&err)
	ctx, cancel := detached(ctx)
	defer cancel()
	c.ExpiresAt = time.Now().Add(i.ttl)
	return i.store.Complete(ctx, c, o)
}

// release gives the key up. Where that fails the lease ends by itself, and the
// handler's error is the one that counts.
func (i *idempotency) release(ctx context.Context, d *Delivery, c Claim) {
	err := func() (err error) {
		defer recoverTo(&err)
		short, cancel := detached(ctx)
		defer cancel()
		return i.store.Release(short, c)
	}()
	switch {
	case err == nil:
	case errors.Is(err, ErrLeaseLost):
		i.logger.LogAttrs(ctx, slog.LevelWarn, "run failed after its lease, when another run had the event")
	default:
		i.logger.LogAttrs(ctx, slog.LevelWarn, "idempotency key was not released, so it is held until its lease ends",
			slog.Time("until", c.LeaseUntil), slog.String("error", withoutToken(d.TaskToken(), err.Error())))
	}
}

// replay answers a duplicate with what came of the event.
func (i *idempotency) replay(ctx context.Context, d *Delivery, o *Outcome) (any, error) {
	i.logger.LogAttrs(ctx, slog.LevelDebug, "event was handled before, its outcome is replayed")
	switch {
	case o.failed():
		return nil, Permanent(Named(o.ErrorName, errors.New(o.ErrorCause)))
	case len(o.Result) > 0 && string(o.Result) != "null":
		return o.Result, nil
	case len(o.Result) == 0 && (isReporting(ctx) || d.Message != nil && d.Message.Source == SourceStepFunctions):
		return nil, Permanent(Named(nameOutputTooLarge, describe(ErrTooLarge,
			"cqrs: the event was handled before, but its result could not be stored, so it cannot be answered with it")))
	default:
		return nil, nil
	}
}
