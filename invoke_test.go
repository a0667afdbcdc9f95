package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
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
	require.Equal(t, fmt.Sprintf(`{"state":%s,"batchItemFailures":[]}`, window.State), string(answer))
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

func TestInvokeStepFunctions(t *testing.T) {
	t.Parallel()
	const payload = `{"type":"TASK","payload":{"id":"1"},"taskToken":"secret-token"}`
	for _, test := range []struct {
		name      string
		payload   string
		handle    func(context.Context, task) (any, error)
		answer    string
		errorType string
		says      string
	}{
		{
			name:   "a result",
			handle: func(_ context.Context, work task) (any, error) { return map[string]any{"done": work.ID}, nil },
			answer: `{"done":"1"}`,
		},
		{name: "no result", handle: succeed, answer: `null`},
		{name: "a false result", handle: func(context.Context, task) (any, error) { return false, nil }, answer: `false`},
		{
			name:   "skipped",
			handle: func(context.Context, task) (any, error) { return nil, cqrs.Skip("nothing to do") },
			answer: `null`,
		},
		{name: "an error", handle: refuse, errorType: "HandlerError", says: "refused"},
		{
			name:      "a name",
			handle:    func(context.Context, task) (any, error) { return nil, cqrs.Named("OutOfStock", errRefused) },
			errorType: "OutOfStock", says: "refused",
		},
		{
			name:      "a reserved name",
			handle:    func(context.Context, task) (any, error) { return nil, cqrs.Named("States.Timeout", errRefused) },
			errorType: "Timeout", says: "refused",
		},
		{
			name: "a name inside",
			handle: func(context.Context, task) (any, error) {
				return nil, fmt.Errorf("order 1: %w", cqrs.Permanent(cqrs.Named("OutOfStock", errRefused)))
			},
			errorType: "OutOfStock", says: "order 1: refused",
		},
		{
			name:      "permanent",
			handle:    func(context.Context, task) (any, error) { return nil, cqrs.Permanent(errRefused) },
			errorType: "PermanentError", says: "refused",
		},
		{
			name:      "a panic",
			handle:    func(context.Context, task) (any, error) { panic("boom") },
			errorType: "HandlerPanic", says: "boom",
		},
		{
			name:      "a deadline",
			handle:    func(context.Context, task) (any, error) { return nil, fmt.Errorf("db: %w", context.DeadlineExceeded) },
			errorType: "DeadlineExceeded", says: "db",
		},
		{
			name:      "a result that is no JSON",
			handle:    func(context.Context, task) (any, error) { return make(chan int), nil },
			errorType: "HandlerError", says: "chan int",
		},
		{name: "an unknown type", payload: `{"type":"OTHER","payload":{}}`, handle: succeed, errorType: "Unrouted", says: "OTHER"},
		{name: "a payload of another form", payload: `{"type":"TASK","payload":{"id":7}}`, handle: succeed, errorType: "DecodeError", says: "id"},
		{
			name:      "a token in an error",
			handle:    func(context.Context, task) (any, error) { return nil, errors.New("could not send secret-token") },
			errorType: "HandlerError", says: "could not send [redacted]",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.payload == "" {
				test.payload = payload
			}
			answer, err := taskHandler(t, test.handle, cqrs.Config{}).Invoke(t.Context(), []byte(test.payload))
			if test.errorType == "" {
				require.NoError(t, err)
				require.Equal(t, test.answer, string(answer))
				return
			}
			failure, ok := err.(messages.InvokeResponse_Error) //nolint:errorlint // aws-lambda-go looks at the top level alone
			require.True(t, ok, "%T is not what aws-lambda-go takes the errorType from", err)
			require.Equal(t, test.errorType, failure.Type)
			require.Contains(t, failure.Message, test.says)
			require.NotContains(t, failure.Message, "secret-token")
		})
	}
}

func TestInvokeStepFunctionsNeedsOneHandler(t *testing.T) {
	t.Parallel()
	j := &journal{}
	mux := cqrs.NewMux()
	cqrs.OnStepFunction[task](mux, "TASK")
	registry := taskRegistry(j)
	cqrs.RegisterFunc(registry, func(context.Context, task) error { return nil }, cqrs.RouteName("second"))
	_, err := newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry}).Invoke(t.Context(), []byte(`{"type":"TASK","payload":{}}`))
	require.ErrorContains(t, err, "2 handlers take its event: cqrs_test.task, second")
	require.Empty(t, j.all())

	for n, want := range map[int]string{0: "", 2: "the factory made 2 events"} {
		d := newDispatcher(t, cqrs.Config{Factory: severalTasks{n: n}, Registry: taskRegistry(j)})
		answer, err := d.Invoke(t.Context(), []byte(`{"type":"TASK","payload":{}}`))
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, "null", string(answer))
		} else {
			require.ErrorContains(t, err, want)
		}
		require.Empty(t, j.all())
	}
}

// severalTasks makes any number of events of each record.
type severalTasks struct {
	cqrs.DefaultEventFactory

	n  int
	do []string
}

