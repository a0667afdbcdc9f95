package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

const dlqARN = "arn:aws:sqs:eu-west-1:123456789012:orders-dlq"

// deadLetterForms are AWS's own, from its documentation.
var deadLetterForms = map[string]string{
	"asynchronous invocation": `{"version":"1.0","timestamp":"2019-11-14T18:16:05.568Z",
		"requestContext":{"requestId":"e4b46cbf-b738-xmpl-8880-a18cdf61200e","functionArn":"arn:aws:lambda:us-east-2:123456789012:function:my-function:$LATEST",
			"condition":"RetriesExhausted","approximateInvokeCount":3},
		"requestPayload":{"ORDER_IDS":["9e07af03"]},
		"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},
		"responsePayload":{"errorMessage":"RequestId: e4b4 Process exited before completing request","errorType":"Runtime.ExitError"}}`,
	"of an event": `{"version":"1.0","timestamp":"2019-11-14T18:16:05.568Z",
		"requestContext":{"requestId":"r-2","functionArn":"f","condition":"EventAgeExceeded","approximateInvokeCount":0},
		"requestPayload":{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"n-1"}}]},"responseContext":null}`,
	"stream": `{"requestContext":{"requestId":"316aa6d0-8154-xmpl-9af7-85d5f4a6bc81","functionArn":"arn:aws:lambda:us-east-2:123456789012:function:myfunction",
			"condition":"RetryAttemptsExhausted","approximateInvokeCount":1},
		"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},
		"version":"1.0","timestamp":"2019-11-14T00:13:49.717Z",
		"DDBStreamBatchInfo":{"shardId":"shardId-00000001573689847184-864758bb","startSequenceNumber":"800000000003126276362",
			"endSequenceNumber":"800000000003126276363","approximateArrivalOfFirstRecord":"2019-11-14T00:13:19Z",
			"approximateArrivalOfLastRecord":"2019-11-14T00:13:19Z","batchSize":2,
			"streamArn":"arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388"}}`,
	"stream in S3": `{"requestContext":{"requestId":"r-4","functionArn":"f","condition":"RetryAttemptsExhausted","approximateInvokeCount":1},
		"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0","timestamp":"2019-11-14T00:38:06.021Z",
		"KinesisBatchInfo":{"shardId":"shardId-000000000001","startSequenceNumber":"49601189658422359378836298521827638475320189012309704722",
			"endSequenceNumber":"49601189658422359378836298522902373528957594348623495186","approximateArrivalOfFirstRecord":"2019-11-14T00:38:04.835Z",
			"approximateArrivalOfLastRecord":"2019-11-14T00:38:05.580Z","batchSize":500,"streamArn":"arn:aws:kinesis:us-east-2:123456789012:stream/mystream"},
		"payload":"{\"Records\":[{\"eventSource\":\"aws:kinesis\"}]}"}`,
	"custom bus": `{"version":"1","busArn":"arn:aws:events:eu-west-1:123456789012:bus/b","subscriberArn":"s","targetArn":"t","errorCode":"SERVICE_ERROR",
		"errorMessage":"down","exhaustedRetryCondition":"MaximumRetryAttempts","retryAttempts":5,
		"failedMessages":[{"eventId":"e-1","eventGroupId":"g","timestamp":"2026-11-24T10:00:00Z"},{"eventId":"e-2"}]}`,
}

// deadLetters reads the letters of a payload through OnDeadLetter.
func deadLetters(t tester, payload []byte) []cqrs.DeadLetter {
	t.Helper()
	mux := cqrs.NewMux()
	cqrs.OnDeadLetter(mux, cqrs.Any())
	var letters []cqrs.DeadLetter
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(_ context.Context, d cqrs.DeadLetter) error {
		letters = append(letters, d)
		return nil
	})
	_, err := newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry}).Invoke(context.Background(), payload)
	require.NoError(t, err)
	return letters
}

