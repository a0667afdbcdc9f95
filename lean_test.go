package cqrs_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

// The rules' events, each of a type of its own.
type (
	typed  struct{ ID, Type, Note string }
	nested struct{ ID string }
	custom struct{ Text string }
	plain  map[string]any
	early  struct {
		PK, Type, Note string
		Labels         map[label]int
	}
	label string
)

// UnmarshalText panics for some labels.
func (l *label) UnmarshalText(text []byte) error {
	if string(text) == "boom" {
		panic("boom")
	}
	*l = label(text)
	return nil
}

// everyRule is a mux in which rules of all kinds stand in each other's way.
func everyRule() *cqrs.Mux {
	mux := cqrs.NewMux()
	cqrs.OnSQS[typed](mux, cqrs.TypeField("type", "A"))
	cqrs.OnSQS[*nested](mux, cqrs.And(cqrs.TypeField("type", "B"), cqrs.TypeField("kind", "b")), cqrs.Body("payload"))
	cqrs.OnSQS[custom](mux, cqrs.And(cqrs.TypeField("kind", "c"), cqrs.Queue("orders")), func(r *events.SQSMessage) (custom, error) {
		if strings.Contains(r.Body, "refuse") {
			return custom{}, errRefused
		}
		return custom{Text: r.ReceiptHandle + r.Attributes["SenderId"]}, nil
	})
	cqrs.OnSQS[events.SQSMessage](mux, cqrs.TypeField("type", "R"))
	cqrs.OnSQS[plain](mux, cqrs.Queue("orders.fifo"))
	for _, name := range []string{"a", "b", "c"} {
		cqrs.OnSQS[plain](mux, cqrs.TypeField(name, "x"))
	}
	cqrs.OnSNS[typed](mux, cqrs.TypeField("type", "A"))
	cqrs.OnSNS[events.SNSEventRecord](mux, cqrs.Topic("orders"))
	cqrs.OnKinesis[typed](mux, cqrs.TypeField("type", "A"))
	cqrs.OnKinesis[events.KinesisEventRecord](mux, cqrs.Stream("orders"))
	cqrs.OnEventBridge[plain](mux, cqrs.Any())
	cqrs.OnS3[events.S3EventRecord](mux, cqrs.KeySuffix(".csv"))
	cqrs.OnDynamoDB[early](mux, cqrs.And(cqrs.Table("orders"), cqrs.PKPrefix("EARLY#")), cqrs.Inserted|cqrs.Modified|cqrs.Removed)
	cqrs.OnDynamoDB[typed](mux, cqrs.And(cqrs.PKPrefix("ORDER#"), cqrs.TypeField("Type", "A")), cqrs.Inserted|cqrs.Modified)
	cqrs.OnDynamoDB[nested](mux, cqrs.PKPrefix("ORDER#"), cqrs.Inserted|cqrs.Removed)
	cqrs.OnDynamoDB[*cqrs.DynamoDBRecord](mux, cqrs.PKPrefix("RAW#"), cqrs.Inserted)
	cqrs.OnChange[plain](mux, cqrs.Table("orders"))
	return mux
}

// disguised is the same factory, but none that the dispatcher knows.
type disguised struct{ cqrs.EventFactory }

// seen is everything that a handler can see of a delivery.
type seen struct {
	Route        string
	Index        int
	Event        any
	Message      string
	Raw, Payload string
}

