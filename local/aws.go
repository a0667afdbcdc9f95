package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lambda-cqrs/cqrs/internal/loopback"
	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/fault"
	"github.com/lambda-cqrs/cqrs/local/internal/task"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// AWS is the services in one process, behind one loopback port. Everything is
// kept in memory and gone with Close. Its methods are safe for parallel use.
type AWS struct {
	owner    wire.Owner
	clock    clock.Clock
	listener net.Listener
	server   *http.Server
	served   chan struct{} // closed once the server accepts no more
	client   *http.Client
	tasks    *task.Group
	faults   *fault.Injector
	services services
}

// errStopped is why the tasks of an AWS end.
var errStopped = errors.New("local: the AWS is closed")

type settings struct {
	address string
	clock   clock.Clock
	owner   wire.Owner
	shuffle func(n int) int
}

// Option changes what [Start] starts.
type Option func(*settings)

// Address is where to listen. The default is a free port of 127.0.0.1.
func Address(address string) Option { return func(s *settings) { s.address = address } }

// Region is that of all resources. The default is us-east-1.
func Region(region string) Option { return func(s *settings) { s.owner.Region = region } }

// Clock is a time of day that stands still until a test advances it.
type Clock = clock.Manual

// NewClock returns a clock that stands at now.
func NewClock(now time.Time) *Clock { return clock.NewManual(now) }

// UseClock has visibility timeouts, delays, retries, waits, schedules and expiry
// follow c. The default is the machine's clock, which the timeout of a function
// follows in any case: it is the deadline of the handler's context.
func UseClock(c *Clock) Option { return func(s *settings) { s.clock = c } }

// Start starts an AWS within milliseconds. It runs until Close: ctx is for the
// start, so that what a test cleans up after its own context still finds it.
func Start(ctx context.Context, opts ...Option) (*AWS, error) {
	chosen := settings{
		address: "127.0.0.1:0",
		clock:   clock.Real{},
		owner:   wire.Owner{Region: "us-east-1", Account: "000000000000"},
	}
	for _, opt := range opts {
		opt(&chosen)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", chosen.address)
	if err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	a := &AWS{
		owner:    chosen.owner,
		clock:    chosen.clock,
		listener: listener,
		served:   make(chan struct{}),
		client:   loopback.NewClient(),
		tasks:    task.NewGroup(ctx),
	}
	a.faults = fault.New(a.clock, func(function string) { a.services.functions.Kill(function) })
	a.startServices(&chosen)
	a.server = &http.Server{
		Handler:           http.HandlerFunc(a.serve),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		BaseContext:       func(net.Listener) context.Context { return a.tasks.Context() },
	}
	go func() {
		defer close(a.served)
		_ = a.server.Serve(listener)
	}()
	return a, nil
}

// Endpoint is the URL of all services.
func (a *AWS) Endpoint() string { return "http://" + a.listener.Addr().String() }

// Config is the configuration for a client of any service. Its HTTP client is
// free of a race that the SDK has with near servers, and its credentials are
// static. Nothing is read from the environment.
//
// S3 clients need path-style addresses: s3.Options.UsePathStyle.
func (a *AWS) Config() aws.Config {
	return aws.Config{
		Region:       a.owner.Region,
		BaseEndpoint: aws.String(a.Endpoint()),
		HTTPClient:   a.client,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey, Source: "local"}, nil
		}),
	}
}

// Close ends everything that runs: calls, polls, executions and the processes of
// functions. It waits for the handlers of functions in this process, whose
// contexts end. Closing twice is harmless.
func (a *AWS) Close() error {
	err := a.server.Close()
	a.tasks.Close(errStopped)
	a.services.functions.Close()
	a.services.tables.Close()
	<-a.served
	a.client.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("local: closing: %w", err)
	}
	return nil
}
