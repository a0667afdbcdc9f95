package cqrstest_test

import (
	"context"
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// seen is what a factory got, under the name of its method.
type seen struct {
	Source string
	Record any
}

// witness hands every record on as it came.
type witness struct{ cqrs.DefaultEventFactory }

func (witness) TransformSQS(_ context.Context, r *events.SQSMessage) ([]cqrs.Event, error) {
	return []cqrs.Event{seen{"SQS", *r}}, nil
}

func (witness) TransformSNS(_ context.Context, r *events.SNSEventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{seen{"SNS", *r}}, nil
}

func (witness) TransformDynamoDBStream(_ context.Context, r *cqrs.DynamoDBRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{seen{"DynamoDB", *r}}, nil
}

func (witness) TransformKinesis(_ context.Context, r *events.KinesisEventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{seen{"Kinesis", *r}}, nil
}

func (witness) TransformEventBridge(_ context.Context, r *events.EventBridgeEvent) ([]cqrs.Event, error) {
	return []cqrs.Event{seen{"EventBridge", *r}}, nil
}

func (witness) TransformStepFunction(_ context.Context, r *cqrs.StepFunctionsEvent) ([]cqrs.Event, error) {
	return []cqrs.Event{seen{"StepFunctions", *r}}, nil
}

func (witness) TransformS3(_ context.Context, r *events.S3EventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{seen{"S3", *r}}, nil
}

// arrivals runs a payload through a real dispatcher.
func arrivals(t *testing.T, p cqrstest.Payload, rules ...cqrs.EnvelopeRule) (records []seen, messages []cqrs.Message) {
	t.Helper()
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(ctx context.Context, s seen) error {
		d, _ := cqrs.DeliveryFrom(ctx)
		records, messages = append(records, s), append(messages, *d.Message)
		return nil
	})
	d := newDispatcher(t, cqrs.Config{Factory: cqrs.Envelopes(witness{}, rules...), Registry: registry})
	answer := cqrstest.Invoke(t, d, p)
	require.NoError(t, answer.Err)
	require.Empty(t, answer.Failed)
	return records, messages
}

type order struct {
	PK    string  `dynamodbav:"pk"    json:"pk"`
	SK    string  `dynamodbav:"sk"    json:"sk"`
	Total float64 `dynamodbav:"total" json:"total"`
}

func TestMessagesOfEachSource(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 2, 3, 4, 0, time.UTC)
	type want struct {
		source              cqrs.Source
		id, arn, sequence   string
		group               string
		attempt             int
		payload, correlated string
	}
	for name, test := range map[string]struct {
		payload cqrstest.Payload
		want    want
	}{
		"SQS": {
			cqrstest.SQS("orders", cqrstest.Body(`{"id":"7"}`).ID("m-1").Received(3).Sent(at).Attribute("correlationId", "c-1")),
			want{cqrs.SourceSQS, "m-1", "arn:aws:sqs:eu-west-1:123456789012:orders", "", "", 3, `{"id":"7"}`, "c-1"},
		},
		"fair queue": {
			cqrstest.SQS("arn:aws:sqs:us-east-1:000000000000:orders", cqrstest.Body("text").ID("m-1").Group("tenant").Sent(at)),
			want{cqrs.SourceSQS, "m-1", "arn:aws:sqs:us-east-1:000000000000:orders", "", "", 1, "text", "m-1"},
		},
		"FIFO": {
			cqrstest.FIFO("orders", cqrstest.Body([]byte("text")).ID("m-1").Group("A").Sequence("188").Sent(at)),
			want{cqrs.SourceSQS, "m-1", "arn:aws:sqs:eu-west-1:123456789012:orders.fifo", "188", "A", 1, "text", "m-1"},
		},
		"SNS": {
			cqrstest.SNS("orders", cqrstest.Body(map[string]int{"id": 7}).ID("n-1").Sent(at).Attribute("correlation_id", "c-1")),
			want{cqrs.SourceSNS, "n-1", "arn:aws:sns:eu-west-1:123456789012:orders", "", "", 0, `{"id":7}`, "c-1"},
		},
		"Kinesis": {
			cqrstest.Kinesis("clicks", cqrstest.Body(`{"id":"7"}`).Group("customer").Sequence("495").Sent(at)),
			want{
				cqrs.SourceKinesis, "shardId-000000000000:495", "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks", "495", "customer", 0,
				`{"id":"7"}`, "shardId-000000000000:495",
			},
		},
		"S3": {
			cqrstest.S3("uploads", cqrstest.Created("im ports/ü+&.csv").Version("v1").Sequencer("0055").At(at)),
			want{cqrs.SourceS3, "uploads/im ports/ü+&.csv/v1/0055", "arn:aws:s3:::uploads", "0055", "", 0, "", ""},
		},
		"EventBridge": {
			cqrstest.EventBridge("com.shop", "Order Shipped", map[string]int{"id": 7}, cqrstest.EventID("e-1"), cqrstest.EventTime(at)),
			want{cqrs.SourceEventBridge, "e-1", "", "", "", 0, `{"id":7}`, "e-1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := arrivals(t, test.payload)
			require.Len(t, messages, 1)
			m := messages[0]
			got := want{m.Source, m.ID, m.ARN, m.Sequence, m.Group, m.Attempt, string(m.Payload()), m.CorrelationID}
			if m.Source == cqrs.SourceS3 {
				got.payload, got.correlated = "", ""
			}
			require.Equal(t, test.want, got)
			require.True(t, m.Time.Equal(at), "%v", m.Time)
		})
	}
}

