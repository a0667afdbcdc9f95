package local_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local"
)

func sendGrouped(q queue, group, body string) {
	q.Helper()
	_, err := q.SendMessage(q.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body, MessageGroupId: &group})
	require.NoError(q, err)
}

// failing answers with the messages of these bodies.
func failing(bodies ...string) func(int, []byte) ([]byte, error) {
	return func(_ int, payload []byte) ([]byte, error) {
		var event events.SQSEvent
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, err
		}
		response := events.SQSEventResponse{}
		for _, record := range event.Records {
			for _, body := range bodies {
				if record.Body == body {
					response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
				}
			}
		}
		return json.Marshal(response)
	}
}

func TestQueueAnswers(t *testing.T) {
	t.Parallel()
	report := []local.SourceOption{local.ReportBatchItemFailures(), local.BatchSize(10), local.BatchWindow(time.Second)}
	plain := report[1:]
	answer := func(text string) func(int, []byte) ([]byte, error) {
		return func(int, []byte) ([]byte, error) { return []byte(text), nil }
	}
	for name, test := range map[string]struct {
		opts   []local.SourceOption
		answer func(int, []byte) ([]byte, error)
		left   string // in flight
	}{
		"partial":               {report, failing("bad"), "0+1"},
		"partial, not reported": {plain, failing("bad"), "0+0"},
		"null":                  {report, answer(`null`), "0+0"},
		"nothing":               {report, answer(``), "0+0"},
		"null list":             {report, answer(`{"batchItemFailures":null}`), "0+0"},
		"wrong top-level name":  {report, answer(`{"failures":[{"itemIdentifier":"x"}]}`), "0+0"},
		"no JSON":               {report, answer(`{`), "0+2"},
		"empty identifier":      {report, answer(`{"batchItemFailures":[{"itemIdentifier":""}]}`), "0+2"},
		"no identifier":         {report, answer(`{"batchItemFailures":[{"id":"x"}]}`), "0+2"},
		"null identifier":       {report, answer(`{"batchItemFailures":[{"itemIdentifier":null}]}`), "0+2"},
		"unknown identifier":    {report, answer(`{"batchItemFailures":[{"itemIdentifier":"x"}]}`), "0+2"},
		"no JSON, not reported": {plain, answer(`{`), "0+0"},
		"function error":        {report, func(int, []byte) ([]byte, error) { return nil, errors.New("all") }, "0+2"},
		"function error, plain": {plain, func(int, []byte) ([]byte, error) { return nil, errors.New("all") }, "0+2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, clock := startStill(t)
			q := newQueue(t, a, "orders", nil)
			h, payloads := answers(test.answer)
			require.NoError(t, a.Function("orders", h).OnQueue("orders", test.opts...))
			q.send("good", "bad")
			q.reaches("0+2")
			require.True(t, clock.AdvanceUntil(t.Context(), 100*time.Millisecond, func() bool { return len(payloads) == 1 }))
			q.reaches(test.left)
		})
	}
}

func TestQueueRedeliversAndDeadLetters(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	dlq := newQueue(t, a, "dlq", nil)
	q := newQueue(t, a, "orders", map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dlq","maxReceiveCount":3}`,
	})
	h, payloads := answers(failing("bad"))
	require.NoError(t, a.Function("orders", h).OnQueue(q.url, local.ReportBatchItemFailures()))
	q.send("bad")
	require.True(t, clock.AdvanceUntil(t.Context(), time.Second, func() bool { return dlq.depth() == "1+0" }))
	require.Len(t, payloads, 3)
	var third events.SQSEvent
	for range 3 {
		require.NoError(t, json.Unmarshal([]byte(<-payloads), &third))
	}
	require.Equal(t, "3", third.Records[0].Attributes["ApproximateReceiveCount"])
	require.Equal(t, "arn:aws:sqs:us-east-1:000000000000:orders", dlq.receive().Attributes["DeadLetterQueueSourceArn"])
}

func TestQueueFIFOGroupWaitsForItsFirst(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	q := newQueue(t, a, "orders.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	h, payloads := answers(func(call int, _ []byte) ([]byte, error) {
		if call == 1 {
			return nil, errors.New("the first fails")
		}
		return nil, nil
	})
	require.NoError(t, a.Function("orders", h).OnQueue("orders.fifo", local.BatchSize(1), local.ReportBatchItemFailures()))
	sendGrouped(q, "A", "a1")
	require.Contains(t, <-payloads, `"a1"`)
	sendGrouped(q, "A", "a2")
	sendGrouped(q, "B", "b1")
	require.Contains(t, <-payloads, `"b1"`)
	require.Empty(t, payloads)
	require.True(t, clock.AdvanceUntil(t.Context(), time.Second, func() bool { return len(payloads) == 2 }))
	require.Contains(t, <-payloads, `"a1"`)
	require.Contains(t, <-payloads, `"a2"`)
	q.reaches("0+0")
}

func TestQueueFilterDeletesWhatDoesNotMatch(t *testing.T) {
	t.Parallel()
	a := start(t)
	q := newQueue(t, a, "orders", nil)
	h, payloads := answers(succeeds)
	require.NoError(t, a.Function("orders", h).OnQueue("orders", local.Filter(`{"body":{"state":["paid"]}}`)))
	q.send(`{"state":"new"}`, `no JSON`, `{"state":"paid"}`)
	require.Contains(t, <-payloads, `paid`)
	q.reaches("0+0")
	require.Empty(t, payloads)
}

