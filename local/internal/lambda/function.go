package lambda

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// The limits of payloads, in bytes.
const (
	maxPayload      = 6 << 20
	maxAsyncPayload = 1 << 20
)

var functionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Result is how an invocation ended.
type Result = runtimeapi.Response

// Invocation is one payload for a function.
type Invocation struct {
	ID            string // "": a new one
	Payload       []byte
	ClientContext string

	// For the journal of deliveries: where it is from, how many records it has,
	// and how many of them an answer reports as failed.
	Source   string
	Records  int
	Failures func(answer []byte) int
}

// Runner runs a function's invocations.
type Runner interface {
	// Run ends soon after its context, which has the function's deadline.
	Run(ctx context.Context, arn string, in Invocation) Result
	// Kill ends the processes there are, if any.
	Kill()
	// Close kills, and lets nothing run any more.
	Close()
}

// Config is what a function is told.
type Config struct {
	Timeout     time.Duration // of real time, since it is the handler's own deadline
	Concurrency int           // reserved; 0: as much as there is
	AsyncTries  int           // of an asynchronous invocation, 1 to 3
	OnFailure   string        // the ARN that asynchronous invocations go to when they have failed
	Environment map[string]string
}

func (c *Config) check(name string) error {
	switch {
	case !functionName.MatchString(name):
		return badParameter("a function's name is 1 to 64 letters, digits, hyphens and underscores, not %q", name)
	case c.Timeout <= 0 || c.Timeout > 15*time.Minute:
		return badParameter("the timeout of function %s is %v, but must be up to 15 minutes", name, c.Timeout)
	case c.Concurrency < 0 || c.AsyncTries < 1 || c.AsyncTries > 3:
		return badParameter("function %s: concurrency is at least 0, and an asynchronous invocation is tried 1 to 3 times", name)
	}
	return nil
}

func badParameter(format string, arguments ...any) error {
	return wire.Invalid("InvalidParameterValueException", format, arguments...)
}

// Function is a function that can be invoked.
type Function struct {
	service *Service
	name    string
	arn     string
	runner  Runner
	config  Config

	mu      sync.Mutex
	running map[*execution]struct{}
}

// execution is an invocation that runs. killed is closed to end it.
type execution struct {
	cancel context.CancelCauseFunc
	killed chan struct{}
	once   sync.Once
}

var (
	errKilled   = errors.New("the function was killed")
	errTimedOut = errors.New("the function timed out")
)

func (e *execution) kill() {
	e.once.Do(func() {
		close(e.killed)
		e.cancel(errKilled)
	})
}

func (e *execution) isKilled() bool {
	select {
	case <-e.killed:
		return true
	default:
		return false
	}
}

// Name is the function's name.
func (f *Function) Name() string { return f.name }

// ARN is the function's full name.
func (f *Function) ARN() string { return f.arn }

// Running is how many invocations run now.
func (f *Function) Running() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.running)
}

// Kill ends what the function is doing as the end of its process does: every
// invocation fails with Runtime.ExitError. A handler in this process cannot be
// stopped; its context ends, and its answer is ignored.
func (f *Function) Kill() {
	f.mu.Lock()
	for e := range f.running {
		e.kill()
	}
	f.mu.Unlock()
	f.runner.Kill()
}

// Invoke runs one invocation. Where the caller leaves before its end, it goes
// on. The error is that of the service: too large, throttled, closed.
func (f *Function) Invoke(ctx context.Context, in Invocation) (Result, error) {
	if len(in.Payload) > maxPayload {
		return Result{}, &wire.Error{Code: "RequestTooLargeException", Status: 413, Message: fmt.Sprintf(
			"Request must be smaller than %d bytes for the InvokeFunction operation", maxPayload)}
	}
	if in.ID == "" {
		in.ID = runtimeapi.NewRequestID()
	}
	times, err := f.service.options.Delivery(ctx, f.name)
	if err != nil {
		return Result{}, fmt.Errorf("delivery to %s: %w", f.name, err)
	}
	var result Result
	for range times {
		began := time.Now()
		result, err = f.invokeOnce(ctx, in)
		f.note(&in, began, result, err)
		if err != nil {
			break
		}
	}
	return result, err
}

func (f *Function) invokeOnce(ctx context.Context, in Invocation) (Result, error) {
	tasks := f.service.options.Tasks
	timed, stop := context.WithTimeoutCause(tasks.Context(), f.config.Timeout, errTimedOut)
	running, cancel := context.WithCancelCause(timed)
	e := &execution{cancel: cancel, killed: make(chan struct{})}
	if !f.enter(e) {
		cancel(nil)
		stop()
		return Result{}, &wire.Error{Code: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded."}
	}
	answered := make(chan Result, 1)
	tasks.Go(func(context.Context) {
		defer stop()
		defer cancel(nil)
		defer f.leave(e)
		answered <- f.runner.Run(running, f.arn, in)
	})
	deadline, _ := running.Deadline()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-e.killed:
		return exited(in.ID), nil
	case result := <-answered:
		if e.isKilled() { // the answer is to the end of its context
			return exited(in.ID), nil
		}
		return result, nil
	case <-timer.C:
		return f.expired(in.ID, answered), nil
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	case <-tasks.Context().Done():
		return Result{}, context.Cause(tasks.Context())
	}
}

func exited(id string) Result {
	return failed(id, "Runtime.ExitError", "RequestId: "+id+" Error: Runtime exited with error: signal: killed")
}

// expired is the outcome at the deadline, unless the answer was just in time.
func (f *Function) expired(id string, answered <-chan Result) Result {
	select {
	case result := <-answered:
		return result
	default:
		return failed(id, "Sandbox.Timedout",
			fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, f.config.Timeout.Seconds()))
	}
}

func (f *Function) enter(e *execution) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.config.Concurrency > 0 && len(f.running) >= f.config.Concurrency {
		return false
	}
	f.running[e] = struct{}{}
	return true
}

func (f *Function) leave(e *execution) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, e)
}
