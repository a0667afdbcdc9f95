package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// ErrClosed is the error of an invocation that was waiting, or came, when the
// Runtime API was closed.
var ErrClosed = errors.New("runtime API: the Runtime API is closed")

const (
	defaultTimeout  = 30 * time.Second
	defaultGrace    = 500 * time.Millisecond // AWS's
	functionVersion = "$LATEST"
	functionHandler = "bootstrap"
	functionMemory  = 128
	region          = "us-east-1"
	account         = "000000000000"
)

// Server is the Lambda Runtime API of one execution environment, on a
// loopback port of its own. One function process polls it, with as many
// pollers as it likes; [Server.Invoke] may be called in parallel. Where no
// poller is free, invocations wait in no particular order.
//
// The process is started by [Server.Start], or by anybody else with the
// variables of [Server.Environment].
type Server struct {
	name        string
	timeout     time.Duration
	concurrency int
	grace       time.Duration // between SIGTERM and SIGKILL

	listener net.Listener
	server   *http.Server
	served   chan struct{} // closed once the server accepts no more
	closing  chan struct{} // closed, under mu, by Close when the process has ended
	queue    chan *invocation
	handlers sync.WaitGroup

	mu       sync.Mutex
	closed   bool                   // Close was called; nothing is started any more
	inFlight map[string]*invocation // delivered and not settled, by request id
	sandbox  *sandbox
}

// Option changes what [New] makes.
type Option func(*Server)

// FunctionTimeout is the time that the function has for an invocation whose
// context has no deadline. The default is 30 s.
func FunctionTimeout(timeout time.Duration) Option {
	return func(r *Server) { r.timeout = timeout }
}

// MaxConcurrency is how many invocations the function's process is told to take
// at once, as on Lambda Managed Instances. The default is 1. It is not a limit:
// whoever polls is served.
func MaxConcurrency(invocations int) Option {
	return func(r *Server) { r.concurrency = invocations }
}

// New listens on a free loopback port. The caller closes the
// Server, whose goroutines run until then.
func New(functionName string, opts ...Option) (*Server, error) {
	r := &Server{
		name:        functionName,
		timeout:     defaultTimeout,
		concurrency: 1,
		grace:       defaultGrace,
		served:      make(chan struct{}),
		closing:     make(chan struct{}),
		queue:       make(chan *invocation),
		inFlight:    make(map[string]*invocation),
		sandbox:     newSandbox(nil),
	}
	for _, opt := range opts {
		opt(r)
	}
	switch {
	case r.name == "":
		return nil, errors.New("runtime API: a function needs a name")
	case r.timeout <= 0:
		return nil, fmt.Errorf("runtime API: the function timeout is %v, but must be positive", r.timeout)
	case r.concurrency < 1:
		return nil, fmt.Errorf("runtime API: the maximum concurrency is %d, but must be at least 1", r.concurrency)
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API: no loopback port for the Runtime API: %w", err)
	}
	r.listener = listener
	r.server = &http.Server{
		Handler:           r.routes(),
		ReadHeaderTimeout: time.Minute,
		MaxHeaderBytes:    2 << 20, // aws-lambda-go sends up to 1 MiB of X-Ray cause in one header
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, sandboxKey{}, r.currentSandbox())
		},
	}
	go func() {
		defer close(r.served)
		_ = r.server.Serve(listener)
	}()
	return r, nil
}

// Address is the host and port for AWS_LAMBDA_RUNTIME_API.
func (r *Server) Address() string {
	return r.listener.Addr().String()
}

// FunctionARN is the function's name as AWS writes it in full.
func (r *Server) FunctionARN() string {
	return "arn:aws:lambda:" + region + ":" + account + ":function:" + r.name
}

// Environment lists the variables, as "NAME=value", that AWS sets for a
// function's process and that make the process poll this Runtime API.
// AWS_LAMBDA_MAX_CONCURRENCY is among them only above 1.
func (r *Server) Environment() []string {
	variables := []string{
		"AWS_LAMBDA_RUNTIME_API=" + r.Address(),
		"AWS_LAMBDA_FUNCTION_NAME=" + r.name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + functionVersion,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(functionMemory),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + r.name,
		"AWS_LAMBDA_LOG_STREAM_NAME=local",
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"_HANDLER=" + functionHandler,
		"TZ=:UTC",
	}
	if r.concurrency > 1 {
		variables = append(variables, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(r.concurrency))
	}
	return variables
}

// Close terminates the process that was started, as [Process.Terminate] does,
// ends every other invocation that waits with [ErrClosed], disconnects all
// pollers and frees the port. When it returns, nothing of the Server is left
// running. Closing twice is harmless.
func (r *Server) Close() error {
	r.mu.Lock()
	again, process := r.closed, r.sandbox.process
	r.closed = true
	r.mu.Unlock()
	if again {
		return nil
	}
	if process != nil {
		process.Terminate()
	}
	r.mu.Lock()
	for _, inv := range r.inFlight {
		inv.timer.Stop()
	}
	close(r.closing)
	r.mu.Unlock()

	err := r.server.Close()
	r.handlers.Wait()
	<-r.served
	if err != nil {
		return fmt.Errorf("runtime API: closing the Runtime API: %w", err)
	}
	return nil
}

func (r *Server) isClosing() bool {
	select {
	case <-r.closing:
		return true
	default:
		return false
	}
}

// enter counts a request in, for Close to wait for, until there is no more to
// serve.
func (r *Server) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosing() {
		return false
	}
	r.handlers.Add(1)
	return true
}
