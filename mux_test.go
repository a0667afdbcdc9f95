package cqrs_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

type (
	orderCreated struct {
		PK  string `json:"pk"`
		SK  string `dynamodbav:"sk"`
		Qty int64  `dynamodbav:"qty"`
	}
	payment struct {
		Amount int64 `json:"amount"`
	}
	csvImport struct {
		Key string
	}
	orderProcess struct {
		OrderID   string         `json:"orderId"`
		TaskToken cqrs.TaskToken `json:"taskToken"`
	}
)

func image(t tester, text string) cqrs.Image {
	var i cqrs.Image
	require.NoError(t, json.Unmarshal([]byte(text), &i))
	return i
}

// routing is a mux with a rule of each kind, and what one record of each source
// makes.
func TestMuxRules(t *testing.T) {
	t.Parallel()
	mux := cqrs.NewMux()
	cqrs.OnSQS[task](mux, cqrs.TypeField("type", "TASK"))
	cqrs.OnSQS[payment](mux, cqrs.And(cqrs.Queue("payments"), cqrs.TypeField("kind", "captured")), cqrs.Body("payload"))
	cqrs.OnSQS[message](mux, cqrs.Queue("odd"), func(r *events.SQSMessage) (message, error) { return message{id: r.Body}, nil })
	cqrs.OnSQS[events.SQSMessage](mux, cqrs.Queue("arn:aws:sqs:eu-west-1:123456789012:legacy"))
	cqrs.OnSQS[*events.SQSMessage](mux, cqrs.Queue("legacy-pointer"))
	cqrs.OnSNS[task](mux, cqrs.Topic("orders"))
	cqrs.OnKinesis[task](mux, cqrs.Stream("orders"))
	cqrs.OnEventBridge[task](mux, cqrs.And(cqrs.DetailType("com.shop", "Order Shipped"), cqrs.TypeField("type", "special")), cqrs.Body("inner"))
	cqrs.OnEventBridge[task](mux, cqrs.DetailType("com.shop", "Order Shipped"))
	cqrs.OnS3(mux, cqrs.And(cqrs.Bucket("shop"), cqrs.KeyPrefix("imports/csv/"), cqrs.KeySuffix(".csv"), cqrs.EventName("s3:ObjectCreated:")),
		func(r *events.S3EventRecord) (csvImport, error) {
			return csvImport{Key: r.S3.Object.URLDecodedKey}, nil
		})
	cqrs.OnS3[events.S3EventRecord](mux, cqrs.Bucket("raw"))
	cqrs.OnDynamoDB[task](mux, cqrs.TypeField("kind", "TASK"), cqrs.Inserted)
	cqrs.OnDynamoDB[orderCreated](mux, cqrs.PKPrefix("ORDER#"), cqrs.Inserted|cqrs.Modified)
	cqrs.OnDynamoDB[csvImport](mux, cqrs.And(cqrs.Table("orders"), cqrs.Expired()), cqrs.Removed,
		func(r *cqrs.DynamoDBRecord) (csvImport, error) {
			return csvImport{Key: "expired " + r.Keys.Text("pk")}, nil
		})
	cqrs.OnChange[orderCreated](mux, cqrs.Table("orders"))
	cqrs.OnStepFunction[orderProcess](mux, "ORDER_PROCESS")
	cqrs.OnStepFunction[*orderProcess](mux, "POINTER")
	cqrs.OnStepFunction(mux, "CUSTOM", func(e *cqrs.StepFunctionsEvent) (csvImport, error) { return csvImport{Key: e.Type}, nil })

	sqs := func(queue, body string) func(context.Context) ([]cqrs.Event, error) {
		return func(ctx context.Context) ([]cqrs.Event, error) {
			return mux.TransformSQS(ctx, &events.SQSMessage{EventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:" + queue, Body: body})
		}
	}
	s3 := func(bucket, key, name string) func(context.Context) ([]cqrs.Event, error) {
		return func(ctx context.Context) ([]cqrs.Event, error) {
			r := &events.S3EventRecord{EventName: name}
			r.S3.Bucket.Name, r.S3.Object.URLDecodedKey = bucket, key
			return mux.TransformS3(ctx, r)
		}
	}
	eventBridge := func(source, detailType, detail string) func(context.Context) ([]cqrs.Event, error) {
		return func(ctx context.Context) ([]cqrs.Event, error) {
			return mux.TransformEventBridge(ctx, &events.EventBridgeEvent{Source: source, DetailType: detailType, Detail: json.RawMessage(detail)})
		}
	}
	item := func(r cqrs.DynamoDBRecord) func(context.Context) ([]cqrs.Event, error) {
		return func(ctx context.Context) ([]cqrs.Event, error) { return mux.TransformDynamoDBStream(ctx, &r) }
	}
	step := func(e cqrs.StepFunctionsEvent) func(context.Context) ([]cqrs.Event, error) {
		return func(ctx context.Context) ([]cqrs.Event, error) { return mux.TransformStepFunction(ctx, &e) }
	}
	keys := image(t, `{"pk":{"S":"ORDER#1"},"sk":{"S":"a"}}`)
	order := image(t, `{"pk":{"S":"ORDER#1"},"sk":{"S":"a"},"qty":{"N":"9007199254740993"}}`)
	user := image(t, `{"pk":{"S":"USER#1"},"sk":{"S":"a"},"qty":{"N":"1"}}`)
	big := &orderCreated{PK: "ORDER#1", SK: "a", Qty: 9007199254740993}
	raw := events.SQSMessage{EventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:legacy", Body: "hello"}
	rawPointer := events.SQSMessage{EventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:legacy-pointer", Body: "hello"}

	for _, test := range []struct {
		name      string
		transform func(context.Context) ([]cqrs.Event, error)
		event     cqrs.Event
		is        error
		says      string
	}{
		{name: "a type field", transform: sqs("any", `{"type":"TASK","id":"1"}`), event: task{ID: "1"}},
		{name: "the first rule wins", transform: sqs("legacy", `{"type":"TASK","id":"1"}`), event: task{ID: "1"}},
		{name: "a part of the body", transform: sqs("payments", `{"kind":"captured","payload":{"amount":5}}`), event: payment{Amount: 5}},
		{
			name: "a part that is missing", transform: sqs("payments", `{"kind":"captured"}`),
			is: cqrs.ErrMalformed, says: `no member "payload"`,
		},
		{
			name: "a part that stands twice", transform: sqs("payments", `{"kind":"captured","payload":{},"payload":{}}`),
			is: cqrs.ErrMalformed, says: `"payload" stands twice`,
		},
		{name: "only one of two conditions", transform: sqs("payments", `{"kind":"refunded"}`), is: cqrs.ErrUnrouted, says: `queue "payments"`},
		{name: "a function that decodes", transform: sqs("odd", "plain text"), event: message{id: "plain text"}},
		{name: "the record itself", transform: sqs("legacy", "hello"), event: raw},
		{name: "the record itself by pointer", transform: sqs("legacy-pointer", "hello"), event: &rawPointer},
		{name: "a type field that is no string", transform: sqs("any", `{"type":7}`), is: cqrs.ErrUnrouted},
		{name: "a type field of other case", transform: sqs("any", `{"Type":"TASK"}`), is: cqrs.ErrUnrouted},
		{name: "a body that is no object", transform: sqs("any", `["TASK"]`), is: cqrs.ErrUnrouted},
		{name: "a type field that stands twice", transform: sqs("any", `{"type":"OTHER","type":"TASK"}`), is: cqrs.ErrMalformed, says: `"type" stands twice`},
		{name: "a malformed body", transform: sqs("any", `{"type":"TASK"`), is: cqrs.ErrMalformed},
		{name: "a body that is no JSON", transform: sqs("any", `hello`), is: cqrs.ErrMalformed},
		{name: "a body of another form", transform: sqs("any", `{"type":"TASK","id":7}`), is: cqrs.ErrMalformed, says: `OnSQS[cqrs_test.task](TypeField("type", "TASK"))`},

		{name: "S3", transform: s3("shop", "imports/csv/a b.csv", "ObjectCreated:Put"), event: csvImport{Key: "imports/csv/a b.csv"}},
		{name: "S3, another prefix", transform: s3("shop", "uploads/a.csv", "ObjectCreated:Put"), is: cqrs.ErrUnrouted, says: "ObjectCreated:Put of shop"},
		{name: "S3, another suffix", transform: s3("shop", "imports/csv/a.txt", "ObjectCreated:Put"), is: cqrs.ErrUnrouted},
		{name: "S3, another event", transform: s3("shop", "imports/csv/a.csv", "ObjectRemoved:Delete"), is: cqrs.ErrUnrouted},
		{name: "S3, another bucket", transform: s3("other", "imports/csv/a.csv", "ObjectCreated:Put"), is: cqrs.ErrUnrouted},

		{name: "EventBridge", transform: eventBridge("com.shop", "Order Shipped", `{"id":"1"}`), event: task{ID: "1"}},
		{name: "EventBridge, by its detail", transform: eventBridge("com.shop", "Order Shipped", `{"type":"special","inner":{"id":"2"}}`), event: task{ID: "2"}},
		{name: "EventBridge, another source", transform: eventBridge("com.other", "Order Shipped", `{}`), is: cqrs.ErrUnrouted, says: "com.other, Order Shipped"},

		{
			name:      "an insert",
			transform: item(cqrs.DynamoDBRecord{EventName: "INSERT", Keys: keys, NewImage: order}), event: *big,
		},
		{
			name: "an attribute of the item",
			transform: item(cqrs.DynamoDBRecord{
				EventName: "INSERT", Keys: keys,
				NewImage: image(t, `{"pk":{"S":"ORDER#1"},"kind":{"S":"TASK"},"id":{"S":"1"}}`),
			}),
			event: task{ID: "1"},
		},
		{
			name: "a change of an item that has its own rule for other operations",
			transform: item(cqrs.DynamoDBRecord{
				EventName: "REMOVE", Keys: keys, OldImage: order, EventSourceARN: streamARN,
			}),
			event: cqrs.Change[orderCreated]{Op: cqrs.Removed, Key: cqrs.Key{PK: "ORDER#1", SK: "a"}, Old: big},
		},
		{
			name: "a removal by time to live",
			transform: item(cqrs.DynamoDBRecord{
				EventName: "REMOVE", Keys: keys, EventSourceARN: streamARN,
				UserIdentity: &events.DynamoDBUserIdentity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"},
			}),
			event: csvImport{Key: "expired ORDER#1"},
		},
		{
			name: "a change with both images",
			transform: item(cqrs.DynamoDBRecord{
				EventName: "MODIFY", Keys: image(t, `{"pk":{"S":"USER#1"},"sk":{"S":"a"}}`),
				OldImage: user, NewImage: user, EventSourceARN: streamARN,
			}),
			event: cqrs.Change[orderCreated]{
				Op: cqrs.Modified, Key: cqrs.Key{PK: "USER#1", SK: "a"},
				Old: &orderCreated{PK: "USER#1", SK: "a", Qty: 1}, New: &orderCreated{PK: "USER#1", SK: "a", Qty: 1},
			},
		},
		{
			name:      "a removal without image",
			transform: item(cqrs.DynamoDBRecord{EventName: "REMOVE", Keys: keys, EventSourceARN: streamARN}),
			event:     cqrs.Change[orderCreated]{Op: cqrs.Removed, Key: cqrs.Key{PK: "ORDER#1", SK: "a"}},
		},
		{
			name:      "an insert without image",
			transform: item(cqrs.DynamoDBRecord{EventName: "INSERT", Keys: keys}),
			is:        cqrs.ErrNoImage, says: "OnDynamoDB[cqrs_test.orderCreated]",
		},
		{
			name:      "a change without images",
			transform: item(cqrs.DynamoDBRecord{EventName: "MODIFY", Keys: user, EventSourceARN: streamARN}),
			is:        cqrs.ErrNoImage,
		},
		{
			name:      "another table",
			transform: item(cqrs.DynamoDBRecord{EventName: "REMOVE", Keys: keys}),
			is:        cqrs.ErrUnrouted, says: "REMOVE of",
		},

		{
			name:      "a task, with its token",
			transform: step(cqrs.StepFunctionsEvent{Type: "ORDER_PROCESS", Payload: json.RawMessage(`{"orderId":"1"}`), TaskToken: "t"}),
			event:     orderProcess{OrderID: "1", TaskToken: "t"},
		},
		{
			name:      "a task, with its token in its payload",
			transform: step(cqrs.StepFunctionsEvent{Type: "POINTER", Payload: json.RawMessage(`{"taskToken":"own"}`), TaskToken: "t"}),
			event:     &orderProcess{TaskToken: "own"},
		},
		{
			name:      "a task of its own form",
			transform: step(cqrs.StepFunctionsEvent{Type: "CUSTOM"}), event: csvImport{Key: "CUSTOM"},
		},
		{name: "a task of another type", transform: step(cqrs.StepFunctionsEvent{Type: "OTHER"}), is: cqrs.ErrUnrouted, says: `type "OTHER"`},
		{name: "a task without payload", transform: step(cqrs.StepFunctionsEvent{Type: "ORDER_PROCESS"}), is: cqrs.ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			all, err := test.transform(t.Context())
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
				require.ErrorContains(t, err, test.says)
				require.Empty(t, all)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []cqrs.Event{test.event}, all)
		})
	}
}

func TestMuxReadsSNSAndKinesis(t *testing.T) {
	t.Parallel()
	mux := cqrs.NewMux()
	cqrs.OnSNS[task](mux, cqrs.And(cqrs.Topic("orders"), cqrs.TypeField("do", "work")))
	cqrs.OnSNS[events.SNSEventRecord](mux, cqrs.Any())
	cqrs.OnKinesis[task](mux, cqrs.And(cqrs.Stream("orders"), cqrs.TypeField("do", "work")))
	cqrs.OnKinesis[*events.KinesisEventRecord](mux, cqrs.Any())

	sns := &events.SNSEventRecord{SNS: events.SNSEntity{TopicArn: "arn:aws:sns:eu-west-1:123456789012:orders", Message: `{"id":"1","do":"work"}`}}
	all, err := mux.TransformSNS(t.Context(), sns)
	require.NoError(t, err)
	require.Equal(t, []cqrs.Event{task{ID: "1", Do: "work"}}, all)
	sns.SNS.TopicArn = "arn:aws:sns:eu-west-1:123456789012:other"
	all, err = mux.TransformSNS(t.Context(), sns)
	require.NoError(t, err)
	require.Equal(t, []cqrs.Event{*sns}, all)

	kinesis := &events.KinesisEventRecord{EventSourceArn: "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"}
	kinesis.Kinesis.Data = []byte(`{"id":"1","do":"work"}`)
	all, err = mux.TransformKinesis(t.Context(), kinesis)
	require.NoError(t, err)
	require.Equal(t, []cqrs.Event{task{ID: "1", Do: "work"}}, all)
	kinesis.Kinesis.Data = []byte{0xff, 0x00}
	all, err = mux.TransformKinesis(t.Context(), kinesis)
	require.NoError(t, err, "a rule behind takes what is no JSON")
	require.Equal(t, []cqrs.Event{kinesis}, all)
}

func TestMuxIgnoreUnrouted(t *testing.T) {
	t.Parallel()
	mux := cqrs.NewMux().IgnoreUnrouted()
	cqrs.OnSQS[task](mux, cqrs.TypeField("type", "TASK"))
	cqrs.OnDynamoDB[task](mux, cqrs.PKPrefix("TASK#"), cqrs.Inserted)
	for _, test := range []struct {
		name, body string
		ignored    bool
	}{
		{"another type", `{"type":"OTHER"}`, true},
		{"no type", `{}`, true},
		{"malformed", `{"type":"OTHER"`, false},
		{"no JSON", `hello`, false},
		{"two types", `{"type":"OTHER","type":"ANOTHER"}`, false},
	} {
		all, err := mux.TransformSQS(t.Context(), &events.SQSMessage{Body: test.body})
		require.Empty(t, all, test.name)
		if test.ignored {
			require.NoError(t, err, test.name)
		} else {
			require.ErrorIs(t, err, cqrs.ErrMalformed, test.name)
		}
	}
	j := &journal{}
	d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: taskRegistry(j)})
	for image, ignored := range map[string]bool{`{"pk":{"S":"USER#1"}}`: true, `{"pk":{"S":7}}`: false, `{"pk":{}}`: false} {
		_, err := d.Invoke(t.Context(), []byte(`{"Records":[{"eventID":"1","eventName":"INSERT","eventSource":"aws:dynamodb",
			"eventSourceARN":"`+streamARN+`","dynamodb":{"SequenceNumber":"1","Keys":{"pk":{"S":"x"}},"NewImage":`+image+`}}]}`))
		if ignored {
			require.NoError(t, err, image)
		} else {
			require.ErrorIs(t, err, cqrs.ErrMalformed, image)
		}
	}
	require.Empty(t, j.all())
}