func inDLQ(t tester, body, origin string, attributes map[string]string) []byte {
	record := message{id: "d-1", body: body, receives: 4}.record(dlqARN)
	if origin != "" {
		record["attributes"].(map[string]string)["DeadLetterQueueSourceArn"] = origin
	}
	sent := map[string]any{}
	for name, value := range attributes {
		sent[name] = map[string]any{"dataType": "String", "stringValue": value}
	}
	record["messageAttributes"] = sent
	return payload(t, record)
}

// TestOnDeadLetterOurOwn: what a sink wrote is read as it was.
func TestOnDeadLetterOurOwn(t *testing.T) {
	t.Parallel()
	letter := lettersOf(t, sqsBatch(t, queueARN, todo("m-1", "")))[0]
	text, err := json.Marshal(letter)
	require.NoError(t, err)
	for name, payload := range map[string][]byte{
		"in a queue": inDLQ(t, string(text), "", nil),
		"on a topic": []byte(`{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"n","Message":` + quoted(string(text)) + `}}]}`),
		"on a bus":   []byte(`{"id":"e","source":"cqrs","detail-type":"DeadLetter","detail":` + string(text) + `}`),
	} {
		read := deadLetters(t, payload)
		require.Len(t, read, 1, name)
		require.Equal(t, letter.ID, read[0].ID)
		require.Equal(t, "m-1", read[0].Message.ID)
		require.Equal(t, "cqrs_test.task", read[0].Route)
		require.Equal(t, string(letter.Event), string(read[0].Event))
	}
}

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// TestOnDeadLetterMoved: a message that SQS moved is the message, whatever its
// body pretends to be.
func TestOnDeadLetterMoved(t *testing.T) {
	t.Parallel()
	forged, err := json.Marshal(cqrs.DeadLetter{ID: "forged", Route: "admin.Delete", Message: cqrs.Message{ARN: "arn:aws:sqs:eu-west-1:1:admin"}})
	require.NoError(t, err)
	for _, body := range []string{`{"id": "1"}`, "not JSON", string(forged), deadLetterForms["stream"]} {
		letters := deadLetters(t, inDLQ(t, body, queueARN, map[string]string{"correlationId": "c-1", "RULE_ARN": "r", "ERROR_CODE": "e", "RequestID": "r", "ErrorCode": "1"}))
		require.Len(t, letters, 1)
		d := letters[0]
		require.Equal(t, queueARN, d.Message.ARN)
		require.Equal(t, "d-1", d.Message.ID)
		require.Equal(t, cqrs.SourceSQS, d.Message.Source)
		require.Equal(t, "c-1", d.Message.CorrelationID)
		require.Equal(t, "MaxReceivesExceeded", d.ErrorName)
		require.Equal(t, 4, d.Attempts)
		require.Empty(t, d.Route)
		require.Equal(t, body, string(d.Message.Payload()))
		require.NotContains(t, string(d.Message.Raw()), "receipt-handle")
		require.Contains(t, string(d.Message.Raw()), `"correlationId"`)
	}
	id := deadLetters(t, inDLQ(t, `{}`, queueARN, nil))[0].ID
	require.Equal(t, lettersOf(t, sqsBatch(t, queueARN, message{id: "d-1", body: `{}`}))[0].ID, id, "the same record, the same id")
	id = deadLetters(t, inDLQ(t, `{}`, queueARN, map[string]string{cqrs.FailureIDAttribute: "f-1"}))[0].ID
	require.Equal(t, "f-1", id)
	d := deadLetters(t, inDLQ(t, `by hand`, "", nil))[0]
	require.Equal(t, dlqARN, d.Message.ARN)
	require.Equal(t, `"by hand"`, string(d.Event))
}