func TestStreamImagesComeFromGoValues(t *testing.T) {
	t.Parallel()
	before, after := order{PK: "ORDER#acme", SK: "1", Total: 1.5}, order{PK: "ORDER#acme", SK: "1", Total: 2}
	records, messages := arrivals(t, cqrstest.Stream("orders",
		cqrstest.Insert(before).ID("s-1").Sequence("99"),
		cqrstest.Modify(before, after).Sequence("100"),
		cqrstest.Remove(after).ExpiredByTTL(),
		cqrstest.Insert(map[string]string{"id": "7"}).Keys("id").View("KEYS_ONLY"),
		cqrstest.Modify(before, after).View("NEW_IMAGE"),
		cqrstest.Modify(before, after).View("OLD_IMAGE"),
	))
	require.Len(t, records, 6)
	got := make([]cqrs.DynamoDBRecord, len(records))
	for i, r := range records {
		got[i] = r.Record.(cqrs.DynamoDBRecord)
		require.Equal(t, "orders", got[i].Table())
	}
	decode := func(i cqrs.Image) (o order) {
		require.NoError(t, i.Unmarshal(&o))
		return o
	}
	require.Equal(t, "s-1", messages[0].ID)
	require.Equal(t, []string{"99", "100"}, []string{messages[0].Sequence, messages[1].Sequence})
	require.Equal(t, before, decode(got[0].NewImage))
	require.True(t, got[0].OldImage.IsZero())
	require.JSONEq(t, `{"pk":{"S":"ORDER#acme"},"sk":{"S":"1"}}`, string(got[0].Keys.Raw()))
	require.Equal(t, []order{before, after}, []order{decode(got[1].OldImage), decode(got[1].NewImage)})
	require.False(t, got[1].ExpiredByTTL())
	require.True(t, got[2].ExpiredByTTL())
	require.True(t, got[2].NewImage.IsZero())
	require.Equal(t, "7", got[3].Keys.Text("id"))
	require.True(t, got[3].NewImage.IsZero())
	require.True(t, got[4].OldImage.IsZero())
	require.Equal(t, after, decode(got[4].NewImage))
	require.True(t, got[5].NewImage.IsZero())
	require.Equal(t, before, decode(got[5].OldImage))
}

