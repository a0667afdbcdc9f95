package conformance_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

// configs are those of the tests that run, by the name of the test.
var configs sync.Map

// config is for clients of the AWS that is tested. Of the local one, each test has
// its own.
func config(t *testing.T) aws.Config {
	t.Helper()
	root, _, _ := strings.Cut(t.Name(), "/")
	if found, ok := configs.Load(root); ok {
		return found.(aws.Config)
	}
	chosen := startTested(t).Config
	configs.Store(root, chosen)
	t.Cleanup(func() { configs.Delete(root) })
	return chosen
}

// name is one that no other test uses.
func name(t *testing.T) string {
	t.Helper()
	return strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(t.Name(), "Test"))
}

// requireRefusal requires an error of AWS's of that code.
func requireRefusal(t *testing.T, code string, err error) {
	t.Helper()
	var failure smithy.APIError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, code, failure.ErrorCode(), failure.ErrorMessage())
}

// eventually polls an API that offers nothing to wait for.
func eventually(t *testing.T, reached func() bool) {
	t.Helper()
	require.Eventually(t, reached, 20*time.Second, 10*time.Millisecond)
}
