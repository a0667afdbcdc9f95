package sqsqueue_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	queueARN = "arn:aws:sqs:eu-west-1:123456789012:orders"
	queueURL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
	dlqURL   = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dead"
	receipt  = "canary-receipt-AQEBzWwaftRI0KuVm4tP+/8q1rGgNqicHq=="
)

// message is an SQS message as Lambda delivers it.
type message struct {
	id, arn, body string
	attributes    map[string]string
	own           map[string]any
}

func (m message) payload(t *testing.T) []byte {
	t.Helper()
	if m.arn == "" {
		m.arn = queueARN
	}
	record := map[string]any{
		"messageId": m.id, "receiptHandle": receipt, "body": m.body, "attributes": m.attributes, "messageAttributes": m.own,
		"eventSource": "aws:sqs", "eventSourceARN": m.arn, "awsRegion": "eu-west-1",
	}
	text, err := json.Marshal(map[string]any{"Records": []any{record}})
	require.NoError(t, err)
	return text
}

type sinkFunc func(context.Context, cqrs.DeadLetter) error

func (f sinkFunc) DeadLetter(ctx context.Context, d cqrs.DeadLetter) error { return f(ctx, d) }

type redeliverFunc func(context.Context, *cqrs.Message, time.Duration) error

func (f redeliverFunc) Redeliver(ctx context.Context, m *cqrs.Message, d time.Duration) error {
	return f(ctx, m, d)
}

// fail runs a payload through a dispatcher whose one handler fails, so that what
// the ports get is what they get in earnest.
func fail(t *testing.T, payload []byte, failure error, sink cqrs.DeadLetterSink, to cqrs.Redeliverer) ([]byte, error) {
	t.Helper()
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(context.Context, event) error { return failure }, cqrs.RouteName("orders.Created"))
	d, err := cqrs.New(cqrs.Config{
		Factory: anything{}, Registry: registry, DeadLetter: sink, Redeliver: to, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return d.Invoke(t.Context(), payload)
}

// letterOf is the letter of a message that failed for good.
func letterOf(t *testing.T, m message) cqrs.DeadLetter {
	t.Helper()
	var letter cqrs.DeadLetter
	_, err := fail(t, m.payload(t), cqrs.Permanent(errors.New("declined")), sinkFunc(func(_ context.Context, d cqrs.DeadLetter) error {
		letter = d
		return nil
	}), nil)
	require.NoError(t, err)
	require.NotEmpty(t, letter.ID)
	return letter
}

// queue is the SendMessage and GetQueueUrl of a client.
type queue struct {
	mu      sync.Mutex
	sent    []sqs.SendMessageInput
	regions []string
	fails   []error
	asked   int
	url     string // what GetQueueUrl says
}

func (q *queue) SendMessage(_ context.Context, in *sqs.SendMessageInput, opts ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent = append(q.sent, *in)
	q.regions = append(q.regions, region(opts))
	return &sqs.SendMessageOutput{}, q.next()
}

func (q *queue) GetQueueUrl(_ context.Context, in *sqs.GetQueueUrlInput, opts ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked++
	q.regions = append(q.regions, region(opts))
	if err := q.next(); err != nil {
		return nil, err
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String(q.url + *in.QueueName)}, nil
}

func (q *queue) next() error {
	if len(q.fails) == 0 {
		return nil
	}
	err := q.fails[0]
	q.fails = q.fails[1:]
	return err
}

func region(opts []func(*sqs.Options)) string {
	o := sqs.Options{Region: "client"}
	for _, opt := range opts {
		opt(&o)
	}
	return o.Region
}

// blobs keeps content in memory.
type blobs struct {
	mu   sync.Mutex
	all  map[string][]byte
	fail error
}

func (b *blobs) Put(_ context.Context, key string, content []byte) (command.BlobRef, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return command.BlobRef{}, b.fail
	}
	if b.all == nil {
		b.all = map[string][]byte{}
	}
	b.all[key] = content
	sum := sha256.Sum256(content)
	return command.BlobRef{URI: key, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}, nil
}

func (b *blobs) Get(_ context.Context, ref command.BlobRef) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if content, ok := b.all[ref.URI]; ok {
		return content, b.fail
	}
	return nil, errors.New("gone")
}

func (b *blobs) Delete(context.Context, command.BlobRef) error { return nil }

type event struct{}

// anything makes one event of each record.
type anything struct{ cqrs.DefaultEventFactory }
