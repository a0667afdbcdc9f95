// Package lambda is AWS Lambda on this machine: functions in process or in
// processes of their own, their invocations, and the event source mappings that
// poll queues and streams for them.
package lambda

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/sqs"
	"github.com/lambda-cqrs/cqrs/local/internal/task"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// Options are what the service needs.
type Options struct {
	wire.Owner
	Clock   clock.Clock
	Tasks   *task.Group
	Queues  *sqs.Server
	Streams Streams
	Deliver wire.Deliver // to destinations
	// Delivery is asked before each invocation how often to make it.
	Delivery func(ctx context.Context, function string) (times int, err error)
	// Environment is added to that of every function's process.
	Environment []string
}

// Service is Lambda. It is safe for parallel use.
type Service struct {
	options Options
	journal journal

	mu        sync.Mutex
	functions map[string]*Function
	mappings  map[string]*mapping
}

// New returns a service without functions.
func New(options Options) *Service {
	return &Service{options: options, journal: newJournal(), functions: make(map[string]*Function), mappings: make(map[string]*mapping)}
}

// Register adds a function, which must be the only one of its name.
func (s *Service) Register(name string, runner Runner, config Config) (*Function, error) {
	if err := config.check(name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.functions[name]; ok {
		return nil, &wire.Error{Code: "ResourceConflictException", Message: "Function already exist: " + name, Status: 409}
	}
	f := &Function{
		service: s,
		name:    name,
		arn:     s.options.ARN("lambda", "function:"+name),
		runner:  runner,
		config:  config,
		running: make(map[*execution]struct{}),
	}
	s.functions[name] = f
	return f, nil
}

// Find returns the function of a name, an ARN or a part of one.
func (s *Service) Find(address string) (*Function, error) {
	name := address
	if _, rest, ok := strings.Cut(address, "function:"); ok {
		name = rest
	}
	name, qualifier, _ := strings.Cut(name, ":")
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.functions[name]
	if !ok || qualifier != "" && qualifier != "$LATEST" {
		return nil, notFound("Function not found: %s", s.options.ARN("lambda", "function:"+name))
	}
	return f, nil
}

func notFound(format string, arguments ...any) error {
	failure := wire.Invalid("ResourceNotFoundException", format, arguments...)
	failure.Status = 404
	return failure
}

// Kill ends everything that the function is doing.
func (s *Service) Kill(function string) {
	if f, err := s.Find(function); err == nil {
		f.Kill()
	}
}

// remove forgets a function and ends its processes.
func (s *Service) remove(f *Function) {
	s.mu.Lock()
	delete(s.functions, f.name)
	s.mu.Unlock()
	f.runner.Close()
}

// Close ends the processes of all functions. The mappings end with the tasks.
func (s *Service) Close() {
	s.mu.Lock()
	functions := slices.Collect(maps.Values(s.functions))
	s.mu.Unlock()
	for _, f := range functions {
		f.runner.Close()
	}
}
