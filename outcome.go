package cqrs

import (
	"context"
	"errors"
	"time"
)

// verdict is what an error means for its record. A control error counts wherever it
// stands along single Unwrap, the outermost first, so it may be wrapped with
// fmt.Errorf and %w; inside errors.Join (or two %w) it does not count:
// errors.Join(Skip("…"), err) is a failure.
//
//	outcome        Retry          idempotency   callback     dead letter   alarm     record
//	nil, Skip      stops          complete      success      –             –         acknowledged
//	error          tries again¹   release²      if Last      –             if Last   failed
//	RetryAfter     tries again¹   release       –            –             if Last   failed, redelivered after the delay
//	Permanent      stops          release²      failure      to the sink   yes       acknowledged once the sink has it, else failed
//	ErrInProgress,
//	ErrDeadline    stops          –             –            –             –         failed
//	panic          tries again¹   release²      if Last      –             yes       failed
//
//	¹ until the attempts or the time are used up; a RetryAfter only where its delay fits
//	² a failure that is going to be reported to a task is stored instead
//
// What cannot be decoded, has no route or has no handler is permanent, and so
// are ErrNoKey, ErrPayloadMismatch and ErrAbandoned.
type verdict uint8

const (
	verdictDone verdict = iota
	verdictSkip
	verdictFailed
	verdictDelayed
	verdictHeld // somebody else's run, or no time: nothing to be alarmed about
	verdictPermanent
	verdictPanic
)

// judge returns the verdict on err and, for verdictDelayed, the delay.
func judge(err error) (verdict, time.Duration) {
	if err == nil {
		return verdictDone, 0
	}
	for e := err; e != nil; e = unwrapOne(e) {
		switch e := e.(type) {
		case *skipError:
			return verdictSkip, 0
		case *permanentError, *DecodeError:
			return verdictPermanent, 0
		case *retryAfterError:
			return verdictDelayed, e.delay
		case *PanicError:
			return verdictPanic, 0
		}
		switch {
		case isOne(e, ErrInProgress), isOne(e, ErrDeadline):
			return verdictHeld, 0
		case isOne(e, ErrUnrouted), isOne(e, ErrNoHandler), isOne(e, ErrNoImage), isOne(e, ErrMalformed):
			return verdictPermanent, 0
		}
	}
	return verdictFailed, 0
}

// The names under which Step Functions sees a failure that has no name of its
// own. They are part of the API: state machines match on them.
const (
	nameHandlerError   = "HandlerError"
	namePermanentError = "PermanentError"
	nameHandlerPanic   = "HandlerPanic"
	nameDeadline       = "DeadlineExceeded"
	nameDecodeError    = "DecodeError"
	nameUnrouted       = "Unrouted"
	nameNoHandler      = "NoHandler"
)

// errorName returns the name given by [Named], else one of the constants.
func errorName(err error) string {
	name := ""
	for e := err; e != nil; e = unwrapOne(e) {
		if named, ok := e.(*namedError); ok && named.name != "" {
			return named.name
		}
		if name == "" || name == namePermanentError {
			if found := kindName(e); found != "" {
				name = found
			}
		}
	}
	switch {
	case name != "":
		return name
	case errors.Is(err, context.DeadlineExceeded):
		return nameDeadline
	default:
		return nameHandlerError
	}
}

func kindName(e error) string {
	switch e.(type) {
	case *PanicError:
		return nameHandlerPanic
	case *DecodeError:
		return nameDecodeError
	case *permanentError:
		return namePermanentError
	}
	switch {
	case isOne(e, ErrUnrouted):
		return nameUnrouted
	case isOne(e, ErrNoHandler):
		return nameNoHandler
	case isOne(e, ErrMalformed), isOne(e, ErrNoImage):
		return nameDecodeError
	case isOne(e, ErrDeadline):
		return nameDeadline
	}
	return ""
}

// unwrapOne follows a single Unwrap, never into a join.
func unwrapOne(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return nil
}

// isOne is errors.Is without unwrapping.
func isOne(err, target error) bool {
	if err == target {
		return true
	}
	is, ok := err.(interface{ Is(error) bool })
	return ok && is.Is(target)
}