func TestMuxPanicsOnMisuse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		misuse func(*cqrs.Mux)
		says   string
	}{
		{"two identical rules", func(m *cqrs.Mux) {
			cqrs.OnSQS[task](m, cqrs.And(cqrs.Queue("a"), cqrs.TypeField("b", "c")))
			cqrs.OnSQS[payment](m, cqrs.And(cqrs.TypeField("b", "c"), cqrs.And(cqrs.Queue("a"))))
		}, "matches the same records as OnSQS[cqrs_test.task]"},
		{"a task type twice", func(m *cqrs.Mux) {
			cqrs.OnStepFunction[task](m, "A")
			cqrs.OnStepFunction[payment](m, "A")
		}, "matches the same records"},
		{"no mux", func(*cqrs.Mux) { cqrs.OnSQS[task](nil, cqrs.Any()) }, "NewMux"},
		{"no matcher", func(m *cqrs.Mux) { cqrs.OnSQS[task](m, cqrs.Matcher{}) }, "does not apply to records of aws:sqs"},
		{"a matcher of another source", func(m *cqrs.Mux) { cqrs.OnSQS[task](m, cqrs.KeyPrefix("a")) }, "does not apply to records of aws:sqs"},
		{"a matcher of another source inside", func(m *cqrs.Mux) {
			cqrs.OnS3[events.S3EventRecord](m, cqrs.And(cqrs.KeyPrefix("a"), cqrs.Queue("q")))
		}, "does not apply to records of aws:s3"},
		{"a queue for SNS", func(m *cqrs.Mux) { cqrs.OnSNS[task](m, cqrs.Queue("q")) }, "does not apply"},
		{"nothing to decode", func(m *cqrs.Mux) { cqrs.OnS3[task](m, cqrs.KeyPrefix("a")) }, "needs a decode function"},
		{"a decode function of another type", func(m *cqrs.Mux) {
			cqrs.OnSQS[task](m, cqrs.Any(), func(*events.SQSMessage) (payment, error) { return payment{}, nil })
		}, "takes Body(…) or a func(*events.SQSMessage) (cqrs_test.task, error)"},
		{"two ways to decode", func(m *cqrs.Mux) { cqrs.OnSQS[task](m, cqrs.Any(), cqrs.Body("a"), cqrs.Body("b")) }, "one way to decode"},
		{"no operation", func(m *cqrs.Mux) { cqrs.OnDynamoDB[task](m, cqrs.Any(), 0) }, "needs operations"},
		{"an unknown operation", func(m *cqrs.Mux) { cqrs.OnDynamoDB[task](m, cqrs.Any(), 8) }, "needs operations"},
		{"an interface", func(m *cqrs.Mux) { cqrs.OnSQS[any](m, cqrs.Any()) }, "cannot be an interface"},
		{"an empty queue", func(*cqrs.Mux) { cqrs.Queue("") }, "Queue needs text"},
		{"an empty And", func(*cqrs.Mux) { cqrs.And() }, "And needs at least one"},
		{"an empty type", func(m *cqrs.Mux) { cqrs.OnStepFunction[task](m, "") }, "needs text"},
		{"a rule after the first record", func(m *cqrs.Mux) {
			_, _ = m.TransformSQS(context.Background(), &events.SQSMessage{})
			cqrs.OnSQS[task](m, cqrs.Any())
		}, "comes after New"},
		{"a rule after New", func(m *cqrs.Mux) {
			cqrs.OnSQS[task](m, cqrs.Any())
			r := cqrs.NewRegistry()
			cqrs.RegisterFunc(r, nothing[task])
			_, _ = cqrs.New(cqrs.Config{Factory: cqrs.Envelopes(m), Registry: r})
			cqrs.OnSNS[task](m, cqrs.Any())
		}, "comes after New"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := panicText(func() { test.misuse(cqrs.NewMux()) })
			require.Regexp(t, "^cqrs: ", text)
			require.Contains(t, text, test.says)
		})
	}
}
