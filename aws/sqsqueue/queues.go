package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
)

// URLClient finds the URL of a queue where it is not the one that AWS gives.
type URLClient interface {
	GetQueueUrl(ctx context.Context, in *sqs.GetQueueUrlInput, opts ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
}

// queues knows queues by their ARN, which is all that a record carries. It is
// safe for parallel use.
type queues struct {
	client URLClient
	urls   sync.Map // ARN to URL, of those that had to be asked for
}

// call runs f with the URL of a queue and with the options that send the call to
// the queue's own region. The URL is made from the ARN, which costs neither a
// request nor a permission; only where SQS does not know it, as an emulator may
// not, is it asked for, once for each queue.
func (q *queues) call(ctx context.Context, queueARN string, f func(url *string, in func(*sqs.Options)) error) error {
	name, err := arn.Parse(queueARN)
	if err != nil || name.Service != "sqs" || name.Resource == "" {
		return fmt.Errorf("sqsqueue: %q is not the ARN of a queue", queueARN)
	}
	inRegion := func(o *sqs.Options) {
		if name.Region != "" {
			o.Region = name.Region
		}
	}
	url, asked := q.urls.Load(queueARN)
	if !asked {
		err := f(aws.String(urlOf(name)), inRegion)
		if !isUnknown(err) {
			return err
		}
		in := &sqs.GetQueueUrlInput{QueueName: aws.String(name.Resource)}
		if name.AccountID != "" {
			in.QueueOwnerAWSAccountId = aws.String(name.AccountID)
		}
		out, lookup := q.client.GetQueueUrl(ctx, in, inRegion)
		if lookup != nil {
			return fmt.Errorf("%w; and its URL cannot be found: %w", err, lookup)
		}
		url = aws.ToString(out.QueueUrl)
		q.urls.Store(queueARN, url)
	}
	return f(aws.String(url.(string)), inRegion)
}

func isUnknown(err error) bool {
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); ok {
		return true
	}
	switch fault.Code(err) {
	case "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "InvalidAddress":
		return true
	default:
		return false
	}
}

// isFIFO goes by the name, by ARN or URL, as SQS does.
func isFIFO(queue string) bool { return strings.HasSuffix(queue, ".fifo") }

// urlOf is the URL that AWS gives a queue.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
func urlOf(name arn.ARN) string {
	domain := "amazonaws.com"
	switch name.Partition {
	case "aws-cn":
		domain = "amazonaws.com.cn"
	case "aws-iso":
		domain = "c2s.ic.gov"
	case "aws-iso-b":
		domain = "sc2s.sgov.gov"
	}
	return "https://sqs." + name.Region + "." + domain + "/" + name.AccountID + "/" + name.Resource
}
