package sqsqueue_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
)

// read is what a consumer of the queue makes of a body.
func read(t *testing.T, body string) cqrs.DeadLetter {
	t.Helper()
	var d cqrs.DeadLetter
	require.NoError(t, json.Unmarshal([]byte(body), &d))
	return d
}

func TestDeadLetter(t *testing.T) {
	t.Parallel()
	q := &queue{}
	payload := message{id: "m-1", body: `{"order":1}`, attributes: map[string]string{"ApproximateReceiveCount": "3"}}.payload(t)
	answer, err := fail(t, payload, cqrs.Permanent(cqrs.Named("CardDeclined", errors.New("declined"))), sqsqueue.NewDeadLetters(q, dlqURL), nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(answer), "it is acknowledged, since the queue has it")

	require.Len(t, q.sent, 1, "a letter is one request")
	sent := q.sent[0]
	require.Equal(t, dlqURL, *sent.QueueUrl)
	require.NotContains(t, *sent.MessageBody, "canary")
	d := read(t, *sent.MessageBody)
	require.JSONEq(t, `{"order":1}`, string(d.Event))
	require.Equal(t, "orders.Created", d.Route)
	require.Equal(t, "m-1", d.Message.ID)
	require.Equal(t, 3, d.Attempts)

	attributes := map[string]string{}
	for name, a := range sent.MessageAttributes {
		attributes[name] = *a.DataType + " " + *a.StringValue
	}
	require.Equal(t, map[string]string{
		"cqrs-failure-id": "String " + d.ID, "cqrs-route": "String orders.Created", "cqrs-source": "String aws:sqs",
		"cqrs-error-name": "String CardDeclined", "cqrs-message-id": "String m-1", "cqrs-attempts": "Number 3",
	}, attributes)
	require.Nil(t, sent.MessageGroupId)
	require.Nil(t, sent.MessageDeduplicationId, "a standard queue refuses it")
}

func TestTheSameRecordIsTheSameLetterInAFIFOQueue(t *testing.T) {
	t.Parallel()
	q := &queue{}
	sink := sqsqueue.NewDeadLetters(q, dlqURL+".fifo")
	deliver := func(m message) *string {
		letter := letterOf(t, m)
		letter.At = time.Now()
		require.NoError(t, sink.DeadLetter(t.Context(), letter))
		last := q.sent[len(q.sent)-1]
		require.Regexp(t, "^[0-9a-f]{64}$", *last.MessageGroupId)
		require.Regexp(t, "^[0-9a-f]{64}$", *last.MessageDeduplicationId)
		return last.MessageDeduplicationId
	}
	first := deliver(message{id: "m-1", body: "1"})
	require.Equal(t, first, deliver(message{id: "m-1", body: "1"}), "a crash after the send does not double the letter")
	require.NotEqual(t, first, deliver(message{id: "m-2", body: "1"}))

	again := letterOf(t, message{id: "m-3", body: "1"})
	again.ID = letterOf(t, message{id: "m-1", body: "1"}).ID
	require.NoError(t, sink.DeadLetter(t.Context(), again))
	require.NotEqual(t, *first, *q.sent[len(q.sent)-1].MessageDeduplicationId, "what was put back and failed again must not be dropped")
}

func TestCharactersThatSQSDoesNotTake(t *testing.T) {
	t.Parallel()
	q := &queue{}
	letter := letterOf(t, message{id: "m-1", body: "\"a\u0001\uFFFE\uFFFF😀\""})
	letter.Route, letter.Error, letter.ErrorName = "r\x00\uFFFE", "e\uFFFF\x02", "\x01\x02"
	require.NoError(t, sqsqueue.NewDeadLetters(q, dlqURL).DeadLetter(t.Context(), letter))
	sent := q.sent[0]
	requireAllowed(t, *sent.MessageBody)
	for _, a := range sent.MessageAttributes {
		requireAllowed(t, *a.StringValue)
	}
	require.Equal(t, "r", *sent.MessageAttributes["cqrs-route"].StringValue)
	require.NotContains(t, sent.MessageAttributes, "cqrs-error-name", "an empty attribute is refused by SQS")
	d := read(t, *sent.MessageBody)
	require.Equal(t, "e\uFFFF\x02", d.Error, "to the letter")
	require.Contains(t, string(d.Event), "😀")
}

func requireAllowed(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text))
	for _, r := range text {
		ok := r == 0x9 || r == 0xA || r == 0xD || 0x20 <= r && r <= 0xD7FF || 0xE000 <= r && r <= 0xFFFD || r >= 0x10000
		require.True(t, ok, "%U", r)
	}
}

