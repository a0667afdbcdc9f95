package cqrstest

import (
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// crossing is where the workers meet: each waits before its next effect, and one
// at a time is let go. It needs a synctest bubble.
type crossing struct {
	workers int
	order   []int // choices that are left; when they are used up, the first worker goes
	made    []int // choices that were made
	pause   time.Duration
	paused  func() // is told of each pause
	arrived chan struct{}

	mu      sync.Mutex
	waiting []waiter
	open    bool // the workers have ended: what they left running just passes
}

type waiter struct {
	worker int
	pass   chan struct{}
}

func newCrossing(workers int, order []int, pause time.Duration, paused func()) *crossing {
	return &crossing{workers: workers, order: order, pause: pause, paused: paused, arrived: make(chan struct{}, 1)}
}

// await returns when it is the caller's turn.
func (c *crossing) await(worker int) {
	pass := make(chan struct{})
	c.mu.Lock()
	if c.open {
		c.mu.Unlock()
		return
	}
	c.waiting = append(c.waiting, waiter{worker: worker, pass: pass})
	c.mu.Unlock()
	select {
	case c.arrived <- struct{}{}:
	default:
	}
	<-pass
}

// run lets one worker after the other go, until all of them have ended.
func (c *crossing) run(workers *sync.WaitGroup) {
	finished := make(chan struct{})
	go func() {
		workers.Wait()
		close(finished)
	}()
	for {
		synctest.Wait() // everybody stands still: at the crossing, asleep, or at the end
		if c.letOneGo() {
			continue
		}
		select {
		case <-c.arrived:
		case <-finished:
			c.mu.Lock()
			c.open = true
			c.mu.Unlock()
			for c.letOneGo() {
			}
			return
		}
	}
}

// letOneGo reports false where nobody waits.
func (c *crossing) letOneGo() bool {
	c.mu.Lock()
	if len(c.waiting) == 0 {
		c.mu.Unlock()
		return false
	}
	slices.SortStableFunc(c.waiting, func(a, b waiter) int { return a.worker - b.worker })
	choice, i := c.choose()
	if choice == c.workers {
		c.mu.Unlock()
		c.paused()
		time.Sleep(c.pause) // whoever waits here stands still meanwhile
		return true
	}
	next := c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	c.mu.Unlock()
	close(next.pass)
	return true
}

// choose returns the next choice that can be made, a worker or a pause, and
// where the worker waits. A worker that does not wait is passed over.
func (c *crossing) choose() (choice, i int) {
	for len(c.order) > 0 {
		choice, c.order = c.order[0], c.order[1:]
		i := slices.IndexFunc(c.waiting, func(w waiter) bool { return w.worker == choice+1 })
		if i >= 0 || choice == c.workers {
			c.made = append(c.made, choice)
			return choice, i
		}
	}
	return c.waiting[0].worker - 1, 0
}