func watching(t tester, factory cqrs.EventFactory, cfg cqrs.Config) (*cqrs.Dispatcher, *[]seen) {
	t.Helper()
	all := &[]seen{}
	registry := cqrs.NewRegistry(func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			m := *d.Message
			*all = append(*all, seen{
				Route: d.Route, Index: d.Index, Event: d.Event, Raw: string(m.Raw()), Payload: string(m.Payload()),
				Message: fmt.Sprint(m.Source, m.ID, m.ARN, m.Sequence, m.Group, m.Attempt, m.MaxAttempts, m.Time, m.CorrelationID, m.TraceHeader),
			})
			if strings.Contains(string(m.Payload()), "fail") {
				return nil, errRefused
			}
			return next(ctx, d)
		}
	})
	cqrs.RegisterFunc(registry, func(context.Context, typed) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, nested) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, early) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, custom) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, plain) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, events.SQSMessage) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, events.SNSEventRecord) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, events.KinesisEventRecord) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, events.S3EventRecord) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, *cqrs.DynamoDBRecord) error { return nil })
	cqrs.RegisterFunc(registry, func(context.Context, cqrs.Change[plain]) error { return nil })
	cfg.Factory, cfg.Registry, cfg.Logger = factory, registry, quiet()
	d, err := cqrs.New(cfg)
	require.NoError(t, err)
	return d, all
}

// bodies are what senders send, much of it nearly right.
var bodies = []string{
	`{"type":"A","id":"1","note":"a\nb"}`, `{"id":"1","type":"A"}`, `{"type":"A","id":"fail"}`, `{"type":"A","id":7}`, `{"type":"A","type":"B"}`,
	`{"type":"A","id":"1"`, `{"id":{"deep":[[[1]]]},"type":"A"}`, `{"Type":"A"}`, `{"type":"A","TYPE":"B"}`, `{"type":"\u0041"}`, `{"\u0074ype":"A"}`,
	`{"kind":"b","type":"B","payload":{"id":"1"}}`, `{"type":"B","payload":{"id":1},"kind":"b"}`, `{"type":"B","kind":"b"}`,
	`{"type":"B","kind":"b","payload":{},"payload":{}}`, `{"type":"B","kind":"b","payload":{"id":"1"},"type":"A"}`, `{"type":"B"}`,
	`{"kind":"c"}`, `{"kind":"c","refuse":true}`, `{"kind":"c","x":}`, `{"kind":"c","kind":"d"}`, `{"type":"R"}`, `{"type":"R","x":1,"x":2}`, `{"type":"R",}`,
	`[]`, `null`, `"A"`, `plain text`, ``, `{}`, "{\"type\":\"A\",\"id\":\"\xff\"}", `{"type":"A","id":"\ud800"}`, `{"type":"\ud800","kind":"c"}`,
	`{"type":"A","x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, `{"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `,"type":"A"}`,
}

func body(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom(bodies),
		rapid.StringMatching(`\{("(type|kind|id|payload)":("[ABRbc1]"|1|\{"id":"1"\}),?){0,3}\}`),
	).Draw(t, "body")
}

func maybe(t *rapid.T, members map[string]any, name string, value any) {
	switch rapid.IntRange(0, 25).Draw(t, name) {
	case 0:
	case 1:
		members[name] = rapid.SampledFrom([]any{nil, 1, "x", []any{}, map[string]any{}}).Draw(t, "odd "+name)
	default:
		members[name] = value
	}
}

func sqsDraw(t *rapid.T) map[string]any {
	r := map[string]any{"eventSource": "aws:sqs", "messageId": rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "id")}
	queue := rapid.SampledFrom([]string{"orders", "orders.fifo", "sns", "raw", "uploads", "bus", "other"}).Draw(t, "queue")
	maybe(t, r, "eventSourceARN", "arn:aws:sqs:eu-west-1:1:"+queue)
	text := body(t)
	switch queue {
	case "sns":
		text = asJSON(notificationDraw(t, text))
	case "uploads":
		text = asJSON(map[string]any{"Records": []any{s3Draw(t)}})
	case "bus":
		text = `{"detail-type":"a","source":"b","id":"1","detail":` + text + `}`
	}
	maybe(t, r, "body", text)
	attributes := map[string]any{}
	maybe(t, attributes, "ApproximateReceiveCount", "2")
	maybe(t, attributes, "SentTimestamp", "1545082649183")
	maybe(t, attributes, "SequenceNumber", "188")
	maybe(t, attributes, "MessageGroupId", rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group"))
	maybe(t, attributes, "AWSTraceHeader", "Root=1")
	maybe(t, attributes, "SenderId", "AIDA")
	maybe(t, r, "attributes", attributes)
	maybe(t, r, "messageAttributes", map[string]any{
		rapid.SampledFrom([]string{"correlationId", "Correlation-ID", "other"}).Draw(t, "attribute"): map[string]any{"stringValue": "c-1", "dataType": "String"},
		"digest": map[string]any{"binaryValue": rapid.SampledFrom([]string{"AP8Q", "AP8"}).Draw(t, "digest"), "dataType": "Binary"},
	})
	return r
}