func TestEnvelopesNest(t *testing.T) {
	t.Parallel()
	s3 := cqrstest.S3("uploads", cqrstest.Created("a b.csv"), cqrstest.Deleted("c.csv"))
	event := cqrstest.EventBridge("com.shop", "Order Shipped", `{"id":7}`)
	notification := cqrstest.Body(`{"id":7}`).Subject("subject").Attribute("kind", "order").BinaryAttribute("raw", []byte{1, 2})
	for name, test := range map[string]struct {
		body      cqrstest.Message
		envelopes []cqrs.Envelope
		want      []string
	}{
		"SNS": {cqrstest.Body(cqrstest.Notification("topic", notification)), []cqrs.Envelope{cqrs.SNS}, []string{"SNS"}},
		"SNS raw": {
			cqrstest.Body(`{"id":7}`).Attribute("kind", "order"),
			[]cqrs.Envelope{cqrs.SNSRaw},
			[]string{"SNS"},
		},
		"S3":          {cqrstest.Body(s3), []cqrs.Envelope{cqrs.S3}, []string{"S3", "S3"}},
		"EventBridge": {cqrstest.Body(event), []cqrs.Envelope{cqrs.EventBridge}, []string{"EventBridge"}},
		"S3 in SNS": {
			cqrstest.Body(cqrstest.Notification("topic", cqrstest.Body(s3))),
			[]cqrs.Envelope{cqrs.SNS, cqrs.S3},
			[]string{"S3", "S3"},
		},
		"EventBridge in SNS": {
			cqrstest.Body(cqrstest.Notification("topic", cqrstest.Body(event))),
			[]cqrs.Envelope{cqrs.SNS, cqrs.EventBridge},
			[]string{"EventBridge"},
		},
		"test event": {cqrstest.Body(cqrstest.S3TestEvent("uploads")), []cqrs.Envelope{cqrs.S3}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records, messages := arrivals(t, cqrstest.SQS("queue", test.body.ID("outer")), cqrs.From("queue", test.envelopes...))
			var sources []string
			for _, r := range records {
				sources = append(sources, r.Source)
			}
			require.Equal(t, test.want, sources)
			for _, m := range messages {
				require.Equal(t, "outer", m.ID)
			}
			for _, r := range records {
				switch r := r.Record.(type) {
				case events.SNSEventRecord:
					require.JSONEq(t, `{"id":7}`, r.SNS.Message)
					require.Equal(t, "order", r.SNS.MessageAttributes["kind"].(map[string]any)["Value"])
				case events.S3EventRecord:
					require.Contains(t, []string{"a b.csv", "c.csv"}, r.S3.Object.URLDecodedKey)
				case events.EventBridgeEvent:
					require.Equal(t, "Order Shipped", r.DetailType)
				}
			}
		})
	}
	answer := cqrstest.Invoke(t, newDispatcher(t, cqrs.Config{Factory: witness{}, Registry: registryOf()}), cqrstest.S3TestEvent("uploads"))
	require.Equal(t, "null", string(answer.JSON))
}

func registryOf() *cqrs.Registry {
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(context.Context, seen) error { return nil })
	return registry
}

func TestTasks(t *testing.T) {
	t.Parallel()
	token := cqrstest.NewToken()
	for name, p := range map[string]cqrstest.Payload{
		"type and payload": cqrstest.StepFunction("ORDER_PROCESS", map[string]int{"id": 7}, cqrstest.Token(token),
			cqrstest.Execution("run-1"), cqrstest.StateMachine("shop"), cqrstest.State("Process"), cqrstest.Retried(2)),
		"whole input": cqrstest.StepFunction("Process", `{"id":7,"type":"ORDER_PROCESS"}`, cqrstest.Token(token), cqrstest.WholeInput(),
			cqrstest.Execution("run-1"), cqrstest.StateMachine("shop"), cqrstest.Retried(2)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records, messages := arrivals(t, p)
			require.Len(t, records, 1)
			task := records[0].Record.(cqrs.StepFunctionsEvent)
			require.Equal(t, "ORDER_PROCESS", task.Type)
			require.Contains(t, string(task.Payload), `"id":7`)
			require.Equal(t, string(token), string(task.TaskToken))
			require.Equal(t, string(token), string(task.Context.Task.Token))
			require.Equal(t, "run-1", task.Context.Execution.Name)
			require.Equal(t, "Process", task.Context.State.Name)
			require.Equal(t, 2, task.Context.State.RetryCount)
			require.Equal(t, "shop", task.Context.StateMachine.Name)
			require.Equal(t, "arn:aws:states:eu-west-1:123456789012:stateMachine:shop", messages[0].ARN)
			require.Equal(t, "arn:aws:states:eu-west-1:123456789012:execution:shop:run-1/Process", messages[0].ID)
		})
	}
}

