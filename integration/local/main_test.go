// Package local_test proves the library's whole way on the local AWS: real SDK
// clients, every source in one function, commands through their stream into read
// models; with answers that are lost, deliveries that come twice, functions that
// are killed and streams in another order.
package local_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts an AWS with a clock of its own. The clients of the configuration try
// again as the SDK's do, without its long waits and its quota.
func start(t *testing.T, opts ...local.Option) (*local.AWS, aws.Config, *local.Clock) {
	t.Helper()
	clock := local.NewClock(time.Now())
	a, err := local.Start(t.Context(), append(opts, local.UseClock(clock))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	config := a.Config()
	config.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff, o.RateLimiter = 10*time.Millisecond, ratelimit.None
		})
	}
	return a, config, clock
}

// struck requires that each fault has struck: else the test would prove nothing.
func struck(t *testing.T, injected map[string]*local.Injection) {
	t.Helper()
	for name, i := range injected {
		require.Positive(t, i.Struck(), name)
	}
}

// advance has the clock run, about 15 times as fast as the day, until it is
// reached. A minute, after which what has failed comes again, is then more than the
// timeout of the functions, which is of real time, and with which leases end.
func advance(t *testing.T, clock *local.Clock, what string, reached func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	steps := 0
	require.True(t, clock.AdvanceUntil(ctx, 15*time.Millisecond, func() bool {
		steps++
		return steps%25 == 0 && reached() // to ask takes time, in which the clock stands
	}), what)
}

// functionTimeout is that of all functions, in real time.
const functionTimeout = 3 * time.Second

func createTable(t *testing.T, client *dynamodb.Client, name string, keys ...string) {
	t.Helper()
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest}
	for i, key := range keys {
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{
			AttributeName: aws.String(key), KeyType: []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}[i],
		})
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(key), AttributeType: types.ScalarAttributeTypeS,
		})
	}
	if strings.HasSuffix(name, "-command") {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage}
	}
	_, err := client.CreateTable(t.Context(), in)
	require.NoError(t, err)
}

// queues are those of a test.
type queues struct {
	*testing.T
	*sqs.Client
}

// create returns the queue's URL. Its dead-letter queue is made beside it.
func (q queues) create(name, maxReceives string) string {
	q.Helper()
	base, fifo := strings.CutSuffix(name, ".fifo")
	attributes := map[string]string{"VisibilityTimeout": "60"}
	dlq := base + "-dlq"
	if fifo {
		dlq += ".fifo"
		attributes["FifoQueue"], attributes["ContentBasedDeduplication"] = "true", "true"
	}
	_, err := q.CreateQueue(q.Context(), &sqs.CreateQueueInput{QueueName: &dlq, Attributes: attributes})
	require.NoError(q, err)
	attributes["RedrivePolicy"] = `{"deadLetterTargetArn":"` + arnOf(dlq) + `","maxReceiveCount":` + maxReceives + `}`
	out, err := q.CreateQueue(q.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	require.NoError(q, err)
	return *out.QueueUrl
}

func arnOf(queue string) string { return "arn:aws:sqs:us-east-1:000000000000:" + queue }

// depth is how many messages a queue has, received or not.
func (q queues) depth(name string) string {
	q.Helper()
	url, err := q.GetQueueUrl(q.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	require.NoError(q, err)
	out, err := q.GetQueueAttributes(q.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	require.NoError(q, err)
	return out.Attributes["ApproximateNumberOfMessages"] + "+" + out.Attributes["ApproximateNumberOfMessagesNotVisible"]
}
