package cqrs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// trace is a factory that says by which method a record came and with what.
type trace struct{ cqrs.DefaultEventFactory }

func (trace) TransformSQS(_ context.Context, r *events.SQSMessage) ([]cqrs.Event, error) {
	return []cqrs.Event{task{ID: "SQS", Do: r.Body}}, nil
}

func (trace) TransformSNS(_ context.Context, r *events.SNSEventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{task{ID: "SNS " + r.SNS.TopicArn, Do: r.SNS.Message}}, nil
}

func (trace) TransformS3(_ context.Context, r *events.S3EventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{task{ID: "S3", Do: r.S3.Object.URLDecodedKey}}, nil
}

func (trace) TransformEventBridge(_ context.Context, e *events.EventBridgeEvent) ([]cqrs.Event, error) {
	return []cqrs.Event{task{ID: "EventBridge " + e.DetailType, Do: string(e.Detail)}}, nil
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

const ordersTopic = "arn:aws:sns:eu-west-1:123456789012:orders"

func notification(text string) string {
	return fmt.Sprintf(`{"Type":"Notification","MessageId":"n-1","TopicArn":%q,"Message":%s,"Timestamp":"2026-11-01T12:00:00.000Z"}`,
		ordersTopic, quote(text))
}

func s3Event(keys ...string) string {
	text := ""
	for i, key := range keys {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"shop"},"object":{"key":%q}}}`, key)
	}
	return `{"Records":[` + text + `]}`
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	const (
		event     = `{"version":"0","id":"e","detail-type":"Order Shipped","source":"com.shop","detail":{"n":1},"time":"2026-11-01T12:00:00Z"}`
		testEvent = `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-01T12:00:00.000Z","Bucket":"shop"}`
	)
	f := cqrs.Envelopes(trace{},
		cqrs.From("sns", cqrs.SNS),
		cqrs.From("arn:aws:sqs:eu-west-1:123456789012:sns-by-arn", cqrs.SNS),
		cqrs.From("raw", cqrs.SNSRaw),
		cqrs.From("s3", cqrs.S3),
		cqrs.From("sns-s3", cqrs.SNS, cqrs.S3),
		cqrs.From("raw-s3", cqrs.SNSRaw, cqrs.S3),
		cqrs.From("bus", cqrs.EventBridge),
		cqrs.From("sns-bus", cqrs.SNS, cqrs.EventBridge),
		cqrs.From("uploads", cqrs.S3),
	)
	for _, test := range []struct {
		name, queue, body string
		events            []cqrs.Event
		malformed         string
	}{
		{"no rule", "plain", notification("x"), []cqrs.Event{task{"SQS", notification("x")}}, ""},
		{"SNS", "sns", notification("hello"), []cqrs.Event{task{"SNS " + ordersTopic, "hello"}}, ""},
		{"SNS by ARN", "sns-by-arn", notification("hello"), []cqrs.Event{task{"SNS " + ordersTopic, "hello"}}, ""},
		{"SNS raw", "raw", notification("hello"), []cqrs.Event{task{"SNS ", notification("hello")}}, ""},
		{"S3", "s3", s3Event("a+b%2B.csv"), []cqrs.Event{task{"S3", "a b+.csv"}}, ""},
		{"several S3 events", "s3", s3Event("a", "b"), []cqrs.Event{task{"S3", "a"}, task{"S3", "b"}}, ""},
		{"S3's test event", "s3", testEvent, nil, ""},
		{"S3 in SNS", "sns-s3", notification(s3Event("a")), []cqrs.Event{task{"S3", "a"}}, ""},
		{"S3's test event in SNS", "sns-s3", notification(testEvent), nil, ""},
		{"S3 in raw SNS", "raw-s3", s3Event("a"), []cqrs.Event{task{"S3", "a"}}, ""},
		{"EventBridge", "bus", event, []cqrs.Event{task{"EventBridge Order Shipped", `{"n":1}`}}, ""},
		{"EventBridge in SNS", "sns-bus", notification(event), []cqrs.Event{task{"EventBridge Order Shipped", `{"n":1}`}}, ""},

		{"no notification", "sns", `{"hello":"world"}`, nil, "declare SNSRaw where the subscription has raw message delivery"},
		{"no JSON", "sns", `hello`, nil, "SNS envelope"},
		{"raw where it is not declared", "sns-s3", s3Event("a"), nil, "SNS envelope"},
		{"no S3 event", "s3", `{"Records":[{"eventSource":"aws:sqs","body":"{}","messageId":"1"}]}`, nil, "S3 envelope: it holds SQS"},
		{"no event at all", "s3", `{}`, nil, "S3 envelope"},
		{"a bad key", "s3", s3Event("ok", "100%.csv"), nil, "S3 envelope"},
		{"a bad key in SNS", "sns-s3", notification(s3Event("%zz")), nil, "S3 envelope"},
		{"no EventBridge event", "bus", `{"detail":{}}`, nil, "EventBridge envelope"},
		{"another envelope", "bus", s3Event("a"), nil, "EventBridge envelope: it holds S3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			all, err := f.TransformSQS(t.Context(), &events.SQSMessage{
				MessageId: "m", EventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:" + test.queue, Body: test.body,
			})
			if test.malformed != "" {
				require.ErrorIs(t, err, cqrs.ErrMalformed)
				require.ErrorContains(t, err, test.malformed)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.events, all)
		})
	}

	sns := &events.SNSEventRecord{SNS: events.SNSEntity{TopicArn: "arn:aws:sns:eu-west-1:123456789012:uploads", Message: s3Event("a")}}
	all, err := f.TransformSNS(t.Context(), sns)
	require.NoError(t, err)
	require.Equal(t, []cqrs.Event{task{"S3", "a"}}, all, "a topic carries S3")
	sns.SNS.TopicArn = ordersTopic
	all, err = f.TransformSNS(t.Context(), sns)
	require.NoError(t, err)
	require.Equal(t, []cqrs.Event{task{"SNS " + ordersTopic, s3Event("a")}}, all)
	_, err = f.TransformKinesis(t.Context(), &events.KinesisEventRecord{})
	require.ErrorIs(t, err, cqrs.ErrUnrouted, "all else goes to the factory")
}

