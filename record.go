package cqrs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// batch is the work of one invocation.
type batch struct {
	d      *Dispatcher
	inv    invocation
	ctx    context.Context //nolint:containedctx // it lives as long as the invocation
	trace  string          // the invocation's X-Ray header
	source Source
	window bool   // a tumbling window's, whose
	state  string // is returned as it came
	walker lambdaevent.Walk

	records  records
	messages []Message
	results  []recordResult

	first struct { // where the first of each is, until there are more
		message [1]Message
		result  [1]recordResult
	}

	schedule schedule
}

// slot is the room of a record for one event and its delivery. Where it makes
// more, those are allocated for it alone.
type slot struct {
	event    [1]Event
	delivery deliveryContext
	more     []deliveryContext
}

// recordResult is what came of one record.
type recordResult struct {
	decodeErr    error // found before anything ran
	failure      *RecordError
	result       any // of the handler, where there was exactly one
	events       int
	skipped      int
	deadLettered bool
	token        TaskToken // of the record or one of its events: not to be shown
	slot         slot
}

// deliveryFailure is the failure of one event in one handler, or of the record
// before it got there.
type deliveryFailure struct {
	route string
	err   error
}

// run takes record i through factory, handlers and edge. It reports whether
// the record is acknowledged.
func (b *batch) run(i int) (ok bool) {
	m, r := &b.messages[i], &b.results[i]
	ctx, start := b.observeStart(m)
	failures := b.handle(ctx, i)
	if len(failures) > 0 {
		r.failure = newRecordError(m, failures)
		b.settle(ctx, i, failures)
	}
	b.observeEnd(ctx, m, r, start)
	return r.failure == nil || r.deadLettered
}

// lost is what is left to do for a record whose handler ended the goroutine.
func (b *batch) lost(i int) {
	m, r := &b.messages[i], &b.results[i]
	failure := deliveryFailure{err: &PanicError{Value: "runtime.Goexit was called", Stack: debug.Stack()}}
	r.failure = newRecordError(m, []deliveryFailure{failure})
	b.settle(b.ctx, i, []deliveryFailure{failure})
	b.observeEnd(b.ctx, m, r, time.Now())
}

// handle transforms the record and runs all handlers of all its events, whether
// or not one of them fails.
func (b *batch) handle(ctx context.Context, i int) []deliveryFailure {
	m, r := &b.messages[i], &b.results[i]
	r.token = m.TaskToken
	if r.decodeErr != nil {
		return []deliveryFailure{{err: r.decodeErr}}
	}
	if route, record := b.syncRecord(i); route != nil {
		return b.syncTo(ctx, route, record, i)
	}
	events, err := b.transform(ctx, i)
	if err != nil {
		return []deliveryFailure{{err: err}}
	}
	r.events = len(events)
	if len(events) == 0 {
		b.d.logger.LogAttrs(ctx, slog.LevelDebug, "record makes no events", messageAttrs(m)...)
		return nil
	}
	if b.source == SourceStepFunctions {
		if err := b.exactlyOne(events); err != nil {
			return []deliveryFailure{{err: err}}
		}
	}
	var failures []deliveryFailure
	for index, event := range events {
		routes := b.d.lookup(event)
		if len(routes) == 0 {
			failures = append(failures, deliveryFailure{err: b.d.noHandler(event)})
		}
		for _, route := range routes {
			result, err := b.deliver(ctx, route, event, index, i)
			switch verdict, _ := judge(err); verdict {
			case verdictDone:
				r.result = result
			case verdictSkip:
				r.skipped++
			default:
				failures = append(failures, deliveryFailure{route: route.name, err: err})
			}
		}
	}
	return failures
}

func (b *batch) transform(ctx context.Context, i int) (events []Event, err error) {
	defer recoverTo(&err)
	return b.records.transform(ctx, i, &b.messages[i], b.results[i].slot.event[:0])
}

// maxDeliveries is how many deliveries of one record are allocated at once.
const maxDeliveries = 32

