package local_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/local"
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
func newAPI(t *testing.T, opts ...local.RuntimeOption) *local.RuntimeAPI {
	t.Helper()
	api, err := local.NewRuntimeAPI("orders", opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, api.Close()) })
	return api
}

// start starts the function of that name for the API.
func start(t *testing.T, api *local.RuntimeAPI, function string) *local.Process {
	t.Helper()
	command, err := local.Self(t.Context())
	require.NoError(t, err)
	// The race detector would hold an exit up for a second.
	command.Env = append(command.Environ(), functionVariable+"="+function, "GORACE=atexit_sleep_ms=0")
	process, err := api.Start(command)
	require.NoError(t, err)
	return process
}

func invoke(t *testing.T, api *local.RuntimeAPI, payload string) local.Response {
	t.Helper()
	response, err := api.Invoke(t.Context(), []byte(payload))
	require.NoError(t, err)
	return response
}
