// Package fault makes calls and deliveries go wrong on demand.
package fault

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// Effect is what goes wrong.
type Effect int

// The effects. Delay and Duplicate serve deliveries too.
const (
	LoseAnswer    Effect = iota // the call takes effect, and the connection closes without an answer
	LoseRequest                 // the connection closes before the call takes effect
	Throttle                    // the service's own throttling error; no effect
	InternalError               // status 500; no effect
	Delay                       // by Fault.Delay, on the clock
	Duplicate                   // of a delivery: it comes twice
)

// Fault says which calls or deliveries go wrong, and how.
type Fault struct {
	// Service and Operation select calls, such as "sqs" and "SendMessage". Each
	// is any where it is "".
	Service, Operation string
	// Target selects deliveries instead: messages to the queue, topic, bus or
	// state machine of that name, and invocations of the function.
	Target string
	Skip   int // so many pass unharmed first
	Times  int // then so many are struck; 0 means 1
	Effect Effect
	Delay  time.Duration
	// Kill is a function whose process ends, with what it is doing, when the
	// call is struck: after the call took effect for LoseAnswer, else before.
	Kill string
}

// Injection is a fault in force.
type Injection struct {
	fault    Fault
	injector *Injector
	seen     int
	struck   int
}

// Struck is how often the fault has struck.
func (i *Injection) Struck() int {
	i.injector.mu.Lock()
	defer i.injector.mu.Unlock()
	return i.struck
}

// Remove ends the fault.
func (i *Injection) Remove() {
	i.injector.mu.Lock()
	defer i.injector.mu.Unlock()
	delete(i.injector.injections, i)
}

// Injector holds the faults of one runtime. It is safe for parallel use.
type Injector struct {
	clock clock.Clock
	kill  func(function string)

	mu         sync.Mutex
	injections map[*Injection]struct{}
}

// New returns an injector without faults.
func New(c clock.Clock, kill func(function string)) *Injector {
	return &Injector{clock: c, kill: kill, injections: make(map[*Injection]struct{})}
}

// Inject puts a fault in force.
func (i *Injector) Inject(f Fault) *Injection {
	f.Times = max(f.Times, 1)
	i.mu.Lock()
	defer i.mu.Unlock()
	injection := &Injection{fault: f, injector: i}
	i.injections[injection] = struct{}{}
	return injection
}

// strike returns the faults that what happens now meets.
func (i *Injector) strike(meets func(*Fault) bool) []Fault {
	i.mu.Lock()
	defer i.mu.Unlock()
	var struck []Fault
	for injection := range i.injections {
		if !meets(&injection.fault) {
			continue
		}
		injection.seen++
		if injection.seen > injection.fault.Skip && injection.struck < injection.fault.Times {
			injection.struck++
			struck = append(struck, injection.fault)
		}
	}
	return struck
}

// Call serves one call of a service, as well as the faults let it.
func (i *Injector) Call(service, operation string, next http.Handler, w http.ResponseWriter, r *http.Request) {
	faults := i.strike(func(f *Fault) bool {
		return f.Target == "" && (f.Service == "" || f.Service == service) && (f.Operation == "" || f.Operation == operation)
	})
	for _, f := range faults {
		if f.Kill != "" && f.Effect != LoseAnswer {
			i.kill(f.Kill)
		}
		switch f.Effect {
		case LoseAnswer:
			next.ServeHTTP(httptest.NewRecorder(), r)
			if f.Kill != "" {
				i.kill(f.Kill)
			}
			panic(http.ErrAbortHandler)
		case LoseRequest:
			panic(http.ErrAbortHandler)
		case Throttle, InternalError:
			fail(service, f.Effect, w, r)
			return
		case Delay:
			if clock.Sleep(r.Context(), i.clock, f.Delay) != nil {
				panic(http.ErrAbortHandler)
			}
		case Duplicate: // serves deliveries only
		}
	}
	next.ServeHTTP(w, r)
}

// Delivery does what is to be done to a delivery to the target of that name, and
// returns how often it is made.
func (i *Injector) Delivery(ctx context.Context, target string) (times int, err error) {
	times = 1
	for _, f := range i.strike(func(f *Fault) bool { return f.Target != "" && f.Target == target }) {
		switch f.Effect {
		case Duplicate:
			times++
		case Delay:
			if err := clock.Sleep(ctx, i.clock, f.Delay); err != nil {
				return 0, err
			}
		case LoseAnswer, LoseRequest, Throttle, InternalError: // these are for calls
		}
	}
	return times, nil
}

// Deliver is next, as well as the faults let it.
func (i *Injector) Deliver(next wire.Deliver) wire.Deliver {
	return func(ctx context.Context, target string, m wire.Message) error {
		times, err := i.Delivery(ctx, Name(target))
		for range times {
			if err == nil {
				err = next(ctx, target, m)
			}
		}
		return err
	}
}

// Name is the last part of an ARN: the queue, the topic, the function.
func Name(target string) string {
	return target[strings.LastIndexAny(target, ":/")+1:]
}
