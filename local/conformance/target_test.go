package conformance_test

import (
	"context"
	"crypto/rand"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/loopback"
	"github.com/lambda-cqrs/cqrs/local"
)

var endpoint = flag.String("endpoint", "", "another `URL` to test, with AWS_REGION and the AWS_ credentials of the environment")

// Target is a service under test.
type Target struct {
	Name     string
	Config   aws.Config
	Excluded map[string]string // checks that it is known to fail, and why
}

// DynamoDB returns a client of the target.
func (target *Target) DynamoDB() *ddb.Client { return ddb.NewFromConfig(target.Config) }

// Streams returns a client of the target.
func (target *Target) Streams() *dynamodbstreams.Client {
	return dynamodbstreams.NewFromConfig(target.Config)
}

// check is one of the rules that a target is held to.
type check struct {
	name string
	run  func(t *run)
}

// run is a check in progress.
type run struct {
	*testing.T

	target *Target
}

// hold runs the checks against dynoxide and against the AWS that is tested.
func hold(t *testing.T, checks []check) {
	t.Helper()
	for name, start := range map[string]func(*testing.T) *Target{tested(): startTested, "dynoxide": startDynoxide} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := start(t)
			for _, c := range checks {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					if reason, ok := target.Excluded[c.name]; ok {
						t.Skipf("%s is excluded: %s", target.Name, reason)
					}
					c.run(&run{t, target})
				})
			}
		})
	}
}

// newConfig is for a server on loopback, which takes any credentials.
func newConfig(t *testing.T, url string) aws.Config {
	t.Helper()
	client := loopback.NewClient()
	t.Cleanup(client.CloseIdleConnections)
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		HTTPClient:   client,
		Credentials:  credentials("local", "local", ""),
	}
}

func credentials(id, secret, session string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session}, nil
	})
}

// tested is the name of the AWS that is tested.
func tested() string {
	if *endpoint != "" {
		return "endpoint"
	}
	return "local"
}

// startTested starts the local AWS, unless another one is to be tested.
func startTested(t *testing.T) *Target {
	t.Helper()
	if *endpoint == "" {
		a, err := local.Start(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, a.Close()) })
		return &Target{Name: "local", Config: a.Config()}
	}
	config := newConfig(t, *endpoint)
	config.Region = os.Getenv("AWS_REGION")
	config.Credentials = credentials(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"))
	return &Target{Name: *endpoint, Config: config, Excluded: map[string]string{expiryDeletes: "AWS takes days for it"}}
}

// dynoxide is where integration/setup.sh puts it, in the user's cache.
const dynoxide = "lambda-cqrs/node_modules/@dynoxide/linux-x64/dynoxide"

func startDynoxide(t *testing.T) *Target {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	program := filepath.Join(cache, dynoxide)
	if _, err := os.Stat(program); err != nil {
		const missing = "dynoxide is missing: run integration/setup.sh"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return &Target{
		Name:   "dynoxide",
		Config: newConfig(t, startProcess(t, program)),
		Excluded: map[string]string{
			noRecordForNoOp: "it writes a record for a put that changes nothing",
			expiryDeletes:   "it keeps expired items for longer",
		},
	}
}

// unique is a name that no other test uses.
func unique(prefix string) string { return prefix + "-" + rand.Text()[:12] }
