package loopback_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/internal/loopback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// closed is a body that, as the SDK's, fails the write loop once it is closed.
type closed struct {
	io.Reader

	after atomic.Bool
}

func (c *closed) Close() error { c.after.Store(true); return nil }

func (c *closed) WriteTo(w io.Writer) (int64, error) {
	if c.after.Load() {
		return 0, io.EOF
	}
	return io.Copy(w, c.Reader)
}

func echo(t *testing.T) (*httptest.Server, *http.Client) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Length", r.Header.Get("Content-Length"))
		_, _ = io.Copy(w, r.Body)
	}))
	client := loopback.NewClient()
	t.Cleanup(func() { client.CloseIdleConnections(); server.Close() })
	return server, client
}

func TestBodies(t *testing.T) {
	t.Parallel()
	server, client := echo(t)
	for name, c := range map[string]struct {
		body   string
		length int64
	}{
		"small":    {"abc", 3},
		"large":    {strings.Repeat("x", 2<<20), 2 << 20},
		"unsized":  {"abc", -1},
		"no bytes": {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := &closed{Reader: strings.NewReader(c.body)}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
			require.NoError(t, err)
			request.ContentLength = c.length
			response, err := client.Do(request)
			require.NoError(t, err)
			got, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, c.body, string(got))
		})
	}
	response, err := client.Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}

func TestTheBodyIsTakenBeforeTheRequestIsSent(t *testing.T) {
	t.Parallel()
	server, client := echo(t)
	body := &closed{Reader: strings.NewReader("abc")}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	require.NoError(t, err)
	request.ContentLength = 3
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.True(t, body.after.Load(), "it is closed, as net/http requires")

	broken := errors.New("broken")
	request, err = http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, iotest.ErrReader(broken))
	require.NoError(t, err)
	request.ContentLength = 3
	response, err = client.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	require.ErrorIs(t, err, broken)
}
