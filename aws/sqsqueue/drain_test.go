package sqsqueue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
)

// full is a queue with messages. What is received and not deleted comes again
// once, as after its visibility timeout.
type full struct {
	queue
	messages []types.Message
	again    []types.Message
	receive  error
	deletes  [][]string
	answer   func(ids []string) (failed []types.BatchResultErrorEntry, err error)
	deleted  []string
}

func (f *full) ReceiveMessage(_ context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	if f.receive != nil {
		return nil, f.receive
	}
	if len(f.messages) == 0 {
		f.messages, f.again = f.again, nil
	}
	n := min(int(in.MaxNumberOfMessages), len(f.messages))
	batch := f.messages[:n]
	f.messages = f.messages[n:]
	f.again = append(f.again, batch...)
	return &sqs.ReceiveMessageOutput{Messages: batch}, nil
}

func (f *full) DeleteMessageBatch(
	_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options),
) (*sqs.DeleteMessageBatchOutput, error) {
	var ids []string
	for _, e := range in.Entries {
		ids = append(ids, *e.Id)
	}
	slices.Sort(ids)
	f.deletes = append(f.deletes, ids)
	out := &sqs.DeleteMessageBatchOutput{}
	if f.answer != nil {
		failed, err := f.answer(ids)
		if err != nil {
			return nil, err
		}
		out.Failed = failed
	}
	for _, id := range ids {
		if !slices.ContainsFunc(out.Failed, func(e types.BatchResultErrorEntry) bool { return *e.Id == id }) {
			out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: aws.String(id)})
			f.deleted = append(f.deleted, id)
			f.again = slices.DeleteFunc(f.again, func(m types.Message) bool { return *m.MessageId == id })
		}
	}
	return out, nil
}

func messages(n int) []types.Message {
	all := make([]types.Message, n)
	for i := range all {
		all[i] = types.Message{
			MessageId: aws.String(fmt.Sprintf("m-%02d", i)), ReceiptHandle: aws.String(receipt), Body: aws.String(fmt.Sprintf("%d", i)),
			Attributes:        map[string]string{"ApproximateReceiveCount": "1"},
			MessageAttributes: map[string]types.MessageAttributeValue{"b": {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}}},
		}
	}
	return all
}

// function is a dispatcher whose handler fails for the bodies that are given.
func function(t *testing.T, handled *[]string, failing ...string) *cqrs.Dispatcher {
	t.Helper()
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(ctx context.Context, _ event) error {
		d, _ := cqrs.DeliveryFrom(ctx)
		body := string(d.Message.Payload())
		*handled = append(*handled, body)
		if slices.Contains(failing, body) {
			return errors.New("no")
		}
		return nil
	})
	d, err := cqrs.New(cqrs.Config{Factory: anything{}, Registry: registry, Logger: quiet()})
	require.NoError(t, err)
	return d
}

func TestDrain(t *testing.T) {
	t.Parallel()
	var handled []string
	f := &full{messages: messages(23)}
	report, err := sqsqueue.Drain(t.Context(), f, queueARN, function(t, &handled))
	require.NoError(t, err)
	require.Equal(t, sqsqueue.DrainReport{Handled: 23}, report)
	require.Len(t, handled, 23)
	require.Len(t, f.deleted, 23)
}

func TestDrainLeavesWhatFailed(t *testing.T) {
	t.Parallel()
	var handled []string
	f := &full{messages: messages(12)}
	report, err := sqsqueue.Drain(t.Context(), f, queueARN, function(t, &handled, "3", "11"))
	require.NoError(t, err)
	require.Equal(t, sqsqueue.DrainReport{Handled: 10, Failed: 2}, report)
	require.NotContains(t, f.deleted, "m-03")
	require.NotContains(t, f.deleted, "m-11")
	require.Len(t, f.deleted, 10)
}

func TestDrainEndsWhereAllFail(t *testing.T) {
	t.Parallel()
	var handled []string
	f := &full{messages: messages(2)}
	report, err := sqsqueue.Drain(t.Context(), f, queueARN, function(t, &handled, "0", "1"))
	require.NoError(t, err)
	require.Equal(t, sqsqueue.DrainReport{Failed: 2}, report)
	require.Empty(t, f.deletes)
}

func TestOnlyWhatSQSFailedToDeleteIsDeletedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled []string
		f := &full{messages: messages(4)}
		f.answer = func([]string) ([]types.BatchResultErrorEntry, error) {
			if len(f.deletes) > 1 {
				return nil, nil
			}
			return []types.BatchResultErrorEntry{
				{Id: aws.String("m-01"), Code: aws.String("InternalError")},
				{Id: aws.String("m-02"), Code: aws.String("ServiceUnavailable")},
			}, nil
		}
		report, err := sqsqueue.Drain(t.Context(), f, queueARN, function(t, &handled))
		require.NoError(t, err)
		require.Equal(t, 4, report.Handled)
		require.Equal(t, [][]string{{"m-00", "m-01", "m-02", "m-03"}, {"m-01", "m-02"}}, f.deletes)
	})
}

func TestDrainFaults(t *testing.T) {
	t.Parallel()
	always := func(sender bool) func([]string) ([]types.BatchResultErrorEntry, error) {
		return func(ids []string) ([]types.BatchResultErrorEntry, error) {
			return []types.BatchResultErrorEntry{{Id: aws.String(ids[0]), Code: aws.String("Broken"), SenderFault: sender, Message: aws.String(receipt)}}, nil
		}
	}
	for name, c := range map[string]struct {
		queue *full
		calls int
		text  string
	}{
		"receive":        {&full{receive: errors.New("reset")}, 0, "reset"},
		"delete":         {&full{messages: messages(1), answer: func([]string) ([]types.BatchResultErrorEntry, error) { return nil, errors.New("reset") }}, 1, "reset"},
		"sender's fault": {&full{messages: messages(1), answer: always(true)}, 1, "message m-00: Broken"},
		"SQS's fault":    {&full{messages: messages(1), answer: always(false)}, 5, "SQS did not delete all messages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var handled []string
				_, err := sqsqueue.Drain(t.Context(), c.queue, queueARN, function(t, &handled))
				require.ErrorContains(t, err, c.text)
				require.ErrorContains(t, err, queueARN)
				require.NotContains(t, err.Error(), "canary")
				require.Len(t, c.queue.deletes, c.calls)
			})
		})
	}
	_, err := sqsqueue.Drain(t.Context(), &full{messages: messages(1)}, queueARN, answers("[]"))
	require.ErrorContains(t, err, "no partial batch response")
	_, err = sqsqueue.Drain(t.Context(), &full{}, "orders", answers("{}"))
	require.ErrorContains(t, err, "is not the ARN of a queue")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = sqsqueue.Drain(ctx, &full{messages: messages(1)}, queueARN, answers(`{"batchItemFailures":[{"itemIdentifier":"m-00"}]}`))
	require.ErrorIs(t, err, context.Canceled)
}

type answers string

func (a answers) Invoke(context.Context, []byte) ([]byte, error) { return []byte(a), nil }
