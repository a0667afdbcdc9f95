package cqrstest

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/lambda-cqrs/cqrs"
)

// Process is one life of a function, from its start to its crash. Its ports wrap
// those of the application; each call of a port is one effect, before and after
// which the process may crash. An effect is atomic.
type Process struct {
	simulation *simulation
	worker     int // from 1
	number     int // of the worker's processes, from 1
	dead       atomic.Bool
	alive      context.Context //nolint:containedctx // it is the process's life
	die        context.CancelCauseFunc
}

// errCrashed is the cause of every context of a process that has crashed.
var errCrashed = errors.New("cqrstest: the process has crashed")

// Effect runs f as an effect of that name. As with any client, nothing is done
// on a context that has ended.
func (p *Process) Effect(ctx context.Context, name string, f func() error) error {
	return p.do(ctx, name, inside, f)
}

// Effect is [Process.Effect] with a result.
func Effect[R any](ctx context.Context, p *Process, name string, f func() (R, error)) (result R, err error) {
	err = p.do(ctx, name, inside, func() (err error) {
		result, err = f()
		return err
	})
	return result, err
}

// Idempotency wraps a store.
func (p *Process) Idempotency(store cqrs.IdempotencyStore) cqrs.IdempotencyStore {
	return newIdempotencyPort(store, p.port("idempotency", inside))
}

// Sync wraps a store. Where that is a cqrs.SyncReader or a cqrs.SyncClaimer, so is
// what it returns; a cqrs.SyncWalker is hidden.
func (p *Process) Sync(store cqrs.SyncStore) cqrs.SyncStore {
	return newSyncPort(store, p.port("sync", inside))
}

// Callback wraps what reports to tasks.
func (p *Process) Callback(to cqrs.TaskCallback) cqrs.TaskCallback {
	return callbackPort{to: to, call: p.port("callback", inside)}
}

// Alarmer wraps what sends alarms.
func (p *Process) Alarmer(to cqrs.Alarmer) cqrs.Alarmer {
	return alarmPort{to: to, call: p.port("alarm", atEdge)}
}

// DeadLetters wraps what keeps dead letters.
func (p *Process) DeadLetters(to cqrs.DeadLetterSink) cqrs.DeadLetterSink {
	return deadLetterPort{to: to, call: p.port("dead letter", atEdge)}
}

// Redeliverer wraps what delays messages.
func (p *Process) Redeliverer(to cqrs.Redeliverer) cqrs.Redeliverer {
	return redelivererPort{to: to, call: p.port("redelivery", atEdge)}
}

// place is where a port is called.
type place bool

const (
	inside place = false // of a handler: its goroutine ends with the process
	// atEdge is the dispatcher itself, which calls these ports also while a
	// goroutine that has crashed unwinds; ended twice, it would not count down.
	atEdge place = true
)

func (p *Process) port(name string, at place) caller {
	return func(ctx context.Context, method string, effect func() error) error {
		return p.do(ctx, name+" "+method, at, effect)
	}
}

func (p *Process) do(ctx context.Context, name string, at place, effect func() error) error {
	if !p.dead.Load() {
		p.simulation.await(p.worker)
	}
	if p.dead.Load() {
		if at == atEdge {
			return errCrashed
		}
		runtime.Goexit()
	}
	if err := ctx.Err(); err != nil {
		p.simulation.note(p, "      "+name+": not made, "+context.Cause(ctx).Error())
		return err
	}
	step := p.simulation.begin(p, name)
	if step.crashBefore {
		p.crash()
	}
	err := effect()
	p.simulation.end(p, step, err)
	if step.crashAfter {
		p.crash()
	}
	return err
}

// crash ends the process and the goroutine that it happens in.
func (p *Process) crash() {
	p.kill()
	runtime.Goexit()
}

func (p *Process) kill() {
	p.dead.Store(true)
	p.die(errCrashed)
}
