package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local"
)

func TestFunctionInvoke(t *testing.T) {
	t.Parallel()
	a := start(t)
	f := a.Function("orders", handlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		invocation, ok := lambdacontext.FromContext(ctx)
		require.True(t, ok)
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.Positive(t, time.Until(deadline))
		switch string(payload) {
		case `"panic"`:
			panic("as asked for")
		case `"named"`:
			return nil, fmt.Errorf("wrapped: %w", messages.InvokeResponse_Error{Type: "OutOfStock", Message: "none"})
		case `"error"`:
			return nil, errors.New("as asked for")
		}
		return json.Marshal(invocation.InvokedFunctionArn)
	}))
	answer, err := f.Invoke(t.Context(), []byte(`1`))
	require.NoError(t, err)
	require.JSONEq(t, `"arn:aws:lambda:us-east-1:000000000000:function:orders"`, string(answer))
	for payload, want := range map[string]string{`"panic"`: "string", `"named"`: "OutOfStock", `"error"`: "errorString"} {
		_, err := f.Invoke(t.Context(), []byte(payload))
		var failure *local.FunctionError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, want, failure.Type)
	}
	require.PanicsWithValue(t, "local: function x has no handler", func() { a.Function("x", nil) })
	require.Panics(t, func() { a.Function("orders", handlerFunc(nil)) }, "a name that is taken")
	require.Panics(t, func() { a.Function("no name", handlerFunc(nil)) })
}

func TestFunctionTimesOut(t *testing.T) {
	t.Parallel()
	a := start(t)
	f := a.Function("slow", handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}), local.InvocationTimeout(20*time.Millisecond))
	_, err := f.Invoke(t.Context(), nil)
	var failure *local.FunctionError
	require.ErrorAs(t, err, &failure)
	require.Contains(t, []string{"Sandbox.Timedout", "errorString"}, failure.Type)
}

func TestFunctionIsThrottledAndKilled(t *testing.T) {
	t.Parallel()
	a := start(t)
	running := make(chan struct{})
	f := a.Function("busy", handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		close(running)
		<-ctx.Done()
		return []byte(`"too late"`), nil
	}), local.ReservedConcurrency(1))
	ended := make(chan error)
	go func() {
		_, err := f.Invoke(t.Context(), nil)
		ended <- err
	}()
	<-running
	require.Equal(t, 1, f.Running())
	_, err := lambda.NewFromConfig(a.Config(), func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} }).
		Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("busy")})
	var throttled *types.TooManyRequestsException
	require.ErrorAs(t, err, &throttled)
	f.Kill()
	var failure *local.FunctionError
	require.ErrorAs(t, <-ended, &failure)
	require.Equal(t, "Runtime.ExitError", failure.Type)
}

func TestKilledFunctionNeverSucceeds(t *testing.T) {
	t.Parallel()
	a := start(t)
	running := make(chan struct{})
	f := a.Function("polite", handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		running <- struct{}{}
		<-ctx.Done()
		return []byte(`"done"`), nil
	}))
	for range 500 {
		ended := make(chan error, 1)
		go func() {
			_, err := f.Invoke(t.Context(), nil)
			ended <- err
		}()
		<-running
		f.Kill()
		var failure *local.FunctionError
		require.ErrorAs(t, <-ended, &failure)
		require.Equal(t, "Runtime.ExitError", failure.Type)
	}
}

func TestAsyncInvocationIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	dlq := newQueue(t, a, "failed", nil)
	began := clock.Now()
	var at []time.Duration
	h, payloads := answers(func(int, []byte) ([]byte, error) {
		at = append(at, clock.Now().Sub(began))
		return nil, errors.New("always")
	})
	a.Function("orders", h, local.OnAsyncFailure("failed"))
	_, err := lambda.NewFromConfig(a.Config()).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("orders"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"order":7}`),
	})
	require.NoError(t, err)
	require.True(t, clock.AdvanceUntil(t.Context(), time.Second, func() bool { return dlq.depth() == "1+0" }))
	require.Len(t, payloads, 3)
	require.Zero(t, at[0])
	require.GreaterOrEqual(t, at[1], time.Minute)
	require.GreaterOrEqual(t, at[2]-at[1], 2*time.Minute)
	var record struct {
		RequestContext  struct{ Condition, FunctionArn string }
		RequestPayload  json.RawMessage
		ResponseContext struct{ FunctionError string }
		ResponsePayload struct{ ErrorMessage string }
	}
	require.NoError(t, json.Unmarshal([]byte(*dlq.receive().Body), &record))
	require.Equal(t, "RetriesExhausted", record.RequestContext.Condition)
	require.JSONEq(t, `{"order":7}`, string(record.RequestPayload))
	require.Equal(t, "always", record.ResponsePayload.ErrorMessage)
	require.Equal(t, "Unhandled", record.ResponseContext.FunctionError)
}

func TestSQSEventShape(t *testing.T) {
	t.Parallel()
	a := start(t)
	q := newQueue(t, a, "orders.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	h, payloads := answers(succeeds)
	require.NoError(t, a.Function("orders", h).OnQueue("orders.fifo", local.ReportBatchItemFailures()))
	sendGrouped(q, "A", "body")
	var event events.SQSEvent
	require.NoError(t, json.Unmarshal([]byte(<-payloads), &event))
	record := event.Records[0]
	require.Equal(t, "body", record.Body)
	require.Equal(t, "aws:sqs", record.EventSource)
	require.Equal(t, "arn:aws:sqs:us-east-1:000000000000:orders.fifo", record.EventSourceARN)
	require.Equal(t, "us-east-1", record.AWSRegion)
	require.Equal(t, "A", record.Attributes["MessageGroupId"])
	require.Equal(t, "1", record.Attributes["ApproximateReceiveCount"])
	require.NotEmpty(t, record.Attributes["SequenceNumber"])
	require.NotEmpty(t, record.Md5OfBody)
	require.NotEmpty(t, record.ReceiptHandle)
	q.reaches("0+0")
}
