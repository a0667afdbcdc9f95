package sqs

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

type receiveMessageInput struct {
	QueueURL                    string `json:"QueueUrl"`
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
}

type receiveMessageOutput struct {
	Messages []Received `json:",omitempty"`
}

// Received is a message as its receiver sees it.
type Received struct {
	MessageID         string `json:"MessageId"`
	ReceiptHandle     string
	Body              string
	MD5OfBody         string
	MD5OfAttributes   string                    `json:"MD5OfMessageAttributes,omitempty"`
	Attributes        map[string]string         `json:",omitempty"`
	MessageAttributes map[string]wire.Attribute `json:",omitempty"`
}

func (s *Server) receiveMessage(ctx context.Context, in *receiveMessageInput) (*receiveMessageOutput, error) {
	limit := 1
	if in.MaxNumberOfMessages != nil {
		limit = *in.MaxNumberOfMessages
	}
	if limit < 1 || limit > 10 {
		return nil, badValue("MaxNumberOfMessages is %d, but must be between 1 and 10.", limit)
	}
	request := Request{Max: limit}
	var err error
	if request.Visibility, err = seconds("VisibilityTimeout", in.VisibilityTimeout, 43200); err != nil {
		return nil, err
	}
	if request.Wait, err = seconds("WaitTimeSeconds", in.WaitTimeSeconds, 20); err != nil {
		return nil, err
	}
	messages, err := s.Receive(ctx, in.QueueURL, request)
	if err != nil {
		return nil, err
	}
	system := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	for i := range messages {
		messages[i].choose(system, in.MessageAttributeNames)
	}
	return &receiveMessageOutput{messages}, nil
}

// seconds is nil where the parameter was not given.
func seconds(name string, value *int, maximum int) (*time.Duration, error) {
	if value == nil {
		return nil, nil
	}
	if *value < 0 || *value > maximum {
		return nil, badValue("%s is %d, but must be between 0 and %d.", name, *value, maximum)
	}
	d := time.Duration(*value) * time.Second
	return &d, nil
}

// choose leaves only the attributes that were asked for.
func (r *Received) choose(system, attributes []string) {
	for name := range r.Attributes {
		if !slices.Contains(system, name) && !slices.Contains(system, "All") {
			delete(r.Attributes, name)
		}
	}
	chosen := make(map[string]wire.Attribute)
	for name, value := range r.MessageAttributes {
		if slices.ContainsFunc(attributes, func(wanted string) bool { return matchesName(wanted, name) }) {
			chosen[name] = value
		}
	}
	r.MessageAttributes = chosen
	r.MD5OfAttributes = md5OfAttributes(chosen)
}

func matchesName(wanted, name string) bool {
	prefix, wildcard := strings.CutSuffix(wanted, ".*")
	return wanted == "All" || wanted == ".*" || wanted == name || wildcard && strings.HasPrefix(name, prefix)
}

// Request is how messages are received.
type Request struct {
	Max        int
	MaxBytes   int            // of bodies and attributes, beyond the first message; 0: no limit
	Visibility *time.Duration // nil: the queue's
	Wait       *time.Duration // nil: the queue's; how long for a first message
}

// Receive returns up to Max messages, at once where there are any, and none when
// Wait is over.
func (s *Server) Receive(ctx context.Context, address string, request Request) ([]Received, error) {
	var timeout <-chan struct{}
	start := s.options.Clock.Now()
	for {
		s.mu.Lock()
		q, err := s.find(address)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		now := s.options.Clock.Now()
		if received := s.take(q, now, request); len(received) > 0 {
			s.mu.Unlock()
			return received, nil
		}
		changed, next, wait := q.changed, q.nextVisible(now), q.seconds("ReceiveMessageWaitTimeSeconds")
		s.mu.Unlock()

		if request.Wait != nil {
			wait = *request.Wait
		}
		if wait == 0 {
			return nil, nil
		}
		if timeout == nil {
			var stop func()
			timeout, stop = clock.Timer(s.options.Clock, start.Add(wait))
			defer stop() // once: the loop makes one timer
		}
		if over, err := s.await(ctx, changed, next, timeout); over || err != nil {
			return nil, err
		}
	}
}

// await returns when something may have become receivable; over says that the
// time is up instead.
func (s *Server) await(ctx context.Context, changed <-chan struct{}, next time.Time, timeout <-chan struct{}) (over bool, err error) {
	var visible <-chan struct{}
	if !next.IsZero() {
		var stop func()
		visible, stop = clock.Timer(s.options.Clock, next)
		defer stop()
	}
	select {
	case <-changed:
	case <-visible:
	case <-timeout:
		return true, nil
	case <-ctx.Done():
		return true, context.Cause(ctx)
	}
	return false, nil
}

// nextVisible is when a message that is hidden now can be received, and zero
// where none is.
func (q *queue) nextVisible(now time.Time) time.Time {
	var next time.Time
	for _, m := range q.messages {
		if !m.deleted && m.visibleAt.After(now) && (next.IsZero() || m.visibleAt.Before(next)) {
			next = m.visibleAt
		}
	}
	return next
}

// take receives what can be received now. It is called while mu is held.
func (s *Server) take(q *queue, now time.Time, request Request) []Received {
	visibility := q.seconds("VisibilityTimeout")
	if request.Visibility != nil {
		visibility = *request.Visibility
	}
	target, receives, redrive := q.redrive()
	var received []Received
	bytes := 0
	blocked := make(map[string]bool) // groups of which a message is in flight
	for _, m := range slices.Clone(q.messages) {
		switch {
		case len(received) == request.Max:
			return received
		case m.deleted || q.fifo && blocked[m.group]:
		case m.expired(q, now):
			q.remove(m)
		case m.visibleAt.After(now):
			blocked[m.group] = true
		case redrive && m.receives >= receives:
			s.deadLetter(q, m, target, now)
		default:
			bytes += size(m.body, m.attributes)
			if request.MaxBytes > 0 && bytes > request.MaxBytes && len(received) > 0 {
				return received
			}
			received = append(received, s.receive(q, m, now, visibility))
		}
	}
	return received
}

func (s *Server) receive(q *queue, m *message, now time.Time, visibility time.Duration) Received {
	m.receives++
	m.handle = newHandle(q, m)
	m.visibleAt = now.Add(visibility)
	if m.first.IsZero() {
		m.first = now
	}
	return Received{
		MessageID:         m.id,
		ReceiptHandle:     m.handle,
		Body:              m.body,
		MD5OfBody:         md5Of(m.body),
		MD5OfAttributes:   md5OfAttributes(m.attributes),
		Attributes:        m.system(s.options.Account),
		MessageAttributes: m.attributes,
	}
}
