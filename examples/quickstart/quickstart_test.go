package main

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write output.txt anew")

// TestMain is the function where the Runtime API starts this program as one.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// TestPlay holds every row and every answer against those that were reviewed.
func TestPlay(t *testing.T) {
	t.Parallel()
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, play(t.Context(), file))
	out, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("output.txt", out, 0o600))
	}
	want, err := os.ReadFile("output.txt")
	require.NoError(t, err)
	require.Equal(t, string(want), string(out))
}
