package cqrs

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// heartbeats is the goroutine that keeps one task alive. It ends before the
// middleware returns: Lambda freezes whatever runs on behind an answer.
type heartbeats struct {
	quit     context.CancelFunc
	ended    chan struct{}
	panicked *PanicError // to be read after ended
}

// startHeartbeats beats until stop, also where the handler's context has ended
// and the handler has not. A task that is found closed ends the handler.
func (c *callbacks) startHeartbeats(ctx context.Context, token TaskToken, end context.CancelCauseFunc) *heartbeats {
	ctx, quit := context.WithCancel(context.WithoutCancel(ctx))
	h := &heartbeats{quit: quit, ended: make(chan struct{})}
	go func() {
		defer close(h.ended)
		var err error
		func() {
			defer recoverTo(&err)
			c.beat(ctx, token, end)
		}()
		if panicked, ok := errors.AsType[*PanicError](err); ok {
			h.panicked = panicked
			c.logger.LogAttrs(ctx, slog.LevelError, "heartbeat panicked, so no further one is sent",
				slog.String("error", withoutToken(token, panicked.Error())), slog.String("stack", string(panicked.Stack)))
		}
	}()
	return h
}

// stop waits for the goroutine to end. It may be called more than once.
func (h *heartbeats) stop() *PanicError {
	h.quit()
	<-h.ended
	return h.panicked
}

func (c *callbacks) beat(ctx context.Context, token TaskToken, end context.CancelCauseFunc) {
	ticker := time.NewTicker(c.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if ctx.Err() != nil { // both at once
				return
			}
		}
		switch err := c.to.Heartbeat(ctx, token); {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, ErrTaskClosed):
			end(describe(ErrTaskClosed, "cqrs: the task ended or timed out while the handler ran"))
			return
		default:
			c.logger.LogAttrs(ctx, slog.LevelWarn, "heartbeat failed", slog.String("error", withoutToken(token, err.Error())))
		}
	}
}

// heartbeatError is the handler's failure, and the panic of a heartbeat that may
// have been the reason for it.
type heartbeatError struct {
	error

	panicked *PanicError
}

func (e *heartbeatError) Error() string {
	return e.error.Error() + "; and a heartbeat panicked: " + e.panicked.Error()
}

// Unwrap returns the handler's error, which decides over the record.
func (e *heartbeatError) Unwrap() error { return e.error }

// As finds the panic.
func (e *heartbeatError) As(target any) bool {
	panicked, ok := target.(**PanicError)
	if ok {
		*panicked = e.panicked
	}
	return ok
}