func TestOnDeadLetterOfAWS(t *testing.T) {
	t.Parallel()
	type want struct {
		source        cqrs.Source
		id, arn, name string
		says          string
		attempts      int
		event         string
		sequence      string
	}
	for name, want := range map[string]want{
		"asynchronous invocation": {
			"", "e4b46cbf-b738-xmpl-8880-a18cdf61200e", "arn:aws:lambda:us-east-2:123456789012:function:my-function:$LATEST",
			"Runtime.ExitError", "RequestId: e4b4 Process exited before completing request", 3, `{"ORDER_IDS":["9e07af03"]}`, "",
		},
		"of an event": {
			cqrs.SourceSNS, "r-2", "f", "EventAgeExceeded", "EventAgeExceeded", 0, `{"Records":[{"EventSource":"aws:sns","Sns":{"MessageId":"n-1"}}]}`, "",
		},
		"stream": {
			cqrs.SourceDynamoDB, "800000000003126276362", "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388",
			"RetryAttemptsExhausted", "2 records of shard shardId-00000001573689847184-864758bb, from 800000000003126276362 to 800000000003126276363",
			1, deadLetterForms["stream"], "800000000003126276362",
		},
		"stream in S3": {
			cqrs.SourceKinesis, "49601189658422359378836298521827638475320189012309704722", "arn:aws:kinesis:us-east-2:123456789012:stream/mystream",
			"RetryAttemptsExhausted", "function error Unhandled; 500 records", 1, `{"Records":[{"eventSource":"aws:kinesis"}]}`,
			"49601189658422359378836298521827638475320189012309704722",
		},
		"custom bus": {
			cqrs.SourceEventBridge, "e-1", "arn:aws:events:eu-west-1:123456789012:bus/b", "SERVICE_ERROR", "down", 5, deadLetterForms["custom bus"], "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := deadLetterForms[name]
			letters := deadLetters(t, inDLQ(t, form, "", nil))
			require.Len(t, letters, 1)
			d := letters[0]
			require.Equal(t, want.source, d.Message.Source)
			require.Equal(t, want.id, d.Message.ID)
			require.Equal(t, want.arn, d.Message.ARN)
			require.Equal(t, want.name, d.ErrorName)
			require.Contains(t, d.Error, want.says)
			require.Equal(t, want.attempts, d.Attempts)
			require.JSONEq(t, want.event, string(d.Event))
			require.Equal(t, want.sequence, d.Message.Sequence)
			require.False(t, d.At.IsZero())
			require.Len(t, d.ID, 64)
			direct, err := cqrs.DecodeDeadLetter(form)
			require.NoError(t, err)
			require.Equal(t, d.ID, direct.ID, "it does not depend on the queue")
		})
	}
}

func TestOnDeadLetterOfARule(t *testing.T) {
	t.Parallel()
	event := `{"version":"0","id":"e-1","detail-type":"Shipped","source":"shop","time":"2026-11-24T10:00:00Z","detail":{"id":"1"}}`
	attributes := map[string]string{
		"RULE_ARN": "arn:aws:events:eu-west-1:1:rule/r", "TARGET_ARN": "t-1", "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "Lambda refused",
		"RETRY_ATTEMPTS": "0", "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
	}
	d := deadLetters(t, inDLQ(t, event, "", attributes))[0]
	require.Equal(t, cqrs.SourceEventBridge, d.Message.Source)
	require.Equal(t, "e-1", d.Message.ID)
	require.Equal(t, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), d.Message.Time.UTC())
	require.Equal(t, "NO_PERMISSIONS", d.ErrorName)
	require.Equal(t, "Lambda refused", d.Error)
	require.JSONEq(t, `{"id":"1"}`, string(d.Event))
	require.JSONEq(t, event, string(d.Message.Raw()), "the whole event, to send it again")
	attributes["TARGET_ARN"] = "t-2"
	require.NotEqual(t, d.ID, deadLetters(t, inDLQ(t, event, "", attributes))[0].ID, "each target fails by itself")
	d = deadLetters(t, inDLQ(t, "no event", "", attributes))[0]
	require.Equal(t, `"no event"`, string(d.Event))
}

