package cqrs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// divergedReason begins the reason of what is parked as a mark only: newer
// versions go on past it, and take it away.
const divergedReason = "diverged: "

// Diverged reports whether the entry marks other content for a version that the
// target has. It holds nothing back.
func (p *Parked) Diverged() bool { return strings.HasPrefix(p.Reason, divergedReason) }

// blocks reports whether later versions are to be parked too.
func (p *Parked) blocks() bool { return p != nil && !p.Diverged() }

// afterwards is how long a failure may take to be written down after the time
// of the invocation has run out.
const afterwards = 2 * time.Second

// uninterrupted returns a context that does not end with ctx, but with its
// deadline, and not before a failure could be written down.
func uninterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := afterwards
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(limit, time.Until(deadline))
	} else if ctx.Err() == nil {
		return context.WithCancel(context.WithoutCancel(ctx))
	}
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

// failed counts a failure, and parks the aggregate where that was the last
// attempt. It returns the error that is left: nil once the aggregate is parked.
func (g *gate[A]) failed(ctx context.Context, cause error) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	if errors.Is(cause, ErrDiverged) {
		return g.diverged(ctx, cause)
	}
	attempts := 0
	verdict, _ := judge(cause)
	switch {
	case verdict == verdictHeld, errors.Is(cause, errLongGap), verdict != verdictPermanent && errors.Is(cause, errUnread):
		return cause // no fault of the version's
	case verdict == verdictPermanent, g.target.bestEffort:
	default:
		var err error
		attempts, err = g.sync.store.Fail(ctx, g.key, g.at, reason(cause))
		if err != nil {
			return g.unwritten(ctx, "count the failure", err, cause)
		}
		if attempts < g.target.parkAfter {
			g.observe(ctx, SyncFailed, cause)
			return cause
		}
	}
	p := Parked{
		SyncKey: g.key, Version: g.at, LatestSeen: max(g.at, g.v.meta.Version),
		Attempts: max(attempts, 1), Reason: reason(cause), Since: time.Now(),
	}
	if errors.Is(cause, ErrGap) {
		p.Version = p.LatestSeen // what is missing before it may still come
	}
	if err := g.sync.store.Park(ctx, p); err != nil {
		return g.unwritten(ctx, "park the aggregate", err, cause)
	}
	g.observe(ctx, SyncParked, cause)
	g.sync.alarm(ctx, g, "aggregate parked", cause)
	return nil
}

// diverged marks the aggregate for repair. The error stays.
func (g *gate[A]) diverged(ctx context.Context, cause error) error {
	err := g.sync.store.Park(ctx, Parked{
		SyncKey: g.key, Version: g.at, LatestSeen: g.at, Attempts: 1,
		Reason: divergedReason + cause.Error(), Since: time.Now(),
	})
	if err != nil {
		return g.unwritten(ctx, "mark the divergence", err, cause)
	}
	g.observe(ctx, SyncDiverged, cause)
	g.sync.alarm(ctx, g, "target diverged", cause)
	return cause
}

// unwritten is a failure that could not be kept: its record has to come again,
// even if what failed was permanent.
func (g *gate[A]) unwritten(ctx context.Context, what string, err, cause error) error {
	err = errors.Join(fmt.Errorf("cqrs: %s: %w", what, err), cause)
	g.observe(ctx, SyncFailed, err)
	return err
}

// parkBehind notes a version of an aggregate that is parked.
func (g *gate[A]) parkBehind(ctx context.Context, p Parked) error {
	if g.at > p.LatestSeen {
		p.LatestSeen = g.at
		if err := g.sync.store.Park(ctx, p); err != nil {
			return g.unwritten(ctx, "park the version behind the others", err, nil)
		}
	}
	g.observe(ctx, SyncParkedBehind, nil)
	return nil
}

// clearMark takes the mark of a divergence away where something newer, or the
// same version on purpose, has been applied over it.
func (g *gate[A]) clearMark(ctx context.Context, p *Parked) error {
	n := g.v.meta.Version
	if p == nil || p.blocks() || n < p.Version || n == p.Version && !replacesEqual(ctx) {
		return nil
	}
	_, err := g.sync.store.Unpark(ctx, g.key, n)
	return err
}

