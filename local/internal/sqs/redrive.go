package sqs

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// deadLetter moves m to the queue of that ARN. A standard queue keeps the time
// at which m was sent, from which its retention counts; a FIFO queue takes the
// message's id for deduplication. It is called while mu is held.
func (s *Server) deadLetter(q *queue, m *message, target string, now time.Time) {
	dlq, err := s.find(target)
	if err != nil {
		return // deleted since: the message stays where it is
	}
	q.remove(m)
	moved := *m
	moved.deleted, moved.handle, moved.receives, moved.first = false, "", 0, time.Time{}
	moved.visibleAt = now
	moved.source = q.arn
	if dlq.fifo {
		moved.deduplication, moved.sequence, moved.sent = m.id, s.nextSequence(), now
	}
	dlq.add(&moved)
}

// moveTask is a StartMessageMoveTask that has ended: in memory, it takes no time.
type moveTask struct {
	Source  string `json:"SourceArn"`
	Target  string `json:"DestinationArn,omitempty"`
	Moved   int    `json:"ApproximateNumberOfMessagesMoved"`
	ToMove  int    `json:"ApproximateNumberOfMessagesToMove"`
	Rate    *int   `json:"MaxNumberOfMessagesPerSecond,omitempty"`
	Started int64  `json:"StartedTimestamp"` // Unix milliseconds
	Status  string
}

type startMessageMoveTaskInput struct {
	Source string `json:"SourceArn"`
	Target string `json:"DestinationArn"`
	Rate   *int   `json:"MaxNumberOfMessagesPerSecond"`
}

type startMessageMoveTaskOutput struct {
	TaskHandle string
}

func (s *Server) startMessageMoveTask(_ context.Context, in *startMessageMoveTaskInput) (*startMessageMoveTaskOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dlq, err := s.find(in.Source)
	if err != nil {
		return nil, wire.Invalid("ResourceNotFoundException", "The queue of SourceArn does not exist.")
	}
	if len(s.sourcesOf(dlq)) == 0 {
		return nil, badValue("Source queue must be configured as a Dead Letter Queue.")
	}
	var target *queue
	if in.Target != "" {
		if target, err = s.find(in.Target); err != nil {
			return nil, wire.Invalid("ResourceNotFoundException", "The queue of DestinationArn does not exist.")
		}
		if target.fifo != dlq.fifo {
			return nil, badValue("Source and destination must be queues of the same type.")
		}
	}
	now := s.options.Clock.Now()
	task := moveTask{Source: in.Source, Target: in.Target, Rate: in.Rate, Started: now.UnixMilli(), Status: "COMPLETED"}
	for _, m := range slices.Clone(dlq.messages) {
		if !m.deleted && !m.visibleAt.After(now) && !m.expired(dlq, now) {
			task.ToMove++
			if s.moveBack(dlq, m, target, now) {
				task.Moved++
			}
		}
	}
	if task.Moved < task.ToMove {
		task.Status = "FAILED"
	}
	s.moves = append(s.moves, task)
	return &startMessageMoveTaskOutput{runtimeapi.NewRequestID()}, nil
}

// moveBack gives a message a new id and a new time in the queue that it goes to:
// target, or else the one that it came from.
func (s *Server) moveBack(dlq *queue, m *message, target *queue, now time.Time) bool {
	if target == nil {
		source, err := s.find(m.source)
		if m.source == "" || err != nil {
			return false
		}
		target = source
	}
	dlq.remove(m)
	moved := *m
	moved.id, moved.sent, moved.visibleAt = runtimeapi.NewRequestID(), now, now
	moved.deleted, moved.handle, moved.receives, moved.first, moved.source = false, "", 0, time.Time{}, ""
	if target.fifo {
		moved.sequence = s.nextSequence()
	}
	target.add(&moved)
	return true
}

type listMessageMoveTasksInput struct {
	Source     string `json:"SourceArn"`
	MaxResults *int
}

type listMessageMoveTasksOutput struct {
	Results []moveTask
}

func (s *Server) listMessageMoveTasks(_ context.Context, in *listMessageMoveTasksInput) (*listMessageMoveTasksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := 1
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	if limit < 1 || limit > 10 {
		return nil, badValue("MaxResults is %d, but must be between 1 and 10.", limit)
	}
	out := &listMessageMoveTasksOutput{}
	for _, task := range slices.Backward(s.moves) {
		if task.Source == in.Source && len(out.Results) < limit {
			out.Results = append(out.Results, task)
		}
	}
	return out, nil
}

// sourcesOf lists the queues whose dead-letter queue this is. It is called while
// mu is held.
func (s *Server) sourcesOf(dlq *queue) []*queue {
	var sources []*queue
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if target, _, ok := s.queues[name].redrive(); ok && target == dlq.arn {
			sources = append(sources, s.queues[name])
		}
	}
	return sources
}

type deadLetterSourcesInput struct {
	QueueURL string `json:"QueueUrl"`
}

type deadLetterSourcesOutput struct {
	QueueURLs []string `json:"queueUrls"`
}

func (s *Server) listDeadLetterSourceQueues(_ context.Context, in *deadLetterSourcesInput) (*deadLetterSourcesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dlq, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	out := &deadLetterSourcesOutput{QueueURLs: []string{}}
	for _, source := range s.sourcesOf(dlq) {
		out.QueueURLs = append(out.QueueURLs, source.url)
	}
	return out, nil
}
