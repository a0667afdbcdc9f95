package cqrs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
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

	takenUp bool // by Unpark
}

// pass is the whole way of a version: parked behind what is parked, else past
// the gate, else counted and perhaps parked.
func (g *gate[A]) pass(ctx context.Context, status SyncStatus) error {
	g.at = g.v.meta.Version
	if p := status.Parked; p.blocks() && g.at >= p.Version {
		return g.parkBehind(ctx, *p)
	}
	if err := g.apply(ctx, status); err != nil {
		return g.failed(ctx, err)
	}
	return g.clearMark(ctx, status.Parked)
}

// errMoved says that the gate is not any more where it was read.
var errMoved = errors.New("cqrs: the gate has moved")

// apply runs the handler where the gate is open, and asks again where somebody
// else has moved it before.
func (g *gate[A]) apply(ctx context.Context, status SyncStatus) error {
	if g.target.selfGated {
		return g.applySelfGated(ctx)
	}
	for range maxOvertake {
		err := g.applyAt(ctx, status)
		if !errors.Is(err, errMoved) {
			return err
		}
		if status, err = g.status(ctx); err != nil {
			return err
		}
	}
	return g.neverStill()
}

func (g *gate[A]) neverStill() error {
	return fmt.Errorf("cqrs: others went on writing %s %s: %w", g.key.Key.PK, g.key.Key.SK, ErrVersionConflict)
}

func (g *gate[A]) status(ctx context.Context) (SyncStatus, error) {
	all, err := g.sync.status(ctx, []SyncTarget[A]{g.target}, []SyncKey{g.key})
	if err != nil {
		return SyncStatus{}, err
	}
	return all[0], nil
}

