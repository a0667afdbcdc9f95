package sqsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
)

// The visibility timeout of a message may end 12 hours after it was received, in
// seconds, so less is left of them after some work.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
const (
	maxVisibility = 43_200
	longestWork   = 900 // a function runs so long
)

// RedeliverClient is what [NewRedeliverer] needs of a *sqs.Client.
type RedeliverClient interface {
	URLClient
	ChangeMessageVisibility(
		ctx context.Context, in *sqs.ChangeMessageVisibilityInput, opts ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityOutput, error)
}

// NewRedeliverer returns a redeliverer that sets the visibility timeout of the
// message, for 12 hours at most and rounded up to seconds. It panics where client
// is nil.
//
// A redelivery is one request. The URL of the queue is made from its ARN; where
// SQS does not know it, GetQueueUrl is asked once for each queue. The action is
// sqs:ChangeMessageVisibility on the queue.
func NewRedeliverer(client RedeliverClient) cqrs.Redeliverer {
	if client == nil {
		panic("sqsqueue: NewRedeliverer needs a client")
	}
	return &redeliverer{client: client, queues: queues{client: client}}
}

type redeliverer struct {
	client RedeliverClient
	queues queues
}

// Redeliver makes the message visible again after that time, and at once where it
// is not positive.
func (r *redeliverer) Redeliver(ctx context.Context, m *cqrs.Message, after time.Duration) error {
	if m.Source != cqrs.SourceSQS {
		return fmt.Errorf("sqsqueue: a record of %s cannot be delayed", m.Source)
	}
	var record struct {
		ReceiptHandle string `json:"receiptHandle"`
	}
	if err := json.Unmarshal(m.Raw(), &record); err != nil || record.ReceiptHandle == "" {
		return errors.New("sqsqueue: the message has no receipt handle, so it cannot be delayed")
	}
	seconds := clampSeconds(after)
	err := r.queues.call(ctx, m.ARN, func(url *string, in func(*sqs.Options)) error {
		err := r.change(ctx, url, record.ReceiptHandle, seconds, in)
		if fault.Code(err) == "InvalidParameterValue" && seconds > maxVisibility-longestWork {
			err = r.change(ctx, url, record.ReceiptHandle, maxVisibility-longestWork, in)
		}
		return err
	})
	if err != nil {
		return fault.Hide(fmt.Errorf("sqsqueue: delay a message by %d s: %w", seconds, err), record.ReceiptHandle)
	}
	return nil
}

func (r *redeliverer) change(ctx context.Context, url *string, receipt string, seconds int32, in func(*sqs.Options)) error {
	_, err := r.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl:          url,
		ReceiptHandle:     aws.String(receipt),
		VisibilityTimeout: seconds,
	}, in)
	return err
}

func clampSeconds(d time.Duration) int32 {
	switch {
	case d <= 0:
		return 0
	case d >= maxVisibility*time.Second:
		return maxVisibility
	default:
		return int32((d + time.Second - 1) / time.Second)
	}
}