// deliver runs one chain.
func (b *batch) deliver(ctx context.Context, r *compiledRoute, event Event, index, i int) (result any, err error) {
	defer recoverTo(&err)
	if r.adapt != nil {
		event = r.adapt(event)
	}
	if e, ok := event.(tokenEvent); ok && b.results[i].token == "" {
		b.results[i].token = e.EventToken()
	}
	c := b.results[i].slot.take(b.results[i].events - index)
	c.Context = ctx
	c.delivery = Delivery{Event: event, Index: index, Route: r.name, Message: &b.messages[i], route: r.route}
	return r.run(c, &c.delivery)
}

// take returns room for a delivery, of which so many are still to come.
func (s *slot) take(left int) *deliveryContext {
	if s.delivery.Context == nil {
		return &s.delivery
	}
	if len(s.more) == 0 {
		s.more = make([]deliveryContext, min(max(left, 1), maxDeliveries))
	}
	c := &s.more[0]
	s.more = s.more[1:]
	return c
}

// lookup returns the routes of an event; none for nil, whatever its type.
func (d *Dispatcher) lookup(event Event) []*compiledRoute {
	t := reflect.TypeOf(event)
	if t == nil || isNil(event) {
		return nil
	}
	if routes := d.routes[t]; routes != nil || t.Kind() != reflect.Pointer {
		return routes
	}
	return d.routes[t.Elem()]
}

// exactlyOne makes sure that there is one result to answer a task with.
func (b *batch) exactlyOne(events []Event) error {
	if len(events) > 1 {
		return Permanent(fmt.Errorf("cqrs: a Step Functions task waits for one result, but the factory made %d events of it", len(events)))
	}
	if routes := b.d.lookup(events[0]); len(routes) > 1 {
		names := make([]string, len(routes))
		for i, r := range routes {
			names[i] = r.name
		}
		return Permanent(fmt.Errorf("cqrs: a Step Functions task waits for one result, but %d handlers take its event: %s",
			len(routes), strings.Join(names, ", ")))
	}
	return nil
}

// newRecordError joins what failed. A single failure keeps its own chain, so
// that errors.Is and errors.As see all of it.
func newRecordError(m *Message, failures []deliveryFailure) *RecordError {
	e := &RecordError{Source: m.Source, ID: m.ID, Attempt: m.Attempt}
	if len(failures) == 1 {
		e.Route, e.Err = failures[0].route, failures[0].err
		return e
	}
	var routes []string
	all := make([]error, len(failures))
	for i, f := range failures {
		all[i] = f.err
		if f.route != "" {
			routes = append(routes, f.route)
			all[i] = fmt.Errorf("%s: %w", f.route, f.err)
		}
	}
	e.Route, e.Err = strings.Join(routes, ", "), errors.Join(all...)
	return e
}

func (b *batch) observeStart(m *Message) (ctx context.Context, start time.Time) {
	if b.d.observer.RecordEnd != nil {
		start = time.Now()
	}
	var own context.Context
	if hook := b.d.observer.RecordStart; hook != nil {
		b.guard("Observer.RecordStart", func() { own = hook(b.ctx, m) }) //nolint:fatcontext // once a record
	}
	if own == nil {
		own = b.ctx
	}
	return own, start
}

func (b *batch) observeEnd(ctx context.Context, m *Message, r *recordResult, start time.Time) {
	hook := b.d.observer.RecordEnd
	if hook == nil {
		return
	}
	result := RecordResult{Events: r.events, Skipped: r.skipped, DeadLettered: r.deadLettered, Duration: time.Since(start)}
	if r.failure != nil {
		result.Err = r.failure
	}
	b.guard("Observer.RecordEnd", func() { hook(ctx, m, result) })
}

// guard keeps a panic in a hook from becoming a record's failure.
func (b *batch) guard(what string, f func()) {
	var err error
	func() {
		defer recoverTo(&err)
		f()
	}()
	if err != nil {
		b.d.logger.LogAttrs(b.ctx, slog.LevelError, what+" panicked", slog.String("error", err.Error()))
	}
}
