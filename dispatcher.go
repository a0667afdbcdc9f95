package cqrs

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Config is what a [Dispatcher] is made of. Factory and Registry are required.
type Config struct {
	Factory  EventFactory
	Registry *Registry
	// Policy wraps every route that has no [RoutePolicy] of its own.
	Policy Policy
	// Logger defaults to slog.Default. Every failed record is logged once, at
	// Error: source, id, route, attempt, error, and a panic's stack.
	Logger *slog.Logger
	// Alarm is raised once for each record that finally failed, whatever the
	// stage: see the outcome table at [Permanent].
	// One that is an AlarmFlusher is flushed at the end of each invocation.
	Alarm Alarmer
	// Environment is that of the alarms, for instance "production".
	Environment string
	// DeadLetter takes the records that failed for good: with [Permanent],
	// malformed, unrouted or without a handler. They are acknowledged once it has
	// them. Step Functions tasks stay out of it: their state machine is told.
	DeadLetter DeadLetterSink
	// Redeliver delays the next delivery of what failed with [RetryAfter].
	Redeliver Redeliverer
	// Observer is told of every record.
	Observer *Observer
	// Concurrency is the number of records of one batch in flight; default 1.
	// Records that have an order keep it.
	Concurrency int
	// BatchMode says what the event source mapping understands.
	BatchMode BatchMode
	// StopAtFirst lets a FIFO batch run in sequence and stop at the first failure
	// of any group, instead of going on with the other groups.
	StopAtFirst bool
	// MaxReceives gives the maxReceiveCount of queues by their name, so that the
	// last attempt of a message is known.
	MaxReceives map[string]int
	// Reserve is kept back from the invocation's deadline to answer in; no record
	// starts in it and the handlers' context ends with its beginning. Default 5 %
	// of the time at entry, at least 250 ms, at most 5 s; never more than half of
	// that time.
	Reserve time.Duration
	// Fallback gets the payloads that are valid JSON but no event: HTTP, custom
	// invocations. Without it they are refused with [ErrUnrecognised].
	Fallback lambda.Handler
}

// BatchMode is how failures in a batch of SQS, DynamoDB or Kinesis are answered.
type BatchMode uint8

const (
	// PartialFailures reports the failed records alone. The event source mapping
	// must have ReportBatchItemFailures among its FunctionResponseTypes; without
	// it, AWS takes every answer for success and the failed records are lost.
	PartialFailures BatchMode = iota
	// WholeBatch fails the invocation where any record failed, for mappings
	// without ReportBatchItemFailures. Then all records come again.
	WholeBatch
)

// Dispatcher takes the events of a Lambda function to their handlers. It is a
// lambda.Handler, immutable, and serves any number of invocations at once.
type Dispatcher struct {
	factory     EventFactory
	lean        leanFactory // the factory, where it is one
	routes      map[reflect.Type][]*compiledRoute
	syncs       map[string]*compiledRoute // by the table
	logger      *slog.Logger
	alarm       *via[Alarmer]        // nil where there is none,
	deadLetter  *via[DeadLetterSink] // the same
	environment string
	redeliver   Redeliverer
	observer    Observer
	concurrency int
	batchMode   BatchMode
	stopAtFirst bool
	maxReceives map[string]int
	reserve     time.Duration
	fallback    lambda.Handler
	drain       *drain
}

// compiledRoute is a route with its chain composed.
type compiledRoute struct {
	*route

	run Next
}

var _ lambda.Handler = (*Dispatcher)(nil)

// New makes a dispatcher and closes the registry and the mux of the
// configuration. The error says what to mend: everything that can be seen to be
// wrong before the first record comes.
func New(cfg Config) (*Dispatcher, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	d := &Dispatcher{
		factory:     cfg.Factory,
		lean:        leanOf(cfg.Factory),
		routes:      map[reflect.Type][]*compiledRoute{},
		syncs:       map[string]*compiledRoute{},
		logger:      cfg.Logger,
		environment: cfg.Environment,
		redeliver:   cfg.Redeliver,
		concurrency: max(cfg.Concurrency, 1),
		batchMode:   cfg.BatchMode,
		stopAtFirst: cfg.StopAtFirst,
		maxReceives: map[string]int{},
		reserve:     cfg.Reserve,
		fallback:    cfg.Fallback,
		drain:       newDrain(),
	}
	if isNil(d.factory) {
		d.factory = DefaultEventFactory{} // data sync alone: anything else is unrouted
	}
	if d.logger == nil {
		d.logger = slog.Default()
	}
	if cfg.Alarm != nil {
		d.alarm = &via[Alarmer]{port: cfg.Alarm}
	}
	if cfg.DeadLetter != nil {
		d.deadLetter = &via[DeadLetterSink]{port: cfg.DeadLetter}
	}
	if cfg.Observer != nil {
		d.observer = *cfg.Observer
	}
	for queue, n := range cfg.MaxReceives {
		d.maxReceives[lastPart(queue)] = n
	}
	problems := d.compile(cfg)
	if mux := muxOf(cfg.Factory); mux != nil {
		mux.close()
		problems = append(problems, d.checkMux(mux)...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return d, nil
}

func (cfg *Config) check() error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf("cqrs: "+format, args...)) }
	switch {
	case cfg.onlySyncs():
	case isNil(cfg.Factory):
		add("Config.Factory is missing: give it a Mux, or a factory that embeds DefaultEventFactory")
	case cfg.Factory == EventFactory(DefaultEventFactory{}) || cfg.Factory == EventFactory(&DefaultEventFactory{}):
		add("Config.Factory is a bare DefaultEventFactory, which refuses every record: embed it in a factory of your own")
	}
	if cfg.Registry == nil || cfg.Registry.book == nil {
		add("Config.Registry is missing: make one with NewRegistry")
	}
	if cfg.Concurrency < 0 {
		add("Config.Concurrency is negative: %d", cfg.Concurrency)
	}
	if cfg.Reserve < 0 {
		add("Config.Reserve is negative: %v", cfg.Reserve)
	}
	if cfg.BatchMode > WholeBatch {
		add("Config.BatchMode is unknown: %d", cfg.BatchMode)
	}
	for queue, n := range cfg.MaxReceives {
		if n < 1 {
			add("Config.MaxReceives[%q] must be at least 1, not %d", queue, n)
		}
	}
	for name, port := range map[string]any{"Alarm": cfg.Alarm, "DeadLetter": cfg.DeadLetter, "Redeliver": cfg.Redeliver} {
		if port != nil && isNil(port) {
			add("Config.%s is missing: it is a nil %T", name, port)
		}
	}
	return errors.Join(append(problems, cfg.Policy.problems("Config.Policy")...)...)
}

