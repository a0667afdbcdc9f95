package command

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// DriftKind is how a target differs from its source.
type DriftKind string

// The kinds.
const (
	DriftMissing  DriftKind = "missing"  // the target does not have the aggregate, or not any more
	DriftStale    DriftKind = "stale"    // it has an older version
	DriftDiverged DriftKind = "diverged" // it has the version with other content, or shows what is deleted
	DriftParked   DriftKind = "parked"   // it is behind, and known to be
	DriftExtra    DriftKind = "extra"    // the source does not have the aggregate
)

// Drift is one aggregate in which a target differs from its source. Its JSON is
// meant for programs.
type Drift struct {
	Kind      DriftKind `json:"kind"`
	Target    string    `json:"target"`
	Tenant    string    `json:"tenant"`
	Key       cqrs.Key  `json:"key"`
	Source    int64     `json:"source"`           // version; 0: none
	Applied   int64     `json:"applied"`          // version, as the target's progress says; 0: none
	Reason    string    `json:"reason,omitempty"` // of what is parked, or not as its progress says
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// Verify compares a target with its source: the data table, or for the target
// "data" the command table. It walks the whole source, and then the target where
// that can be walked, and yields each aggregate that differs, at most once for
// each version of the command table. An error ends it. What is younger than
// Config.Grace may be on its way and is left out.
func (s *Service[A]) Verify(ctx context.Context, target string) iter.Seq2[Drift, error] {
	return func(yield func(Drift, error) bool) {
		if s.sync == nil || s.sync.Handler(target) == nil {
			yield(Drift{}, fmt.Errorf("command: Verify: Config.Sync has no target %q", target))
			return
		}
		parked := map[cqrs.Key]cqrs.Parked{}
		for p, err := range s.sync.Parked(ctx, target) {
			if err != nil {
				yield(Drift{}, err)
				return
			}
			parked[p.Key] = p
		}
		for row, err := range scanAll(ctx, s.store, Page{Commands: s.isData(target)}) {
			var drift *Drift
			if err == nil {
				drift, err = s.compare(ctx, target, row, parked)
			}
			if err != nil {
				yield(Drift{}, err)
				return
			}
			if drift != nil && !yield(*drift, nil) {
				return
			}
		}
		s.extra(ctx, target, yield)
	}
}

// isData reports whether the target is the store's own data.
func (s *Service[A]) isData(target string) bool {
	p, ok := s.sync.Handler(target).(*projection[A])
	return ok && p.Store == s.store
}

// compare returns how the target differs in one row, nil where it does not.
func (s *Service[A]) compare(ctx context.Context, target string, row Row, parked map[cqrs.Key]cqrs.Parked) (*Drift, error) {
	if expired(row) || time.Since(row.UpdatedAt) < s.grace {
		return nil, nil
	}
	applied, err := s.sync.Applied(ctx, target, row)
	if err != nil {
		return nil, err
	}
	_, tenant, _ := row.CutTenant()
	drift := &Drift{Target: target, Tenant: tenant, Key: row.Key, Source: row.Version, Applied: applied.Version, UpdatedAt: row.UpdatedAt}
	p, held := parked[row.Key]
	switch {
	case applied.Version > row.Version:
		return nil, nil
	case applied.Version == row.Version:
		if row, err = s.source.Resolve(ctx, row); err != nil {
			return nil, err
		}
		hash, err := cqrs.ContentHash(row)
		switch {
		case err != nil:
			return nil, err
		case hash == applied.Hash || applied.Hash == "":
			return s.look(ctx, drift, row)
		}
		drift.Kind = DriftDiverged
	case held && !p.Diverged():
		drift.Kind, drift.Reason = DriftParked, p.Reason
	case applied.Version == 0:
		drift.Kind = DriftMissing
	default:
		drift.Kind = DriftStale
	}
	return drift, nil
}

// look compares the read model itself with a row whose progress is right.
func (s *Service[A]) look(ctx context.Context, drift *Drift, row Row) (*Drift, error) {
	present, known, err := s.sync.Present(ctx, drift.Target, row)
	switch {
	case err != nil || !known || present != row.Deleted:
		return nil, err
	case present:
		drift.Kind, drift.Reason = DriftDiverged, "it is deleted, and the read model shows it"
	default:
		drift.Kind, drift.Reason = DriftMissing, "it was applied, and the read model does not show it"
	}
	return drift, nil
}

// extra yields what the target has and the source has not.
func (s *Service[A]) extra(ctx context.Context, target string, yield func(Drift, error) bool) {
	keys, ok := s.sync.Walk(ctx, target)
	if !ok {
		return
	}
	for k, err := range keys {
		var known bool
		applied := cqrs.Progress{}
		if err == nil {
			applied, err = s.sync.Applied(ctx, target, Row{Key: k.Key, TenantCode: k.Tenant})
		}
		if err == nil {
			known, err = s.hasSource(ctx, target, k.Key, applied.Version)
		}
		if err != nil {
			yield(Drift{}, err)
			return
		}
		if !known && !yield(Drift{Kind: DriftExtra, Target: target, Tenant: k.Tenant, Key: k.Key, Applied: applied.Version}, nil) {
			return
		}
	}
}

func (s *Service[A]) hasSource(ctx context.Context, target string, k cqrs.Key, version int64) (bool, error) {
	if !s.isData(target) {
		_, err := s.store.Get(ctx, k)
		if err == nil || !errors.Is(err, cqrs.ErrNotFound) {
			return err == nil, err
		}
	}
	_, err := s.store.GetCommand(ctx, k, version)
	if err == nil || !errors.Is(err, cqrs.ErrNotFound) {
		return err == nil, err
	}
	for _, err := range s.store.History(ctx, k, version-1) {
		return err == nil, err
	}
	return false, nil
}

// Repair sends the source's newest version to the target again, through its gate.
// Where the target has diverged that needs replace, which lets the equal version
// through, and never an older one. What the target had and has lost goes through
// without it, but not into a sequential target: what one version does is no state,
// and such a read model is built anew. What is parked is for DataSync.Unpark, and
// what is extra for somebody who knows why.
func (s *Service[A]) Repair(ctx context.Context, d Drift, replace bool) error {
	if s.sync == nil {
		return errors.New("command: Repair needs Config.Sync")
	}
	switch d.Kind {
	case DriftMissing, DriftStale:
		if d.Applied < d.Source {
			break
		}
		if s.sync.InOrder(d.Target) {
			return fmt.Errorf("command: %s %s is lost in %s, which takes each version once: rebuild it as a new target",
				d.Key.PK, d.Key.SK, d.Target)
		}
		ctx = cqrs.WithReplaceEqual(ctx)
	case DriftDiverged:
		if !replace {
			return fmt.Errorf("command: %s %s has diverged in %s: look at both, then repair it with replace: %w",
				d.Key.PK, d.Key.SK, d.Target, cqrs.ErrDiverged)
		}
		ctx = cqrs.WithReplaceEqual(ctx)
	case DriftParked:
		return fmt.Errorf("command: %s %s is parked in %s: mend the target, then Unpark it", d.Key.PK, d.Key.SK, d.Target)
	default:
		return fmt.Errorf("command: %s %s is %s in %s: there is nothing to send", d.Key.PK, d.Key.SK, d.Kind, d.Target)
	}
	row, err := s.latest(ctx, d.Key)
	if err != nil {
		return err
	}
	return s.sync.ApplyRow(ctx, row, d.Target)
}
