package runtimeapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// client speaks the protocol by hand, as runtimes other than aws-lambda-go may.
type client struct {
	http *http.Client
	base string
}

func newClient(t *testing.T, api *runtimeapi.Server) *client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{http: &http.Client{Transport: transport}, base: "http://" + api.Address()}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (c *client) do(ctx context.Context, method, path string, body []byte, header ...string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return reply{status: response.StatusCode, header: response.Header, body: string(answer)}, err
}

func (c *client) next(ctx context.Context) (reply, error) {
	return c.do(ctx, http.MethodGet, "/2018-06-01/runtime/invocation/next", nil)
}

func (c *client) post(t *testing.T, path, body string, header ...string) reply {
	t.Helper()
	answer, err := c.do(t.Context(), http.MethodPost, path, []byte(body), header...)
	require.NoError(t, err)
	return answer
}

// take polls for an invocation and returns the path to answer it on.
func (c *client) take(t *testing.T) string {
	t.Helper()
	invocation, err := c.next(t.Context())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, invocation.status)
	return "/2018-06-01/runtime/invocation/" + invocation.header.Get("Lambda-Runtime-Aws-Request-Id")
}

type outcome struct {
	response runtimeapi.Response
	err      error
}

// invokeLater invokes while the test plays the function.
func invokeLater(t *testing.T, api *runtimeapi.Server, payload string) <-chan outcome {
	t.Helper()
	ended := make(chan outcome, 1)
	go func() {
		response, err := api.Invoke(t.Context(), []byte(payload))
		ended <- outcome{response, err}
	}()
	return ended
}

func TestAnswersAreTakenOnce(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	c := newClient(t, api)
	ended := invokeLater(t, api, "ping")
	path := c.take(t)
	require.Equal(t, http.StatusAccepted, c.post(t, path+"/response", "pong").status)
	require.Equal(t, "pong", string((<-ended).response.Payload))

	const refusal = `{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`
	for _, again := range []string{path + "/response", path + "/error", "/2018-06-01/runtime/invocation/unknown/response"} {
		answer := c.post(t, again, "{}")
		require.Equal(t, http.StatusBadRequest, answer.status)
		require.JSONEq(t, refusal, answer.body)
	}
}

func TestErrorsOfOtherRuntimes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, header, body string
		want               runtimeapi.FunctionError
	}{
		{"header before body", "Runtime.Custom", `{"errorType":"Other","errorMessage":"m"}`, runtimeapi.FunctionError{Type: "Runtime.Custom", Message: "m"}},
		{
			"stack of lines", "", `{"errorType":"E","errorMessage":"m","stackTrace":["at main"]}`,
			runtimeapi.FunctionError{Type: "E", Message: "m"},
		},
		{"not JSON", "Fatal", "segmentation fault", runtimeapi.FunctionError{Type: "Fatal", Message: "segmentation fault"}},
		{"nothing", "", "", runtimeapi.FunctionError{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			c := newClient(t, api)
			ended := invokeLater(t, api, "{}")
			answer := c.post(t, c.take(t)+"/error", test.body, "Lambda-Runtime-Function-Error-Type", test.header)
			require.Equal(t, http.StatusAccepted, answer.status)
			got := <-ended
			require.Equal(t, &test.want, got.response.Error)
			require.Equal(t, test.body, string(got.response.Payload))
		})
	}
}

func TestLargestAnswer(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	c := newClient(t, api)
	ended := invokeLater(t, api, "{}")
	answer, err := c.do(t.Context(), http.MethodPost, c.take(t)+"/response", make([]byte, runtimeapi.MaxResponse))
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, answer.status)
	require.Len(t, (<-ended).response.Payload, runtimeapi.MaxResponse)

	ended = invokeLater(t, api, "{}")
	answer, err = c.do(t.Context(), http.MethodPost, c.take(t)+"/response", make([]byte, runtimeapi.MaxResponse+1))
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestEntityTooLarge, answer.status)
	require.JSONEq(t, `{"errorType":"RequestEntityTooLarge",
		"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes)."}`, answer.body)
	require.Equal(t, &runtimeapi.FunctionError{
		Type:    "Function.ResponseSizeTooLarge",
		Message: "Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes).",
	}, (<-ended).response.Error)
}

