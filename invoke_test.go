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

// taskHandler runs tasks of every source, so that payloads decide what happens.
func taskHandler(t tester, handle func(context.Context, task) (any, error), cfg cqrs.Config) *cqrs.Dispatcher {
	t.Helper()
	mux := cqrs.NewMux()
	cqrs.OnSQS[task](mux, cqrs.Any())
	cqrs.OnSNS[task](mux, cqrs.Any())
	cqrs.OnKinesis[task](mux, cqrs.Any())
	cqrs.OnEventBridge[task](mux, cqrs.Any())
	cqrs.OnDynamoDB[task](mux, cqrs.Any(), cqrs.Inserted|cqrs.Modified|cqrs.Removed)
	cqrs.OnS3(mux, cqrs.Any(), func(r *events.S3EventRecord) (task, error) { return task{ID: r.S3.Object.URLDecodedKey}, nil })
	cqrs.OnStepFunction[task](mux, "TASK")
	cfg.Factory, cfg.Registry = mux, cqrs.NewRegistry()
	cqrs.Register(cfg.Registry, cqrs.HandlerFunc[task](handle))
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	d, err := cqrs.New(cfg)
	require.NoError(t, err)
	return d
}

func succeed(context.Context, task) (any, error) { return nil, nil }

func refuse(context.Context, task) (any, error) { return nil, errRefused }

// fallback is what a function does besides events.
type fallback func(payload []byte) ([]byte, error)

func (f fallback) Invoke(_ context.Context, payload []byte) ([]byte, error) { return f(payload) }

func TestInvokeRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	mixed := `{"Records":[{"eventSource":"aws:sqs","messageId":"1","body":"{}"},{"EventSource":"aws:sns"}]}`
	for _, test := range []struct {
		name, payload string
		toFallback    bool
		says          string
	}{
		{"null", `null`, true, "null"},
		{"an empty object", `{}`, true, "Records"},
		{"an array", `[{"eventSource":"aws:sqs"}]`, true, "array"},
		{"a scalar", `42`, true, "number"},
		{"HTTP", `{"version":"2.0","requestContext":{"http":{"method":"GET"}},"rawPath":"/"}`, true, ""},
		{"an unknown source", `{"Records":[{"eventSource":"aws:codecommit"}]}`, true, "aws:codecommit"},
		{"a record that is no object", `{"Records":[{"eventSource":"aws:sqs","messageId":"1","body":"{}"},7]}`, true, ""},
		{"a record without a source", `{"Records":[{"messageId":"1","body":"{}"}]}`, true, ""},
		{"names of other case", `{"records":[{"eventSource":"aws:sqs"}]}`, true, ""},
		{"mixed sources", mixed, false, "aws:sns"},
		{"broken JSON", `{"Records":[`, false, "JSON"},
		{"nothing", ``, false, "JSON"},
		{"text behind the payload", `{"Records":[]} x`, false, "JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			handler := func(context.Context, task) (any, error) {
				t.Error("a handler ran")
				return nil, nil
			}
			answer, err := taskHandler(t, handler, cqrs.Config{}).Invoke(t.Context(), []byte(test.payload))
			require.Nil(t, answer)
			require.ErrorIs(t, err, cqrs.ErrUnrecognised)
			require.ErrorContains(t, err, test.says)

			reached := false
			d := taskHandler(t, handler, cqrs.Config{Fallback: fallback(func(payload []byte) ([]byte, error) {
				reached = true
				require.Equal(t, test.payload, string(payload))
				return []byte(`"served"`), nil
			})})
			answer, err = d.Invoke(t.Context(), []byte(test.payload))
			require.Equal(t, test.toFallback, reached)
			if test.toFallback {
				require.NoError(t, err)
				require.Equal(t, `"served"`, string(answer))
			} else {
				require.ErrorIs(t, err, cqrs.ErrUnrecognised)
			}
		})
	}
}

func TestInvokeAnswersWithoutHandlers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, payload, answer string }{
		{"no records", `{"Records":[]}`, `{"batchItemFailures":[]}`},
		{
			"an empty tumbling window",
			`{"Records":[],"window":{"start":"2026-11-01T00:00:00Z","end":"2026-11-01T00:05:00Z"},"state":{"n":1.50}}`,
			`{"state":{"n":1.50},"batchItemFailures":[]}`,
		},
		{"S3's test event", string(sample(t, "s3_test_event")), `null`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := taskHandler(t, refuse, cqrs.Config{Fallback: fallback(func([]byte) ([]byte, error) {
				t.Error("the fallback was called")
				return nil, nil
			})})
			answer, err := d.Invoke(t.Context(), []byte(test.payload))
			require.NoError(t, err)
			require.Equal(t, test.answer, string(answer))
		})
	}
}

