package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts an AWS for the time of the test.
func start(t *testing.T, opts ...local.Option) *local.AWS {
	t.Helper()
	a, err := local.Start(t.Context(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

// startStill starts an AWS whose clock stands still.
func startStill(t *testing.T) (*local.AWS, *local.Clock) {
	t.Helper()
	clock := local.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	return start(t, local.UseClock(clock)), clock
}

// handlerFunc is a function as a lambda.Handler.
type handlerFunc func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke calls f.
func (f handlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// answers is a handler that shows each payload and answers what it is told to.
func answers(answer func(call int, payload []byte) ([]byte, error)) (lambda.Handler, <-chan string) {
	payloads := make(chan string, 100)
	call := 0
	return handlerFunc(func(_ context.Context, payload []byte) ([]byte, error) {
		call++
		response, err := answer(call, payload)
		payloads <- string(payload)
		return response, err
	}), payloads
}

func succeeds(int, []byte) ([]byte, error) { return nil, nil }

// queue is a queue of one test.
type queue struct {
	*testing.T
	*sqs.Client
	url string
}

func newQueue(t *testing.T, a *local.AWS, name string, attributes map[string]string) queue {
	t.Helper()
	client := sqs.NewFromConfig(a.Config())
	created, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	require.NoError(t, err)
	return queue{t, client, *created.QueueUrl}
}

func (q queue) send(bodies ...string) {
	q.Helper()
	for _, body := range bodies {
		_, err := q.SendMessage(q.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(body)})
		require.NoError(q, err)
	}
}

// depth is how many messages there are, received or not.
func (q queue) depth() string {
	q.Helper()
	out, err := q.GetQueueAttributes(q.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{"All"}})
	require.NoError(q, err)
	return out.Attributes["ApproximateNumberOfMessages"] + "+" + out.Attributes["ApproximateNumberOfMessagesNotVisible"]
}

// reaches waits for the queue to have that depth.
func (q queue) reaches(depth string) {
	q.Helper()
	require.Eventually(q, func() bool { return q.depth() == depth }, 10*time.Second, time.Millisecond, "never %s", depth)
}

// receive returns the next message, without waiting.
func (q queue) receive() *types.Message {
	q.Helper()
	out, err := q.ReceiveMessage(q.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	require.NoError(q, err)
	if len(out.Messages) == 0 {
		return nil
	}
	return &out.Messages[0]
}
