package sqs

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// queue is guarded by Server.mu.
type queue struct {
	name, url, arn string
	fifo           bool
	attributes     map[string]string // those that were set
	created        time.Time
	modified       time.Time
	purged         time.Time
	messages       []*message // in the order of their arrival; those deleted leave with compact
	deleted        int        // how many messages of the slice are deleted
	byID           map[string]*message
	duplicates     map[string]duplicate
	changed        chan struct{} // closed when something may have become receivable, or the queue is deleted
	gone           bool
}

func (q *queue) announce() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// compact drops deleted messages once they are the greater part.
func (q *queue) compact() {
	if q.deleted*2 <= len(q.messages) {
		return
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.deleted })
	q.deleted = 0
}

func (q *queue) remove(m *message) {
	if m.deleted {
		return
	}
	m.deleted = true
	q.deleted++
	delete(q.byID, m.id)
	q.compact()
}

func (q *queue) add(m *message) {
	q.messages = append(q.messages, m)
	q.byID[m.id] = m
	q.announce()
}

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type queueURL struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Server) createQueue(_ context.Context, in *createQueueInput) (*queueURL, error) {
	base, fifo := strings.CutSuffix(in.QueueName, ".fifo")
	if !queueName.MatchString(base) || len(in.QueueName) > 80 {
		return nil, badValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length: %q", in.QueueName)
	}
	if fifo != (in.Attributes["FifoQueue"] == "true") {
		return nil, badValue("The name of a FIFO queue ends with .fifo, and its attribute FifoQueue is true")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkAttributes(in.Attributes, fifo, true); err != nil {
		return nil, err
	}
	if q, ok := s.queues[in.QueueName]; ok {
		for name, value := range in.Attributes {
			if q.attribute(name) != value {
				return nil, wire.Invalid("QueueNameExists",
					"A queue already exists with the same name and a different value for attribute %s", name)
			}
		}
		return &queueURL{q.url}, nil
	}
	now := s.options.Clock.Now()
	q := &queue{
		name:       in.QueueName,
		url:        s.options.Endpoint + "/" + s.options.Account + "/" + in.QueueName,
		arn:        s.options.ARN("sqs", in.QueueName),
		fifo:       fifo,
		attributes: maps.Clone(in.Attributes),
		created:    now,
		modified:   now,
		byID:       make(map[string]*message),
		duplicates: make(map[string]duplicate),
		changed:    make(chan struct{}),
	}
	if q.attributes == nil {
		q.attributes = make(map[string]string)
	}
	s.queues[q.name] = q
	return &queueURL{q.url}, nil
}

type getQueueURLInput struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

func (s *Server) getQueueURL(_ context.Context, in *getQueueURLInput) (*queueURL, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueName)
	if err != nil {
		return nil, err
	}
	return &queueURL{q.url}, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	MaxResults      int
	NextToken       string
}

type listQueuesOutput struct {
	QueueURLs []string `json:"QueueUrls"`
	NextToken string   `json:",omitempty"`
}

func (s *Server) listQueues(_ context.Context, in *listQueuesInput) (*listQueuesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &listQueuesOutput{}
	last := ""
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if !strings.HasPrefix(name, in.QueueNamePrefix) || name <= in.NextToken {
			continue
		}
		if len(out.QueueURLs) == 1000 || in.MaxResults > 0 && len(out.QueueURLs) == in.MaxResults {
			if in.MaxResults > 0 { // without it, SQS returns 1,000 queues and no token
				out.NextToken = last
			}
			break
		}
		out.QueueURLs = append(out.QueueURLs, s.queues[name].url)
		last = name
	}
	return out, nil
}

type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Server) deleteQueue(_ context.Context, in *queueInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	delete(s.queues, q.name)
	q.gone = true
	q.announce()
	return &wire.None{}, nil
}

func (s *Server) purgeQueue(_ context.Context, in *queueInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	now := s.options.Clock.Now()
	if !q.purged.IsZero() && now.Sub(q.purged) < time.Minute {
		return nil, wire.Invalid("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.name)
	}
	q.purged = now
	q.messages, q.deleted = nil, 0
	clear(q.byID)
	return &wire.None{}, nil
}