// compile composes the chain of every route:
// registry's ▸ groups' ▸ policy ▸ route's ▸ handler.
func (d *Dispatcher) compile(cfg Config) (problems []error) {
	routes := cfg.Registry.book.close()
	if len(routes) == 0 {
		problems = append(problems, errors.New("cqrs: Config.Registry has no handlers: Register some before New"))
	}
	for _, r := range routes {
		if r.keyBy != nil && baseType(r.keyBy.event) != baseType(r.event) {
			problems = append(problems, fmt.Errorf("cqrs: route %s takes %s, but its KeyBy takes %s", r.name, r.event, r.keyBy.event))
		}
		policy := cfg.Policy
		if r.policy != nil {
			policy = *r.policy
		}
		if r.table != "" {
			policy = Policy{Retry: policy.Retry, Timeout: policy.Timeout} // its gates are its idempotency
		}
		if r.keyBy != nil && policy.Idempotency == nil && len(r.mw)+len(r.own) == 0 {
			problems = append(problems, fmt.Errorf("cqrs: route %s has a KeyBy that nothing looks at, "+
				"for its idempotency store is missing: set Policy.Idempotency, or wrap the route in Idempotent", r.name))
		}
		compiled := &compiledRoute{route: r}
		if wrong := policy.problems("the RoutePolicy of " + r.name); len(wrong) > 0 {
			problems = append(problems, wrong...)
		} else {
			stack := slices.Concat(r.mw, []Middleware{policy.middleware(d.logger)}, r.own)
			compiled.run = chain(r.handle, stack...)
		}
		if r.table != "" {
			d.syncs[r.table] = compiled
			continue
		}
		base := baseType(r.event)
		d.routes[base] = append(d.routes[base], compiled)
	}
	return problems
}

// checkMux finds rules whose events nobody handles.
func (d *Dispatcher) checkMux(m *Mux) (problems []error) {
	rules := m.events()
	if len(rules) == 0 {
		problems = append(problems, errors.New("cqrs: the Mux has no rules: every record would be refused"))
	}
	for _, r := range rules {
		if len(d.routes[baseType(r.event)]) == 0 {
			problems = append(problems, describe(ErrNoHandler,
				"cqrs: rule %s makes events that no handler is registered for: %s", r.text, d.hint(r.event)))
		}
	}
	return problems
}

// muxOf returns the mux that the factory is, or decorates.
func muxOf(f EventFactory) *Mux {
	switch f := f.(type) {
	case *Mux:
		return f
	case *envelopes:
		return muxOf(f.EventFactory)
	default:
		return nil
	}
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	return value.Kind() == reflect.Pointer && value.IsNil()
}

// Start makes a dispatcher and runs it under the Lambda runtime; it does not
// return. Where [New] fails it prints the error and exits with code 1. On
// SIGTERM, which Lambda sends to functions with an extension, it calls
// [Dispatcher.Drain].
func Start(cfg Config) {
	d, err := New(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // a function that is wired wrongly must not take events
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		d.Drain()
	}()
	lambda.Start(d)
}

// noHandler is the error for an event that nobody handles.
func (d *Dispatcher) noHandler(event Event) error {
	if event == nil {
		return describe(ErrNoHandler, "cqrs: no handler: the factory returned a nil event")
	}
	t := reflect.TypeOf(event)
	if isNil(event) {
		return describe(ErrNoHandler, "cqrs: no handler: the factory returned a nil %s", t)
	}
	return describe(ErrNoHandler, "cqrs: no handler for events of type %s: %s", t, d.hint(t))
}

// hint tells what was meant where an event's type is nearly a registered one.
func (d *Dispatcher) hint(t reflect.Type) string {
	near := t
	for near.Kind() == reflect.Pointer || near.Kind() == reflect.Slice {
		near = near.Elem()
		if len(d.routes[baseType(near)]) == 0 {
			continue
		}
		if t.Kind() == reflect.Slice {
			return fmt.Sprintf("%s is registered; return its elements one by one", near)
		}
		return fmt.Sprintf("%s is registered; return a %s or a *%s", baseType(near), baseType(near), baseType(near))
	}
	for base := range d.routes {
		if base.String() == baseType(t).String() {
			return fmt.Sprintf("the %s that is registered is another type of the same name, from %s", base, base.PkgPath())
		}
	}
	return "register one with cqrs.Register or cqrs.RegisterFunc"
}