func notificationDraw(t *rapid.T, text string) map[string]any {
	n := map[string]any{"Type": "Notification", "MessageId": "n", "Message": text}
	maybe(t, n, "TopicArn", "arn:aws:sns:eu-west-1:1:"+rapid.SampledFrom([]string{"orders", "orders", "uploads", "sns"}).Draw(t, "topic"))
	maybe(t, n, "Timestamp", "2026-11-01T12:30:00Z")
	maybe(t, n, "MessageAttributes", map[string]any{"correlationId": map[string]any{"Type": "String", "Value": "c-1"}, "n": 1.5})
	return n
}

func s3Draw(t *rapid.T) map[string]any {
	key := rapid.SampledFrom([]string{"a+b.csv", "a%2", "x.txt"}).Draw(t, "key")
	return map[string]any{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": map[string]any{
		"bucket": map[string]any{"name": "shop"}, "object": map[string]any{"key": key, "sequencer": "0A"},
	}}
}

func dynamoDBDraw(t *rapid.T) map[string]any {
	pk := rapid.SampledFrom([]string{"EARLY#1", "EARLY#2", "ORDER#1", "ORDER#2", "RAW#1", "OTHER"}).Draw(t, "pk")
	keys := map[string]any{"pk": map[string]any{"S": pk}}
	item := map[string]any{"pk": map[string]any{"S": pk}}
	maybe(t, keys, "sk", map[string]any{"N": rapid.SampledFrom([]string{"7", "07", "1.50", "1e2"}).Draw(t, "sk")})
	maybe(t, item, "Type", map[string]any{"S": rapid.SampledFrom([]string{"A", "B"}).Draw(t, "type")})
	maybe(t, item, "Note", map[string]any{"S": rapid.SampledFrom([]string{"ok", "fail", "é\n"}).Draw(t, "note")})
	change := map[string]any{"SequenceNumber": rapid.SampledFrom([]string{"1", "22", "333"}).Draw(t, "sequence")}
	maybe(t, change, "Keys", keys)
	maybe(t, change, "NewImage", item)
	maybe(t, change, "OldImage", item)
	maybe(t, change, "ApproximateCreationDateTime", 1479499740)
	r := map[string]any{"eventSource": "aws:dynamodb", "dynamodb": change}
	maybe(t, r, "eventName", rapid.SampledFrom([]string{"INSERT", "MODIFY", "REMOVE"}).Draw(t, "op"))
	maybe(t, item, "Labels", map[string]any{"M": map[string]any{
		rapid.SampledFrom([]string{"a", "b", "boom"}).Draw(t, "label"): map[string]any{"N": rapid.SampledFrom([]string{"1", "x"}).Draw(t, "n")},
	}})
	maybe(t, r, "eventSourceARN", rapid.SampledFrom([]string{streamARN, streamARN, strings.Replace(streamARN, "orders", "others", 1)}).Draw(t, "arn"))
	maybe(t, r, "eventID", "e")
	return r
}

func recordDraw(t *rapid.T, source int) map[string]any {
	switch source {
	case 0:
		return sqsDraw(t)
	case 1:
		r := map[string]any{"EventSource": "aws:sns"}
		maybe(t, r, "Sns", notificationDraw(t, body(t)))
		return r
	case 2:
		k := map[string]any{"sequenceNumber": "1", "partitionKey": "p"}
		maybe(t, k, "data", base64.StdEncoding.EncodeToString([]byte(body(t))))
		r := map[string]any{"eventSource": "aws:kinesis", "kinesis": k}
		maybe(t, r, "eventSourceARN", "arn:aws:kinesis:eu-west-1:1:stream/orders")
		return r
	case 3:
		return s3Draw(t)
	default:
		return dynamoDBDraw(t)
	}
}

