package cqrs

import (
	"container/heap"
	"slices"
	"sync"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// order is how the records of a batch depend on each other.
type order uint8

const (
	independent order = iota // a failure concerns its record alone
	perGroup                 // FIFO: a failure ends its group
	perStream                // a failure ends everything behind it; items keep their order
	inSequence               // FIFO with StopAtFirst: one after the other, a failure ends everything
)

// status is how far a record has come.
type status uint8

const (
	unstarted status = iota
	running
	succeeded
	failed
)

// schedule hands out the records of one batch. Records of one lane never run
// at the same time, nor out of order; of those that may run, the first in the
// batch is next.
type schedule struct {
	mu       sync.Mutex
	changed  sync.Cond
	order    order
	ready    indexHeap
	next     []int // the next record of the same lane, or -1
	status   []status
	limit    int // nothing from here on starts
	active   int
	mayStart func() error
	stopped  error // why nothing starts any more
}

// newSchedule orders records by their lanes; a lane of "" belongs to one record
// alone.
func newSchedule(order order, lanes []string, mayStart func() error) *schedule {
	n := len(lanes)
	s := &schedule{
		order:    order,
		ready:    make(indexHeap, 0, n),
		next:     make([]int, n),
		status:   make([]status, n),
		limit:    n,
		mayStart: mayStart,
	}
	s.changed.L = &s.mu
	last := make(map[string]int)
	for i, lane := range lanes {
		s.next[i] = -1
		if lane != "" {
			before, taken := last[lane]
			last[lane] = i
			if taken {
				s.next[before] = i
				continue
			}
		}
		s.ready = append(s.ready, i) // ascending, so it is a heap
	}
	return s
}

// take returns the next record to run, waiting for one that depends on a record
// that runs. It returns false when no further record will start.
func (s *schedule) take() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.stopped == nil {
			s.stopped = s.mayStart()
		}
		if s.stopped != nil {
			return 0, false
		}
		if len(s.ready) > 0 && s.ready[0] < s.limit {
			i := heap.Pop(&s.ready).(int) //nolint:forcetypeassert // it holds nothing else
			s.status[i] = running
			s.active++
			return i, true
		}
		if s.active == 0 {
			return 0, false
		}
		s.changed.Wait()
	}
}

// done reports the end of a record.
func (s *schedule) done(i int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	if ok {
		s.status[i] = succeeded
		if next := s.next[i]; next >= 0 {
			heap.Push(&s.ready, next)
		}
	} else {
		s.status[i] = failed
		switch s.order {
		case perStream, inSequence:
			s.limit = min(s.limit, i)
		case perGroup: // the rest of the group is never ready
		case independent:
			if next := s.next[i]; next >= 0 {
				heap.Push(&s.ready, next)
			}
		}
	}
	s.changed.Broadcast()
}

// whyUnstarted returns the reason for records that did not run.
func (s *schedule) whyUnstarted() error {
	if s.stopped != nil {
		return s.stopped
	}
	return errHeldBack
}

// run calls f for the records, in up to n goroutines at once, and returns when
// all that start have ended. A call of f that ends its goroutine
// (runtime.Goexit) counts as failed and goes to lost.
func (s *schedule) run(n int, f func(i int) bool, lost func(i int)) {
	var workers sync.WaitGroup
	var work func()
	work = func() {
		defer workers.Done()
		current, returned := -1, true
		defer func() {
			if returned {
				return
			}
			lost(current)
			s.done(current, false)
			workers.Add(1)
			go work()
		}()
		for {
			i, ok := s.take()
			if !ok {
				return
			}
			current, returned = i, false
			ok = f(i)
			returned = true
			s.done(i, ok)
		}
	}
	for range max(1, min(n, len(s.status))) {
		workers.Add(1)
		go work()
	}
	workers.Wait()
}

// indexHeap is a heap of record numbers.
type indexHeap []int

func (h indexHeap) Len() int           { return len(h) }
func (h indexHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h indexHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

func (h *indexHeap) Push(x any) { *h = append(*h, x.(int)) } //nolint:forcetypeassert // it holds nothing else

func (h *indexHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// orderOf returns the order that a batch must be run in.
func (d *Dispatcher) orderOf(source Source, messages []Message) order {
	switch source {
	case SourceDynamoDB, SourceKinesis:
		return perStream
	case SourceSQS:
		switch fifo := slices.ContainsFunc(messages, func(m Message) bool { return isFIFO(m.ARN) }); {
		case fifo && d.stopAtFirst:
			return inSequence
		case fifo:
			return perGroup
		}
	}
	return independent
}

// lanesOf returns the lane of each record. Where one record runs at a time in
// any case, lanes only matter to FIFO groups, whose failure ends a lane.
func lanesOf(order order, messages []Message) []string {
	lanes := make([]string, len(messages))
	for i := range messages {
		m := &messages[i]
		switch order {
		case perGroup:
			if isFIFO(m.ARN) {
				lanes[i] = m.ARN + "|" + m.Group
			}
		case perStream:
			lanes[i] = m.ARN + "|" + m.Group
		case inSequence:
			lanes[i] = "all"
		case independent:
		}
	}
	return lanes
}

// lowest returns the record of a stream that the next delivery must begin with:
// of all that did not succeed, the one with the lowest sequence number. In a
// batch as AWS sends it, that is the first one.
func lowest(messages []Message, states []status) (int, bool) {
	found := -1
	for i, state := range states {
		if state == succeeded {
			continue
		}
		if found < 0 || lambdaevent.LessSequence(messages[i].Sequence, messages[found].Sequence) {
			found = i
		}
	}
	return found, found >= 0
}
