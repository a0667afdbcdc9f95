package clock

import (
	"slices"
	"sync"
	"time"
)

// Manual is a clock that stands still until it is advanced.
type Manual struct {
	mu      sync.Mutex
	now     time.Time
	timers  []*timer // by due time; those due at the same time in the order of their start
	changed chan struct{}
}

type timer struct {
	due time.Time
	f   func()
}

// NewManual returns a clock that stands at now.
func NewManual(now time.Time) *Manual {
	return &Manual{now: now, changed: make(chan struct{})}
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
	m.announce()
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if i := slices.Index(m.timers, t); i >= 0 {
			m.timers = slices.Delete(m.timers, i, i+1)
			m.announce()
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
	m.announce()
	m.mu.Unlock()
}

// Timers is how many timers run, and a channel that is closed when that has
// changed or the clock has moved.
func (m *Manual) Timers() (running int, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.timers), m.changed
}

func (m *Manual) announce() {
	close(m.changed)
	m.changed = make(chan struct{})
}
