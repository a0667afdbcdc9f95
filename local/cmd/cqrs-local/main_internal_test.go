package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"
)

// TestMain is the function, where this binary is started as one.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		lambda.Start(func(event json.RawMessage) (json.RawMessage, error) { return event, nil })
		return
	}
	os.Exit(m.Run())
}

func TestServeAndInvoke(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-address", "127.0.0.1:0", "-function", "echo=" + program}, nil, writer)
		_ = writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	require.True(t, lines.Scan())
	endpoint, ok := strings.CutPrefix(lines.Text(), "export AWS_ENDPOINT_URL=")
	require.True(t, ok, lines.Text())
	console := ""
	for range 4 {
		require.True(t, lines.Scan())
		console, _ = strings.CutPrefix(lines.Text(), "# console: ")
	}
	require.Equal(t, endpoint+"/_console/", console)
	page, err := http.Get(console)
	require.NoError(t, err)
	require.NoError(t, page.Body.Close())
	require.Equal(t, http.StatusOK, page.StatusCode)
	http.DefaultClient.CloseIdleConnections()
	go func() { _, _ = io.Copy(io.Discard, reader) }()

	file := filepath.Join(t.TempDir(), "event.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"from":"file"}`), 0o600))
	out := &strings.Builder{}
	require.NoError(t, run(t.Context(), []string{"invoke", "-endpoint", endpoint, "echo", file}, nil, out))
	require.NoError(t, run(t.Context(), []string{"invoke", "-endpoint", endpoint, "echo", "-"}, strings.NewReader(`{"from":"input"}`), out))
	require.Equal(t, []string{`{"from":"file"}`, `{"from":"input"}`}, strings.Fields(out.String()))
	require.ErrorContains(t, run(t.Context(), []string{"invoke", "-endpoint", endpoint, "missing", file}, nil, out), "Function not found")
	require.Error(t, run(t.Context(), []string{"invoke", "echo"}, nil, out))
	require.ErrorContains(t, run(t.Context(), []string{"sing"}, nil, out), "unknown command")
	cancel()
	require.NoError(t, <-ended)
}
