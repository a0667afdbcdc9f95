package function_test

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/bench/function"
)

// The linker leaves out what nobody calls, unless something reachable asks
// reflect for a method whose name only running will tell. text/template does, and
// a single such call costs megabytes and a part of every cold start.
func TestNothingDefeatsDeadCodeElimination(t *testing.T) {
	t.Parallel()
	dependencies, err := function.Dependencies(t.Context(), function.Library, t.TempDir())
	require.NoError(t, err)
	require.Contains(t, string(dependencies), "-> github.com/lambda-cqrs/cqrs.New", "the linker lists what is reachable")
	for line := range bytes.Lines(dependencies) {
		require.NotContains(t, string(line), "<ReflectMethod>")
		require.NotContains(t, string(line), "-> text/template.")
	}
}

// The linker does tell: this test's own binary links testify, which asks.
func TestTheLinkerTells(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "go", "test", "-c", "-ldflags=-dumpdep", "-o", t.TempDir()+"/test", ".")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	require.NoError(t, command.Run())
	require.Contains(t, stderr.String(), "<ReflectMethod>")
}

// An SDK is linked only by whoever imports a package under aws.
func TestTheFunctionLinksNoSDK(t *testing.T) {
	t.Parallel()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./library").Output()
	require.NoError(t, err)
	require.Contains(t, string(output), "github.com/lambda-cqrs/cqrs\n")
	require.NotContains(t, string(output), "aws-sdk-go-v2")
	require.NotContains(t, string(output), "smithy-go")
}
