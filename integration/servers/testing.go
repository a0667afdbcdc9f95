package servers

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Shared is one server for all tests of a package, started by the first that needs
// it; TestMain closes it.
type Shared[S interface{ Close() error }] struct {
	start  func() (S, error)
	once   sync.Once
	server S
	err    error
}

// SharedDynamoDB is a DynamoDB for all tests of a package.
func SharedDynamoDB() *Shared[*Server] { return &Shared[*Server]{start: StartDynamoDB} }

// SharedPostgreSQL is a PostgreSQL for all tests of a package.
func SharedPostgreSQL() *Shared[*PostgreSQL] { return &Shared[*PostgreSQL]{start: StartPostgreSQL} }

// T is what Shared needs of a test.
type T interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Get returns the server. Where it is not installed the test is left out, and
// fails in CI.
func (s *Shared[S]) Get(t T) S {
	t.Helper()
	s.once.Do(func() {
		s.server, s.err = s.start()
		if s.mayBeMissing() {
			fmt.Fprintln(os.Stderr, "tests left out, for lack of", s.err)
		}
	})
	switch {
	case s.err == nil:
	case s.mayBeMissing():
		t.Skipf("left out, for lack of %v", s.err)
	default:
		t.Fatalf("%v", s.err)
	}
	return s.server
}

func (s *Shared[S]) mayBeMissing() bool { return errors.Is(s.err, ErrMissing) && os.Getenv("CI") == "" }

// Close stops the server where it was started.
func (s *Shared[S]) Close() {
	s.once.Do(func() { s.err = ErrMissing })
	if s.err == nil {
		_ = s.server.Close()
	}
}
