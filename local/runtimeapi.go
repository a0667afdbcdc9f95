package local

import (
	"context"
	"os/exec"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// RuntimeAPI is the Lambda Runtime API of one execution environment, on a
// loopback port of its own, with the process that polls it.
type RuntimeAPI = runtimeapi.Server

// Process is a function's process.
type Process = runtimeapi.Process

// Response is what a function answered.
type Response = runtimeapi.Response

// FunctionError is what a function reported instead of an answer.
type FunctionError = runtimeapi.FunctionError

// ErrClosed is the error of an invocation that was waiting, or came, when the
// Runtime API was closed.
var ErrClosed = runtimeapi.ErrClosed

// RuntimeOption changes what [NewRuntimeAPI] makes.
type RuntimeOption = runtimeapi.Option

// NewRuntimeAPI listens on a free loopback port. The caller closes the
// RuntimeAPI, whose goroutines run until then.
func NewRuntimeAPI(functionName string, opts ...RuntimeOption) (*RuntimeAPI, error) {
	return runtimeapi.New(functionName, opts...)
}

// FunctionTimeout is the time that the function has for an invocation whose
// context has no deadline. The default is 30 s.
func FunctionTimeout(timeout time.Duration) RuntimeOption { return runtimeapi.FunctionTimeout(timeout) }

// MaxConcurrency is how many invocations the function's process is told to take
// at once, as on Lambda Managed Instances. The default is 1.
func MaxConcurrency(invocations int) RuntimeOption { return runtimeapi.MaxConcurrency(invocations) }

// Self is the command that starts the running program once more, as the
// function. It is killed when ctx ends.
func Self(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	return runtimeapi.Self(ctx, arguments...)
}
