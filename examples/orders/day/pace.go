package day

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambda-cqrs/cqrs/local"
)

const (
	functionTimeout = 5 * time.Second         // of real time, and so the longest lease of a run
	look            = 20 * time.Millisecond   // between two looks at what has happened
	patience        = time.Minute             // until it must have happened
	walk            = 1300 * time.Millisecond // from act to act, where people watch
)

// pace moves the clock of the day. What waits for time to pass (redeliveries,
// retries, schedules) goes by it; what runs goes by the machine's. So the clock
// stands still while the function runs, and after a crash until the leases of the
// runs that it ended are over: on AWS the times have the same order by themselves.
type pace struct {
	clock    *local.Clock
	function *local.Function
	kills    func() int // how often the function was killed so far; nil: never

	killed  int
	resumes time.Time
}

// step lets d pass, if time may pass now.
func (p *pace) step(d time.Duration) {
	if p.kills != nil && p.kills() != p.killed {
		p.died(p.kills())
	}
	if p.function.Running() > 0 || time.Now().Before(p.resumes) {
		return
	}
	p.clock.Advance(d)
}

// died notes that the function was killed.
func (p *pace) died(kills int) {
	p.killed, p.resumes = kills, time.Now().Add(functionTimeout)
}

// until lets the clock go on to a time of the day.
func (p *pace) until(ctx context.Context, at time.Time, fast bool) error {
	const steps = 60
	stride, pause := at.Sub(p.clock.Now())/steps, walk/steps
	if fast {
		pause = time.Millisecond
	}
	for p.clock.Now().Before(at) {
		p.step(min(max(stride, time.Second), at.Sub(p.clock.Now())))
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// settle lets the clock go on until something has happened.
func (p *pace) settle(ctx context.Context, what string, happened func(ctx context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it did not happen"))
	defer cancel()
	for {
		done, err := happened(ctx)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if done {
			return nil
		}
		p.step(5 * time.Second)
		if err := sleep(ctx, look); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
