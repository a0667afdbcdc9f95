package cqrs

import (
	"context"
	"errors"
	"fmt"
)

// Limits of one pass: what is left over is an error, and goes on from where it
// has come on the next delivery.
const (
	maxFill     = 100 // versions that are fetched to fill a gap
	maxOvertake = 10  // times that somebody else was faster
)

// gate lets one version into one target, or not.
type gate[A any] struct {
	sync   *DataSync[A]
	target SyncTarget[A]
	key    SyncKey
	v      *syncVersion[A]
	at     int64 // the version that is being applied: v's, or one that fills a gap before it
}

// pass is the whole way of a version: parked behind what is parked, else past
// the gate, else counted and perhaps parked.
func (g *gate[A]) pass(ctx context.Context, status SyncStatus) error {
	g.at = g.v.meta.Version
	if p := status.Parked; p.blocks() && g.at >= p.Version {
		return g.parkBehind(ctx, *p)
	}
	if err := g.apply(ctx, status.Progress); err != nil {
		return g.failed(ctx, err)
	}
	return g.clearMark(ctx, status.Parked)
}

// apply runs the handler where the gate is open.
func (g *gate[A]) apply(ctx context.Context, p Progress) error {
	if g.target.selfGated {
		return g.applySelfGated(ctx)
	}
	n := g.v.meta.Version
	switch {
	case n < p.Version:
		g.observe(ctx, SyncStale, nil)
		return nil
	case n == p.Version && !replacesEqual(ctx):
		if !sameContent(p.Hash, g.v.hash) {
			return &DivergenceError{Key: g.key.Key, Version: n}
		}
		g.observe(ctx, SyncDuplicate, nil)
		return nil
	case n > p.Version+1:
		g.observe(ctx, SyncGap, nil)
		if g.target.sequential {
			filled, err := g.fill(ctx, p)
			if err != nil || filled.Version >= n {
				return err // somebody else may have applied n meanwhile
			}
			p = filled
		}
	}
	_, err := g.step(ctx, g.v, p)
	return err
}

// step gives one version to the handler and advances the progress from p. It
// returns where the progress stands then.
func (g *gate[A]) step(ctx context.Context, v *syncVersion[A], p Progress) (Progress, error) {
	g.at = v.meta.Version
	err := g.target.call(ctx, v)
	if verdict, _ := judge(err); verdict != verdictDone && verdict != verdictSkip {
		return p, err
	}
	err = g.sync.store.Advance(ctx, g.key, p.Version, v.progress())
	if errors.Is(err, ErrVersionConflict) {
		return g.overtaken(ctx, v)
	}
	if err != nil {
		return p, err
	}
	g.observe(ctx, SyncApplied, nil)
	return v.progress(), nil
}

// overtaken follows a handler that ran although the gate had moved on meanwhile.
// Where a newer version went in, ours may have overwritten it, so that one is
// applied again, until the gate stands still.
func (g *gate[A]) overtaken(ctx context.Context, v *syncVersion[A]) (Progress, error) {
	wrote := v.progress()
	for range maxOvertake {
		p, err := g.sync.store.Load(ctx, g.key)
		if err != nil {
			return p, err
		}
		switch {
		case p.Version < wrote.Version:
			err = g.sync.store.Advance(ctx, g.key, p.Version, wrote)
			if !errors.Is(err, ErrVersionConflict) {
				return wrote, err
			}
		case p.Version == wrote.Version && !sameContent(p.Hash, wrote.Hash):
			return p, &DivergenceError{Key: g.key.Key, Version: p.Version}
		case p.Version == wrote.Version, g.target.sequential:
			g.observe(ctx, SyncOvertaken, nil)
			return p, nil
		default:
			if wrote, err = g.reapply(ctx, wrote, p); err != nil {
				return p, err
			}
		}
	}
	return wrote, fmt.Errorf("cqrs: others went on writing %s %s: %w", g.key.Key.PK, g.key.Key.SK, ErrVersionConflict)
}

