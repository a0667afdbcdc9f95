package conformance_test

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startProcess starts dynoxide on a free port and returns its URL.
func startProcess(t *testing.T, program string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)

	// The context of t ends before the children of t do.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	command := exec.CommandContext(ctx, program, "--port", port)
	dieWithParent(command)
	require.NoError(t, command.Start())
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-exited
	})

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	require.Eventually(t, func() bool {
		response, err := client.Get("http://" + address)
		if err == nil {
			err = response.Body.Close()
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond, "dynoxide did not come up")
	return "http://" + address
}