// TestMembers: each payload has the members that AWS documents, and no others.
func TestMembers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		payload cqrstest.Payload
		want    string
	}{
		"SQS": {
			cqrstest.SQS("q", cqrstest.Body("x").Attribute("a", "b").Trace("Root=1")),
			`attributes.AWSTraceHeader attributes.ApproximateFirstReceiveTimestamp attributes.ApproximateReceiveCount attributes.SenderId
			attributes.SentTimestamp awsRegion body eventSource eventSourceARN md5OfBody md5OfMessageAttributes
			messageAttributes.a.dataType messageAttributes.a.stringValue messageId receiptHandle`,
		},
		"FIFO": {
			cqrstest.FIFO("q.fifo", cqrstest.Body("x")),
			`attributes.ApproximateFirstReceiveTimestamp attributes.ApproximateReceiveCount attributes.MessageDeduplicationId
			attributes.MessageGroupId attributes.SenderId attributes.SentTimestamp attributes.SequenceNumber awsRegion body eventSource
			eventSourceARN md5OfBody messageId receiptHandle`,
		},
		"SNS": {
			cqrstest.SNS("t", cqrstest.Body("x").Subject("s")),
			`EventSource EventSubscriptionArn EventVersion Sns.Message Sns.MessageId Sns.Signature Sns.SignatureVersion
			Sns.SigningCertUrl Sns.Subject Sns.Timestamp Sns.TopicArn Sns.Type Sns.UnsubscribeUrl`,
		},
		"DynamoDB": {
			cqrstest.Stream("t", cqrstest.Modify(order{PK: "a"}, order{PK: "a"}).ExpiredByTTL()),
			`awsRegion dynamodb.ApproximateCreationDateTime dynamodb.Keys.pk.S dynamodb.Keys.sk.S dynamodb.NewImage.pk.S
			dynamodb.NewImage.sk.S dynamodb.NewImage.total.N dynamodb.OldImage.pk.S dynamodb.OldImage.sk.S dynamodb.OldImage.total.N
			dynamodb.SequenceNumber dynamodb.SizeBytes dynamodb.StreamViewType eventID eventName eventSource eventSourceARN eventVersion
			userIdentity.principalId userIdentity.type`,
		},
		"Kinesis": {
			cqrstest.Kinesis("s", cqrstest.Body("x")),
			`awsRegion eventID eventName eventSource eventSourceARN eventVersion invokeIdentityArn kinesis.approximateArrivalTimestamp
			kinesis.data kinesis.kinesisSchemaVersion kinesis.partitionKey kinesis.sequenceNumber`,
		},
		"S3": {
			cqrstest.S3("b", cqrstest.Created("k").Version("v").Size(7).ETag("e").Event("ObjectCreated:Copy")),
			`awsRegion eventName eventSource eventTime eventVersion requestParameters.sourceIPAddress responseElements.x-amz-id-2
			responseElements.x-amz-request-id s3.bucket.arn s3.bucket.name s3.bucket.ownerIdentity.principalId s3.configurationId
			s3.object.eTag s3.object.key s3.object.sequencer s3.object.size s3.object.versionId s3.s3SchemaVersion userIdentity.principalId`,
		},
		"S3 deletion": {
			cqrstest.S3("b", cqrstest.Deleted("k")),
			`awsRegion eventName eventSource eventTime eventVersion requestParameters.sourceIPAddress responseElements.x-amz-id-2
			responseElements.x-amz-request-id s3.bucket.arn s3.bucket.name s3.bucket.ownerIdentity.principalId s3.configurationId
			s3.object.key s3.object.sequencer s3.s3SchemaVersion userIdentity.principalId`,
		},
		"EventBridge": {
			cqrstest.EventBridge("s", "t", `{"a":1}`, cqrstest.EventResources("arn:aws:ec2:x")),
			`account detail-type detail.a id region source time version`,
		},
		"Step Functions": {
			cqrstest.StepFunction("T", `{"a":1}`, cqrstest.Token("t")),
			`context.Execution.Id context.Execution.Input.a context.Execution.Name context.Execution.RoleArn context.Execution.StartTime
			context.State.EnteredTime context.State.Name context.State.RetryCount context.StateMachine.Id context.StateMachine.Name
			context.Task.Token payload.a taskToken type`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var payload map[string]any
			require.NoError(t, json.Unmarshal(test.payload.JSON(), &payload))
			if records, ok := payload["Records"].([]any); ok {
				require.Len(t, payload, 1)
				payload = records[0].(map[string]any)
			}
			require.Equal(t, strings.Fields(test.want), members("", payload))
		})
	}
}

// members lists the paths of all that is no object and no list.
func members(prefix string, object map[string]any) (paths []string) {
	for name, value := range object {
		switch value := value.(type) {
		case map[string]any:
			paths = append(paths, members(prefix+name+".", value)...)
		case []any:
		default:
			paths = append(paths, prefix+name)
		}
	}
	sort.Strings(paths)
	return paths
}

// The digests were computed by SQS.
func TestDigestsOfMessages(t *testing.T) {
	t.Parallel()
	records, _ := arrivals(t, cqrstest.SQS("q", cqrstest.Body("This is a test message").NumberAttribute("timestamp", "1493147359900").Group("tenant")))
	message := records[0].Record.(events.SQSMessage)
	require.Equal(t, "fafb00f5732ab283681e124bf8747ed1", message.Md5OfBody)
	require.Equal(t, "235c5c510d26fb653d073faed50ae77c", message.Md5OfMessageAttributes)
	require.Equal(t, "Number", message.MessageAttributes["timestamp"].DataType)
	require.Equal(t, "tenant", message.Attributes["MessageGroupId"], "a fair queue has groups, but no order")
}

