package cqrs

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
)

// memorySync is a SyncStore for tests and for one process.
type memorySync struct {
	mu       sync.Mutex
	progress map[SyncKey]Progress
	failures map[SyncKey]map[int64]int
	parked   map[SyncKey]Parked
	claims   map[SyncKey]map[SyncClaim]bool
}

var (
	_ SyncClaimer = (*memorySync)(nil)
	_ SyncReader  = (*memorySync)(nil)
	_ SyncWalker  = (*memorySync)(nil)
)

// NewMemorySync returns a SyncStore that forgets everything with the process: for
// tests, and to try things out.
func NewMemorySync() SyncStore {
	return &memorySync{
		progress: map[SyncKey]Progress{},
		failures: map[SyncKey]map[int64]int{},
		parked:   map[SyncKey]Parked{},
		claims:   map[SyncKey]map[SyncClaim]bool{},
	}
}

// Load reads the progress.
func (m *memorySync) Load(ctx context.Context, k SyncKey) (Progress, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.progress[k], ctx.Err()
}

// Status reads everything about the keys.
func (m *memorySync) Status(ctx context.Context, keys []SyncKey) ([]SyncStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]SyncStatus, len(keys))
	for i, k := range keys {
		all[i].Progress = m.progress[k]
		if p, ok := m.parked[k]; ok {
			all[i].Parked = &p
		}
		all[i].Claims = slices.Collect(maps.Keys(m.claims[k]))
	}
	return all, ctx.Err()
}

// Advance compares and sets.
func (m *memorySync) Advance(ctx context.Context, k SyncKey, from int64, to Progress) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if now := m.progress[k].Version; now != from {
		return &VersionConflict{Key: k.Key, Expected: from, Actual: now}
	}
	m.progress[k] = to
	delete(m.failures, k)
	return nil
}

// Claim notes an attempt.
func (m *memorySync) Claim(ctx context.Context, k SyncKey, from int64, c SyncClaim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if now := m.progress[k].Version; now != from {
		return &VersionConflict{Key: k.Key, Expected: from, Actual: now}
	}
	if m.claims[k] == nil {
		m.claims[k] = map[SyncClaim]bool{}
	}
	m.claims[k][c] = true
	return nil
}

// Complete advances and forgets the attempt.
func (m *memorySync) Complete(ctx context.Context, k SyncKey, from int64, to Progress, c SyncClaim) error {
	err := m.Advance(ctx, k, from, to)
	if err != nil {
		return err
	}
	return m.Release(ctx, k, c)
}

// Release forgets the attempt.
func (m *memorySync) Release(ctx context.Context, k SyncKey, c SyncClaim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.claims[k], c)
	return ctx.Err()
}

// Fail counts.
func (m *memorySync) Fail(ctx context.Context, k SyncKey, version int64, _ string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if m.failures[k] == nil {
		m.failures[k] = map[int64]int{}
	}
	m.failures[k][version]++
	return m.failures[k][version], nil
}

// Park keeps the first failure, and the latest version that was seen.
func (m *memorySync) Park(ctx context.Context, p Parked) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	known, ok := m.parked[p.SyncKey]
	if ok && (!known.Diverged() || p.Diverged()) {
		known.LatestSeen = max(known.LatestSeen, p.LatestSeen)
		p = known
	}
	m.parked[p.SyncKey] = p
	return nil
}

// Unpark compares and removes.
func (m *memorySync) Unpark(ctx context.Context, k SyncKey, applied int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	p, ok := m.parked[k]
	if !ok || p.LatestSeen > applied {
		return false, nil
	}
	delete(m.parked, k)
	delete(m.failures, k)
	return true, nil
}

// List walks a snapshot, in the order of the keys.
func (m *memorySync) List(ctx context.Context, table, target string) iter.Seq2[Parked, error] {
	return func(yield func(Parked, error) bool) {
		m.mu.Lock()
		entries := slices.SortedFunc(maps.Values(m.parked), func(a, b Parked) int { return compareSyncKeys(a.SyncKey, b.SyncKey) })
		m.mu.Unlock()
		for _, p := range entries {
			if err := ctx.Err(); err != nil {
				yield(Parked{}, err)
				return
			}
			if p.Table == table && (target == "" || p.Target == target) && !yield(p, nil) {
				return
			}
		}
	}
}

// Walk walks a snapshot, in the order of the keys.
func (m *memorySync) Walk(ctx context.Context, table, target string) iter.Seq2[SyncKey, error] {
	return func(yield func(SyncKey, error) bool) {
		m.mu.Lock()
		keys := slices.SortedFunc(maps.Keys(m.progress), compareSyncKeys)
		m.mu.Unlock()
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				yield(SyncKey{}, err)
				return
			}
			if k.Table == table && k.Target == target && !yield(k, nil) {
				return
			}
		}
	}
}

func compareSyncKeys(a, b SyncKey) int {
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Tenant, b.Tenant),
		cmp.Compare(a.Key.PK, b.Key.PK), cmp.Compare(a.Key.SK, b.Key.SK))
}
