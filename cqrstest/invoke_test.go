package cqrstest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

var errBroken = errors.New("it broke")

// An event of that type says by itself what its handler is to do with it.
type todo struct {
	Do string `json:"do"`
}

func do(work string) cqrstest.Message { return cqrstest.Body(todo{Do: work}) }

func doer(t cqrstest.TB, cfg cqrs.Config, mw ...cqrs.Middleware) *cqrs.Dispatcher {
	t.Helper()
	mux := cqrs.NewMux()
	cqrs.OnSQS[todo](mux, cqrs.Any())
	cqrs.OnSNS[todo](mux, cqrs.Any())
	cqrs.OnKinesis[todo](mux, cqrs.Any())
	cqrs.OnStepFunction[todo](mux, "TODO")
	registry := cqrs.NewRegistry(mw...)
	cqrs.Register(registry, cqrs.HandlerFunc[todo](func(_ context.Context, work todo) (any, error) {
		switch work.Do {
		case "fail":
			return nil, errBroken
		case "name":
			return nil, cqrs.Named("OutOfStock", errBroken)
		case "panic":
			panic("at the disco")
		default:
			return map[string]string{"done": work.Do}, nil
		}
	}))
	cfg.Factory, cfg.Registry = mux, registry
	return newDispatcher(t, cfg)
}

func TestAnswerOfEachSource(t *testing.T) {
	t.Parallel()
	d := doer(t, cqrs.Config{})
	for name, test := range map[string]struct {
		payload   cqrstest.Payload
		failed    []string
		errorType string
		json      string
	}{
		"SQS": {
			cqrstest.SQS("q", do("").ID("1"), do("fail").ID("2"), do("panic").ID("3")),
			[]string{"2", "3"},
			"", `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}`,
		},
		"SQS, all failed": {cqrstest.SQS("q", do("fail").ID("1"), do("fail").ID("2")), []string{"1", "2"}, "BatchError", ""},
		"Kinesis": {
			cqrstest.Kinesis("s", do("").Sequence("99"), do("fail").Sequence("100"), do("").Sequence("101")),
			[]string{"100"},
			"", `{"batchItemFailures":[{"itemIdentifier":"100"}]}`,
		},
		"SNS":               {cqrstest.SNS("t", do("")), []string{}, "", "null"},
		"SNS, failed":       {cqrstest.SNS("t", do("fail")), []string{}, "BatchError", ""},
		"task":              {cqrstest.StepFunction("TODO", todo{Do: "it"}), []string{}, "", `{"done":"it"}`},
		"task, failed":      {cqrstest.StepFunction("TODO", todo{Do: "name"}), []string{}, "OutOfStock", ""},
		"no event":          {cqrstest.Raw([]byte(`{"a":1}`)), []string{}, "PayloadError", ""},
		"nothing in it":     {cqrstest.SQS("q"), []string{}, "", `{"batchItemFailures":[]}`},
		"SQS, but no event": {cqrstest.Raw([]byte(`{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`)), []string{""}, "DecodeError", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := cqrstest.Invoke(t, d, test.payload)
			require.Equal(t, test.failed, answer.Failed)
			require.Equal(t, test.errorType, answer.ErrorType)
			require.Equal(t, test.json, string(answer.JSON))
			require.Equal(t, test.errorType != "", answer.Err != nil)
		})
	}
}

// function is a handler that answers what it is told to.
type answering string

func (a answering) Invoke(context.Context, []byte) ([]byte, error) { return []byte(a), nil }

func TestAnswersAreReadAsAWSDoes(t *testing.T) {
	t.Parallel()
	all, none := []string{"1", "2"}, []string{}
	for answer, want := range map[string][]string{
		``: none, `null`: none, `{}`: none, `{"batchItemFailures":null}`: none, `{"batchItemFailures":[]}`: none, `{"failures":["1"]}`: none,
		`nonsense`: all, `{"batchItemFailures":[{}]}`: all, `{"batchItemFailures":[{"itemIdentifier":""}]}`: all,
		`{"batchItemFailures":[{"itemIdentifier":null}]}`: all, `{"batchItemFailures":[{"id":"1"}]}`: all,
		`{"batchItemFailures":[{"itemIdentifier":"3"}]}`:                         all,
		`{"batchItemFailures":[{"itemIdentifier":"2"}]}`:                         {"2"},
		`{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"2"}]}`:  {"2"},
		`{"batchItemFailures":[{"itemIdentifier":"2"}],"state":{"itemCount":1}}`: {"2"},
	} {
		payload := cqrstest.SQS("q", do("").ID("1"), do("").ID("2"))
		require.Equal(t, want, cqrstest.Invoke(t, answering(answer), payload).Failed, answer)
	}
}

type failing struct{ err error }

func (f failing) Invoke(context.Context, []byte) ([]byte, error) { return nil, f.err }