func TestALetterThatIsTooLarge(t *testing.T) {
	t.Parallel()
	letter := letterOf(t, message{id: "m-1", body: `"` + strings.Repeat("x", 1<<20) + `"`})
	letter.Error = "e" + strings.Repeat("语", 400_000)

	q := &queue{}
	err := sqsqueue.NewDeadLetters(q, dlqURL).DeadLetter(t.Context(), letter)
	require.ErrorIs(t, err, cqrs.ErrTooLarge)
	require.ErrorContains(t, err, letter.ID)
	require.Less(t, len(err.Error()), 500)
	require.Empty(t, q.sent)

	b := &blobs{}
	sink := sqsqueue.NewDeadLetters(q, dlqURL, sqsqueue.DeadLetterBlobs(b))
	require.NoError(t, sink.DeadLetter(t.Context(), letter))
	require.Len(t, b.all, 1)
	require.Less(t, len(*q.sent[0].MessageBody), 100_000)
	d := read(t, *q.sent[0].MessageBody)
	require.Equal(t, letter.ID, d.ID)
	require.Equal(t, letter.Message.ID, d.Message.ID)
	require.Contains(t, string(d.Event), "dead-letters/"+letter.ID+"/")
	for _, content := range b.all {
		require.Equal(t, letter.Error, read(t, string(content)).Error, "the whole letter is kept")
	}

	b.fail = errors.New("bucket is away")
	require.ErrorIs(t, sink.DeadLetter(t.Context(), letter), b.fail)
	require.Len(t, q.sent, 1, "nothing is sent that refers to nothing")
}

func TestTheLargestLetterThatFits(t *testing.T) {
	t.Parallel()
	q := &queue{}
	letter := letterOf(t, message{id: "m-1", body: "1"})
	require.NoError(t, sqsqueue.NewDeadLetters(q, dlqURL).DeadLetter(t.Context(), letter))
	used := len(*q.sent[0].MessageBody)
	for name, a := range q.sent[0].MessageAttributes {
		used += len(name) + len(*a.DataType) + len(*a.StringValue)
	}
	letter.Error += strings.Repeat("x", 1<<20-used)
	require.NoError(t, sqsqueue.NewDeadLetters(q, dlqURL).DeadLetter(t.Context(), letter))
	letter.Error += "x"
	require.ErrorIs(t, sqsqueue.NewDeadLetters(q, dlqURL).DeadLetter(t.Context(), letter), cqrs.ErrTooLarge)
}

func TestASinkThatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"no queue":     &types.QueueDoesNotExist{},
		"contents":     &types.InvalidMessageContents{Message: aws.String("bad: canary-of-the-body")},
		"KMS disabled": &types.KmsDisabled{},
		"throttled":    &types.RequestThrottled{},
		"network":      errors.New("connection reset"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &queue{fails: []error{failure}}
			_, err := fail(t, message{id: "m-1", body: "canary-of-the-body"}.payload(t), cqrs.Permanent(errors.New("declined")),
				sqsqueue.NewDeadLetters(q, dlqURL), nil)
			require.ErrorContains(t, err, "m-1", "the record is not acknowledged")
			require.Len(t, q.sent, 1)

			q.fails = []error{failure}
			err = sqsqueue.NewDeadLetters(q, dlqURL).DeadLetter(t.Context(), letterOf(t, message{id: "m-1", body: "canary-of-the-body"}))
			require.ErrorIs(t, err, failure)
			if name == "contents" {
				return // AWS would have to quote the whole body for it to be hidden
			}
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestABodyThatSQSQuotesIsHidden(t *testing.T) {
	t.Parallel()
	quoting := &quotingQueue{}
	err := sqsqueue.NewDeadLetters(quoting, dlqURL).DeadLetter(t.Context(), letterOf(t, message{id: "m-1", body: `"canary"`}))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "canary")
}

func TestKMSThrottlingPasses(t *testing.T) {
	t.Parallel()
	letter := letterOf(t, message{id: "m-1", body: "1"})
	synctest.Test(t, func(t *testing.T) {
		q := &queue{fails: []error{&types.KmsThrottled{}, &types.KmsThrottled{ErrorCodeOverride: aws.String("KMS.ThrottlingException")}}}
		require.NoError(t, sqsqueue.NewDeadLetters(q, dlqURL).DeadLetter(t.Context(), letter))
		require.Len(t, q.sent, 3)
	})
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "sqsqueue: NewDeadLetters needs a client and the URL of a queue", func() { sqsqueue.NewDeadLetters(nil, dlqURL) })
	require.Panics(t, func() { sqsqueue.NewDeadLetters(&queue{}, "") })
	require.PanicsWithValue(t, "sqsqueue: NewRedeliverer needs a client", func() { sqsqueue.NewRedeliverer(nil) })
	require.PanicsWithValue(t, "sqsqueue: NewSender needs a client", func() { sqsqueue.NewSender(nil) })
}

func FuzzDeadLetter(f *testing.F) {
	f.Add("route\uFFFE", "error\xff", `{"a":"\uffff"}`)
	f.Fuzz(func(t *testing.T, route, text, id string) {
		q := &queue{}
		letter := cqrs.DeadLetter{ID: id, Route: route, ErrorName: text, Error: text, Event: json.RawMessage("null")}
		require.NoError(t, sqsqueue.NewDeadLetters(q, dlqURL).DeadLetter(t.Context(), letter))
		sent := q.sent[0]
		requireAllowed(t, *sent.MessageBody)
		require.True(t, json.Valid([]byte(*sent.MessageBody)))
		require.LessOrEqual(t, len(sent.MessageAttributes), 10)
		for _, a := range sent.MessageAttributes {
			require.NotEmpty(t, *a.StringValue)
			requireAllowed(t, *a.StringValue)
		}
		if utf8.ValidString(text) {
			require.Equal(t, text, read(t, *sent.MessageBody).Error)
		}
	})
}
