package cqrstest

import (
	"context"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// caller runs one call of a port: a fake by its script, a process of the crash
// explorer as one of its effects.
type caller func(ctx context.Context, method string, effect func() error) error

// idempotencyPort is an IdempotencyStore whose calls go through a caller.
type idempotencyPort struct {
	store cqrs.IdempotencyStore
	call  caller
}

// Acquire implements cqrs.IdempotencyStore.
func (p idempotencyPort) Acquire(ctx context.Context, c cqrs.Claim) (outcome *cqrs.Outcome, err error) {
	err = p.call(ctx, "Acquire", func() (err error) {
		outcome, err = p.store.Acquire(ctx, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return outcome, nil
}

// Complete implements cqrs.IdempotencyStore.
func (p idempotencyPort) Complete(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	return p.call(ctx, "Complete", func() error { return p.store.Complete(ctx, c, o) })
}

// Release implements cqrs.IdempotencyStore.
func (p idempotencyPort) Release(ctx context.Context, c cqrs.Claim) error {
	return p.call(ctx, "Release", func() error { return p.store.Release(ctx, c) })
}

// abandonmentPort is an idempotencyPort of a store that can leave an abandoned key.
type abandonmentPort struct {
	idempotencyPort

	once cqrs.AbandonmentStore
}

// AcquireOnce implements cqrs.AbandonmentStore.
func (p abandonmentPort) AcquireOnce(ctx context.Context, c cqrs.Claim) (outcome *cqrs.Outcome, err error) {
	err = p.call(ctx, "AcquireOnce", func() (err error) {
		outcome, err = p.once.AcquireOnce(ctx, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return outcome, nil
}

func newIdempotencyPort(store cqrs.IdempotencyStore, call caller) cqrs.IdempotencyStore {
	port := idempotencyPort{store: store, call: call}
	if once, ok := store.(cqrs.AbandonmentStore); ok {
		return abandonmentPort{port, once}
	}
	return port
}

// callbackPort is a TaskCallback whose calls go through a caller.
type callbackPort struct {
	to   cqrs.TaskCallback
	call caller
}

// Success implements cqrs.TaskCallback.
func (p callbackPort) Success(ctx context.Context, token cqrs.TaskToken, output []byte) error {
	return p.call(ctx, "Success", func() error { return p.to.Success(ctx, token, output) })
}

// Failure implements cqrs.TaskCallback.
func (p callbackPort) Failure(ctx context.Context, token cqrs.TaskToken, name, cause string) error {
	return p.call(ctx, "Failure", func() error { return p.to.Failure(ctx, token, name, cause) })
}

// Heartbeat implements cqrs.TaskCallback.
func (p callbackPort) Heartbeat(ctx context.Context, token cqrs.TaskToken) error {
	return p.call(ctx, "Heartbeat", func() error { return p.to.Heartbeat(ctx, token) })
}

type alarmPort struct {
	to   cqrs.Alarmer
	call caller
}

// Alarm implements cqrs.Alarmer.
func (p alarmPort) Alarm(ctx context.Context, a cqrs.Alarm) error {
	return p.call(ctx, "Alarm", func() error { return p.to.Alarm(ctx, a) })
}

type deadLetterPort struct {
	to   cqrs.DeadLetterSink
	call caller
}

// DeadLetter implements cqrs.DeadLetterSink.
func (p deadLetterPort) DeadLetter(ctx context.Context, d cqrs.DeadLetter) error {
	return p.call(ctx, "DeadLetter", func() error { return p.to.DeadLetter(ctx, d) })
}

type redelivererPort struct {
	to   cqrs.Redeliverer
	call caller
}

// Redeliver implements cqrs.Redeliverer.
func (p redelivererPort) Redeliver(ctx context.Context, m *cqrs.Message, after time.Duration) error {
	return p.call(ctx, "Redeliver", func() error { return p.to.Redeliver(ctx, m, after) })
}
