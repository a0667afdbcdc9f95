package day

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/redrive"
)

// parked is how many aggregates wait, of any target.
func (w *world) parked(ctx context.Context) (int, error) {
	products, err := parkedOf(ctx, w.shop.ProductSync)
	if err != nil {
		return 0, err
	}
	orders, err := parkedOf(ctx, w.shop.OrderSync)
	return products + orders, err
}

func parkedOf[A any](ctx context.Context, sync *cqrs.DataSync[A]) (n int, err error) {
	for _, target := range sync.Targets() {
		for _, err := range sync.Parked(ctx, target) {
			if err != nil {
				return 0, err
			}
			n++
		}
	}
	return n, nil
}

// failures is how many there are in a state.
func (w *world) failures(ctx context.Context, status redrive.Status) (n int, err error) {
	for _, err := range w.shop.Failures.List(ctx, redrive.Filter{Status: status}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// sent is how many notifications were sent whose ID begins so.
func (w *world) sent(prefix string) (n int, err error) {
	letters, err := w.outbox.Letters()
	for _, letter := range letters {
		if strings.HasPrefix(letter.ID, prefix) {
			n++
		}
	}
	return n, err
}

// waiting is how many messages the queues hold, by the name of the queue.
func (w *world) waiting(ctx context.Context) (map[string]int, error) {
	queues, err := w.shop.SQS.ListQueues(ctx, &sqs.ListQueuesInput{})
	if err != nil {
		return nil, err
	}
	waiting := map[string]int{}
	for _, url := range queues.QueueUrls {
		attributes, err := w.shop.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"", "NotVisible", "Delayed"} {
			n, err := strconv.Atoi(attributes.Attributes["ApproximateNumberOfMessages"+name])
			if err != nil {
				return nil, err
			}
			waiting[path.Base(url)] += n
		}
	}
	return waiting, nil
}