func (f severalTasks) make(id string) []cqrs.Event {
	var all []cqrs.Event
	for i := range f.n {
		work := task{ID: fmt.Sprintf("%s-%d", id, i)}
		if i < len(f.do) {
			work.Do = f.do[i]
		}
		all = append(all, work)
	}
	return all
}

func (f severalTasks) TransformStepFunction(context.Context, *cqrs.StepFunctionsEvent) ([]cqrs.Event, error) {
	return f.make("task"), nil
}

func (f severalTasks) TransformSQS(_ context.Context, r *events.SQSMessage) ([]cqrs.Event, error) {
	return f.make(r.MessageId), nil
}

func TestInvokeRunsAllEventsOfARecord(t *testing.T) {
	t.Parallel()
	j := &journal{}
	f := severalTasks{n: 4, do: []string{"", "fail", "panic", ""}}
	d := newDispatcher(t, cqrs.Config{Factory: f, Registry: taskRegistry(j)})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, message{id: "m", body: "{}"}))
	require.Equal(t, []string{"m-0", "m-1", "m-2", "m-3"}, j.all())
	var batch *cqrs.BatchError
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Records, 1, "the record is reported once")
	require.ErrorIs(t, err, errRefused)
	require.ErrorContains(t, err, "panic: asked to")
}

func TestInvokeRefusesResponsesThatEndTheProcess(t *testing.T) {
	t.Parallel()
	const sixMB = 6 << 20
	huge := strings.Repeat("x", sixMB)
	t.Run("a task's result", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			name, payload string
			size          int
			fits          bool
		}{
			{"a state's output", string(sample(t, "stepfunctions_reference")), 256 << 10, false},
			{"any other caller", `{"type":"TASK","payload":{}}`, 256 << 10, true},
			{"any other caller, too large", `{"type":"TASK","payload":{}}`, sixMB, false},
		} {
			mux := cqrs.NewMux()
			cqrs.OnStepFunction[cqrs.StepFunctionsEvent](mux, "TASK")
			cqrs.OnStepFunction[cqrs.StepFunctionsEvent](mux, "ORDER_PROCESS")
			cqrs.OnStepFunction[cqrs.StepFunctionsEvent](mux, "CSV_IMPORT")
			registry := cqrs.NewRegistry()
			cqrs.Register(registry, cqrs.Func(func(context.Context, cqrs.StepFunctionsEvent) (string, error) {
				return huge[:test.size], nil
			}))
			var event map[string]any
			require.NoError(t, json.Unmarshal([]byte(test.payload), &event))
			delete(event, "taskToken") // a task that waits for a callback drops the result
			if c, ok := event["context"].(map[string]any); ok {
				delete(c, "Task")
			}
			text, err := json.Marshal(event)
			require.NoError(t, err)
			_, err = newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry}).Invoke(t.Context(), text)
			if test.fits {
				require.NoError(t, err, test.name)
			} else {
				require.ErrorContains(t, err, "store it", test.name)
			}
		}
	})
	t.Run("the fallback's response", func(t *testing.T) {
		t.Parallel()
		d := taskHandler(t, succeed, cqrs.Config{Fallback: fallback(func([]byte) ([]byte, error) { return []byte(huge + "x"), nil })})
		_, err := d.Invoke(t.Context(), []byte(`{}`))
		require.ErrorIs(t, err, cqrs.ErrTooLarge)
	})
	t.Run("the fallback's error", func(t *testing.T) {
		t.Parallel()
		d := taskHandler(t, succeed, cqrs.Config{Fallback: fallback(func([]byte) ([]byte, error) { return nil, errors.New(huge) })})
		_, err := d.Invoke(t.Context(), []byte(`{}`))
		require.ErrorIs(t, err, cqrs.ErrTooLarge)
	})
	t.Run("the errors of a batch", func(t *testing.T) {
		t.Parallel()
		var batch []message
		for i := range 5000 {
			batch = append(batch, todo(fmt.Sprintf("00000000-0000-0000-0000-%012d", i), ""))
		}
		d := taskHandler(t, func(context.Context, task) (any, error) { return nil, errors.New(huge[:2000]) }, cqrs.Config{})
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, batch...))
		require.Less(t, len(err.Error()), 200<<10)
		require.ErrorContains(t, err, "5000 of 5000 records failed")
		require.ErrorContains(t, err, "more")
	})
	t.Run("a task's error", func(t *testing.T) {
		t.Parallel()
		d := taskHandler(t, func(context.Context, task) (any, error) { return nil, errors.New(strings.Repeat("é", 40_000)) }, cqrs.Config{})
		_, err := d.Invoke(t.Context(), []byte(`{"type":"TASK","payload":{}}`))
		failure, ok := err.(messages.InvokeResponse_Error) //nolint:errorlint // aws-lambda-go looks at the top level alone
		require.True(t, ok)
		require.LessOrEqual(t, len(failure.Message), 32<<10)
		require.True(t, strings.HasSuffix(failure.Message, "é…"), "it is cut between two characters")
	})
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
