package sqsqueue_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
)

// quotingQueue answers with an error that quotes the body.
type quotingQueue struct{ queue }

func (*quotingQueue) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	return nil, &types.InvalidMessageContents{Message: aws.String("Invalid contents: " + *in.MessageBody)}
}

func TestSendPutsTheMessageBack(t *testing.T) {
	t.Parallel()
	letter := letterOf(t, message{
		id: "m-1", body: " {\"to\":\t\"the letter\"} ", attributes: map[string]string{"MessageGroupId": "tenant-1"},
		own: map[string]any{
			"n": map[string]any{"dataType": "Number", "stringValue": "12"},
			"b": map[string]any{"dataType": "Binary.png", "binaryValue": "AAEC"},
		},
	})
	q := &queue{}
	require.NoError(t, sqsqueue.NewSender(q).Send(t.Context(), letter))
	require.Len(t, q.sent, 1)
	sent := q.sent[0]
	require.Equal(t, queueURL, *sent.QueueUrl)
	require.Equal(t, string(letter.Message.Payload()), *sent.MessageBody, "with every space of it")
	require.Equal(t, "tenant-1", *sent.MessageGroupId, "a fair queue")
	require.Nil(t, sent.MessageDeduplicationId)
	require.Equal(t, map[string]types.MessageAttributeValue{
		"n":               {DataType: aws.String("Number"), StringValue: aws.String("12")},
		"b":               {DataType: aws.String("Binary.png"), BinaryValue: []byte{0, 1, 2}},
		"cqrs-failure-id": {DataType: aws.String("String"), StringValue: aws.String(letter.ID)},
	}, sent.MessageAttributes)
	require.Equal(t, []string{"eu-west-1"}, q.regions)
}

func TestSendToAFIFOQueue(t *testing.T) {
	t.Parallel()
	letter := letterOf(t, message{
		id: "m-1", arn: queueARN + ".fifo", body: "1", attributes: map[string]string{"MessageGroupId": "g", "MessageDeduplicationId": "original"},
	})
	q := &queue{}
	s := sqsqueue.NewSender(q)
	require.NoError(t, s.Send(t.Context(), letter))
	require.NoError(t, s.Send(t.Context(), letter))
	require.Equal(t, "g", *q.sent[0].MessageGroupId)
	require.NotEqual(t, "original", *q.sent[0].MessageDeduplicationId, "SQS may still know that one")
	require.Equal(t, q.sent[0].MessageDeduplicationId, q.sent[1].MessageDeduplicationId, "the same letter is taken once")
}

func TestSendWithoutRoomForTheID(t *testing.T) {
	t.Parallel()
	own := map[string]any{}
	for name := range strings.SplitSeq("abcdefghij", "") {
		own[name] = map[string]any{"dataType": "String", "stringValue": name}
	}
	q := &queue{}
	require.NoError(t, sqsqueue.NewSender(q).Send(t.Context(), letterOf(t, message{id: "m-1", own: own, body: "1"})))
	require.Len(t, q.sent[0].MessageAttributes, 10)
	require.NotContains(t, q.sent[0].MessageAttributes, "cqrs-failure-id")

	full := letterOf(t, message{id: "m-1", body: strings.Repeat("x", 1<<20-50)})
	require.NoError(t, sqsqueue.NewSender(q).Send(t.Context(), full))
	require.Empty(t, q.sent[1].MessageAttributes, "it would not fit")

	delete(own, "a")
	own["cqrs-failure-id"] = map[string]any{"dataType": "String", "stringValue": "older"}
	letter := letterOf(t, message{id: "m-1", own: own, body: "1"})
	require.NoError(t, sqsqueue.NewSender(q).Send(t.Context(), letter))
	require.Equal(t, letter.ID, *q.sent[2].MessageAttributes["cqrs-failure-id"].StringValue)
}

func TestSendTo(t *testing.T) {
	t.Parallel()
	q := &queue{}
	letter := letterOf(t, message{id: "m-1", body: "1", attributes: map[string]string{"MessageGroupId": "g"}})
	require.NoError(t, sqsqueue.NewSender(q, sqsqueue.SendTo(dlqURL+".fifo")).Send(t.Context(), letter))
	require.Equal(t, dlqURL+".fifo", *q.sent[0].QueueUrl)
	require.NotNil(t, q.sent[0].MessageDeduplicationId)
	require.Equal(t, []string{"client"}, q.regions, "the region of the client is the queue's")
}

func TestWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	q := &queue{}
	err := sqsqueue.NewSender(q).Send(t.Context(), cqrs.DeadLetter{ID: "f-1", Message: cqrs.Message{Source: cqrs.SourceDynamoDB}})
	require.ErrorContains(t, err, "f-1")
	require.ErrorContains(t, err, "a record of aws:dynamodb has no queue to go back to")
	err = sqsqueue.NewSender(q).Send(t.Context(), cqrs.DeadLetter{ID: "f-1", Message: cqrs.Message{Source: cqrs.SourceSQS}})
	require.ErrorContains(t, err, "its record is missing or malformed")
	require.Empty(t, q.sent)

	for _, failure := range []error{errors.New("reset"), &types.KmsDisabled{}} {
		q := &queue{fails: []error{failure}}
		require.ErrorIs(t, sqsqueue.NewSender(q).Send(t.Context(), letterOf(t, message{id: "m-1", body: "1"})), failure)
		require.Len(t, q.sent, 1)
	}
	err = sqsqueue.NewSender(&quotingQueue{}).Send(t.Context(), letterOf(t, message{id: "m-1", body: "canary"}))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "canary")
}

// What was too large for a message comes back whole.
func TestSendOfALetterThatWasTooLarge(t *testing.T) {
	t.Parallel()
	body := `"` + strings.Repeat("x", 1<<20-10) + `"`
	letter := letterOf(t, message{id: "m-1", body: body})
	q, b := &queue{}, &blobs{}
	require.NoError(t, sqsqueue.NewDeadLetters(q, dlqURL, sqsqueue.DeadLetterBlobs(b)).DeadLetter(t.Context(), letter))
	stub := read(t, *q.sent[0].MessageBody)

	require.NoError(t, sqsqueue.NewSender(q, sqsqueue.SendBlobs(b)).Send(t.Context(), stub))
	require.Equal(t, body, *q.sent[1].MessageBody)
	require.Equal(t, queueURL, *q.sent[1].QueueUrl)

	require.ErrorContains(t, sqsqueue.NewSender(q).Send(t.Context(), stub), "SendBlobs")
	other := stub
	other.ID = "another"
	require.ErrorContains(t, sqsqueue.NewSender(q, sqsqueue.SendBlobs(b)).Send(t.Context(), other), "is another dead letter")
	for key := range b.all {
		b.all[key] = json.RawMessage("[]")
	}
	require.ErrorContains(t, sqsqueue.NewSender(q, sqsqueue.SendBlobs(b)).Send(t.Context(), stub), "no dead letter")
	b.all = nil
	require.ErrorContains(t, sqsqueue.NewSender(q, sqsqueue.SendBlobs(b)).Send(t.Context(), stub), "gone")
	require.Len(t, q.sent, 2)
}
