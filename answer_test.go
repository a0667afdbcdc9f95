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
