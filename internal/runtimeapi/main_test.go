package runtimeapi_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// functionVariable names the function, of those in functions_test.go, that this
// very test binary is when the tests start it again.
const functionVariable = "LOCAL_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if name := os.Getenv(functionVariable); name != "" {
		functions()[name]()
		return
	}
	goleak.VerifyTestMain(m)
}

// newAPI returns a Runtime API that is closed at the end of the test.
func newAPI(t *testing.T, opts ...runtimeapi.Option) *runtimeapi.Server {
	t.Helper()
	api, err := runtimeapi.New("orders", opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, api.Close()) })
	return api
}

// start starts the function of that name for the API.
func start(t *testing.T, api *runtimeapi.Server, function string) *runtimeapi.Process {
	t.Helper()
	command, err := runtimeapi.Self(t.Context())
	require.NoError(t, err)
	// The race detector would hold an exit up for a second.
	command.Env = append(command.Environ(), functionVariable+"="+function, "GORACE=atexit_sleep_ms=0")
	process, err := api.Start(command)
	require.NoError(t, err)
	return process
}

func invoke(t *testing.T, api *runtimeapi.Server, payload string) runtimeapi.Response {
	t.Helper()
	response, err := api.Invoke(t.Context(), []byte(payload))
	require.NoError(t, err)
	return response
}