func TestInvokeAnswerOfEachSource(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, success string }{
		{"sqs_standard", `{"batchItemFailures":[]}`},
		{"sqs_fifo", `{"batchItemFailures":[]}`},
		{"sns", `null`},
		{"s3_put", `null`},
		{"dynamodb_insert", `{"batchItemFailures":[]}`},
		{"dynamodb_modify", `{"batchItemFailures":[]}`},
		{"dynamodb_remove", `{"batchItemFailures":[]}`},
		{"kinesis", `{"batchItemFailures":[]}`},
		{"eventbridge", `null`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer, err := taskHandler(t, succeed, cqrs.Config{}).Invoke(t.Context(), sample(t, test.name))
			require.NoError(t, err)
			require.Equal(t, test.success, string(answer))

			_, err = taskHandler(t, refuse, cqrs.Config{StopAtFirst: true}).Invoke(t.Context(), firstRecord(t, sample(t, test.name)))
			require.ErrorIs(t, err, errRefused)
			var record *cqrs.RecordError
			require.ErrorAs(t, err, &record)
			require.NotEmpty(t, record.ID)
			require.Equal(t, "cqrs_test.task", record.Route)
			require.Contains(t, err.Error(), record.ID)
		})
	}
}

// firstRecord cuts a batch down to one record.
func firstRecord(t tester, payload []byte) []byte {
	var batch map[string]any
	require.NoError(t, json.Unmarshal(payload, &batch))
	if records, ok := batch["Records"].([]any); ok {
		batch["Records"] = records[:1]
	}
	one, err := json.Marshal(batch)
	require.NoError(t, err)
	return one
}

func TestInvokeRunsAllRecordsOfSourcesThatAnswerOnce(t *testing.T) {
	t.Parallel()
	record := func(id, do string) any {
		return map[string]any{"EventSource": "aws:sns", "Sns": map[string]any{
			"MessageId": id, "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders",
			"Message": fmt.Sprintf(`{"id":%q,"do":%q}`, id, do), "Timestamp": "2026-11-01T12:00:00.000Z",
		}}
	}
	j := &journal{}
	mux := cqrs.NewMux()
	cqrs.OnSNS[task](mux, cqrs.Any())
	d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: taskRegistry(j)})
	_, err := d.Invoke(t.Context(), payload(t, record("n-1", "fail"), record("n-2", ""), record("n-3", "fail")))
	require.Equal(t, []string{"n-1", "n-2", "n-3"}, j.all())
	var batch *cqrs.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, 3, batch.Total)
	require.Len(t, batch.Records, 2)
	require.ErrorContains(t, err, "n-1")
	require.ErrorContains(t, err, "n-3")
	require.NotContains(t, err.Error(), "n-2")
}

func TestInvokeKeepsTheStateOfATumblingWindow(t *testing.T) {
	t.Parallel()
	text := sample(t, "dynamodb_window")
	var window struct{ State json.RawMessage }
	require.NoError(t, json.Unmarshal(text, &window))
	answer, err := taskHandler(t, succeed, cqrs.Config{}).Invoke(t.Context(), text)
	require.NoError(t, err)
	require.Equal(t, `{"state":`+string(window.State)+`,"batchItemFailures":[]}`, string(answer), "byte for byte")
}

func TestInvokeRefusesRecordsThatCouldNotBeReported(t *testing.T) {
	t.Parallel()
	noID := todo("", "")
	noSequence := streamBatch(t, change{"", "a", ""}, change{"2", "a", ""})
	for _, test := range []struct {
		name    string
		payload []byte
		says    string
	}{
		{"a message without id", sqsBatch(t, queueARN, todo("1", ""), noID), "record 2 of 2 (aws:sqs) has no messageId"},
		{"a change without sequence number", noSequence, "record 1 of 2 (aws:dynamodb) has no sequence number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: taskRegistry(j)})
			answer, err := d.Invoke(t.Context(), test.payload)
			require.Nil(t, answer)
			require.ErrorIs(t, err, cqrs.ErrMalformed)
			require.ErrorContains(t, err, test.says)
			require.Empty(t, j.all(), "it would run again")

			whole := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: taskRegistry(j), BatchMode: cqrs.WholeBatch})
			_, err = whole.Invoke(t.Context(), test.payload)
			require.NoError(t, err, "where nothing is reported, no id is needed")
		})
	}
}

func TestInvokeSurvivesAPanickingFallback(t *testing.T) {
	t.Parallel()
	d := taskHandler(t, succeed, cqrs.Config{Fallback: fallback(func([]byte) ([]byte, error) { panic("boom") })})
	_, err := d.Invoke(t.Context(), []byte(`{}`))
	var panicked *cqrs.PanicError
	require.ErrorAs(t, err, &panicked)
}

