package conformance_test

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

// queue is a queue of one test.
type queue struct {
	*testing.T
	*sqs.Client
	url, arn string
}

func newQueue(t *testing.T, name string, attributes map[string]string) queue {
	t.Helper()
	client := sqs.NewFromConfig(config(t))
	if strings.HasSuffix(name, ".fifo") {
		all := map[string]string{"FifoQueue": "true"}
		maps.Copy(all, attributes)
		attributes = all
	}
	created, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	require.NoError(t, err)
	q := queue{T: t, Client: client, url: *created.QueueUrl}
	q.arn = q.attribute("QueueArn")
	t.Cleanup(func() {
		_, _ = client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: created.QueueUrl})
	})
	return q
}

func (q queue) attribute(name types.QueueAttributeName) string {
	q.Helper()
	out, err := q.GetQueueAttributes(q.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{name}})
	require.NoError(q, err)
	return out.Attributes[string(name)]
}

func (q queue) send(body string, change ...func(*sqs.SendMessageInput)) *sqs.SendMessageOutput {
	q.Helper()
	in := &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body}
	for _, f := range change {
		f(in)
	}
	out, err := q.SendMessage(q.Context(), in)
	require.NoError(q, err)
	return out
}

func group(group, deduplication string) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) {
		in.MessageGroupId = &group
		if deduplication != "" {
			in.MessageDeduplicationId = &deduplication
		}
	}
}

// receive waits for up to wait seconds.
func (q queue) receive(maximum, wait int32, change ...func(*sqs.ReceiveMessageInput)) []types.Message {
	q.Helper()
	in := &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: maximum, WaitTimeSeconds: wait,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"},
	}
	for _, f := range change {
		f(in)
	}
	out, err := q.ReceiveMessage(q.Context(), in)
	require.NoError(q, err)
	return out.Messages
}

func (q queue) receiveOne(wait int32, change ...func(*sqs.ReceiveMessageInput)) types.Message {
	q.Helper()
	messages := q.receive(1, wait, change...)
	require.Len(q, messages, 1)
	return messages[0]
}

func (q queue) delete(m types.Message) {
	q.Helper()
	_, err := q.DeleteMessage(q.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: m.ReceiptHandle})
	require.NoError(q, err)
}

func visibility(seconds int32) func(*sqs.ReceiveMessageInput) {
	return func(in *sqs.ReceiveMessageInput) { in.VisibilityTimeout = seconds }
}

func bodies(messages []types.Message) []string {
	list := []string{}
	for _, m := range messages {
		list = append(list, *m.Body)
	}
	return list
}

func TestSQSCreateIsIdempotentAndAMissingQueueIsTyped(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), map[string]string{"VisibilityTimeout": "7"})
	require.Equal(t, "7", q.attribute("VisibilityTimeout"))
	require.True(t, strings.HasPrefix(q.arn, "arn:aws:sqs:"))
	require.True(t, strings.HasSuffix(q.arn, ":"+name(t)))

	again, err := q.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name(t)), Attributes: map[string]string{"VisibilityTimeout": "7"}})
	require.NoError(t, err)
	require.Equal(t, q.url, *again.QueueUrl)
	found, err := q.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(name(t))})
	require.NoError(t, err)
	require.Equal(t, q.url, *found.QueueUrl)

	_, err = q.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name(t)), Attributes: map[string]string{"VisibilityTimeout": "8"}})
	var exists *types.QueueNameExists
	require.ErrorAs(t, err, &exists)
	_, err = q.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("missing")})
	var missing *types.QueueDoesNotExist
	require.ErrorAs(t, err, &missing)
	require.Equal(t, "AWS.SimpleQueueService.NonExistentQueue", missing.ErrorCode())
	_, err = q.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("bad"), Attributes: map[string]string{"VisibilityTimeout": "43201"}})
	requireRefusal(t, "InvalidAttributeValue", err)
	_, err = q.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("bad"), Attributes: map[string]string{"Colour": "blue"}})
	requireRefusal(t, "InvalidAttributeName", err)
}

