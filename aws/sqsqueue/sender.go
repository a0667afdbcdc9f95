package sqsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// SenderClient is what [NewSender] needs of a *sqs.Client.
type SenderClient interface {
	SendClient
	URLClient
}

// Sender puts dead letters back into the queue that their message came from: the
// sender of a redrive.
type Sender struct {
	client SenderClient
	queues queues
	url    string
	blobs  command.Blobs
}

// NewSender returns a sender. It panics where client is nil.
//
// One letter is one request. The URL of the queue is made from its ARN; where SQS
// does not know it, GetQueueUrl is asked once for each queue. The action is
// sqs:SendMessage on the queue.
func NewSender(client SenderClient, opts ...SenderOption) *Sender {
	if client == nil {
		panic("sqsqueue: NewSender needs a client")
	}
	s := &Sender{client: client, queues: queues{client: client}}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// SenderOption changes what [NewSender] makes.
type SenderOption func(*Sender)

// SendTo sends all letters to one queue, instead of each to its own.
func SendTo(queueURL string) SenderOption { return func(s *Sender) { s.url = queueURL } }

// SendBlobs is where [DeadLetterBlobs] has put letters that were too large.
func SendBlobs(b command.Blobs) SenderOption { return func(s *Sender) { s.blobs = b } }

// Send puts the message of a letter back with the body, attributes and group that
// it had. It carries the ID of the letter in the attribute cqrs-failure-id, so that
// a failure is known where it happens again, unless the message has 10 attributes
// or 1 MiB already. SQS gives it a new messageId, so where the attribute is missing, or the
// queue is another one, the handlers' idempotency knows it only by a key of its own. A FIFO queue takes the same letter once in 5 minutes.
//
// The error is permanent for letters of other sources, which have no queue.
func (s *Sender) Send(ctx context.Context, d cqrs.DeadLetter) error {
	d, err := checkOut(ctx, s.blobs, d)
	if err != nil {
		return fmt.Errorf("sqsqueue: put back dead letter %s: %w", d.ID, err)
	}
	in, err := messageOf(&d)
	if err != nil {
		return fmt.Errorf("sqsqueue: put back dead letter %s: %w", d.ID, err)
	}
	if s.url != "" {
		in.QueueUrl = aws.String(s.url)
		err = s.send(ctx, in, isFIFO(s.url))
	} else {
		err = s.queues.call(ctx, d.Message.ARN, func(url *string, region func(*sqs.Options)) error {
			in.QueueUrl = url
			return s.send(ctx, in, isFIFO(d.Message.ARN), region)
		})
	}
	if err != nil {
		return fmt.Errorf("sqsqueue: put back dead letter %s: %w", d.ID, err)
	}
	return nil
}

func (s *Sender) send(ctx context.Context, in *sqs.SendMessageInput, fifo bool, opts ...func(*sqs.Options)) error {
	own := *in
	if !fifo {
		own.MessageDeduplicationId = nil
	}
	return send(ctx, s.client, &own, opts...)
}

// messageOf makes the message that the letter was made of.
func messageOf(d *cqrs.DeadLetter) (*sqs.SendMessageInput, error) {
	if d.Message.Source != cqrs.SourceSQS {
		return nil, cqrs.Permanent(fmt.Errorf("a record of %s has no queue to go back to", d.Message.Source))
	}
	var record events.SQSMessage
	if err := json.Unmarshal(d.Message.Raw(), &record); err != nil {
		return nil, errors.New("its record is missing or malformed")
	}
	in := &sqs.SendMessageInput{
		MessageBody:            aws.String(string(d.Message.Payload())),
		MessageAttributes:      make(map[string]types.MessageAttributeValue, maxAttributes),
		MessageDeduplicationId: aws.String(digest("redrive", d.ID, d.Message.ID)),
	}
	if group := record.Attributes["MessageGroupId"]; group != "" {
		in.MessageGroupId = aws.String(group)
	}
	for name, a := range record.MessageAttributes {
		in.MessageAttributes[name] = types.MessageAttributeValue{
			DataType: aws.String(a.DataType), StringValue: a.StringValue, BinaryValue: a.BinaryValue,
		}
	}
	if id, ok := textAttribute(d.ID); ok {
		marked := maps.Clone(in.MessageAttributes)
		marked[failureID] = id
		if len(marked) <= maxAttributes && sizeOf(*in.MessageBody, marked) <= maxMessage {
			in.MessageAttributes = marked
		}
	}
	return in, nil
}
