package local

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"time"

	lambdago "github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs/local/internal/lambda"
)

// Function is a function of the local AWS.
type Function struct {
	aws  *AWS
	core *lambda.Function
}

// FunctionOption changes a function.
type FunctionOption func(*functionSettings)

type functionSettings struct {
	lambda.Config
	environ   []string
	onFailure string
}

// InvocationTimeout is the time that an invocation has. The default is 30 s. A
// process is killed then; a handler in this process sees its context end.
func InvocationTimeout(timeout time.Duration) FunctionOption {
	return func(s *functionSettings) { s.Timeout = timeout }
}

// ReservedConcurrency is how many invocations may run at once; a further one is
// throttled. The default is no limit.
func ReservedConcurrency(invocations int) FunctionOption {
	return func(s *functionSettings) { s.Concurrency = invocations }
}

// AsyncRetries is how often an asynchronous invocation that failed is tried again:
// after one minute, and after two more. The default is 2, which is the most.
func AsyncRetries(retries int) FunctionOption {
	return func(s *functionSettings) { s.AsyncTries = retries + 1 }
}

// OnAsyncFailure is the name of a queue, or the ARN of any destination, that the
// record of an asynchronous invocation goes to when its retries have failed.
func OnAsyncFailure(destination string) FunctionOption {
	return func(s *functionSettings) { s.onFailure = destination }
}

// Environment adds variables, as "NAME=value", to the environment of a function's
// process.
func Environment(variables ...string) FunctionOption {
	return func(s *functionSettings) { s.environ = append(s.environ, variables...) }
}

// Function makes a function that runs in this process. It panics where the name
// is not valid or taken, or an option is not.
func (a *AWS) Function(name string, h lambdago.Handler, opts ...FunctionOption) *Function {
	if h == nil {
		panic("local: function " + name + " has no handler")
	}
	return a.register(name, opts, func(*functionSettings) lambda.Runner { return lambda.InProcess(h) })
}

// Process makes a function that runs in processes of its own over the Runtime
// API, each with one invocation at a time. command starts one, which ends with
// its context: [Self] for the program that runs, started again as the function.
// The process finds the services by AWS_ENDPOINT_URL. Process panics as
// [AWS.Function] does.
func (a *AWS) Process(name string, command func(ctx context.Context) (*exec.Cmd, error), opts ...FunctionOption) *Function {
	if command == nil {
		panic("local: function " + name + " has no command")
	}
	return a.register(name, opts, func(s *functionSettings) lambda.Runner {
		return a.services.functions.Processes(name, command, s.Timeout, slices.Clone(s.environ), nil)
	})
}

func (a *AWS) register(name string, opts []FunctionOption, runner func(*functionSettings) lambda.Runner) *Function {
	s := functionSettings{Config: lambda.Config{Timeout: 30 * time.Second, AsyncTries: 3}}
	for _, opt := range opts {
		opt(&s)
	}
	if s.onFailure != "" {
		destination, err := a.destination(s.onFailure)
		if err != nil {
			panic("local: function " + name + ": " + err.Error())
		}
		s.OnFailure = destination
	}
	s.Environment = map[string]string{}
	for _, variable := range s.environ {
		name, value, _ := strings.Cut(variable, "=")
		s.Environment[name] = value
	}
	core, err := a.services.functions.Register(name, runner(&s), s.Config)
	if err != nil {
		panic("local: " + err.Error())
	}
	return &Function{a, core}
}

// Name is the function's name.
func (f *Function) Name() string { return f.core.Name() }

// ARN is the function's full name.
func (f *Function) ARN() string { return f.core.ARN() }

// Invoke runs one invocation and waits for its answer. The error is a
// [*FunctionError] where the function reported one, timed out or ended.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	result, err := f.core.Invoke(ctx, lambda.Invocation{Payload: payload, Source: "Invoke"})
	if err != nil {
		return nil, err
	}
	if result.Error != nil {
		return nil, result.Error
	}
	return result.Payload, nil
}

// Running is how many invocations run now: a test that advances the clock leaves
// them the time to end.
func (f *Function) Running() int { return f.core.Running() }

// Kill ends what the function is doing, as a crash does: its invocations fail
// with Runtime.ExitError. A handler in this process cannot be stopped; its context
// ends, and what it answers is ignored.
func (f *Function) Kill() { f.core.Kill() }
