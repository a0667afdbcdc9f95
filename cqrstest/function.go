package cqrstest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// functionVariable names the function that a process of the test binary is.
const functionVariable = "CQRSTEST_FUNCTION"

// Functions says what the functions are that tests start by [StartFunction], each
// as its main would be. It is the first line of TestMain: the test binary is
// started once more for a function, and then Functions runs it and does not
// return.
//
//	func TestMain(m *testing.M) {
//		cqrstest.Functions(map[string]func(){"orders": func() { cqrs.Start(newConfig()) }})
//		os.Exit(m.Run())
//	}
func Functions(mains map[string]func()) {
	name, ok := os.LookupEnv(functionVariable)
	if !ok {
		return
	}
	run, known := mains[name]
	if !known {
		panic("cqrstest: there is no function " + name + " among those of Functions")
	}
	run()
	os.Exit(0) //nolint:forbidigo // this process is the function, and has ended
}

// Function is a function in a process of its own, in which the real event loop
// of aws-lambda-go polls a Runtime API on loopback: answers, error types, exit
// status, buffers and signals are those of production.
type Function struct {
	name    string
	env     []string
	api     *runtimeapi.Server
	process *runtimeapi.Process
}

// FunctionOption changes a function.
type FunctionOption func(*functionOptions)

type functionOptions struct {
	api []runtimeapi.Option
	env []string
}

// MaxConcurrency is the number of invocations that the process takes at once, as
// on Lambda Managed Instances; the default is 1.
func MaxConcurrency(invocations int) FunctionOption {
	return func(o *functionOptions) { o.api = append(o.api, runtimeapi.MaxConcurrency(invocations)) }
}

// FunctionTimeout is the time for an invocation; the default is 30 s. A process
// that exceeds it is killed.
func FunctionTimeout(d time.Duration) FunctionOption {
	return func(o *functionOptions) { o.api = append(o.api, runtimeapi.FunctionTimeout(d)) }
}

// Env sets a variable of the function's environment.
func Env(name, value string) FunctionOption {
	return func(o *functionOptions) { o.env = append(o.env, name+"="+value) }
}

// StartFunction starts one of the [Functions]. Its process ends with the test,
// which shows the end of its standard error where it fails.
func StartFunction(t *testing.T, name string, opts ...FunctionOption) *Function {
	t.Helper()
	var o functionOptions
	for _, opt := range opts {
		opt(&o)
	}
	api, err := runtimeapi.New(name, o.api...)
	if err != nil {
		t.Fatalf("cqrstest: start the function %s: %v", name, err)
	}
	f := &Function{name: name, env: o.env, api: api}
	t.Cleanup(func() {
		if err := api.Close(); err != nil {
			t.Errorf("cqrstest: end the function %s: %v", name, err)
		}
		if t.Failed() {
			t.Logf("cqrstest: function %s wrote:\n%s", name, f.Stderr())
		}
	})
	f.Restart(t)
	return f
}

// Restart starts the function's process again, after it has ended.
func (f *Function) Restart(t *testing.T) {
	t.Helper()
	command, err := runtimeapi.Self(t.Context())
	if err != nil {
		t.Fatalf("cqrstest: start the function %s: %v", f.name, err)
	}
	command.Env = append(command.Environ(), functionVariable+"="+f.name)
	if _, set := os.LookupEnv("GORACE"); !set {
		command.Env = append(command.Env, "GORACE=atexit_sleep_ms=0") // else an exit takes a second
	}
	command.Env = append(command.Env, f.env...)
	if f.process, err = f.api.Start(command); err != nil {
		t.Fatalf("cqrstest: start the function %s: %v", f.name, err)
	}
}

// Invoke makes an invocation and reads the answer as AWS does. An answer that
// the function could not give is AWS's own, such as Runtime.ExitError or
// Function.ResponseSizeTooLarge. It may be called in parallel.
func (f *Function) Invoke(t TB, p Payload) Answer {
	t.Helper()
	response, err := f.api.Invoke(t.Context(), p.JSON())
	switch {
	case err != nil:
		t.Errorf("cqrstest: invoke the function %s: %v", f.name, err)
		return newAnswer(p, nil, err)
	case response.Error != nil:
		answer := newAnswer(p, nil, &FunctionError{
			Type: response.Error.Type, Message: response.Error.Message, Document: slices.Clone(response.Payload),
		})
		answer.ErrorType = response.Error.Type
		return answer
	default:
		return newAnswer(p, response.Payload, nil)
	}
}

// FunctionError is the failure of an invocation, as AWS reports it.
type FunctionError struct {
	Type     string
	Message  string
	Document []byte // the JSON that the caller of the function gets
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Stderr is the last 64 KiB that the process wrote to its standard error.
func (f *Function) Stderr() string { return f.process.Stderr() }

// Wait returns the exit status of the process, such as "exit status 1", once it
// has ended by itself.
func (f *Function) Wait(t TB) string {
	t.Helper()
	state, err := f.process.Wait(t.Context())
	if err != nil {
		t.Fatalf("cqrstest: function %s has not ended: %v", f.name, err)
	}
	return state.String()
}

// Terminate ends the process as AWS ends an execution environment, and returns
// its exit status: by SIGTERM and, 500 ms later, SIGKILL where an extension is
// registered, as lambda.WithEnableSIGTERM does, else by SIGKILL.
func (f *Function) Terminate() string { return strings.TrimSpace(f.process.Terminate().String()) }
