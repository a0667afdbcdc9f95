package conformance_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local"
)

// configs are those of the tests that run, by the name of the test.
var configs sync.Map

// config is for clients of the AWS that is held to the checks: the local one, of
// which each test has its own, or that of the flag -endpoint.
func config(t *testing.T) aws.Config {
	t.Helper()
	root, _, _ := strings.Cut(t.Name(), "/")
	if found, ok := configs.Load(root); ok {
		return found.(aws.Config)
	}
	a, err := local.Start(t.Context())
	require.NoError(t, err)
	chosen := a.Config()
	if *endpoint != "" {
		chosen.BaseEndpoint, chosen.Region = endpoint, os.Getenv("AWS_REGION")
		chosen.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
			}, nil
		})
	}
	configs.Store(root, chosen)
	t.Cleanup(func() {
		configs.Delete(root)
		require.NoError(t, a.Close())
	})
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