func (g *gate[A]) applyAt(ctx context.Context, status SyncStatus) error {
	n, p := g.v.meta.Version, status.Progress
	switch {
	case n < p.Version:
		g.observe(ctx, SyncStale, nil)
		return g.mend(ctx, status)
	case n == p.Version && !replacesEqual(ctx):
		if !sameContent(p.Hash, g.v.hash) {
			return &DivergenceError{Key: g.key.Key, Version: n}
		}
		if !g.mayBeOverwritten(status) {
			g.observe(ctx, SyncDuplicate, nil)
			return g.mend(ctx, status)
		}
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

// mayBeOverwritten reports whether the version that is taken up may have been overwritten
// by an older one, which was acknowledged once the aggregate was parked.
func (g *gate[A]) mayBeOverwritten(status SyncStatus) bool {
	_, claims := g.sync.store.(SyncClaimer)
	return g.takenUp && !g.target.sequential && (!claims || len(status.Claims) > 0)
}

// mend follows an attempt at this version that has not come to an end: it may have
// overwritten what was newer. That claim stays, since it may be that of somebody
// who is still at it; then this version mends once more when it comes again.
func (g *gate[A]) mend(ctx context.Context, status SyncStatus) error {
	unfinished := func(c SyncClaim) bool { return c.Version == g.v.meta.Version }
	if g.target.sequential || !slices.ContainsFunc(status.Claims, unfinished) {
		return nil
	}
	claim, err := g.claim(ctx, status.Progress)
	if err == nil {
		_, err = g.settle(ctx, g.v, claim)
	}
	return err
}

// claim notes that the version is about to be given to the target, where the store
// can: should this process end before it has done so, the version comes again and
// finds the claim.
func (g *gate[A]) claim(ctx context.Context, p Progress) (SyncClaim, error) {
	claimer, ok := g.sync.store.(SyncClaimer)
	if !ok {
		return SyncClaim{}, nil
	}
	c := SyncClaim{Version: g.at, Owner: rand.Text()[:8]}
	err := claimer.Claim(ctx, g.key, p.Version, c)
	if errors.Is(err, ErrVersionConflict) {
		err = errMoved
	}
	return c, err
}

// complete advances the progress and takes the claim away. What the handler has
// done is written down even if the context ends just then.
func (g *gate[A]) complete(ctx context.Context, from, to Progress, c SyncClaim) error {
	ctx, cancel := uninterrupted(ctx)
	defer cancel()
	if claimer, ok := g.sync.store.(SyncClaimer); ok {
		return claimer.Complete(ctx, g.key, from.Version, to, c)
	}
	return g.sync.store.Advance(ctx, g.key, from.Version, to)
}

// step gives one version to the handler and advances the progress from p. It
// returns where the progress stands then.
func (g *gate[A]) step(ctx context.Context, v *syncVersion[A], p Progress) (Progress, error) {
	g.at = v.meta.Version
	claim, err := g.claim(ctx, p)
	if err != nil {
		return p, err
	}
	if err := g.call(ctx, v); err != nil {
		return p, err
	}
	err = g.complete(ctx, p, v.progress(), claim)
	if errors.Is(err, ErrVersionConflict) {
		return g.settle(ctx, v, claim)
	}
	if err != nil {
		return p, err
	}
	g.observe(ctx, SyncApplied, nil)
	return v.progress(), nil
}

// call runs the handler; what it skips is done.
func (g *gate[A]) call(ctx context.Context, v *syncVersion[A]) error {
	err := g.target.call(ctx, g.key, v)
	if verdict, _ := judge(err); verdict == verdictDone || verdict == verdictSkip {
		return nil
	}
	return err
}

// settle is overtaken, and says what becomes of a version that could not be
// settled: its claim stands, so it mends what it did when it comes again. Where
// the store keeps no claims nothing would tell it to, and the aggregate is parked.
func (g *gate[A]) settle(ctx context.Context, v *syncVersion[A], claim SyncClaim) (Progress, error) {
	p, err := g.overtaken(ctx, v, claim)
	if claim.Owner == "" && !g.target.sequential {
		err = Permanent(err)
	}
	return p, err
}

// overtaken follows a handler that ran although the gate had moved on meanwhile.
// Where a newer version went in, or is on its way, ours may have overwritten it,
// and an older one may have overwritten ours: the newest is applied again, until
// the gate stands still. Whoever loses a race so mends it; whoever wins has
// nothing to do.
func (g *gate[A]) overtaken(ctx context.Context, v *syncVersion[A], claim SyncClaim) (Progress, error) {
	wrote := v.progress()
	for range maxOvertake {
		status, err := g.status(ctx)
		if err != nil {
			return wrote, unread(ctx, fmt.Errorf("cqrs: whether version %d has overwritten a newer one could not be seen: %w",
				wrote.Version, err))
		}
		p := status.Progress
		newest := p.Version
		for _, c := range status.Claims {
			newest = max(newest, c.Version)
		}
		switch {
		case g.target.sequential && p.Version >= wrote.Version, newest == wrote.Version && p.Version == newest:
			if p.Version == wrote.Version && !sameContent(p.Hash, wrote.Hash) {
				return p, &DivergenceError{Key: g.key.Key, Version: p.Version}
			}
			g.observe(ctx, SyncOvertaken, nil)
			return p, g.release(ctx, claim)
		case newest > wrote.Version:
			if wrote, err = g.reapply(ctx, wrote, newest); err != nil {
				return p, err
			}
			if p.Version == newest {
				continue
			}
		default:
			if err := g.call(ctx, v); err != nil {
				return p, err
			}
		}
		err = g.complete(ctx, p, wrote, claim)
		if !errors.Is(err, ErrVersionConflict) {
			return wrote, err
		}
	}
	return wrote, g.neverStill()
}

// release takes the claim away, even if the context ends just then.
func (g *gate[A]) release(ctx context.Context, claim SyncClaim) error {
	ctx, cancel := uninterrupted(ctx)
	defer cancel()
	if claimer, ok := g.sync.store.(SyncClaimer); ok && claim.Owner != "" {
		return claimer.Release(ctx, g.key, claim)
	}
	return nil
}

// reapply gives the newest version to the handler once more.
func (g *gate[A]) reapply(ctx context.Context, wrote Progress, newest int64) (Progress, error) {
	g.at = newest
	newer, err := g.fetch(ctx, newest)
	if err != nil {
		err = unread(ctx, fmt.Errorf("cqrs: version %d may have overwritten version %d, which could not be read again: %w",
			wrote.Version, newest, err))
		if errors.Is(err, ErrGap) {
			err = Permanent(err) // not by coming again either
		}
		return wrote, err
	}
	return newer.progress(), g.call(ctx, newer)
}

// errUnread is a reading that the end of the context has kept from being made.
var errUnread = errors.New("cqrs: ended before it was read again")

// unread marks the error where the context has ended, which is no fault of the
// version's.
func unread(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", errUnread, err)
	}
	return err
}

// applySelfGated leaves the decision to the handler's own write.
func (g *gate[A]) applySelfGated(ctx context.Context) error {
	for range 2 {
		err := g.target.call(ctx, g.key, g.v)
		conflict, early := errors.AsType[*VersionConflict](err)
		switch verdict, _ := judge(err); {
		case verdict == verdictDone:
			g.observe(ctx, SyncApplied, nil)
			return nil
		case verdict == verdictSkip:
			g.observe(ctx, SyncStale, nil)
			return nil
		case !early || !g.target.sequential || conflict.Key != g.key.Key || conflict.Actual >= g.v.meta.Version:
			return err // not about what is missing before it
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
		if err := g.call(ctx, missing); err != nil {
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
		return nil, describe(ErrGap,
			"cqrs: target %s waits for version %d, and the sync has no source to read it from: give it one with SyncSource",
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
