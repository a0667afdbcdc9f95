package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/redrive"
)

// office is durable: two queues, the failures, and what has been handled. A
// message leaves its queue once it is acknowledged.
type office struct {
	store    cqrs.IdempotencyStore
	failures redrive.Store

	mu       sync.Mutex
	orders   map[string]cqrstest.Payload
	failed   map[string]string // dead letters as JSON
	sent     int
	redriven int
	mended   bool
	handled  map[string]bool
}

func newOffice() *office {
	return &office{
		store: cqrs.NewMemoryIdempotency(), failures: redrive.NewMemory(), failed: map[string]string{}, handled: map[string]bool{},
		orders: map[string]cqrstest.Payload{
			"m-1": cqrstest.SQS("orders", cqrstest.Body(booking{ID: "good"}).ID("m-1")),
			"m-2": cqrstest.SQS("orders", cqrstest.Body(booking{ID: "bad"}).ID("m-2")),
		},
	}
}

// clerk is one process of the office.
type clerk struct {
	*office
	redrive.Store

	p *cqrstest.Process
}

// SaveFailure and Change are effects.
func (c clerk) SaveFailure(ctx context.Context, d cqrs.DeadLetter) (bool, error) {
	return cqrstest.Effect(ctx, c.p, "save failure", func() (bool, error) { return c.failures.SaveFailure(ctx, d) })
}

func (c clerk) Change(ctx context.Context, change redrive.Change) error {
	return c.p.Effect(ctx, "change to "+string(change.To), func() error { return c.failures.Change(ctx, change) })
}

// DeadLetter is the sink: it sends to the queue of dead letters.
func (c clerk) DeadLetter(_ context.Context, d cqrs.DeadLetter) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent++
	c.failed[fmt.Sprint("d-", c.sent)] = string(text)
	return nil
}

// Send is that of the redrive.
func (c clerk) Send(ctx context.Context, d cqrs.DeadLetter) error {
	return c.p.Effect(ctx, "send again", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sent++
		c.redriven++
		id := fmt.Sprint("m-again-", c.sent)
		c.orders[id] = redriven(&d, id)
		return nil
	})
}

func (c clerk) handle(ctx context.Context, b booking) error {
	return c.p.Effect(ctx, "handle "+b.ID, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if b.ID == "bad" && !c.mended {
			return cqrs.Permanent(errors.New("refused"))
		}
		c.handled[b.ID] = true
		return nil
	})
}

func (c clerk) dispatcher() (*cqrs.Dispatcher, error) {
	mux := cqrs.NewMux()
	cqrs.OnSQS[booking](mux, cqrs.Queue("orders"))
	cqrs.OnDeadLetter(mux, cqrs.Queue("failed"))
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, c.handle)
	cqrs.Register(registry, cqrs.StoreFailures(c, nil))
	return cqrs.New(cqrs.Config{
		Factory: mux, Registry: registry, Logger: quiet(), DeadLetter: c.p.DeadLetters(c),
		Policy: cqrs.Policy{Idempotency: c.p.Idempotency(c.store)},
	})
}

// work empties the queues, mends what was wrong once that is known, and redrives.
func (c clerk) work(ctx context.Context) error {
	d, err := c.dispatcher()
	if err != nil {
		return err
	}
	for _, id := range c.waiting(func() []string { return slices.Collect(maps.Keys(c.orders)) }) {
		if payload, ok := get(c, c.orders, id); ok {
			c.deliver(ctx, d, payload, func() { delete(c.orders, id) })
		}
	}
	for _, id := range c.waiting(func() []string { return slices.Collect(maps.Keys(c.failed)) }) {
		if letter, ok := get(c, c.failed, id); ok {
			c.deliver(ctx, d, cqrstest.SQS("failed", cqrstest.Body(letter).ID(id)), func() { delete(c.failed, id) })
		}
	}
	if err := c.p.Effect(ctx, "mend", c.mend); err != nil {
		return err
	}
	for _, uncertain := range []bool{false, true} {
		report, err := redrive.New(c, c).Replay(ctx, redrive.Replay{By: "ada", Uncertain: uncertain})
		if err = errors.Join(err, report.Err()); err != nil {
			return err
		}
	}
	left := c.waiting(func() []string {
		return slices.Concat(slices.Collect(maps.Keys(c.orders)), slices.Collect(maps.Keys(c.failed)))
	})
	if n := len(left); n > 0 {
		return fmt.Errorf("%d messages wait", n)
	}
	return nil
}

// mend does it only once what was redriven has failed again.
func (o *office) mend() error {
	open := false
	for range o.failures.List(context.Background(), redrive.Filter{Status: redrive.Open}) {
		open = true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mended = o.mended || open && o.redriven > 0
	return nil
}

// stored is the status and payload of each failure by its id.
func (o *office) stored() map[string]string {
	all := map[string]string{}
	for _, status := range []redrive.Status{redrive.Open, redrive.Replaying, redrive.Replayed, redrive.Discarded} {
		for f := range o.failures.List(context.Background(), redrive.Filter{Status: status}) {
			all[f.ID] = string(status) + string(f.Message.Payload())
		}
	}
	return all
}

func (c clerk) waiting(ids func() []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := ids()
	slices.Sort(all)
	return all
}

// get reports false for a message that somebody else has finished meanwhile.
func get[T any](c clerk, queue map[string]T, id string) (message T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	message, ok = queue[id]
	return message, ok
}

// deliver removes the message where it is acknowledged.
func (c clerk) deliver(ctx context.Context, d *cqrs.Dispatcher, payload cqrstest.Payload, remove func()) {
	answer, err := d.Invoke(ctx, payload.JSON())
	if err != nil || string(answer) != `{"batchItemFailures":[]}` {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	remove()
}

// TestExploreRedrive: what was redriven fails once more before it is mended. In the
// end each order is handled, and what failed stands in the store once, under one id,
// redriven.
func TestExploreRedrive(t *testing.T) {
	t.Parallel()
	cqrstest.Explore(t, cqrstest.Scenario[*office]{
		State: newOffice,
		Work: func(ctx context.Context, p *cqrstest.Process, o *office) error {
			return clerk{office: o, Store: o.failures, p: p}.work(ctx)
		},
		End:   func(o *office) any { return map[string]any{"handled": o.handled, "stored": o.stored()} },
		Pairs: 30,
	})
}
