package sqs

import (
	"context"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

type deleteMessageInput struct {
	QueueURL      string `json:"QueueUrl"`
	ReceiptHandle string
}

func (s *Server) deleteMessage(_ context.Context, in *deleteMessageInput) (*wire.None, error) {
	return &wire.None{}, s.Delete(in.QueueURL, in.ReceiptHandle)
}

// Delete deletes the message of a receipt handle. A standard queue ignores an old
// handle of a message that was received again; a FIFO queue refuses one whose
// visibility timeout has passed.
func (s *Server) Delete(address, handle string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(address)
	if err != nil {
		return err
	}
	m, current, err := q.receipt(handle)
	if err != nil || m == nil {
		return err
	}
	if q.fifo && (!current || !m.visibleAt.After(s.options.Clock.Now())) {
		return badValue("The receipt handle has expired.")
	}
	if current {
		q.remove(m)
		q.announce() // the group of a FIFO message may go on
	}
	return nil
}

type changeMessageVisibilityInput struct {
	QueueURL          string `json:"QueueUrl"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

func (s *Server) changeMessageVisibility(_ context.Context, in *changeMessageVisibilityInput) (*wire.None, error) {
	if in.VisibilityTimeout == nil {
		return nil, wire.Invalid("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
	}
	timeout, err := seconds("VisibilityTimeout", in.VisibilityTimeout, 43200)
	if err != nil {
		return nil, err
	}
	return &wire.None{}, s.ChangeVisibility(in.QueueURL, in.ReceiptHandle, *timeout)
}

// ChangeVisibility has a message in flight come back after timeout, from now.
func (s *Server) ChangeVisibility(address, handle string, timeout time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(address)
	if err != nil {
		return err
	}
	now := s.options.Clock.Now()
	m, current, err := q.receipt(handle)
	switch {
	case err != nil:
		return err
	case m == nil:
		return badValue("The message does not exist or is not available for a change of its visibility timeout.")
	case !current || !m.visibleAt.After(now):
		return wire.Invalid("MessageNotInflight", "The message referred to is not in flight.")
	}
	m.visibleAt = now.Add(timeout)
	q.announce()
	return nil
}