func TestIdentifiersAreUnique(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	count := 0
	for range 50 {
		for _, p := range []cqrstest.Payload{
			cqrstest.SQS("q", cqrstest.Body("x"), cqrstest.Body("x")), cqrstest.FIFO("q", cqrstest.Body("x"), cqrstest.Body("x")),
			cqrstest.SNS("t", cqrstest.Body("x"), cqrstest.Body("x")), cqrstest.Kinesis("s", cqrstest.Body("x"), cqrstest.Body("x")),
			cqrstest.Stream("t", cqrstest.Insert(order{}), cqrstest.Insert(order{})), cqrstest.EventBridge("s", "t", "{}"),
			cqrstest.StepFunction("T", "{}"),
		} {
			for _, id := range p.IDs() {
				ids[id] = true
				count++
			}
		}
	}
	require.Len(t, ids, count)
	require.NotContains(t, ids, "")
}

func TestSequencesRise(t *testing.T) {
	t.Parallel()
	many := make([]cqrstest.Change, 200)
	for i := range many {
		many[i] = cqrstest.Insert(order{PK: "a"})
	}
	ids := cqrstest.Stream("t", many...).IDs()
	require.True(t, slices.IsSorted(ids), "they have the same length")
	require.Len(t, slices.Compact(slices.Clone(ids)), 200)
}

func TestJoinAndOnly(t *testing.T) {
	t.Parallel()
	p := cqrstest.Join(cqrstest.SQS("a", cqrstest.Body("1").ID("1")), cqrstest.FIFO("b", cqrstest.Body("2").ID("2")))
	require.Equal(t, []string{"1", "2"}, p.IDs())
	require.Equal(t, []string{"2"}, p.Only("2", "3").IDs())
	require.Equal(t, 2, p.Len())
	require.Equal(t, cqrs.SourceSQS, p.Source())
	require.PanicsWithValue(t, "cqrstest: Join got records of aws:sqs and aws:kinesis; AWS never mixes them", func() {
		cqrstest.Join(p, cqrstest.Kinesis("s", cqrstest.Body("x")))
	})
	require.Panics(t, func() { cqrstest.Join(cqrstest.EventBridge("s", "t", "{}")) })
	require.JSONEq(t, `{"Records":[]}`, cqrstest.SQS("q").String())
}

func TestRawIsDeliveredToTheByte(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"Records": [ {"eventSource":"aws:sqs", "messageId":"m-1", "body":"x", "n": 1.50} ]}`,
		`{"detail-type":"t","source":"s","detail":{},"id":"e-1"}`, `[1, 2]`, `nonsense`, ``, `{"Records":[1]}`, `{"a":1}`,
	} {
		require.Equal(t, text, cqrstest.Raw([]byte(text)).String())
	}
	built := cqrstest.SQS("orders", cqrstest.Body("x").ID("m-1"))
	require.Equal(t, built.IDs(), cqrstest.Raw(built.JSON()).IDs())
	for name, p := range map[string]cqrstest.Payload{
		"SNS": cqrstest.SNS("t", cqrstest.Body("x")), "EventBridge": cqrstest.EventBridge("s", "t", "{}"),
		"Step Functions": cqrstest.StepFunction("T", "{}"), "S3": cqrstest.S3("b", cqrstest.Created("k")),
		"Kinesis": cqrstest.Kinesis("s", cqrstest.Body("x")), "DynamoDB": cqrstest.Stream("t", cqrstest.Insert(order{PK: "a"})),
	} {
		raw := cqrstest.Raw(p.JSON())
		require.Equal(t, p.IDs(), raw.IDs(), name)
		require.Equal(t, p.Source(), raw.Source(), name)
	}
}

func TestMessagesAreValues(t *testing.T) {
	t.Parallel()
	first := cqrstest.Body("x").Attribute("a", "1")
	second := first.Attribute("a", "2").ID("other")
	records, _ := arrivals(t, cqrstest.SQS("q", first, second))
	values := []string{}
	for _, r := range records {
		values = append(values, *r.Record.(events.SQSMessage).MessageAttributes["a"].StringValue)
	}
	require.Equal(t, []string{"1", "2"}, values)
}