// inAWSOrder puts the eventName in front of the images, as AWS does.
func inAWSOrder(record map[string]any) string {
	name, ok := record["eventName"]
	if !ok {
		return asJSON(record)
	}
	rest := map[string]any{}
	for member, value := range record {
		if member != "eventName" {
			rest[member] = value
		}
	}
	return `{"eventName":` + asJSON(name) + `,` + asJSON(rest)[1:]
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// either holds the dispatcher that knows its factory against one that does not.
type either struct {
	lean, ordinary         *cqrs.Dispatcher
	leanSeen, ordinarySeen *[]seen
}

func newEither(t tester, enveloped bool, cfg cqrs.Config) *either {
	t.Helper()
	var factory cqrs.EventFactory = everyRule()
	if enveloped {
		factory = cqrs.Envelopes(factory, cqrs.From("sns", cqrs.SNS), cqrs.From("raw", cqrs.SNSRaw), cqrs.From("uploads", cqrs.S3), cqrs.From("bus", cqrs.EventBridge))
	}
	var e either
	e.lean, e.leanSeen = watching(t, factory, cfg)
	e.ordinary, e.ordinarySeen = watching(t, disguised{factory}, cfg)
	return &e
}

func (e *either) check(t tester, text string) []seen {
	t.Helper()
	*e.leanSeen, *e.ordinarySeen = nil, nil
	haveAnswer, haveErr := e.lean.Invoke(context.Background(), []byte(text))
	wantAnswer, wantErr := e.ordinary.Invoke(context.Background(), []byte(text))
	require.Equal(t, *e.ordinarySeen, *e.leanSeen, "%s", text)
	require.Equal(t, string(wantAnswer), string(haveAnswer), "%s", text)
	require.Equal(t, errorText(wantErr), errorText(haveErr), "%s", text)
	return *e.leanSeen
}

// Whether the dispatcher knows the factory for a mux, and makes events without
// aws-lambda-go's records, cannot be seen from anywhere.
func TestLeanIsLikeAnyFactory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := newEither(t, rapid.Bool().Draw(t, "envelopes"), cqrs.Config{
			MaxReceives: map[string]int{"orders": 3}, StopAtFirst: rapid.Bool().Draw(t, "stop"),
		})
		for range 5 {
			source := max(rapid.IntRange(-3, 4).Draw(t, "source"), 0)
			records := make([]string, rapid.IntRange(1, 5).Draw(t, "records"))
			for i := range records {
				records[i] = inAWSOrder(recordDraw(t, source))
			}
			text := `{"Records":[` + strings.Join(records, ",") + `]}`
			if rapid.IntRange(0, 3).Draw(t, "damage") == 0 {
				at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
				text = text[:at] + rapid.SampledFrom([]string{`"`, `\`, `{`, `}`, `,`, `x`, ` `, ``, "\xff"}).Draw(t, "by") + text[at+1:]
			}
			e.check(t, text)
		}
	})
}

// leanPayloads have every body in every message source, and reach every rule.
func leanPayloads() []string {
	var all []string
	add := func(record map[string]any) {
		text := inAWSOrder(record)
		all = append(all, `{"Records":[`+text+`,`+text+`]}`)
	}
	for _, text := range bodies {
		notification := map[string]any{"Type": "Notification", "MessageId": "n", "TopicArn": "arn:aws:sns:eu-west-1:1:orders", "Message": text}
		for queue, text := range map[string]string{
			"orders": text, "orders.fifo": text, "raw": text, "sns": asJSON(notification), "bus": `{"detail-type":"a","source":"b","detail":` + text + `}`,
		} {
			add(message{id: "1", body: text}.record("arn:aws:sqs:eu-west-1:1:" + queue))
		}
		add(map[string]any{"EventSource": "aws:sns", "Sns": notification})
		add(map[string]any{"eventSource": "aws:kinesis", "eventSourceARN": "arn:aws:kinesis:eu-west-1:1:stream/orders", "kinesis": map[string]any{
			"sequenceNumber": "1", "data": base64.StdEncoding.EncodeToString([]byte(text)),
		}})
	}
	for _, pk := range []string{"EARLY#1", "ORDER#1", "RAW#1", "OTHER"} {
		for _, op := range []string{"INSERT", "MODIFY", "REMOVE", ""} {
			item := map[string]any{"pk": map[string]any{"S": pk}, "Type": map[string]any{"S": "A"}}
			add(map[string]any{"eventSource": "aws:dynamodb", "eventSourceARN": streamARN, "eventName": op, "dynamodb": map[string]any{
				"SequenceNumber": "1", "Keys": map[string]any{"pk": map[string]any{"S": pk}}, "NewImage": item, "OldImage": item,
			}})
		}
	}
	add(map[string]any{"eventSource": "aws:s3", "s3": map[string]any{"object": map[string]any{"key": "a+b.csv"}}})
	return all
}

func TestLeanReachesEveryRule(t *testing.T) {
	t.Parallel()
	routes := map[string]bool{}
	for _, enveloped := range []bool{false, true} {
		e := newEither(t, enveloped, cqrs.Config{})
		for _, text := range leanPayloads() {
			for _, s := range e.check(t, text) {
				routes[s.Route] = true
			}
		}
	}
	require.Len(t, routes, 11, "%v", routes)
}

// What is known of a stream record while its images are read may turn out to be
// of another one, or of a record that fails.
func TestLeanStreams(t *testing.T) {
	t.Parallel()
	var records []string
	for _, pk := range []string{"EARLY#1", "ORDER#1", "OTHER"} {
		for _, op := range []string{"INSERT", "REMOVE"} {
			for _, arn := range []string{streamARN, strings.Replace(streamARN, "orders", "others", 1)} {
				for _, size := range []string{`1`, `"malformed"`} {
					for _, images := range []string{
						`"NewImage":{"Type":{"S":"A"},"ID":{"S":"new"}},"OldImage":{"Type":{"S":"B"},"ID":{"S":"old"}}`,
						`"NewImage":{"Type":{"S":"A","N":"1"}}`, `"NewImage":null`, `"OldImage":{"Type":{"S":"A"}}`,
						`"NewImage":{"Labels":{"M":{"boom":{"N":"1"}}}}`,
					} {
						records = append(records, fmt.Sprintf(`{"eventName":%q,"eventSource":"aws:dynamodb","dynamodb":{"Keys":{"pk":{"S":%q}},%s,`+
							`"SequenceNumber":"1","SizeBytes":%s},"eventSourceARN":%q}`, op, pk, images, size, arn))
					}
				}
			}
		}
	}
	e := newEither(t, false, cqrs.Config{})
	for _, first := range records {
		for _, second := range records { // the one in front of both says which stream it is
			e.check(t, `{"Records":[`+records[0]+`,`+first+`,`+second+`]}`)
		}
	}
}

func FuzzLean(f *testing.F) {
	for _, text := range leanPayloads() {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, enveloped bool) { newEither(t, enveloped, cqrs.Config{}).check(t, text) })
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A factory that embeds a mux is not one: what it overrides counts.
func TestLeanIsNotWhatEmbedsAMux(t *testing.T) {
	t.Parallel()
	d, all := watching(t, overriding{everyRule()}, cqrs.Config{})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, message{id: "1", body: `{"type":"A"}`}))
	require.NoError(t, err)
	require.Equal(t, custom{Text: "overridden"}, (*all)[0].Event)
}

type overriding struct{ *cqrs.Mux }

func (overriding) TransformSQS(context.Context, *events.SQSMessage) ([]cqrs.Event, error) {
	return []cqrs.Event{custom{Text: "overridden"}}, nil
}
