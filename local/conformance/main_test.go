package conformance_test

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/local"
)

var (
	endpoint = flag.String("endpoint", "", "the AWS to examine; the default is the local one, started for the test")
	// config is for clients of the AWS that is examined.
	config aws.Config
)

// suite starts the local AWS around the tests, and ends it before goroutines are
// counted.
type suite struct{ *testing.M }

func (s suite) Run() int {
	flag.Parse()
	a, err := local.Start(context.Background())
	if err != nil {
		panic(err)
	}
	config = a.Config()
	if *endpoint != "" {
		config.BaseEndpoint = endpoint
	}
	code := s.M.Run()
	if err := a.Close(); err != nil {
		panic(err)
	}
	return code
}

func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		startFunction()
		return
	}
	goleak.VerifyTestMain(suite{m})
}

// name is one that no other test uses.
func name(t *testing.T) string {
	t.Helper()
	return strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(t.Name(), "Test"))
}

// requireCode requires an error of AWS's of that code.
func requireCode(t *testing.T, code string, err error) {
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
