package runtimeapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

func TestInvokeAnswers(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	start(t, api, "echo")
	ids := make(map[string]bool)
	for _, payload := range []string{`{"order":7}`, `""`, strings.Repeat("x", 1<<20), ""} {
		response := invoke(t, api, payload)
		require.Nil(t, response.Error)
		require.Equal(t, payload, string(response.Payload))
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, response.RequestID)
		ids[response.RequestID] = true
	}
	require.Len(t, ids, 4)
}

func TestInvokeTellsTheFunctionsErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		payload, errorType, message string
	}{
		{"plain", "errorString", "it broke"},
		{"typed", "orderError", "no order 7"},
		{"chosen", "Orders.Unknown", "no order 7"},
	}
	api := newAPI(t)
	start(t, api, "fail")
	for _, test := range tests { // in one process: an error does not end it
		response := invoke(t, api, test.payload)
		require.Equal(t, &runtimeapi.FunctionError{Type: test.errorType, Message: test.message}, response.Error)
		require.JSONEq(t, fmt.Sprintf(`{"errorType":%q,"errorMessage":%q}`, test.errorType, test.message), string(response.Payload))
		require.EqualError(t, response.Error, test.errorType+": "+test.message)
	}
}

func TestInvokeTellsAFailureBehindPartOfTheAnswer(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	start(t, api, "stream")
	require.Equal(t, &runtimeapi.FunctionError{Type: "orderError", Message: "no order 8"}, invoke(t, api, "{}").Error)
}

func TestInvocationReachesTheFunctionsContext(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	start(t, api, "context")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	response, err := api.Invoke(ctx, []byte("{}"),
		runtimeapi.TraceHeader("Root=1-5759e988-bd862e3fe1be46a994272793"),
		runtimeapi.ClientContext(`{"Client":{"app_title":"shop"}}`),
		runtimeapi.CognitoIdentity(`{"cognitoIdentityId":"somebody"}`),
		runtimeapi.TenantID("blue"))
	require.NoError(t, err)

	deadline, _ := ctx.Deadline()
	var got description
	require.NoError(t, json.Unmarshal(response.Payload, &got))
	require.Equal(t, description{
		RequestID:   response.RequestID,
		ARN:         "arn:aws:lambda:us-east-1:000000000000:function:orders",
		Tenant:      "blue",
		Trace:       "Root=1-5759e988-bd862e3fe1be46a994272793",
		Application: "shop",
		Identity:    "somebody",
		Function:    "orders",
		Version:     "$LATEST",
		Deadline:    deadline.UnixMilli(),
	}, got)
}

func TestFunctionTimeoutIsTheDeadlineWhereTheCallerHasNone(t *testing.T) {
	t.Parallel()
	api := newAPI(t, runtimeapi.FunctionTimeout(time.Hour))
	start(t, api, "context")
	before := time.Now()
	response := invoke(t, api, "{}")
	var got description
	require.NoError(t, json.Unmarshal(response.Payload, &got))
	require.GreaterOrEqual(t, got.Deadline, before.Add(time.Hour).UnixMilli())
	require.LessOrEqual(t, got.Deadline, time.Now().Add(time.Hour).UnixMilli())
	require.Regexp(t, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`, got.Trace)
}

// Each of the eight answers only once all of them run.
func TestInvocationsRunInParallel(t *testing.T) {
	t.Parallel()
	const invocations = 8
	api := newAPI(t, runtimeapi.MaxConcurrency(invocations))
	start(t, api, "meet")
	var group sync.WaitGroup
	answers := make([]string, invocations)
	for i := range invocations {
		group.Go(func() {
			response, err := api.Invoke(t.Context(), fmt.Append(nil, i))
			if err == nil {
				answers[i] = string(response.Payload)
			}
		})
	}
	group.Wait()
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7"}, answers)
}

// aws-lambda-go reads the next payload into the buffer of the last one. Its
// buffers come from a sync.Pool, which gives no promise when.
func TestPayloadDoesNotOutliveItsInvocation(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	start(t, api, "keep")
	for i := range 1000 {
		if string(invoke(t, api, fmt.Sprintf("payload %d", i)).Payload) == "overwritten" {
			return
		}
	}
	require.Fail(t, "aws-lambda-go no longer reuses its buffers")
}

func TestInvokeWithoutPollerSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	api := newAPI(t, runtimeapi.FunctionTimeout(time.Millisecond))
	_, err := api.Invoke(t.Context(), nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "AWS_LAMBDA_RUNTIME_API="+api.Address())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newAPI(t).Invoke(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNewRefusesNonsense(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []runtimeapi.Option
		want string
	}{
		{"", nil, "runtime API: a function needs a name"},
		{"orders", []runtimeapi.Option{runtimeapi.FunctionTimeout(0)}, "runtime API: the function timeout is 0s, but must be positive"},
		{"orders", []runtimeapi.Option{runtimeapi.MaxConcurrency(0)}, "runtime API: the maximum concurrency is 0, but must be at least 1"},
	}
	for _, test := range tests {
		_, err := runtimeapi.New(test.name, test.opts...)
		require.EqualError(t, err, test.want)
	}
}
