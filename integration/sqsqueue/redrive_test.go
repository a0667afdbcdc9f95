package sqsqueue_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
	"github.com/lambda-cqrs/cqrs/local"
	"github.com/lambda-cqrs/cqrs/redrive"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ redrive.Sender = (*sqsqueue.Sender)(nil)

const arnPrefix = "arn:aws:sqs:eu-west-1:000000000000:"

// order is the event; what its handler does with it stands in it.
type order struct {
	ID, Padding string
	Wait        bool
}

type bench struct {
	client  *sqs.Client
	queue   string
	orders  *cqrs.Dispatcher // fails for good until mended
	dead    *cqrs.Dispatcher
	mended  atomic.Bool
	handled []string
	store   redrive.Store
	sender  *sqsqueue.Sender
}

func newBench(t *testing.T) *bench {
	t.Helper()
	a, err := local.Start(t.Context(), local.Region("eu-west-1"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	objects := s3.NewFromConfig(a.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err = objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("claims")})
	require.NoError(t, err)
	b := &bench{client: sqs.NewFromConfig(a.Config()), store: redrive.NewMemory()}
	blobs := s3store.New(objects, "claims")
	b.sender = sqsqueue.NewSender(b.client, sqsqueue.SendBlobs(blobs))
	b.queue = b.newQueue(t, "orders")

	mux, registry := cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnSQS[order](mux, cqrs.Queue("orders"))
	cqrs.RegisterFunc(registry, b.handle)
	b.orders = newDispatcher(t, cqrs.Config{
		Factory: mux, Registry: registry, Redeliver: sqsqueue.NewRedeliverer(b.client),
		DeadLetter: sqsqueue.NewDeadLetters(b.client, b.newQueue(t, "orders-dead"), sqsqueue.DeadLetterBlobs(blobs)),
	})

	mux, registry = cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnDeadLetter(mux, cqrs.Queue("orders-dead"))
	cqrs.Register(registry, cqrs.StoreFailures(b.store, nil))
	b.dead = newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry})
	return b
}

func newDispatcher(t *testing.T, cfg cqrs.Config) *cqrs.Dispatcher {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	d, err := cqrs.New(cfg)
	require.NoError(t, err)
	return d
}

func (b *bench) newQueue(t *testing.T, name string) string {
	t.Helper()
	out, err := b.client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name)})
	require.NoError(t, err)
	return aws.ToString(out.QueueUrl)
}

func (b *bench) handle(_ context.Context, o order) error {
	switch {
	case o.Wait:
		return cqrs.RetryAfter(time.Second, errors.New("not yet"))
	case !b.mended.Load():
		return cqrs.Permanent(errors.New("broken"))
	default:
		b.handled = append(b.handled, o.ID)
		return nil
	}
}

func (b *bench) send(t *testing.T, body string) {
	t.Helper()
	_, err := b.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(b.queue), MessageBody: aws.String(body)})
	require.NoError(t, err)
}

// Messages fail for good, are kept, listed and put back, and are handled once the
// handler is mended; also one that fills a message, whose letter does not fit.
func TestFromFailureToReplay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.send(t, `{"ID":"small"}`)
	b.send(t, `{"ID":"large","Padding":"`+strings.Repeat("x", 1<<20-100)+`"}`)

	report, err := sqsqueue.Drain(t.Context(), b.client, arnPrefix+"orders", b.orders)
	require.NoError(t, err)
	require.Equal(t, sqsqueue.DrainReport{Handled: 2}, report, "they are acknowledged, since the dead-letter queue has them")
	report, err = sqsqueue.Drain(t.Context(), b.client, arnPrefix+"orders-dead", b.dead)
	require.NoError(t, err)
	require.Equal(t, sqsqueue.DrainReport{Handled: 2}, report)
	groups, err := b.store.Groups(t.Context(), redrive.Open)
	require.NoError(t, err)
	require.Len(t, groups, 1)
	require.Equal(t, 2, groups[0].Failures)

	b.mended.Store(true)
	redriver := redrive.New(b.store, b.sender)
	for _, want := range []int{2, 0} { // the second time nothing is open
		replayed, err := redriver.Replay(t.Context(), redrive.Replay{By: "ada"})
		require.NoError(t, err)
		require.NoError(t, replayed.Err())
		require.Equal(t, want, replayed.Done())
	}
	report, err = sqsqueue.Drain(t.Context(), b.client, arnPrefix+"orders", b.orders)
	require.NoError(t, err)
	require.Equal(t, sqsqueue.DrainReport{Handled: 2}, report)
	require.ElementsMatch(t, []string{"small", "large"}, b.handled)
}

// A message that asks for it comes again when it said, and not after the 15
// minutes for which it was received.
func TestADelayedMessageComesAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.send(t, `{"ID":"o-1","Wait":true}`)
	report, err := sqsqueue.Drain(t.Context(), b.client, arnPrefix+"orders", b.orders)
	require.NoError(t, err)
	require.Equal(t, sqsqueue.DrainReport{Failed: 1}, report)
	out, err := b.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(b.queue), WaitTimeSeconds: 10})
	require.NoError(t, err)
	require.Len(t, out.Messages, 1)
}
