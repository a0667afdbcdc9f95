package clock

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Manual is a clock that stands still until it is advanced.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer // by due time; those due at the same time in the order of their start
}

type timer struct {
	due time.Time
	f   func()
}

// NewManual returns a clock that stands at now.
func NewManual(now time.Time) *Manual {
	return &Manual{now: now}
}

// Now is where the clock stands.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// At has [Manual.Advance] call f.
func (m *Manual) At(due time.Time, f func()) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !due.After(m.now) {
		go f()
		return func() {}
	}
	t := &timer{due: due, f: f}
	at, _ := slices.BinarySearchFunc(m.timers, t.due, func(other *timer, due time.Time) int {
		if other.due.After(due) {
			return 1
		}
		return -1
	})
	m.timers = slices.Insert(m.timers, at, t)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if i := slices.Index(m.timers, t); i >= 0 {
			m.timers = slices.Delete(m.timers, i, i+1)
		}
	}
}

// Advance moves the clock by d and calls what falls due on the way, in order,
// each at its own time. What that sets in motion goes on in parallel: a duration
// that it starts to wait for counts from where the clock stands by then.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	target := m.now.Add(d)
	for len(m.timers) > 0 && !m.timers[0].due.After(target) {
		next := m.timers[0]
		m.timers = slices.Delete(m.timers, 0, 1)
		if next.due.After(m.now) {
			m.now = next.due
		}
		m.mu.Unlock()
		next.f()
		m.mu.Lock()
	}
	m.now = target
	m.mu.Unlock()
}

// AdvanceUntil advances by step, again and again, until it is reached, and gives
// what is set in motion the time to go on in between. It returns false where ctx
// ends first.
func (m *Manual) AdvanceUntil(ctx context.Context, step time.Duration, reached func() bool) bool {
	pause := time.NewTicker(time.Millisecond)
	defer pause.Stop()
	for !reached() {
		m.Advance(step)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return reached()
		}
	}
	return true
}