// parked finds the entry of one aggregate.
func (s *DataSync[A]) parked(ctx context.Context, k SyncKey) (*Parked, error) {
	if reader, ok := s.store.(SyncReader); ok {
		status, err := reader.Status(ctx, []SyncKey{k})
		if err != nil {
			return nil, err
		}
		return status[0].Parked, nil
	}
	for p, err := range s.store.List(ctx, k.Table, k.Target) {
		if err != nil {
			return nil, err
		}
		if p.SyncKey == k {
			return &p, nil
		}
	}
	return nil, nil
}

// Unpark takes up what is parked for a target, once that is mended; an empty
// target means all. It reads the parked versions from the source, applies them
// in order and removes each entry behind which nothing newer has been parked
// meanwhile. What fails again stays parked; the error joins the failures. It
// returns how many aggregates it has freed. Marks of a divergence stay until they
// are repaired or something newer has been applied.
func (s *DataSync[A]) Unpark(ctx context.Context, target string) (int, error) {
	var names []string
	if target != "" {
		names = []string{target}
	}
	targets, err := s.selected(ctx, names)
	if err != nil {
		return 0, err
	}
	var (
		freed    int
		failures []error
	)
	for _, t := range targets {
		for p, err := range s.store.List(ctx, s.table, t.name) {
			if err != nil {
				failures = append(failures, err)
				break
			}
			done, err := s.unpark(ctx, t, p)
			if err != nil {
				failures = append(failures, &SyncError{SyncKey: p.SyncKey, Version: p.Version, Err: err})
			}
			if done {
				freed++
			}
			if ctx.Err() != nil {
				return freed, errors.Join(append(failures, ctx.Err())...)
			}
		}
	}
	return freed, errors.Join(failures...)
}

// unpark applies from where the target stands to the latest version that was
// seen, until no newer one was parked behind it meanwhile.
func (s *DataSync[A]) unpark(ctx context.Context, t SyncTarget[A], p Parked) (bool, error) {
	if p.Diverged() {
		return false, nil
	}
	for {
		if err := s.takeUp(ctx, t, p); err != nil {
			return false, err
		}
		done, err := s.store.Unpark(ctx, p.SyncKey, p.LatestSeen)
		if err != nil || done {
			return done, err
		}
		again, err := s.parked(ctx, p.SyncKey)
		if err != nil || again == nil {
			return false, err // somebody else was faster
		}
		p = *again
	}
}

// takeUp applies the latest version that is parked, past the parking, with what
// a sequential target lacks before it.
func (s *DataSync[A]) takeUp(ctx context.Context, t SyncTarget[A], p Parked) error {
	source := s.commandSource()
	if source == nil {
		return errors.New("cqrs: Unpark needs a source to read commands from: give the sync one with SyncSource, or to command.New")
	}
	row, err := findVersion(ctx, source, p.Key, p.LatestSeen)
	if err != nil {
		return fmt.Errorf("cqrs: read version %d: %w", p.LatestSeen, err)
	}
	v := &syncVersion[A]{meta: row, stored: &row}
	if err := s.prepare(ctx, v); err != nil {
		return err
	}
	for {
		g := &gate[A]{sync: s, target: t, key: p.SyncKey, v: v, at: row.Version, takenUp: true}
		status, err := g.status(ctx)
		if err == nil {
			err = g.apply(ctx, status)
		}
		if !errors.Is(err, errLongGap) {
			return err
		}
	}
}

func reason(err error) string { return cut(err.Error(), maxRecordText) }

// alarm tells the people who run the application, and the log.
func (s *DataSync[A]) alarm(ctx context.Context, g *gate[A], message string, cause error) {
	env := s.environment(ctx)
	env.logger.LogAttrs(ctx, slog.LevelError, message,
		slog.String("table", g.key.Table), slog.String("target", g.key.Target),
		slog.String("pk", g.key.Key.PK), slog.String("sk", g.key.Key.SK),
		slog.Int64("version", g.at), slog.String("error", reason(cause)))
	if isNil(env.alarmer) {
		return
	}
	err := env.alarmer.Alarm(ctx, Alarm{
		Severity: SeverityError, Source: g.key.Table + "/" + g.key.Target, Message: message, Err: cause, Time: time.Now(),
		Details: map[string]any{"tenant": g.key.Tenant, "pk": g.key.Key.PK, "sk": g.key.Key.SK, "version": g.at},
	})
	if err != nil {
		env.logger.LogAttrs(ctx, slog.LevelError, "alarm failed", slog.String("error", err.Error()))
	}
}