func TestSQSKeepsAttributesOfMessages(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	sent := q.send("body", func(in *sqs.SendMessageInput) {
		in.MessageAttributes = map[string]types.MessageAttributeValue{
			"text":   {DataType: aws.String("String"), StringValue: aws.String("ü")},
			"number": {DataType: aws.String("Number"), StringValue: aws.String("12.5")},
			"bytes":  {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
		}
		in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1-5759e988-bd862e3fe1be46a994272793")},
		}
	})
	require.Equal(t, "841a2d689ad86bd1611447453c22c6fc", *sent.MD5OfMessageBody)
	m := q.receiveOne(1)
	require.Equal(t, *sent.MessageId, *m.MessageId)
	require.Equal(t, *sent.MD5OfMessageAttributes, *m.MD5OfMessageAttributes)
	require.Equal(t, "ü", *m.MessageAttributes["text"].StringValue)
	require.Equal(t, "12.5", *m.MessageAttributes["number"].StringValue)
	require.Equal(t, []byte{0, 255}, m.MessageAttributes["bytes"].BinaryValue)
	require.Equal(t, "1", m.Attributes["ApproximateReceiveCount"])
	require.Equal(t, "Root=1-5759e988-bd862e3fe1be46a994272793", m.Attributes["AWSTraceHeader"])
	require.NotEmpty(t, m.Attributes["SenderId"])
	for _, stamp := range []string{"SentTimestamp", "ApproximateFirstReceiveTimestamp"} {
		_, err := strconv.ParseInt(m.Attributes[stamp], 10, 64)
		require.NoError(t, err, stamp)
	}
	q.delete(m)
	require.Empty(t, q.receive(1, 0))
	require.Equal(t, "0", q.attribute("ApproximateNumberOfMessagesNotVisible"))
}

func TestSQSMessageComesBackAfterItsVisibilityTimeout(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), map[string]string{"VisibilityTimeout": "1"})
	q.send("body")
	first := q.receiveOne(1)
	require.Empty(t, q.receive(1, 0))
	second := q.receiveOne(5)
	require.Equal(t, *first.MessageId, *second.MessageId)
	require.Equal(t, "2", second.Attributes["ApproximateReceiveCount"])
	require.NotEqual(t, *first.ReceiptHandle, *second.ReceiptHandle)
}

func TestSQSChangeMessageVisibility(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	q.send("a")
	q.send("b")
	messages := q.receive(10, 1)
	require.Len(t, messages, 2)
	_, err := q.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: messages[0].ReceiptHandle})
	require.NoError(t, err)
	require.Equal(t, *messages[0].Body, *q.receiveOne(0).Body)
	out, err := q.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("good"), ReceiptHandle: messages[1].ReceiptHandle},
		{Id: aws.String("bad"), ReceiptHandle: aws.String("nonsense")},
	}})
	require.NoError(t, err)
	require.Equal(t, "good", *out.Successful[0].Id)
	require.Equal(t, "bad", *out.Failed[0].Id)
	require.Equal(t, *messages[1].Body, *q.receiveOne(0).Body)
	_, err = q.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: messages[1].ReceiptHandle, VisibilityTimeout: 43201})
	requireRefusal(t, "InvalidParameterValue", err)
}

func TestSQSDelaySeconds(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	q.send("late", func(in *sqs.SendMessageInput) { in.DelaySeconds = 1 })
	require.Empty(t, q.receive(1, 0))
	require.Equal(t, "1", q.attribute("ApproximateNumberOfMessagesDelayed"))
	require.Equal(t, "late", *q.receiveOne(5).Body)
}

func TestSQSLongPoll(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	require.Empty(t, q.receive(1, 1))
	received := make(chan []types.Message)
	go func() { received <- q.receive(1, 20) }()
	q.send("news")
	require.Equal(t, []string{"news"}, bodies(<-received))
}

