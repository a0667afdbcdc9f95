package cqrstest

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Scenario is what the crash explorer runs again and again: some durable state,
// a function that starts from it, and what AWS delivers to the function.
//
// S is the durable state: stores, queues, ledgers, whatever outlives a process.
// The function may touch it through the ports of its [Process] alone; what it
// does otherwise, a crash does not undo.
type Scenario[S any] struct {
	// State makes the state before anything has happened. It is called for every
	// run and must make the same each time.
	State func() S
	// Start is the start of one process of the function: it wires everything
	// anew, with every effect on the state going through p.
	Start func(p *Process, state S) (lambda.Handler, error)
	// Payloads are delivered one after the other, each of them until nothing is
	// left to redeliver.
	Payloads []Payload
	// Work takes the place of Start and Payloads where there is no function: it is
	// called until it returns nil.
	Work func(ctx context.Context, p *Process, state S) error
	// End is what counts of the state once all is quiet. Every run must end with
	// the same as the one without a crash, compared by reflect.DeepEqual.
	End func(state S) any

	Timeout     time.Duration // of an invocation; default 30 s
	Visibility  time.Duration // until a redelivery; default 6 × Timeout
	MaxReceives int           // of an SQS message, before it is gone; 0: no limit
	Deliveries  int           // of a payload, after which it counts as stuck; default 20
	Pairs       int           // at most so many effects, and pairs of crashes are tried; default 12, -1: none
	Workers     int           // that get the payloads at once, interleaved; default 2, 1: none
	// RealTime runs outside of a synctest bubble, for state behind a network. There
	// are no interleavings then, and Visibility defaults to 0.
	RealTime bool
	// Replay is a schedule that was printed: it alone is run. The variable
	// CQRSTEST_REPLAY does the same.
	Replay string
}

// Explore finds out what a crash can do to a scenario. It runs it once to learn
// its external effects, and then
//
//   - with a crash before and after each of them,
//   - with each pair of crashes, where the effects are few,
//   - with two workers that have the same messages at once, interleaved at the
//     effects in orders that rapid draws, with workers that stand still for longer
//     than a lease, and with crashes; the flags of rapid apply.
//
// After a crash nothing of that process reaches the outside any more, deferred
// calls included; a new process starts from the state alone, and AWS delivers
// again what was not answered, until all is quiet. The test fails where the
// end is not that of the clean run, and prints the schedule with the way to
// replay it. Time is virtual: see testing/synctest.
func Explore[S any](t *testing.T, s Scenario[S]) {
	t.Helper()
	report, err := explore(t, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
}

const replayVariable = "CQRSTEST_REPLAY"

func (s *Scenario[S]) prepare() error {
	switch {
	case s.State == nil || s.End == nil:
		return errors.New("cqrstest: a Scenario needs State and End")
	case (s.Start == nil) == (s.Work == nil):
		return errors.New("cqrstest: a Scenario needs either Start, with Payloads, or Work")
	case s.Start != nil && len(s.Payloads) == 0:
		return errors.New("cqrstest: a Scenario with Start needs Payloads")
	}
	if s.Work != nil {
		s.Payloads = []Payload{Raw([]byte("{}"))}
		s.Start = func(p *Process, state S) (lambda.Handler, error) {
			return work(func(ctx context.Context) error { return s.Work(ctx, p, state) }), nil
		}
	}
	setDefault(&s.Timeout, defaultTimeout)
	if !s.RealTime {
		setDefault(&s.Visibility, 6*s.Timeout)
	}
	setDefault(&s.Deliveries, 20)
	setDefault(&s.Pairs, 12)
	setDefault(&s.Workers, 2)
	if s.RealTime {
		s.Workers = 1
	}
	if s.Workers < 1 || s.Workers > 9 {
		return errors.New("cqrstest: a Scenario takes 1 to 9 Workers")
	}
	if replay := os.Getenv(replayVariable); replay != "" {
		s.Replay = replay
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// work is a lambda.Handler.
type work func(ctx context.Context) error

// Invoke implements lambda.Handler.
func (w work) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	if err := w(ctx); err != nil {
		return nil, err
	}
	return []byte("null"), nil
}