func TestInvokeNamesEventsThatNobodyHandles(t *testing.T) {
	t.Parallel()
	type unknown struct{}
	pointer := &task{}
	for _, test := range []struct {
		name  string
		event cqrs.Event
		says  string
	}{
		{"an unknown type", unknown{}, "cqrs_test.unknown"},
		{"a pointer to a pointer", &pointer, "cqrs_test.task is registered; return a cqrs_test.task or a *cqrs_test.task"},
		{"a slice", []task{{}}, "cqrs_test.task is registered; return its elements one by one"},
		{"nil", nil, "nil event"},
		{"a nil pointer", (*task)(nil), "nil"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDispatcher(t, cqrs.Config{Factory: fixedEvent{event: test.event}, Registry: taskRegistry(&journal{})})
			_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
			require.ErrorIs(t, err, cqrs.ErrNoHandler)
			require.ErrorContains(t, err, test.says)
		})
	}
}

type fixedEvent struct {
	cqrs.DefaultEventFactory

	event cqrs.Event
}

func (f fixedEvent) TransformSQS(context.Context, *events.SQSMessage) ([]cqrs.Event, error) {
	return []cqrs.Event{f.event}, nil
}

// TestInvokeKeepsNothingOfThePayload does what aws-lambda-go does: it reuses the
// buffer.
func TestInvokeKeepsNothingOfThePayload(t *testing.T) {
	t.Parallel()
	var kept []task
	var raw []json.RawMessage
	d := taskHandler(t, func(ctx context.Context, work task) (any, error) {
		delivery, _ := cqrs.DeliveryFrom(ctx)
		kept = append(kept, work)
		raw = append(raw, delivery.Message.Raw(), delivery.Message.Payload())
		return nil, nil
	}, cqrs.Config{})
	buffer := sqsBatch(t, queueARN, todo("first", ""))
	before := string(buffer)
	_, err := d.Invoke(t.Context(), buffer)
	require.NoError(t, err)
	require.Equal(t, before, string(buffer), "the payload is not written to")
	for i := range buffer {
		buffer[i] = 'x'
	}
	require.Equal(t, []task{{ID: "first"}}, kept)
	require.True(t, json.Valid(raw[0]))
	require.JSONEq(t, `{"id":"first","do":""}`, string(raw[1]))
}

// TestInvokeDecodesRecordByRecord: a record that cannot be decoded fails alone,
// with its source, its id and what is wrong with it.
func TestInvokeDecodesRecordByRecord(t *testing.T) {
	t.Parallel()
	s3 := func(key string) any {
		return map[string]any{
			"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-11-01T12:00:00.000Z",
			"s3": map[string]any{"bucket": map[string]any{"name": "shop", "arn": "arn:aws:s3:::shop"}, "object": map[string]any{"key": key, "sequencer": "0A"}},
		}
	}
	noBody := todo("2", "").record(queueARN)
	noBody["body"] = 7
	for _, test := range []struct {
		name    string
		records []any
		ran     []string
		id      string
		says    string
	}{
		{
			name: "an S3 key with a bad escape", records: []any{s3("a+b%2B.csv"), s3("100%.csv"), s3("c")},
			ran: []string{"shop/a b+.csv//0A", "shop/c//0A"}, id: "shop/100%.csv//0A", says: "s3.object.key: an invalid URL escape",
		},
		{
			name: "a body that is no text", records: []any{todo("1", "").record(queueARN), noBody, todo("3", "").record(queueARN)},
			ran: []string{"1", "3"}, id: "2", says: "body: a number where a string belongs",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			registry := cqrs.NewRegistry()
			cqrs.RegisterFunc(registry, func(ctx context.Context, _ arrived) error {
				d, _ := cqrs.DeliveryFrom(ctx)
				j.add(d.Message.ID)
				return nil
			})
			d := newDispatcher(t, cqrs.Config{Factory: everything{}, Registry: registry, BatchMode: cqrs.WholeBatch})
			_, err := d.Invoke(t.Context(), payload(t, test.records...))
			require.Equal(t, test.ran, j.all())
			var batch *cqrs.BatchError
			require.ErrorAs(t, err, &batch)
			require.Len(t, batch.Records, 1)
			require.Equal(t, test.id, batch.Records[0].ID)
			require.ErrorIs(t, err, cqrs.ErrMalformed)
			require.ErrorContains(t, err, test.says)
		})
	}
}

// TestInvokeFairQueue: a message group does not make a FIFO queue, the name of
// the queue does.
func TestInvokeFairQueue(t *testing.T) {
	t.Parallel()
	j := &journal{}
	d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: taskRegistry(j)})
	answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "fail").in("A"), todo("2", "").in("A")))
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, failedIDs(t, answer))
	require.Equal(t, []string{"1", "2"}, j.all())
	for _, m := range messagesOf(t, t.Context(), sample(t, "sqs_fair"), cqrs.Config{}) {
		require.Empty(t, m.Group, "there is no order to keep")
	}
}
