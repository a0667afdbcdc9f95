package cqrstest_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func task(w work) cqrstest.Payload { return cqrstest.StepFunction("WORK", w) }

func queued(work ...work) cqrstest.Payload {
	var messages []cqrstest.Message
	for i, w := range work {
		messages = append(messages, cqrstest.Body(w).ID(fmt.Sprint(i+1)))
	}
	return cqrstest.SQS("work", messages...)
}

// processOf tells which process answers, and so that one does.
func processOf(t *testing.T, f *cqrstest.Function) int {
	t.Helper()
	var result workResult
	f.Invoke(t, task(work{})).Decode(t, &result)
	require.NotZero(t, result.Process)
	return result.Process
}

func TestProcessOutlivesWhatHandlersDo(t *testing.T) {
	t.Parallel()
	f := cqrstest.StartFunction(t, "work")
	process := processOf(t, f)
	for _, test := range []struct {
		name      string
		payload   cqrstest.Payload
		answer    string
		errorType string
	}{
		{"a panic in a batch", queued(work{}, work{Do: "panic"}, work{}), `{"batchItemFailures":[{"itemIdentifier":"2"}]}`, ""},
		{"a panic in all of a batch", queued(work{Do: "panic"}), "", "BatchError"},
		{"a panic in a task", task(work{Do: "panic"}), "", "HandlerPanic"},
		{"a named failure of a task", task(work{Do: "name"}), "", "OutOfStock"},
		{"a failure of a task", task(work{Do: "fail"}), "", "HandlerError"},
		{"an unrouted task", cqrstest.StepFunction("OTHER", "{}"), "", "Unrouted"},
		{"a result over 256 KiB", task(work{Do: "large"}), "", "HandlerError"},
		{"an answer over 6 MB", cqrstest.StepFunction("WORK", work{Do: "large"}, cqrstest.Token("token")), "", "HandlerError"},
		{"a fallback's answer over 6 MB", cqrstest.Raw([]byte(`{"http":true}`)), "", "describedError"},
		{"an error of 7 MB", task(work{Do: "large error"}), "", "HandlerError"},
		{"an error of 7 MB in a batch", queued(work{Do: "large error"}), "", "BatchError"},
		{"errors of 7 MB in all of a batch", queued(slices.Repeat([]work{{Do: "long error"}}, 7<<10)...), "", "BatchError"},
	} {
		answer := f.Invoke(t, test.payload)
		require.Equal(t, test.answer, string(answer.JSON), test.name)
		require.Equal(t, test.errorType, answer.ErrorType, test.name)
		require.Equal(t, process, processOf(t, f), "%s: the process is the same", test.name)
	}
}

func TestAnswerIsToTheByte(t *testing.T) {
	t.Parallel()
	f := cqrstest.StartFunction(t, "work")
	want := `{"batchItemFailures":[{"itemIdentifier":"2"}]}`
	require.Equal(t, want, string(f.Invoke(t, queued(work{}, work{Do: "fail"})).JSON))
	answer := f.Invoke(t, task(work{Do: "name"}))
	require.EqualError(t, answer.Err, "OutOfStock: it broke")
	var failure *cqrstest.FunctionError
	require.ErrorAs(t, answer.Err, &failure)
	require.JSONEq(t, `{"errorType":"OutOfStock","errorMessage":"it broke"}`, string(failure.Document))
	require.Equal(t, []string{"1", "2"}, f.Invoke(t, queued(work{Do: "fail"}, work{Do: "fail"})).Failed)
}

// What a handler keeps stays what it was, although aws-lambda-go reads the next
// payloads into the same buffers.
func TestKeptPayloadsStay(t *testing.T) {
	t.Parallel()
	f := cqrstest.StartFunction(t, "work")
	for i := range 200 {
		answer := f.Invoke(t, task(work{Do: "keep", Text: fmt.Sprintf("text number %d", i)}))
		require.NoError(t, answer.Err)
		require.NotEqual(t, `"overwritten"`, string(answer.JSON))
	}
}

func TestInvocationsDoNotMix(t *testing.T) {
	t.Parallel()
	const invocations = 32
	f := cqrstest.StartFunction(t, "work", cqrstest.MaxConcurrency(invocations))
	answers := make([]cqrstest.Answer, invocations)
	var group sync.WaitGroup
	for i := range invocations {
		group.Go(func() { answers[i] = f.Invoke(t, task(work{Do: "meet", Text: fmt.Sprint(i)})) })
	}
	group.Wait()
	requests, processes := map[string]bool{}, map[int]bool{}
	for i, answer := range answers {
		var result workResult
		answer.Decode(t, &result)
		require.Equal(t, fmt.Sprint(i), result.Text)
		requests[result.Request], processes[result.Process] = true, true
	}
	require.Len(t, processes, 1)
	require.Len(t, requests, invocations)
}

func TestShutdownInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"work", "extended"} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			f := cqrstest.StartFunction(t, function)
			answer := f.Invoke(t, queued(work{}, work{Do: "terminate"}, work{}, work{}))
			require.NoError(t, answer.Err)
			require.Equal(t, []string{"3", "4"}, answer.Failed, "what has not begun comes again elsewhere")
			answer = f.Invoke(t, queued(work{}))
			require.Equal(t, []string{"1"}, answer.Failed, "nothing begins any more")
			require.Equal(t, "signal: killed", f.Terminate())
		})
	}
}

func TestMisconfiguredFunctionEndsWithASentence(t *testing.T) {
	t.Parallel()
	f := cqrstest.StartFunction(t, "misconfigured")
	answer := f.Invoke(t, queued(work{}))
	require.Equal(t, "Runtime.ExitError", answer.ErrorType)
	require.Equal(t, []string{"1"}, answer.Failed)
	require.Equal(t, "exit status 1", f.Wait(t))
	require.Contains(t, f.Stderr(), "cqrs: Config.Factory is missing")
}

func TestFunctionIsKilledAtItsTimeoutAndStartsAgain(t *testing.T) {
	t.Parallel()
	f := cqrstest.StartFunction(t, "work", cqrstest.FunctionTimeout(2*time.Second), cqrstest.Env("NAME", "value"))
	first := processOf(t, f)
	answer := f.Invoke(t, task(work{Do: "hang"}))
	require.Equal(t, "Sandbox.Timedout", answer.ErrorType)
	require.Equal(t, "signal: killed", f.Wait(t))
	f.Restart(t)
	require.NotEqual(t, first, processOf(t, f))
	require.True(t, strings.HasPrefix(f.Terminate(), "signal: killed"))
}
