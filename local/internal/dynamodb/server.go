package dynamodb

import (
	"errors"
	"sync"
	"time"
)

// Options are what a server may be given. The zero value is good.
type Options struct {
	Region  string // us-east-1 where it is empty
	Account string // 000000000000 where it is empty

	// Now is the time of day, by default time.Now.
	Now func() time.Time
	// At calls f once, at t or, where that has passed, at once; f does not block
	// for long. Stop prevents the call where it is not too late. The default is
	// time.AfterFunc, for as long as t is away by Now.
	At func(t time.Time, f func()) (stop func())

	// Shuffle, where it is set, returns a random number of [0, n). The records of
	// a stream that nobody has read yet are then in any order that keeps those of
	// each item in theirs, which is all that AWS promises. By default they are in
	// the order of the writes.
	Shuffle func(n int) int
	// Linger is how long an expired item stays. AWS promises a few days at most.
	Linger time.Duration
	// Hold, where it is set, is called while a transaction holds its items, before
	// it commits. Whatever else writes to them meanwhile, or reads them in a
	// transaction, gets a conflict. By default a transaction takes no time.
	Hold func()
}

// Server is DynamoDB and its streams: an http.Handler, and Go calls for event
// source mappings. It is safe for parallel use. The caller closes it.
type Server struct {
	options    Options
	operations map[string]operation
	closing    chan struct{}

	mu       sync.Mutex
	closed   bool
	tables   map[string]*table  // by name
	streams  map[string]*stream // by ARN, those of deleted tables too
	tokens   map[string]*requestToken
	expiring []string  // the tokens that are done, the oldest first
	armed    time.Time // when the timer fires, zero where there is none
	disarm   func()
}

// ErrClosed is the error of whoever waits for records when the server is closed.
var ErrClosed = errors.New("dynamodb: the server is closed")

// New returns a server without tables.
func New(options Options) *Server {
	if options.Region == "" {
		options.Region = "us-east-1"
	}
	if options.Account == "" {
		options.Account = "000000000000"
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.At == nil {
		now := options.Now
		options.At = func(t time.Time, f func()) func() {
			timer := time.AfterFunc(t.Sub(now()), f)
			return func() { timer.Stop() }
		}
	}
	return &Server{
		options:    options,
		operations: operations(),
		closing:    make(chan struct{}),
		tables:     map[string]*table{},
		streams:    map[string]*stream{},
		tokens:     map[string]*requestToken{},
	}
}

// Close ends the timer of expiring items and every wait for records. Closing
// twice is harmless.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	close(s.closing)
	s.arm()
}

func (s *Server) arn(resource string) string {
	return "arn:aws:dynamodb:" + s.options.Region + ":" + s.options.Account + ":table/" + resource
}
