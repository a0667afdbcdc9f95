package runtimeapi_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

func ended(t *testing.T, process *runtimeapi.Process) string {
	t.Helper()
	state, err := process.Wait(t.Context())
	require.NoError(t, err)
	return state.String()
}

// Without this library a panic, reported to AWS though it is, ends the process.
func TestPanicEndsTheProcess(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	process := start(t, api, "fail")
	response := invoke(t, api, "panic")
	require.Equal(t, "string", response.Error.Type)
	require.Equal(t, "at the disco", response.Error.Message)
	require.Contains(t, fmt.Sprint(response.Error.StackTrace), "functions_test.go")
	require.Equal(t, "exit status 1", ended(t, process))
	require.Contains(t, process.Stderr(), "resulted in a panic, the process should exit")

	// So the next one is lost until somebody starts another process.
	response = invoke(t, api, "plain")
	require.Equal(t, "Runtime.ExitError", response.Error.Type)
	start(t, api, "echo")
	require.Equal(t, "here", string(invoke(t, api, "here").Payload))
}

// An answer that is too large ends the process as well; where the caller tries
// again, so does the next attempt.
func TestAnswerTooLargeEndsTheProcess(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	process := start(t, api, "large")
	require.Len(t, invoke(t, api, "just").Payload, runtimeapi.MaxResponse)
	require.Equal(t, "Function.ResponseSizeTooLarge", invoke(t, api, "over").Error.Type)
	require.Equal(t, "exit status 1", ended(t, process))
	require.Contains(t, process.Stderr(), "unexpected status code: 413")
}

func TestExitDuringAnInvocation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		function, reason string
	}{
		{"fail", "Runtime exited with error: exit status 3"},
		{"exit", "Runtime exited without providing a reason"},
	}
	for _, test := range tests {
		t.Run(test.function, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			start(t, api, test.function)
			response := invoke(t, api, "exit")
			require.Equal(t, &runtimeapi.FunctionError{
				Type:    "Runtime.ExitError",
				Message: "RequestId: " + response.RequestID + " Error: " + test.reason,
			}, response.Error)
		})
	}
}

func TestTimeoutKillsTheProcess(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	process := start(t, api, "block")
	invoke(t, api, "{}") // it runs
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	response, err := api.Invoke(ctx, []byte("block"))
	require.NoError(t, err)
	require.Equal(t, "Sandbox.Timedout", response.Error.Type)
	require.Equal(t, "signal: killed", ended(t, process))
}

func TestTerminate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		function string
		grace    time.Duration
		state    string
		stderr   string
	}{
		{"sigterm", time.Hour, "exit status 0", "leaving"}, // WithEnableSIGTERM registers an extension
		{"stubborn", time.Millisecond, "signal: killed", ""},
		{"echo", time.Hour, "signal: killed", ""}, // no extension, no SIGTERM
	}
	for _, test := range tests {
		t.Run(test.function, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			api.SetGrace(test.grace)
			process := start(t, api, test.function)
			invoke(t, api, "{}") // it runs
			require.Equal(t, test.state, process.Terminate().String())
			require.Contains(t, process.Stderr(), test.stderr)
			require.Equal(t, test.state, process.Terminate().String())
		})
	}
}

func TestCloseLeavesNoProcess(t *testing.T) {
	t.Parallel()
	api, err := runtimeapi.New("orders")
	require.NoError(t, err)
	process := start(t, api, "block")
	invoke(t, api, "{}") // it runs
	held := invokeLater(t, api, "block")
	require.NoError(t, api.Close())
	require.Equal(t, "signal: killed", ended(t, process))
	outcome := <-held
	require.True(t, outcome.err != nil || outcome.response.Error != nil)
	_, err = api.Start(exec.CommandContext(t.Context(), "true"))
	require.ErrorIs(t, err, runtimeapi.ErrClosed)
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	process := start(t, api, "echo")
	_, err := api.Start(exec.CommandContext(t.Context(), "true"))
	require.EqualError(t, err, "runtime API: the function's process is still running; terminate it before starting another")
	process.Terminate()
	_, err = api.Start(exec.CommandContext(t.Context(), "/no/such/program"))
	require.ErrorContains(t, err, "runtime API: the function's process did not start: ")
	require.Equal(t, "Runtime.InvalidEntrypoint", invoke(t, api, "{}").Error.Type)
	start(t, api, "echo")
	require.Nil(t, invoke(t, api, "{}").Error)
}

func TestStderrIsKeptBesidesGoingOn(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), "sh", "-c", "head -c 100000 /dev/zero >&2; echo the end >&2")
	command.Stderr = &stderr
	process, err := api.Start(command)
	require.NoError(t, err)
	require.Equal(t, "exit status 0", ended(t, process))
	require.Len(t, stderr.String(), 100_008)
	require.Len(t, process.Stderr(), 64<<10)
	require.Contains(t, process.Stderr(), "the end")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = start(t, newAPI(t), "echo").Wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
