// Package day plays a day of the shop on an AWS in this process, for people to
// watch and for tests to hold it to its promises: at the end every read model, every
// reservation, payment and mail is compared with the commands.
package day

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lambda-cqrs/cqrs/local"
)

// Options say how the day is played.
type Options struct {
	Template []byte // template.yaml: what is around the function
	Fast     bool   // do not wait for people to follow
	Keep     bool   // leave the shop running until the context ends
	Database string // a postgres:// URL; a SQLite file where empty

	// Local are the options of the AWS, besides its clock.
	Local []local.Option
	// Faults puts faults in force before the first act. What it returns says how
	// many of them have killed the function so far.
	Faults func(a *local.AWS, function string) (kills func() int)
}

// ErrPromiseBroken is the error of a day after which something is lost, or was
// applied twice. The table says what.
var ErrPromiseBroken = errors.New("something was lost or applied twice")

// Play plays the day and shows it on out. The state is that of the evening, nil where
// the day did not end.
func Play(ctx context.Context, out io.Writer, options Options) (*State, error) {
	w, err := open(ctx, out, options)
	if err != nil {
		return nil, err
	}
	defer w.close()
	for _, act := range script() {
		if err := w.play(ctx, act); err != nil {
			w.spared = true
			return nil, fmt.Errorf("%s %s: %w (the function's log is %s)", act.at, act.title, err, w.logPath())
		}
	}
	w.board.finish()
	state, findings := w.evening(ctx)
	w.report(findings)
	for _, f := range findings {
		if f.problem != "" {
			w.spared, err = true, fmt.Errorf("%w (the function's log is %s)", ErrPromiseBroken, w.logPath())
		}
	}
	if options.Keep {
		w.keep(ctx)
	}
	return state, err
}

// play brings the clock to the act's hour, and then the act to its end.
func (w *world) play(ctx context.Context, a act) error {
	if err := w.until(ctx, a.time(), w.options.Fast); err != nil {
		return err
	}
	w.board.act(w.clock.Now(), a.title)
	err := a.run(ctx, w)
	w.board.end()
	return err
}

// keep lets the clock go on as clocks do.
func (w *world) keep(ctx context.Context) {
	_, _ = fmt.Fprintf(w.board.out, "\nThe shop is open: %s\nIts log: %s\nInterrupt to close it.\n", w.aws.ConsoleURL(), w.logPath())
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.clock.Advance(100 * time.Millisecond)
		}
	}
}
