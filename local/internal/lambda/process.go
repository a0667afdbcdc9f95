package lambda

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// Command starts a function's process. The process ends with ctx.
type Command func(ctx context.Context) (*exec.Cmd, error)

// processes runs a function in processes over the Runtime API: one invocation a
// process at a time, and a process for each that runs.
type processes struct {
	name        string
	command     Command
	timeout     time.Duration
	environment []string
	done        func() // clean-up, once closed

	mu     sync.Mutex
	closed bool
	idle   []*environment
	all    map[*environment]struct{}
}

// environment is one process with its Runtime API.
type environment struct {
	api    *runtimeapi.Server
	cancel context.CancelFunc
}

func (e *environment) close() {
	e.cancel()
	_ = e.api.Close() // a port that is already free
}

var errClosed = errors.New("the function is deleted")

// Processes runs the function's invocations in processes that command starts.
func (s *Service) Processes(name string, command Command, timeout time.Duration, environ []string, done func()) Runner {
	return &processes{
		name:        name,
		command:     command,
		timeout:     timeout,
		environment: append(environ, s.options.Environment...),
		done:        done,
		all:         make(map[*environment]struct{}),
	}
}

// Run takes a process that is idle, or starts one.
func (p *processes) Run(ctx context.Context, _ string, in Invocation) Result {
	e, err := p.take()
	if err != nil {
		return failed(in.ID, "Runtime.InvalidEntrypoint", err.Error())
	}
	result, err := e.api.Invoke(ctx, in.Payload, runtimeapi.ClientContext(in.ClientContext))
	if err != nil {
		result = failed(in.ID, "Runtime.ExitError", err.Error())
	}
	if result.Error != nil && (result.Error.Type == "Runtime.ExitError" || result.Error.Type == "Sandbox.Timedout") {
		p.discard(e)
	} else {
		p.give(e)
	}
	return result
}

// take returns an environment that nobody else uses, starting one if need be.
func (p *processes) take() (*environment, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if last := len(p.idle) - 1; last >= 0 {
		e := p.idle[last]
		p.idle = p.idle[:last]
		return e, nil
	}
	api, err := runtimeapi.New(p.name, runtimeapi.FunctionTimeout(p.timeout))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &environment{api, cancel}
	command, err := p.command(ctx)
	if err == nil {
		command.Env = append(command.Environ(), p.environment...)
		_, err = api.Start(command)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	p.all[e] = struct{}{}
	return e, nil
}

func (p *processes) give(e *environment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.all[e]; ok {
		p.idle = append(p.idle, e)
	}
}

func (p *processes) discard(e *environment) {
	p.mu.Lock()
	delete(p.all, e)
	p.mu.Unlock()
	e.close()
}

// Kill ends all processes; the next invocation starts another.
func (p *processes) Kill() {
	p.mu.Lock()
	all := p.all
	p.all, p.idle = make(map[*environment]struct{}), nil
	p.mu.Unlock()
	for e := range all {
		e.close()
	}
}

// Close ends all processes and cleans up.
func (p *processes) Close() {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	p.Kill()
	if !again && p.done != nil {
		p.done()
	}
}
