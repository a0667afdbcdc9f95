package redrive

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Redriver delivers failures again.
type Redriver struct {
	store  Store
	sender Sender
}

// New returns a redriver. It panics where the store or the sender is nil.
func New(store Store, sender Sender) *Redriver {
	if store == nil || sender == nil {
		panic("redrive: New needs a store and a sender, not nil")
	}
	return &Redriver{store: store, sender: sender}
}

// Replay says what is to be delivered again, by whom and how.
type Replay struct {
	Filter // which failures; its Status is not looked at

	By     string        // who wants it; required, it goes into the audit
	Note   string        // why
	DryRun bool          // report what would be sent, and change nothing
	Limit  int           // at most so many; 0: no limit
	Pace   time.Duration // between two of them; 0: none
	// Uncertain is for failures whose replay was interrupted, so that it is not known
	// whether they were sent, and for no others.
	Uncertain bool
}

// Result is what was done with one failure.
type Result struct {
	ID, Type, ErrorName string

	Sent bool  // in a dry run: would be sent
	Err  error // ErrChanged: somebody else was faster
}

// Report is what a replay or a discard has done, in the order of the list.
type Report struct {
	DryRun  bool
	Results []Result
}

// Done counts the results without an error.
func (r Report) Done() int {
	n := 0
	for _, result := range r.Results {
		if result.Err == nil {
			n++
		}
	}
	return n
}

// Err joins what went wrong with single failures.
func (r Report) Err() error {
	var all []error
	for _, result := range r.Results {
		if result.Err != nil {
			all = append(all, fmt.Errorf("failure %s: %w", result.ID, result.Err))
		}
	}
	return errors.Join(all...)
}

// Replay sends the selected failures, one after the other, and goes on where one
// cannot be sent: that one is Open again. The error is that of the list or of ctx;
// what went wrong with single failures is in the report. Where ctx ends in the
// middle of a send, nobody knows whether it was sent: the failure stays in
// Replaying.
func (r *Redriver) Replay(ctx context.Context, p Replay) (Report, error) {
	if p.By == "" {
		return Report{}, errors.New("redrive: Replay.By is missing: the audit needs to know who wants it")
	}
	p.Status = Open
	if p.Uncertain {
		p.Status = Replaying
	}
	report := Report{DryRun: p.DryRun}
	for f, err := range r.store.List(ctx, p.Filter) {
		if err != nil {
			return report, err
		}
		if p.Limit > 0 && len(report.Results) >= p.Limit {
			return report, nil
		}
		if len(report.Results) > 0 && !p.DryRun && !pause(ctx, p.Pace) {
			return report, context.Cause(ctx)
		}
		result := Result{ID: f.ID, Type: f.Type(), ErrorName: f.ErrorName, Sent: p.DryRun}
		if !p.DryRun {
			result.Sent, result.Err = r.replay(ctx, &f, p)
		}
		report.Results = append(report.Results, result)
		if ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
	}
	return report, nil
}

// replay claims the failure, sends it and says so.
func (r *Redriver) replay(ctx context.Context, f *Failure, p Replay) (sent bool, err error) {
	c := Change{ID: f.ID, From: f.Status, To: Replaying, Replays: f.Replays, At: time.Now(), By: p.By, Note: p.Note}
	if err := r.store.Change(ctx, c); err != nil {
		return false, err
	}
	err = r.sender.Send(ctx, f.DeadLetter)
	if err != nil && ctx.Err() != nil {
		return false, err
	}
	c = Change{ID: f.ID, From: Replaying, To: Replayed, Replays: f.Replays + 1, At: time.Now(), By: p.By}
	if err != nil {
		c.To, c.Note = Open, err.Error()
	}
	// The send is done, so the account of it must not end with ctx.
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if lost := r.store.Change(short, c); lost != nil && !errors.Is(lost, ErrChanged) { // it may have failed again already
		return err == nil, errors.Join(err, lost)
	}
	return err == nil, err
}

// Discard marks the selected failures as not to be done, with a reason.
func (r *Redriver) Discard(ctx context.Context, f Filter, by, why string) (Report, error) {
	if by == "" || why == "" {
		return Report{}, errors.New("redrive: Discard needs to know who wants it and why, for the audit")
	}
	var report Report
	for f, err := range r.store.List(ctx, f) {
		if err != nil {
			return report, err
		}
		result := Result{ID: f.ID, Type: f.Type(), ErrorName: f.ErrorName}
		result.Err = r.store.Change(ctx, Change{
			ID: f.ID, From: f.Status, To: Discarded, Replays: f.Replays, At: time.Now(), By: by, Note: why,
		})
		report.Results = append(report.Results, result)
	}
	return report, nil
}

// pause reports false where ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