func TestErrorTypesAreThoseOfTheRuntime(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"errorString":   errBroken,
		"wrapError":     fmt.Errorf("wrapped: %w", errBroken),
		"joinError":     errors.Join(errBroken),
		"OutOfStock":    messages.InvokeResponse_Error{Type: "OutOfStock"},
		"FunctionError": &cqrstest.FunctionError{},
	} {
		require.Equal(t, want, cqrstest.Invoke(t, failing{err}, cqrstest.Raw(nil)).ErrorType)
	}
}

func TestRedelivery(t *testing.T) {
	t.Parallel()
	d := doer(t, cqrs.Config{})
	attempts := func(p cqrstest.Payload) []int {
		var all []int
		recorder := cqrstest.NewRecorder()
		cqrstest.Invoke(t, doer(t, cqrs.Config{}, recorder.Middleware()), p)
		for _, run := range recorder.Runs() {
			all = append(all, run.Attempt)
		}
		return all
	}
	t.Run("SQS", func(t *testing.T) {
		t.Parallel()
		p := cqrstest.SQS("q", do("").ID("1"), do("fail").ID("2"), do("fail").ID("3").Received(4))
		next, more := p.Redelivery(cqrstest.Invoke(t, d, p))
		require.True(t, more)
		require.Equal(t, []string{"2", "3"}, next.IDs())
		require.Equal(t, []int{2, 5}, attempts(next))
		require.NotContains(t, p.String(), `"ApproximateReceiveCount":"2"`, "the payload itself has not changed")
		require.Equal(t, []string{"2"}, next.WithoutExhausted(4).IDs())
		next, more = next.Redelivery(cqrstest.Invoke(t, d, next)) // all of them failed
		require.True(t, more)
		require.Equal(t, []int{3, 6}, attempts(next))
		_, more = next.Redelivery(cqrstest.Invoke(t, answering(`{"batchItemFailures":[]}`), next))
		require.False(t, more)
	})
	t.Run("streams", func(t *testing.T) {
		t.Parallel()
		p := cqrstest.Kinesis("s", do("").Sequence("98"), do("").Sequence("99"), do("fail").Sequence("100"), do("").Sequence("101"))
		next, more := p.Redelivery(cqrstest.Invoke(t, d, p))
		require.True(t, more)
		require.Equal(t, []string{"100", "101"}, next.IDs())
		next, more = p.Redelivery(cqrstest.Invoke(t, answering(`{"batchItemFailures":[{"itemIdentifier":"101"},{"itemIdentifier":"99"}]}`), p))
		require.True(t, more)
		require.Equal(t, []string{"99", "100", "101"}, next.IDs(), "from the lowest, successes included")
		require.Equal(t, next.IDs(), next.WithoutExhausted(1).IDs())
		_, more = p.Redelivery(cqrstest.Invoke(t, answering(`null`), p))
		require.False(t, more)
	})
	t.Run("asynchronous", func(t *testing.T) {
		t.Parallel()
		p := cqrstest.SNS("t", do("fail"))
		next, more := p.Redelivery(cqrstest.Invoke(t, d, p))
		require.True(t, more)
		require.Equal(t, p.JSON(), next.JSON())
		_, more = p.Redelivery(cqrstest.Invoke(t, answering(`null`), p))
		require.False(t, more)
	})
	t.Run("tasks", func(t *testing.T) {
		t.Parallel()
		for _, p := range []cqrstest.Payload{
			cqrstest.StepFunction("TODO", todo{Do: "fail"}, cqrstest.Token("token-1"), cqrstest.Retried(1)),
			cqrstest.Raw(cqrstest.StepFunction("TODO", todo{Do: "fail"}, cqrstest.Token("token-1"), cqrstest.Retried(1)).JSON()),
		} {
			next, more := p.Redelivery(cqrstest.Invoke(t, d, p))
			require.True(t, more)
			require.NotContains(t, next.String(), "token-1", "each attempt has a token of its own")
			require.Contains(t, next.String(), `"RetryCount":2`)
			_, messages := arrivals(t, next)
			require.NotEmpty(t, string(messages[0].TaskToken))
		}
		p := cqrstest.StepFunction("TODO", todo{})
		require.NotContains(t, p.Again().String(), "taskToken")
	})
	t.Run("nothing to deliver again", func(t *testing.T) {
		t.Parallel()
		p := cqrstest.Raw([]byte(`{"a":1}`))
		_, more := p.Redelivery(cqrstest.Invoke(t, failing{errBroken}, p))
		require.False(t, more)
		require.Equal(t, p.JSON(), p.Again().JSON())
	})
}