func TestQueueBatchesStayBelowThePayloadLimit(t *testing.T) {
	t.Parallel()
	a := start(t)
	q := newQueue(t, a, "orders", nil)
	q.send(strings.Repeat(`"`, 900<<10), strings.Repeat(`"`, 900<<10), strings.Repeat(`"`, 900<<10), strings.Repeat(`"`, 900<<10))
	h, payloads := answers(succeeds)
	require.NoError(t, a.Function("orders", h).OnQueue("orders"))
	require.LessOrEqual(t, len(<-payloads), 6<<20)
	q.reaches("0+0")
}

func TestOnQueueRefusesWhatAWSRefuses(t *testing.T) {
	t.Parallel()
	a := start(t)
	newQueue(t, a, "orders", map[string]string{"VisibilityTimeout": "29"})
	newQueue(t, a, "orders.fifo", map[string]string{"FifoQueue": "true"})
	h, _ := answers(succeeds)
	f := a.Function("orders", h)
	require.ErrorContains(t, f.OnQueue("missing"), "does not exist")
	require.ErrorContains(t, f.OnQueue("orders"), "less than Function timeout")
	require.ErrorContains(t, f.OnQueue("orders.fifo", local.BatchWindow(time.Second)), "window")
	require.ErrorContains(t, f.OnQueue("orders.fifo", local.Filter(`{"body":"x"}`)), "pattern")
	require.ErrorContains(t, f.OnQueue("orders.fifo", local.BisectOnError()), "another source")
	require.ErrorContains(t, f.OnTopic("missing"), "does not exist")
	require.ErrorContains(t, f.OnBucket("missing"), "does not exist")
	require.ErrorContains(t, f.OnRule("missing"), "does not exist")
}

func TestTopicBucketAndRuleInvokeTheFunction(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	config := a.Config()
	topics, buckets, buses := sns.NewFromConfig(config), s3.NewFromConfig(config), eventbridge.NewFromConfig(config)
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("alerts")})
	require.NoError(t, err)
	_, err = buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("imports")})
	require.NoError(t, err)
	h, payloads := answers(succeeds)
	f := a.Function("all", h)
	require.NoError(t, f.OnTopic("alerts", local.FilterPolicy(`{"kind":["x"]}`)))
	require.NoError(t, f.OnBucket("imports", local.KeyPrefix("csv/")))
	require.NoError(t, f.OnRule("shipped", local.EventPattern(`{"source":["shop"]}`)))
	require.NoError(t, f.OnRule("hourly", local.Schedule("rate(1 hour)")))
	require.NoError(t, f.OnRule("nine", local.Schedule("cron(0 9 ? * FRI *)")))

	publish := func(kind string) {
		_, err := topics.Publish(t.Context(), &sns.PublishInput{
			TopicArn: topic.TopicArn, Message: aws.String("hi"),
			MessageAttributes: map[string]snstypes.MessageAttributeValue{"kind": {DataType: aws.String("String"), StringValue: &kind}},
		})
		require.NoError(t, err)
	}
	publish("y")
	publish("x")
	var notified events.SNSEvent
	require.NoError(t, json.Unmarshal([]byte(<-payloads), &notified))
	require.Equal(t, "aws:sns", notified.Records[0].EventSource)
	require.Equal(t, "hi", notified.Records[0].SNS.Message)
	require.Equal(t, *topic.TopicArn, notified.Records[0].SNS.TopicArn)
	require.Equal(t, clock.Now(), notified.Records[0].SNS.Timestamp)

	for _, key := range []string{"other", "csv/a b.csv"} {
		_, err = buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("imports"), Key: &key, Body: strings.NewReader("x")})
		require.NoError(t, err)
	}
	var created events.S3Event
	require.NoError(t, json.Unmarshal([]byte(<-payloads), &created))
	require.Equal(t, "csv/a b.csv", created.Records[0].S3.Object.URLDecodedKey)

	_, err = buses.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{
		{Source: aws.String("shop"), DetailType: aws.String("Order Shipped"), Detail: aws.String(`{"order":7}`)},
	}})
	require.NoError(t, err)
	var shipped events.EventBridgeEvent
	require.NoError(t, json.Unmarshal([]byte(<-payloads), &shipped))
	require.Equal(t, "Order Shipped", shipped.DetailType)
	require.JSONEq(t, `{"order":7}`, string(shipped.Detail))

	var times []string
	for range 7 { // Friday, 3:04:05: 4:04:05, …, 9:04:05, and 9:00:00 between
		require.True(t, clock.AdvanceUntil(t.Context(), time.Minute, func() bool { return len(payloads) > 0 }))
		var scheduled events.EventBridgeEvent
		require.NoError(t, json.Unmarshal([]byte(<-payloads), &scheduled))
		require.Equal(t, "Scheduled Event", scheduled.DetailType)
		times = append(times, scheduled.Time.Format("15:04:05"))
	}
	require.Equal(t, "[04:04:05 05:04:05 06:04:05 07:04:05 08:04:05 09:00:00 09:04:05]", fmt.Sprint(times))
}