func TestEnvelopesKeepRawAttributes(t *testing.T) {
	t.Parallel()
	var got *events.SNSEventRecord
	mux := cqrs.NewMux()
	cqrs.OnSNS[task](mux, cqrs.Any(), func(r *events.SNSEventRecord) (task, error) {
		got = r
		return task{}, nil
	})
	color := "red"
	_, err := cqrs.Envelopes(mux, cqrs.From("raw", cqrs.SNSRaw)).TransformSQS(t.Context(), &events.SQSMessage{
		MessageId: "m", EventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:raw", Body: "hello",
		Attributes: map[string]string{"SentTimestamp": "1545082649183"},
		MessageAttributes: map[string]events.SQSMessageAttribute{
			"color": {DataType: "String", StringValue: &color},
			"bytes": {DataType: "Binary", BinaryValue: []byte{1}},
		},
	})
	require.NoError(t, err)
	require.Equal(t, "m", got.SNS.MessageID)
	require.Equal(t, int64(1545082649183), got.SNS.Timestamp.UnixMilli())
	require.Equal(t, map[string]any{
		"color": map[string]any{"Type": "String", "Value": "red"},
		"bytes": map[string]any{"Type": "Binary", "Value": []byte{1}},
	}, got.SNS.MessageAttributes)
}

// TestEnvelopesReportTheOuterRecord: what is inside has other identifiers, which
// the queue does not know.
func TestEnvelopesReportTheOuterRecord(t *testing.T) {
	t.Parallel()
	j := &journal{}
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(ctx context.Context, work task) error {
		d, _ := cqrs.DeliveryFrom(ctx)
		j.add(fmt.Sprintf("%s %s %s#%d", d.Message.Source, d.Message.ID, work.Do, d.Index))
		if work.Do == "b" {
			return errRefused
		}
		return nil
	})
	d := newDispatcher(t, cqrs.Config{Factory: cqrs.Envelopes(trace{}, cqrs.From("orders", cqrs.SNS, cqrs.S3)), Registry: registry})
	answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN,
		message{id: "1", body: notification(s3Event("a"))},
		message{id: "2", body: notification(s3Event("b", "c"))},
		message{id: "3", body: notification(s3Event("%zz"))},
		message{id: "4", body: notification(s3Event())},
	))
	require.NoError(t, err)
	require.Equal(t, []string{"2", "3"}, failedIDs(t, answer))
	require.Equal(t, []string{"aws:sqs 1 a#0", "aws:sqs 2 b#0", "aws:sqs 2 c#1"}, j.all())
}

func TestEnvelopesPanicOnMisuse(t *testing.T) {
	t.Parallel()
	for _, misuse := range []func(){
		func() { cqrs.From("", cqrs.SNS) },
		func() { cqrs.From("q") },
		func() { cqrs.From("q", cqrs.S3, cqrs.SNS) },
		func() { cqrs.From("q", cqrs.SNS, cqrs.SNS) },
		func() { cqrs.From("q", cqrs.S3, cqrs.EventBridge) },
		func() { cqrs.From("q", "Kafka") },
		func() { cqrs.Envelopes(nil) },
		func() { cqrs.Envelopes(trace{}, cqrs.EnvelopeRule{}) },
		func() { cqrs.Envelopes(trace{}, cqrs.From("q", cqrs.S3), cqrs.From("q", cqrs.SNS)) },
	} {
		require.Regexp(t, "^cqrs: ", panicText(misuse))
	}
}
