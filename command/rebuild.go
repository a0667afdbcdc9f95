package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Rebuild takes what is stored to targets again, through their gates. It may run
// while the stream goes on: whichever comes first, the newest version stays.
type Rebuild struct {
	// Targets are those to rebuild; none means all. To build a read model anew
	// beside the old one, register a target of a new name for the new one, rebuild
	// that, verify it, and then let readers change over.
	Targets []string
	// Commands reads every version from the command table, instead of the newest of
	// each aggregate from the data table: to rebuild the data themselves.
	Commands bool
	Segments int     // that are read in parallel; default 1
	PageSize int     // rows of a page, after each of which there is a checkpoint; default 100
	Rate     float64 // rows a second at most, of all segments; 0: no limit
	// From is where an earlier run has come to; the zero Checkpoint is the start.
	From Checkpoint
	// Save keeps a checkpoint, after each page. Its error ends the rebuild. It is
	// never called twice at once.
	Save func(ctx context.Context, c Checkpoint) error
	// Progress is told after each page, before Save, and never twice at once.
	Progress func(p RebuildProgress)
}

// Checkpoint is how far a rebuild has come. It can be kept as JSON. A run that
// is taken up from it repeats at most a page of each segment, which the gates make
// harmless.
type Checkpoint struct {
	Cursors []string `json:"cursors"` // of each segment
	Done    []bool   `json:"done"`    // of each segment
	Rows    int64    `json:"rows"`
}

// Finished reports whether nothing is left.
func (c Checkpoint) Finished() bool { return len(c.Done) > 0 && !slices.Contains(c.Done, false) }

// RebuildProgress counts the rows of one rebuild, with those before its
// checkpoint.
type RebuildProgress struct {
	Rows     int64
	Diverged int64 // marked and not applied
	Segments int
	Done     int // segments
}

// Attempts at one row in place before the rebuild gives up. The target's ParkAfter
// parks it earlier by default.
const rebuildAttempts = 20

// Rebuild reads the source by segments and pages and applies every row. Handlers
// find cqrs.IsReplay in their context, and targets with cqrs.NoReplay are left out.
// A row that fails is tried again in place until it is parked. It ends with the
// context; the last checkpoint is where to go on. It returns how many rows it has
// applied or found applied.
func (s *Service[A]) Rebuild(ctx context.Context, r Rebuild) (rows int64, err error) {
	if s.sync == nil {
		return 0, errors.New("command: Rebuild needs Config.Sync")
	}
	run, err := s.newRebuild(r)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(cqrs.WithReplay(ctx))
	defer cancel(nil)
	var wait sync.WaitGroup
	for segment := range run.checkpoint.Cursors {
		if run.checkpoint.Done[segment] {
			continue
		}
		wait.Go(func() {
			if err := run.segment(ctx, segment); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	return run.rows.Load(), context.Cause(ctx)
}

type rebuildRun[A any] struct {
	Rebuild

	service    *Service[A]
	pace       pacer
	rows       atomic.Int64
	diverged   atomic.Int64
	mu         sync.Mutex
	checkpoint Checkpoint
}

func (s *Service[A]) newRebuild(r Rebuild) (*rebuildRun[A], error) {
	r.Segments, r.PageSize = max(r.Segments, 1), max(r.PageSize, 0)
	if r.PageSize == 0 {
		r.PageSize = 100
	}
	run := &rebuildRun[A]{Rebuild: r, service: s, pace: newPacer(r.Rate)}
	run.checkpoint = Checkpoint{Cursors: slices.Clone(r.From.Cursors), Done: slices.Clone(r.From.Done), Rows: r.From.Rows}
	if len(r.From.Cursors) != len(r.From.Done) || len(r.From.Cursors) != 0 && len(r.From.Cursors) != r.Segments {
		return nil, fmt.Errorf("command: the checkpoint has %d segments, the rebuild %d", len(r.From.Cursors), r.Segments)
	}
	if len(run.checkpoint.Cursors) == 0 {
		run.checkpoint.Cursors, run.checkpoint.Done = make([]string, r.Segments), make([]bool, r.Segments)
	}
	return run, nil
}

// segment goes from its cursor to its end.
func (r *rebuildRun[A]) segment(ctx context.Context, segment int) error {
	p := Page{Commands: r.Commands, Segment: segment, Segments: r.Segments, Limit: r.PageSize, Cursor: r.checkpoint.Cursors[segment]}
	for {
		rows, next, err := r.service.store.Scan(ctx, p)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := r.pace.wait(ctx); err != nil {
				return err
			}
			if err := r.apply(ctx, row); err != nil {
				return err
			}
		}
		if err := r.save(ctx, segment, int64(len(rows)), next); err != nil || next == "" {
			return err
		}
		p.Cursor = next
	}
}

// apply gives a row to the targets until it is in them or parked.
func (r *rebuildRun[A]) apply(ctx context.Context, row Row) error {
	for attempt := 1; ; attempt++ {
		err := r.service.sync.ApplyRow(ctx, row, r.Targets...)
		switch {
		case errors.Is(err, cqrs.ErrDiverged) && !cqrs.ReplacesEqual(ctx):
			r.diverged.Add(1)
			fallthrough
		case err == nil:
			r.rows.Add(1)
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case attempt == rebuildAttempts:
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// save notes that a page is done.
func (r *rebuildRun[A]) save(ctx context.Context, segment int, rows int64, next string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.checkpoint
	c.Cursors[segment], c.Done[segment], c.Rows = next, next == "", c.Rows+rows
	if r.Progress != nil {
		done := 0
		for _, is := range c.Done {
			if is {
				done++
			}
		}
		r.Progress(RebuildProgress{Rows: c.Rows, Diverged: r.diverged.Load(), Segments: r.Segments, Done: done})
	}
	if r.Save == nil {
		return nil
	}
	return r.Save(ctx, Checkpoint{Cursors: slices.Clone(c.Cursors), Done: slices.Clone(c.Done), Rows: c.Rows})
}

// pacer spreads rows evenly over time.
type pacer struct {
	every time.Duration
	mu    *sync.Mutex
	next  *time.Time
}

func newPacer(rate float64) pacer {
	p := pacer{mu: new(sync.Mutex), next: new(time.Time)}
	if rate > 0 {
		p.every = time.Duration(float64(time.Second) / rate)
	}
	return p
}

func (p pacer) wait(ctx context.Context) error {
	if p.every == 0 {
		return ctx.Err()
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		*p.next = now
	}
	t := time.NewTimer(p.next.Sub(now))
	*p.next = p.next.Add(p.every)
	p.mu.Unlock()
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
