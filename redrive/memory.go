package redrive

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/lambda-cqrs/cqrs"
)

// NewMemory returns a store that lives as long as the process. It is safe for
// parallel use, and the reference for other stores.
func NewMemory() Store {
	return &memory{failures: map[string]*Failure{}, audit: map[string][]Entry{}}
}

type memory struct {
	mu       sync.Mutex
	failures map[string]*Failure
	audit    map[string][]Entry
}

// SaveFailure implements cqrs.FailureStore.
func (m *memory) SaveFailure(ctx context.Context, d cqrs.DeadLetter) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.failures[d.ID]
	if f != nil && f.Repeats(&d) {
		return false, nil
	}
	before := Status("")
	if f == nil {
		f = &Failure{FirstAt: d.At}
		m.failures[d.ID] = f
	} else {
		before = f.Status
	}
	f.DeadLetter, f.Status = d, Open
	f.Times++
	m.audit[d.ID] = append(m.audit[d.ID], Entry{ID: d.ID, At: d.At, From: before, To: Open, Note: d.ErrorName})
	return before != Open, nil
}

// Groups implements Store.
func (m *memory) Groups(ctx context.Context, status Status) ([]Group, error) {
	type key struct{ typ, name string }
	groups := map[key]*Group{}
	for f, err := range m.List(ctx, Filter{Status: status}) {
		if err != nil {
			return nil, err
		}
		k := key{f.Type(), f.ErrorName}
		g := groups[k]
		if g == nil {
			g = &Group{Type: k.typ, ErrorName: k.name, FirstAt: f.FirstAt}
			groups[k] = g
		}
		g.Failures++
		if g.Sample == "" || !f.At.Before(g.LastAt) {
			g.LastAt, g.Sample = f.At, f.ID
		}
	}
	all := make([]Group, 0, len(groups))
	for _, g := range groups {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Failures, a.Failures), cmp.Compare(a.Type, b.Type), cmp.Compare(a.ErrorName, b.ErrorName))
	})
	return all, nil
}

// List implements Store.
func (m *memory) List(ctx context.Context, w Filter) iter.Seq2[Failure, error] {
	return func(yield func(Failure, error) bool) {
		for _, f := range m.selected(w) {
			if err := ctx.Err(); err != nil {
				yield(Failure{}, err)
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (m *memory) selected(w Filter) []Failure {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Failure
	for _, f := range m.failures {
		if w.Matches(f) {
			all = append(all, *f)
		}
	}
	slices.SortFunc(all, func(a, b Failure) int {
		return cmp.Or(a.FirstAt.Compare(b.FirstAt), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Change implements Store.
func (m *memory) Change(ctx context.Context, c Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.failures[c.ID]
	if f == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, c.ID)
	}
	if f.Status != c.From || f.Replays != c.Replays {
		return fmt.Errorf("%w: %s is %s after %d replays, not %s after %d", ErrChanged, c.ID, f.Status, f.Replays, c.From, c.Replays)
	}
	f.Status = c.To
	if c.To == Replaying {
		f.Replays++
	}
	m.audit[c.ID] = append(m.audit[c.ID], Entry{ID: c.ID, At: c.At, By: c.By, From: c.From, To: c.To, Note: c.Note})
	return nil
}

// Audit implements Store.
func (m *memory) Audit(ctx context.Context, id string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		m.mu.Lock()
		entries := slices.Clone(m.audit[id])
		m.mu.Unlock()
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				yield(Entry{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}