func TestInvokeIsLikeTheRuntime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept []byte
		var id string
		var left time.Duration
		h := handler(func(ctx context.Context, payload []byte) ([]byte, error) {
			lc, _ := lambdacontext.FromContext(ctx)
			id = lc.AwsRequestID
			deadline, ok := ctx.Deadline()
			left = 0
			if ok {
				left = time.Until(deadline)
			}
			kept = payload
			return payload[:1], nil
		})
		answer := cqrstest.Invoke(t, h, cqrstest.Raw([]byte(`{"a":1}`)))
		require.Equal(t, 30*time.Second, left)
		require.Len(t, id, 36)
		require.Equal(t, "#######", string(kept), "the buffer is the runtime's, who uses it again")
		require.Equal(t, "{", string(answer.JSON))
		cqrstest.Invoke(t, h, cqrstest.Raw(nil).Again(), cqrstest.Timeout(time.Minute))
	})
}

func TestInvokeOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var left time.Duration
		var value any
		h := handler(func(ctx context.Context, _ []byte) ([]byte, error) {
			deadline, ok := ctx.Deadline()
			left = -1
			if ok {
				left = time.Until(deadline)
			}
			value = ctx.Value(key{})
			return nil, nil
		})
		for want, opt := range map[time.Duration]cqrstest.InvokeOption{
			time.Minute: cqrstest.Timeout(time.Minute), 0: cqrstest.Timeout(0), -1: cqrstest.NoDeadline(),
		} {
			cqrstest.Invoke(t, h, cqrstest.Raw(nil), opt, cqrstest.Context(context.WithValue(t.Context(), key{}, 7)))
			require.Equal(t, want, left)
			require.Equal(t, 7, value)
		}
	})
}

type handler func(ctx context.Context, payload []byte) ([]byte, error)

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

var _ lambda.Handler = handler(nil)

func TestDecodeEndsTheTestOfAFailedInvocation(t *testing.T) {
	t.Parallel()
	d := doer(t, cqrs.Config{})
	var result struct{ Done string }
	cqrstest.Invoke(t, d, cqrstest.StepFunction("TODO", todo{Do: "it"})).Decode(t, &result)
	require.Equal(t, "it", result.Done)
	for _, answer := range []cqrstest.Answer{
		cqrstest.Invoke(t, d, cqrstest.StepFunction("TODO", todo{Do: "fail"})),
		cqrstest.Invoke(t, answering("nonsense"), cqrstest.StepFunction("TODO", todo{})),
	} {
		require.True(t, cqrstest.Witness(t.Context(), func(t cqrstest.TB) { answer.Decode(t, &result) }).Failed())
	}
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	recorder := cqrstest.NewRecorder()
	ends := 0
	observer := recorder.Observe(&cqrs.Observer{
		RecordEnd: func(context.Context, *cqrs.Message, cqrs.RecordResult) { ends++ },
	})
	d := doer(t, cqrs.Config{Observer: observer}, recorder.Middleware())
	p := cqrstest.SQS("q", do("it").ID("1").Received(2), do("fail").ID("2"))
	answer := cqrstest.Invoke(t, d, p)
	require.Len(t, answer.Ran, 2)
	require.Equal(t, cqrstest.Run{
		Route: "cqrstest_test.todo", Event: todo{Do: "it"}, Source: cqrs.SourceSQS, ID: "1", Attempt: 2,
		Result: map[string]string{"done": "it"}, Ended: true,
	}, answer.Ran[0])
	require.ErrorIs(t, answer.Ran[1].Err, errBroken)
	require.Len(t, answer.Records, 2)
	require.Equal(t, "1", answer.Records[0].ID)
	require.Equal(t, 1, answer.Records[0].Events)
	require.NoError(t, answer.Records[0].Err)
	require.ErrorIs(t, answer.Records[1].Err, errBroken)
	require.Equal(t, 2, ends)

	again := cqrstest.Invoke(t, d, p)
	require.Len(t, again.Ran, 2, "of this invocation alone")
	require.Len(t, recorder.Runs(), 4)
	require.Len(t, recorder.Records(), 4)
	require.Equal(t, []todo{{"it"}, {"fail"}, {"it"}, {"fail"}}, cqrstest.Events[todo](recorder))
	require.Empty(t, cqrstest.Events[order](recorder))
	recorder.Reset()
	require.Empty(t, recorder.Runs())
	require.Empty(t, recorder.Records())
}

func TestRecorderSeesAPanicOfTheHandler(t *testing.T) {
	t.Parallel()
	recorder := cqrstest.NewRecorder()
	mux := cqrs.NewMux()
	cqrs.OnSQS[todo](mux, cqrs.Any())
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(context.Context, todo) error { panic("at the disco") }, cqrs.With(recorder.Middleware()))
	d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry})
	answer := cqrstest.Invoke(t, d, cqrstest.SQS("q", do("")))
	require.Len(t, answer.Ran, 1)
	require.False(t, answer.Ran[0].Ended)
	_, err := cqrs.Recover()(recorder.Middleware()(func(context.Context, *cqrs.Delivery) (any, error) {
		recorder.Reset() // while it runs
		return nil, nil
	}))(t.Context(), &cqrs.Delivery{})
	require.NoError(t, err)
	require.Empty(t, recorder.Runs())
}
