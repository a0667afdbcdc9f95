package sqsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
)

// DrainClient is what [Drain] needs of a *sqs.Client.
type DrainClient interface {
	URLClient
	ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, opts ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(
		ctx context.Context, in *sqs.DeleteMessageBatchInput, opts ...func(*sqs.Options),
	) (*sqs.DeleteMessageBatchOutput, error)
}

// Invoker is a function, such as a *cqrs.Dispatcher.
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// DrainReport is what [Drain] has done.
type DrainReport struct{ Handled, Failed int }

// drainVisibility is how long, in seconds, messages are out of sight of others:
// longer than ten of them take.
const drainVisibility = 900

// Drain takes the messages of a queue and hands them to a function as Lambda
// would, in batches of up to 10, until the queue is empty or holds only what has
// failed once already. What the function has handled is deleted; what it has not
// becomes visible again after 15 minutes. It is for dead-letter queues that no
// function polls: from a developer's machine or a scheduled task.
//
// Two requests for each batch. The actions are sqs:ReceiveMessage and
// sqs:DeleteMessage on the queue.
func Drain(ctx context.Context, client DrainClient, queueARN string, function Invoker) (DrainReport, error) {
	d := &drain{client: client, queues: queues{client: client}, arn: queueARN, function: function, failed: map[string]bool{}}
	for {
		more, err := d.batch(ctx)
		if err != nil || !more {
			return d.report(), err
		}
	}
}

type drain struct {
	client   DrainClient
	queues   queues
	arn      string
	function Invoker
	handled  int
	failed   map[string]bool // by messageId
}

func (d *drain) report() DrainReport { return DrainReport{Handled: d.handled, Failed: len(d.failed)} }

// batch reports whether there may be more.
func (d *drain) batch(ctx context.Context) (more bool, err error) {
	messages, err := d.receive(ctx)
	if err != nil || len(messages) == 0 {
		return false, err
	}
	payload, err := d.event(messages)
	if err != nil {
		return false, err
	}
	answer, failure := d.function.Invoke(ctx, payload)
	refused := map[string]bool{}
	if failure == nil { // else all of them are
		if refused, err = refusedBy(answer); err != nil {
			return false, err
		}
	}
	var handled []types.Message
	for _, m := range messages {
		id := aws.ToString(m.MessageId)
		switch {
		case failure != nil || refused[id]:
			more = more || !d.failed[id]
			d.failed[id] = true
		default:
			handled = append(handled, m)
			delete(d.failed, id)
		}
	}
	if len(handled) == 0 {
		return more && ctx.Err() == nil, ctx.Err()
	}
	d.handled += len(handled)
	return true, d.remove(ctx, handled)
}

func (d *drain) receive(ctx context.Context) (messages []types.Message, err error) {
	err = d.queues.call(ctx, d.arn, func(url *string, in func(*sqs.Options)) error {
		out, err := d.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:                    url,
			MaxNumberOfMessages:         10,
			VisibilityTimeout:           drainVisibility,
			WaitTimeSeconds:             1, // asks all servers of the queue
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
			MessageAttributeNames:       []string{"All"},
		}, in)
		if err == nil {
			messages = out.Messages
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sqsqueue: receive from %s: %w", d.arn, err)
	}
	return messages, nil
}

// event is the payload that Lambda makes of messages.
func (d *drain) event(messages []types.Message) ([]byte, error) {
	name, err := arn.Parse(d.arn)
	if err != nil {
		return nil, fmt.Errorf("sqsqueue: %q is not the ARN of a queue", d.arn)
	}
	var event events.SQSEvent
	for _, m := range messages {
		record := events.SQSMessage{
			MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
			Md5OfBody: aws.ToString(m.MD5OfBody), Md5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes),
			Attributes: m.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{},
			EventSource: "aws:sqs", EventSourceARN: d.arn, AWSRegion: name.Region,
		}
		for name, a := range m.MessageAttributes {
			record.MessageAttributes[name] = events.SQSMessageAttribute{
				DataType: aws.ToString(a.DataType), StringValue: a.StringValue, BinaryValue: a.BinaryValue,
			}
		}
		event.Records = append(event.Records, record)
	}
	return json.Marshal(event)
}

// refusedBy reads which messages of a batch a function has not handled.
func refusedBy(answer []byte) (map[string]bool, error) {
	var response events.SQSEventResponse
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &response); err != nil {
			return nil, errors.New("sqsqueue: the function's answer is no partial batch response")
		}
	}
	refused := map[string]bool{}
	for _, item := range response.BatchItemFailures {
		refused[item.ItemIdentifier] = true
	}
	return refused, nil
}

// remove deletes messages, and those again of which SQS says that the failure is
// its own.
func (d *drain) remove(ctx context.Context, messages []types.Message) error {
	left := make(map[string]types.DeleteMessageBatchRequestEntry, len(messages))
	for _, m := range messages {
		left[aws.ToString(m.MessageId)] = types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle}
	}
	var final []error
	again := func(err error) bool { return errors.Is(err, errLeft) }
	err := fault.Retry(ctx, again, func() error {
		return d.queues.call(ctx, d.arn, func(url *string, in func(*sqs.Options)) error {
			request := &sqs.DeleteMessageBatchInput{QueueUrl: url}
			for _, entry := range left {
				request.Entries = append(request.Entries, entry)
			}
			out, err := d.client.DeleteMessageBatch(ctx, request, in)
			if err != nil {
				return err
			}
			for _, done := range out.Successful {
				delete(left, aws.ToString(done.Id))
			}
			for _, failed := range out.Failed {
				if failed.SenderFault {
					final = append(final, fmt.Errorf("message %s: %s", aws.ToString(failed.Id), aws.ToString(failed.Code)))
					delete(left, aws.ToString(failed.Id))
				}
			}
			if len(left) > 0 {
				return errLeft
			}
			return nil
		})
	})
	if err = errors.Join(append(final, err)...); err != nil {
		return fmt.Errorf("sqsqueue: delete what was handled from %s, so it will come again: %w", d.arn, err)
	}
	return nil
}

var errLeft = errors.New("SQS did not delete all messages")
