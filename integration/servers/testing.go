package servers

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// DynamoDB is one DynamoDB for all tests of a package, started by the first that
// needs it. The zero value is ready to use; TestMain closes it.
type DynamoDB struct {
	once   sync.Once
	server *Server
	err    error
}

// T is what DynamoDB needs of a test.
type T interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Get returns the server. Where it is not installed the test is left out, and
// fails in CI.
func (d *DynamoDB) Get(t T) *Server {
	t.Helper()
	d.once.Do(func() {
		d.server, d.err = StartDynamoDB()
		if errors.Is(d.err, ErrMissing) && os.Getenv("CI") == "" {
			fmt.Fprintln(os.Stderr, "tests left out, for lack of", d.err)
		}
	})
	switch {
	case d.err == nil:
	case errors.Is(d.err, ErrMissing) && os.Getenv("CI") == "":
		t.Skipf("left out, for lack of %v", d.err)
	default:
		t.Fatalf("%v", d.err)
	}
	return d.server
}

// Close stops the server where it was started.
func (d *DynamoDB) Close() {
	if d.server != nil {
		_ = d.server.Close()
	}
}