func TestInitErrorFailsWhatWaits(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	ended := invokeLater(t, api, "{}")
	c := newClient(t, api)
	path := c.take(t)
	require.Equal(t, http.StatusAccepted,
		c.post(t, "/2018-06-01/runtime/init/error", `{"errorMessage":"no table"}`, "Lambda-Runtime-Function-Error-Type", "Runtime.NoTable").status)
	require.Equal(t, &runtimeapi.FunctionError{Type: "Runtime.NoTable", Message: "no table"}, (<-ended).response.Error)
	require.Equal(t, http.StatusBadRequest, c.post(t, path+"/response", "{}").status)

	answer, err := c.next(t.Context())
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, answer.status)

	restarted := newClient(t, api)
	ended = invokeLater(t, api, "{}")
	restarted.post(t, restarted.take(t)+"/response", "up again")
	require.Equal(t, "up again", string((<-ended).response.Payload))
}

// gone is the connection of a poller that has left.
type gone struct {
	*httptest.ResponseRecorder

	tried chan struct{}
}

func (g gone) Write([]byte) (int, error) {
	close(g.tried)
	return 0, io.ErrClosedPipe
}

// An invocation that could not be written to a poller goes to another one.
func TestPollersMayLeave(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	ended := invokeLater(t, api, "{}")
	poller := gone{httptest.NewRecorder(), make(chan struct{})}
	left := make(chan struct{})
	go func() {
		defer close(left)
		api.Next(poller, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	}()
	<-poller.tried
	c := newClient(t, api)
	c.post(t, c.take(t)+"/response", "done")
	require.Equal(t, "done", string((<-ended).response.Payload))
	<-left
}

// A function goes on with an invocation whose caller has left, and its answer is
// taken.
func TestCallersMayLeave(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	c := newClient(t, api)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := api.Invoke(ctx, []byte("{}"))
		ended <- err
	}()
	path := c.take(t)
	leave()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, http.StatusAccepted, c.post(t, path+"/response", "{}").status)
}

func TestTimeoutWithoutProcess(t *testing.T) {
	t.Parallel()
	api := newAPI(t, runtimeapi.FunctionTimeout(time.Second))
	c := newClient(t, api)
	ended := invokeLater(t, api, "{}")
	path := c.take(t)
	got := (<-ended).response
	require.Equal(t, &runtimeapi.FunctionError{
		Type:    "Sandbox.Timedout",
		Message: "RequestId: " + got.RequestID + " Error: Task timed out after 1.00 seconds",
	}, got.Error)
	require.Equal(t, http.StatusBadRequest, c.post(t, path+"/response", "late").status)
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	c := newClient(t, api)
	const register = "/2020-01-01/extension/register"
	answer := c.post(t, register, `{"events":[]}`, "Lambda-Extension-Name", "own")
	require.Equal(t, http.StatusOK, answer.status)
	require.NotEmpty(t, answer.header.Get("Lambda-Extension-Identifier"))
	require.JSONEq(t, `{"functionName":"orders","functionVersion":"$LATEST","handler":"bootstrap"}`, answer.body)

	require.Equal(t, http.StatusForbidden, c.post(t, register, `{"events":[]}`).status)
	require.Equal(t, http.StatusForbidden, c.post(t, register, `{`, "Lambda-Extension-Name", "own").status)
	require.Equal(t, http.StatusForbidden, c.post(t, register, `{"events":["INVOKE"]}`, "Lambda-Extension-Name", "own").status)
	answer, err := c.do(t.Context(), http.MethodGet, "/2020-01-01/extension/event/next", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, answer.status)
}

func TestCloseEndsPollersAndInvocations(t *testing.T) {
	t.Parallel()
	api, err := runtimeapi.New("orders")
	require.NoError(t, err)
	c := newClient(t, api)
	taken := invokeLater(t, api, "taken and not answered")
	c.take(t)
	const pollers = 4
	left := make(chan reply, pollers)
	for range pollers {
		go func() {
			answer, _ := c.next(t.Context())
			left <- answer
		}()
	}
	require.NoError(t, api.Close())
	require.ErrorIs(t, (<-taken).err, runtimeapi.ErrClosed)
	for range pollers {
		require.NotEqual(t, http.StatusOK, (<-left).status)
	}
	_, err = api.Invoke(t.Context(), nil)
	require.ErrorIs(t, err, runtimeapi.ErrClosed)
	require.NoError(t, api.Close())
}