func TestSQSBatches(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	var entries []types.SendMessageBatchRequestEntry
	for i := range 10 {
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(fmt.Sprintf("body %d", i))})
	}
	entries[3].MessageBody = aws.String("not XML \x01")
	out, err := q.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	require.NoError(t, err)
	require.Len(t, out.Successful, 9)
	require.Len(t, out.Failed, 1)
	require.Equal(t, "3", *out.Failed[0].Id)
	require.True(t, out.Failed[0].SenderFault)
	require.Equal(t, "InvalidMessageContents", *out.Failed[0].Code)

	messages := q.receive(10, 1)
	require.Len(t, messages, 9)
	var deletes []types.DeleteMessageBatchRequestEntry
	for i, m := range messages {
		deletes = append(deletes, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	deletes = append(deletes, types.DeleteMessageBatchRequestEntry{Id: aws.String("bad"), ReceiptHandle: aws.String("nonsense")})
	deleted, err := q.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: deletes})
	require.NoError(t, err)
	require.Len(t, deleted.Successful, 9)
	require.Equal(t, "bad", *deleted.Failed[0].Id)

	_, err = q.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{}})
	var empty *types.EmptyBatchRequest
	require.ErrorAs(t, err, &empty)
	_, err = q.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: append(entries[:1:1], entries[0])})
	var repeated *types.BatchEntryIdsNotDistinct
	require.ErrorAs(t, err, &repeated)
}

func TestSQSRedrivesToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	dlq := newQueue(t, name(t)+"-dlq", nil)
	q := newQueue(t, name(t), map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"2"}`, dlq.arn)})
	sent := q.send("poison")
	for range 2 {
		q.receiveOne(5, visibility(1))
		require.Empty(t, dlq.receive(1, 0))
	}
	require.Empty(t, q.receive(1, 2))
	dead := dlq.receiveOne(0)
	require.Equal(t, *sent.MessageId, *dead.MessageId)
	require.Equal(t, q.arn, dead.Attributes["DeadLetterQueueSourceArn"])
	sources, err := q.ListDeadLetterSourceQueues(t.Context(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dlq.url})
	require.NoError(t, err)
	require.Equal(t, []string{q.url}, sources.QueueUrls)
}

func TestSQSMoveTaskBringsMessagesBackUnderANewID(t *testing.T) {
	t.Parallel()
	dlq := newQueue(t, name(t)+"-dlq", nil)
	q := newQueue(t, name(t), map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, dlq.arn)})
	_, err := q.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: &q.arn})
	requireRefusal(t, "InvalidParameterValue", err)

	sent := q.send("poison")
	m := q.receiveOne(1)
	_, err = q.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: m.ReceiptHandle})
	require.NoError(t, err)
	require.Empty(t, q.receive(1, 0))
	eventually(t, func() bool { return dlq.attribute("ApproximateNumberOfMessages") == "1" })

	started, err := q.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: &dlq.arn})
	require.NoError(t, err)
	require.NotEmpty(t, *started.TaskHandle)
	back := q.receiveOne(10)
	require.Equal(t, "poison", *back.Body)
	require.NotEqual(t, *sent.MessageId, *back.MessageId)
	eventually(t, func() bool {
		tasks, err := q.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: &dlq.arn})
		require.NoError(t, err)
		return len(tasks.Results) == 1 && *tasks.Results[0].Status == "COMPLETED" && tasks.Results[0].ApproximateNumberOfMessagesMoved == 1
	})
}

func TestSQSFIFOKeepsOrderLocksGroupsAndDropsDuplicates(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t)+".fifo", nil)
	first := q.send("a1", group("A", "1"))
	second := q.send("a2", group("A", "2"))
	q.send("b1", group("B", "3"))
	require.Less(t, *first.SequenceNumber, *second.SequenceNumber)
	again := q.send("a1 again", group("A", "1"))
	require.Equal(t, *first.MessageId, *again.MessageId)
	require.Equal(t, *first.SequenceNumber, *again.SequenceNumber)

	m := q.receiveOne(1)
	require.Equal(t, "a1", *m.Body)
	require.Equal(t, "A", m.Attributes["MessageGroupId"])
	require.Equal(t, "1", m.Attributes["MessageDeduplicationId"])
	require.Equal(t, *first.SequenceNumber, m.Attributes["SequenceNumber"])
	require.Equal(t, []string{"b1"}, bodies(q.receive(10, 0)), "group A is locked")
	q.delete(m)
	require.Equal(t, []string{"a2"}, bodies(q.receive(10, 0)))
	q.send("a1 again", group("A", "1"))
	require.Empty(t, q.receive(10, 0), "a duplicate is one even when its first is deleted")
}

func TestSQSFIFOReceivesSeveralOfAGroup(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t)+".fifo", nil)
	for i := range 4 {
		q.send(strconv.Itoa(i), group("A", strconv.Itoa(i)))
	}
	require.Equal(t, []string{"0", "1", "2"}, bodies(q.receive(3, 1)))
	require.Empty(t, q.receive(3, 0))
}

func TestSQSFIFOContentDeduplicationAndGroup(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t)+".fifo", map[string]string{"ContentBasedDeduplication": "true"})
	q.send("same", group("A", ""))
	q.send("same", group("A", ""))
	q.send("other", group("A", ""))
	require.Equal(t, []string{"same", "other"}, bodies(q.receive(10, 1)))
	_, err := q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("x")})
	requireRefusal(t, "MissingParameter", err)
	plain := newQueue(t, name(t)+"-plain.fifo", nil)
	_, err = q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &plain.url, MessageBody: aws.String("x"), MessageGroupId: aws.String("A")})
	requireRefusal(t, "InvalidParameterValue", err)
	_, err = q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("x"), MessageGroupId: aws.String("A"), DelaySeconds: 1})
	requireRefusal(t, "InvalidParameterValue", err)
}

func TestSQSFIFORefusesToDeleteWithAHandleThatHasExpired(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t)+".fifo", map[string]string{"ContentBasedDeduplication": "true"})
	q.send("body", group("A", ""))
	first := q.receiveOne(1, visibility(1))
	q.receiveOne(5)
	_, err := q.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: first.ReceiptHandle})
	requireRefusal(t, "InvalidParameterValue", err)
}

func TestSQSDepthPurgeListAndDelete(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	for i := range 3 {
		q.send(strconv.Itoa(i))
	}
	q.receiveOne(1)
	eventually(t, func() bool {
		return q.attribute("ApproximateNumberOfMessages") == "2" && q.attribute("ApproximateNumberOfMessagesNotVisible") == "1"
	})
	_, err := q.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &q.url})
	require.NoError(t, err)
	eventually(t, func() bool { return q.attribute("ApproximateNumberOfMessages") == "0" })
	_, err = q.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &q.url})
	var purging *types.PurgeQueueInProgress
	require.ErrorAs(t, err, &purging)

	listed, err := q.ListQueues(t.Context(), &sqs.ListQueuesInput{QueueNamePrefix: aws.String(name(t))})
	require.NoError(t, err)
	require.Equal(t, []string{q.url}, listed.QueueUrls)
	_, err = q.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &q.url})
	require.NoError(t, err)
	_, err = q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("x")})
	var missing *types.QueueDoesNotExist
	require.ErrorAs(t, err, &missing)
}

func TestSQSLimits(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	_, err := q.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: aws.String("nonsense")})
	var handle *types.ReceiptHandleIsInvalid
	require.ErrorAs(t, err, &handle)
	_, err = q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(strings.Repeat("x", 1<<20+1))})
	requireRefusal(t, "InvalidParameterValue", err)
	q.send(strings.Repeat("x", 1<<20))
	for _, body := range []string{"\x0b", "\x1f", "\ufffe"} {
		_, err = q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body})
		var contents *types.InvalidMessageContents
		require.ErrorAs(t, err, &contents)
	}
	q.send("\t\r\n퟿\ue000\ufffd\U00010000")
	entries := make([]types.SendMessageBatchRequestEntry, 11)
	for i := range entries {
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String("x")}
	}
	_, err = q.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	var many *types.TooManyEntriesInBatchRequest
	require.ErrorAs(t, err, &many)
	_, err = q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: 11})
	requireRefusal(t, "InvalidParameterValue", err)
	half := aws.String(strings.Repeat("x", 600_000))
	_, err = q.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: half}, {Id: aws.String("b"), MessageBody: half},
	}})
	var long *types.BatchRequestTooLong
	require.ErrorAs(t, err, &long)
}

func TestSQSIgnoresAnOldHandleOfAMessageThatWasReceivedAgain(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	q.send("body")
	old := q.receiveOne(1, visibility(1))
	again := q.receiveOne(5)
	q.delete(old)
	require.Equal(t, "1", q.attribute("ApproximateNumberOfMessagesNotVisible"))
	q.delete(again)
	q.delete(again)
	require.Equal(t, "0", q.attribute("ApproximateNumberOfMessagesNotVisible"))
}
