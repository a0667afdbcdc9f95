package cqrs

import (
	"container/heap"
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

// work is done on the records of a batch, by their numbers.
type work interface {
	// run reports whether the record succeeded.
	run(i int) bool
	// lost is called where run has ended its goroutine (runtime.Goexit) instead of
	// returning.
	lost(i int)
}

// lane is what records share that never run at the same time, nor out of order.
type lane struct{ arn, group string }

// schedule runs the records of one batch. Of those that may run, the first in
// the batch is next.
type schedule struct {
	order    order
	messages []Message
	status   []status
	few      [16]status  // where the status of a small batch is
	limit    int         // nothing from here on starts
	inv      *invocation // says whether there is time
	stopped  error       // why nothing starts any more

	failed map[lane]struct{} // one at a time: the lanes that have ended

	// One at a time:
	work work
	at   int // the record that runs

	// Several at once:
	mu      sync.Mutex
	changed sync.Cond
	ready   indexHeap
	next    []int // the next record of the same lane, or -1
	active  int
}

func (s *schedule) init(order order, messages []Message, inv *invocation) {
	s.order, s.messages, s.inv = order, messages, inv
	if s.status = s.few[:]; len(messages) > len(s.few) {
		s.status = make([]status, len(messages))
	}
	s.status = s.status[:len(messages)]
	s.limit = len(messages)
}

// laneOf returns the lane of a record; false where it has none but its own.
func (s *schedule) laneOf(i int) (lane, bool) {
	m := &s.messages[i]
	switch s.order {
	case perGroup:
		return lane{m.ARN, m.Group}, isFIFO(m.ARN)
	case perStream:
		return lane{m.ARN, m.Group}, true
	case inSequence:
		return lane{}, true
	default:
		return lane{}, false
	}
}

// run does the work on up to n records at once, and returns when all that was
// started has ended. A lost record counts as failed.
func (s *schedule) run(n int, w work) {
	if n = min(n, len(s.status)); n > 1 {
		s.runSeveral(n, w)
		return
	}
	s.work = w
	for s.at < s.limit && s.stopped == nil {
		aside(s)
	}
}

// proceed runs one record after the other, without any lock.
func (s *schedule) proceed() {
	for ; s.at < s.limit; s.at++ {
		if s.isHeld(s.at) {
			continue
		}
		if s.stopped = s.inv.mayStart(); s.stopped != nil {
			return
		}
		if s.work.run(s.at) {
			s.status[s.at] = succeeded
		} else {
			s.fail(s.at)
		}
	}
}

// lost gives up the record that has ended its goroutine.
func (s *schedule) lost() {
	s.work.lost(s.at)
	s.fail(s.at)
	s.at++
}

func (s *schedule) isHeld(i int) bool {
	if s.failed == nil {
		return false
	}
	l, ok := s.laneOf(i)
	_, failed := s.failed[l]
	return ok && failed
}

// fail notes a failure, and what it ends.
func (s *schedule) fail(i int) {
	s.status[i] = failed
	switch s.order {
	case perStream, inSequence:
		s.limit = min(s.limit, i)
	case perGroup:
		if l, ok := s.laneOf(i); ok {
			if s.failed == nil {
				s.failed = map[lane]struct{}{}
			}
			s.failed[l] = struct{}{}
		}
	case independent:
	}
}

// lineUp puts the first record of each lane into ready, and the others behind
// each other.
func (s *schedule) lineUp() {
	n := len(s.status)
	s.changed.L = &s.mu
	s.ready = make(indexHeap, 0, n)
	s.next = make([]int, n)
	last := make(map[lane]int, n)
	for i := range n {
		s.next[i] = -1
		if l, ok := s.laneOf(i); ok {
			before, taken := last[l]
			last[l] = i
			if taken {
				s.next[before] = i
				continue
			}
		}
		s.ready = append(s.ready, i) // ascending, so it is a heap
	}
}

// take returns the next record to run, waiting for one that depends on a record
// that runs. It returns false when no further record will start.
func (s *schedule) take() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.stopped == nil {
			s.stopped = s.inv.mayStart()
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
	} else {
		s.fail(i)
	}
	// The rest of a group that has failed is never ready.
	if next := s.next[i]; next >= 0 && (ok || s.order != perGroup) {
		heap.Push(&s.ready, next)
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

func (s *schedule) runSeveral(n int, w work) {
	s.lineUp()
	var workers sync.WaitGroup
	var serve func()
	serve = func() {
		defer workers.Done()
		current, returned := -1, true
		defer func() {
			if returned {
				return
			}
			w.lost(current)
			s.done(current, false)
			workers.Add(1)
			go serve()
		}()
		for {
			i, ok := s.take()
			if !ok {
				return
			}
			current, returned = i, false
			ok = w.run(i)
			returned = true
			s.done(i, ok)
		}
	}
	for range n {
		workers.Add(1)
		go serve()
	}
	workers.Wait()
}

// indexHeap is a heap of record numbers.
type indexHeap []int //nolint:recvcheck // as container/heap has it

func (h indexHeap) Len() int           { return len(h) }
func (h indexHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h indexHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is heap.Push's.
func (h *indexHeap) Push(x any) { *h = append(*h, x.(int)) } //nolint:forcetypeassert // it holds nothing else

// Pop is heap.Pop's.
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
		for i := range messages {
			switch fifo := isFIFO(messages[i].ARN); {
			case fifo && d.stopAtFirst:
				return inSequence
			case fifo:
				return perGroup
			}
		}
	}
	return independent
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
