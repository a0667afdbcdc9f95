package sqs

import (
	"context"
	"fmt"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

type sendMessageInput struct {
	entry
	QueueURL string `json:"QueueUrl"`
}

// entry is a message as SendMessage and SendMessageBatch take it.
type entry struct {
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]wire.Attribute
	MessageSystemAttributes map[string]wire.Attribute
	MessageGroupID          string `json:"MessageGroupId"`
	MessageDeduplicationID  string `json:"MessageDeduplicationId"`
}

type sendMessageOutput struct {
	MessageID       string `json:"MessageId"`
	MD5OfBody       string `json:"MD5OfMessageBody"`
	MD5OfAttributes string `json:"MD5OfMessageAttributes,omitempty"`
	MD5OfSystem     string `json:"MD5OfMessageSystemAttributes,omitempty"`
	SequenceNumber  string `json:",omitempty"`
}

func (s *Server) sendMessage(_ context.Context, in *sendMessageInput) (*sendMessageOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return s.send(q, &in.entry)
}

// Send delivers m to the queue of that URL or ARN.
func (s *Server) Send(_ context.Context, address string, m wire.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(address)
	if err != nil {
		return err
	}
	_, err = s.send(q, &entry{
		MessageBody:            m.Body,
		MessageAttributes:      m.Attributes,
		MessageGroupID:         m.Group,
		MessageDeduplicationID: m.Deduplication,
	})
	return err
}

// send is called while mu is held.
func (s *Server) send(q *queue, in *entry) (*sendMessageOutput, error) {
	delay, err := checkEntry(q, in)
	if err != nil {
		return nil, err
	}
	now := s.options.Clock.Now()
	m := &message{
		id:         runtimeapi.NewRequestID(),
		body:       in.MessageBody,
		attributes: in.MessageAttributes,
		group:      in.MessageGroupID,
		sent:       now,
		visibleAt:  now.Add(delay),
	}
	if trace, ok := in.MessageSystemAttributes["AWSTraceHeader"]; ok {
		m.trace = *trace.StringValue
	}
	out := &sendMessageOutput{
		MessageID:       m.id,
		MD5OfBody:       md5Of(in.MessageBody),
		MD5OfAttributes: md5OfAttributes(in.MessageAttributes),
		MD5OfSystem:     md5OfAttributes(in.MessageSystemAttributes),
	}
	if q.fifo {
		if err := q.identify(m, in.MessageDeduplicationID); err != nil {
			return nil, err
		}
		if earlier, ok := q.duplicate(m, now); ok {
			out.MessageID, out.SequenceNumber = earlier.id, earlier.sequence
			return out, nil
		}
		m.sequence = s.nextSequence()
		q.remember(m, now)
		out.SequenceNumber = m.sequence
	}
	q.add(m)
	return out, nil
}

// nextSequence is called while mu is held.
func (s *Server) nextSequence() string {
	s.sequence++
	return fmt.Sprintf("%020d", 10_000_000_000_000_000_000+s.sequence)
}

func checkEntry(q *queue, in *entry) (delay time.Duration, err error) {
	limit := q.number("MaximumMessageSize")
	switch {
	case in.MessageBody == "":
		return 0, wire.Invalid("MissingParameter", "The request must contain the parameter MessageBody.")
	case size(in.MessageBody, in.MessageAttributes) > limit:
		return 0, badValue("The message must be shorter than %d bytes.", limit)
	}
	if err := checkText(in.MessageBody); err != nil {
		return 0, err
	}
	if err := checkAttributes(in.MessageAttributes); err != nil {
		return 0, err
	}
	for name, attribute := range in.MessageSystemAttributes {
		if name != "AWSTraceHeader" || attribute.DataType != "String" || attribute.StringValue == nil {
			return 0, badValue("The message system attribute %q is not AWSTraceHeader, or no String.", name)
		}
	}
	delay = q.seconds("DelaySeconds")
	if in.DelaySeconds == nil {
		return delay, nil
	}
	if *in.DelaySeconds < 0 || *in.DelaySeconds > 900 {
		return 0, badValue("DelaySeconds is %d, but must be between 0 and 900.", *in.DelaySeconds)
	}
	if q.fifo && *in.DelaySeconds != 0 {
		return 0, badValue("DelaySeconds is %d, but messages of a FIFO queue have no delay of their own.", *in.DelaySeconds)
	}
	return time.Duration(*in.DelaySeconds) * time.Second, nil
}