// reapply gives the version at which the gate stands to the handler once more.
func (g *gate[A]) reapply(ctx context.Context, wrote, p Progress) (Progress, error) {
	g.at = p.Version
	newer, err := g.fetch(ctx, p.Version)
	if err != nil {
		return wrote, Permanent(fmt.Errorf("cqrs: version %d may have overwritten version %d, which could not be read again: %w",
			wrote.Version, p.Version, err))
	}
	err = g.target.call(ctx, newer)
	if verdict, _ := judge(err); verdict != verdictDone && verdict != verdictSkip {
		return wrote, err
	}
	return newer.progress(), nil
}

// applySelfGated leaves the decision to the handler's own write.
func (g *gate[A]) applySelfGated(ctx context.Context) error {
	for range 2 {
		err := g.target.call(ctx, g.v)
		conflict, early := errors.AsType[*VersionConflict](err)
		switch verdict, _ := judge(err); {
		case verdict == verdictDone:
			g.observe(ctx, SyncApplied, nil)
			return nil
		case verdict == verdictSkip:
			g.observe(ctx, SyncStale, nil)
			return nil
		case !early || !g.target.sequential || conflict.Actual >= g.v.meta.Version:
			return err
		}
		g.observe(ctx, SyncGap, nil)
		if _, err := g.fill(ctx, Progress{Version: conflict.Actual}); err != nil {
			return err
		}
		g.at = g.v.meta.Version
	}
	return describe(ErrGap, "cqrs: target %s still waits for versions before %d", g.target.name, g.v.meta.Version)
}

// errLongGap is a gap of which a part has been filled.
var errLongGap = errors.New("cqrs: long gap")

// fill applies what is missing between p and the version that came. It returns
// how far it has come.
func (g *gate[A]) fill(ctx context.Context, p Progress) (Progress, error) {
	end := g.v.meta.Version
	for last := p.Version + maxFill; p.Version < end-1; {
		if p.Version >= last {
			return p, fmt.Errorf("%w: target %s was more than %d versions behind version %d and has come to %d",
				errLongGap, g.target.name, maxFill, end, p.Version)
		}
		missing, err := g.fetch(ctx, p.Version+1)
		if err != nil {
			return p, err
		}
		if !g.target.selfGated {
			if p, err = g.step(ctx, missing, p); err != nil {
				return p, err
			}
			continue
		}
		g.at = missing.meta.Version
		err = g.target.call(ctx, missing)
		if verdict, _ := judge(err); verdict != verdictDone && verdict != verdictSkip {
			return p, err
		}
		p = missing.progress()
	}
	return p, nil
}

// fetch reads one version again. What is missing for good is a permanent error.
func (g *gate[A]) fetch(ctx context.Context, n int64) (*syncVersion[A], error) {
	if n == g.v.meta.Version {
		return g.v, nil
	}
	source := g.sync.commandSource()
	if source == nil {
		return nil, describe(ErrGap, "cqrs: target %s waits for version %d, and the sync has no source to read it from: give it one with SyncSource",
			g.target.name, n)
	}
	row, err := findVersion(ctx, source, g.key.Key, n)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			err = Permanent(describe(ErrGap, "cqrs: target %s waits for version %d, which is not kept any more", g.target.name, n))
		}
		return nil, err
	}
	v := &syncVersion[A]{meta: row, stored: &row}
	return v, g.sync.prepare(ctx, v)
}

// findVersion reads a version from the commands, or from the history where the
// command's time to live is over.
func findVersion(ctx context.Context, source CommandSource, k Key, n int64) (Command[Image], error) {
	row, err := source.GetCommand(ctx, k, n)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return row, err
	}
	for row, failed := range source.History(ctx, k, n-1) {
		if failed != nil {
			return row, failed
		}
		if row.Version == n {
			return row, nil
		}
		break
	}
	return Command[Image]{}, err
}