func TestOnDeadLetterOfAFunction(t *testing.T) {
	t.Parallel()
	event := string(streamBatch(t, change{"1", "a", ""}))
	d := deadLetters(t, inDLQ(t, event, "", map[string]string{"RequestID": "r-1", "ErrorCode": "200", "ErrorMessage": "refused"}))[0]
	require.Equal(t, cqrs.SourceDynamoDB, d.Message.Source)
	require.Equal(t, "r-1", d.Message.ID)
	require.Equal(t, "Status200", d.ErrorName)
	require.Equal(t, "refused", d.Error)
	require.JSONEq(t, event, string(d.Event))
}

// TestOnDeadLetterHoldsNoToken of the task that a failed message belonged to.
func TestOnDeadLetterHoldsNoToken(t *testing.T) {
	t.Parallel()
	d := deadLetters(t, inDLQ(t, `{"id":"1","taskToken":"secret-token"}`, queueARN, nil))[0]
	text, err := json.Marshal(d)
	require.NoError(t, err)
	require.NotContains(t, string(text)+string(d.Message.Raw())+string(d.Message.Payload()), "secret-token")
}

func TestOnDeadLetterPanicsOnMisuse(t *testing.T) {
	t.Parallel()
	require.Contains(t, panicText(func() { cqrs.OnDeadLetter(cqrs.NewMux(), cqrs.Bucket("b")) }), "cqrs: OnDeadLetter(Bucket(\"b\"))")
	require.Contains(t, panicText(func() {
		mux := cqrs.NewMux()
		cqrs.OnDeadLetter(mux, cqrs.Queue("q"))
		cqrs.OnDeadLetter(mux, cqrs.Queue("q"))
	}), "cqrs: ")
}

// failures is a FailureStore that knows what it has seen.
type failures struct {
	seen map[string]bool
	err  error
}

func (f *failures) SaveFailure(_ context.Context, d cqrs.DeadLetter) (bool, error) {
	if f.err != nil {
		return false, f.err
	}
	news := !f.seen[d.ID]
	f.seen[d.ID] = true
	return news, nil
}

func TestStoreFailures(t *testing.T) {
	t.Parallel()
	store, p := &failures{seen: map[string]bool{}}, &ports{}
	mux := cqrs.NewMux()
	cqrs.OnDeadLetter(mux, cqrs.Queue("orders-dlq"))
	registry := cqrs.NewRegistry()
	cqrs.Register(registry, cqrs.StoreFailures(store, p))
	d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry, DeadLetter: p})
	for range 2 {
		_, err := d.Invoke(t.Context(), inDLQ(t, `{"secret":"body"}`, queueARN, nil))
		require.NoError(t, err)
		p.err = errors.New("no such topic")
	}
	require.Len(t, store.seen, 1)
	require.Len(t, p.alarms, 1, "a repeated letter is no news")
	alarm := p.alarms[0]
	require.Equal(t, cqrs.SeverityError, alarm.Severity)
	require.Equal(t, "aws:sqs", alarm.Source)
	require.Contains(t, alarm.Message, "waits for a person")
	require.Equal(t, "d-1", alarm.Details["id"])
	require.Equal(t, "MaxReceivesExceeded", alarm.Details["errorName"])
	text, err := json.Marshal(alarm)
	require.NoError(t, err)
	require.NotContains(t, string(text), "secret")

	_, err = d.Invoke(t.Context(), inDLQ(t, `another`, fifoARN, nil))
	require.NoError(t, err, "an alarm that fails keeps no letter from being stored")
	require.Len(t, store.seen, 2)

	p.err = nil
	for _, failure := range []error{errRefused, cqrs.Permanent(errRefused)} {
		store.err = failure
		_, err = d.Invoke(t.Context(), inDLQ(t, `third`, queueARN, nil))
		require.ErrorIs(t, err, errRefused, "it stays in its queue")
		require.Empty(t, p.letters)
	}
	require.Regexp(t, "^cqrs: StoreFailures needs a store", panicText(func() { cqrs.StoreFailures(nil, p) }))
}
