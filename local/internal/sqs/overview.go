package sqs

import (
	"maps"
	"slices"
	"time"
)

// Overview is a queue as people look at it.
type Overview struct {
	Name            string   `json:"name"`
	ARN             string   `json:"arn"`
	Visible         int      `json:"visible"`
	InFlight        int      `json:"inFlight"`
	Delayed         int      `json:"delayed"`
	OldestSeconds   int      `json:"oldestSeconds"`   // the age of the oldest message, 0 where there is none
	DeadLetterQueue string   `json:"deadLetterQueue"` // its name, "" where there is none
	MaxReceives     int      `json:"maxReceives"`
	DeadLettersOf   []string `json:"deadLettersOf"` // the queues whose dead letters this one takes
	Moved           int      `json:"moved"`         // by the last message move
	MoveStatus      string   `json:"moveStatus"`    // of the same, "" where there was none
}

// Overview lists all queues by their names.
func (s *Server) Overview() []Overview {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Clock.Now()
	all := make([]Overview, 0, len(s.queues))
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		all = append(all, s.overview(s.queues[name], now))
	}
	return all
}

func (s *Server) overview(q *queue, now time.Time) Overview {
	o := Overview{Name: q.name, ARN: q.arn, DeadLettersOf: []string{}}
	o.Visible, o.InFlight, o.Delayed = q.count(now)
	for _, m := range q.messages {
		if !m.deleted && !m.expired(q, now) {
			o.OldestSeconds = max(o.OldestSeconds, int(now.Sub(m.sent).Seconds()))
		}
	}
	if target, receives, ok := q.redrive(); ok {
		o.MaxReceives = receives
		if dlq, err := s.find(target); err == nil {
			o.DeadLetterQueue = dlq.name
		}
	}
	for _, source := range s.sourcesOf(q) {
		o.DeadLettersOf = append(o.DeadLettersOf, source.name)
	}
	for _, task := range s.moves {
		if task.Source == q.arn {
			o.Moved, o.MoveStatus = task.Moved, task.Status
		}
	}
	return o
}
