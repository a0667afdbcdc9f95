package changes_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes/externaltest"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const cacheTable = "cache"

// newTable is a client of an AWS that has the table of the cache.
func newTable(t *testing.T) (*local.AWS, *dynamodb.Client) {
	t.Helper()
	a, err := local.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	client := dynamodb.NewFromConfig(a.Config())
	require.NoError(t, shoptest.CreateTable(t.Context(), client, cacheTable))
	return a, client
}

// serve is the base URL of a handler, and a client of it.
func serve(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Client(), server.URL
}

// newExternal are systems that follow, and the client of them.
func newExternal(t *testing.T) (*externaltest.Server, *changes.External) {
	t.Helper()
	systems := externaltest.NewServer()
	return systems, changes.NewExternal(serve(t, systems))
}

func key(kind, sk string) cqrs.Key { return cqrs.Key{PK: kind + "#acme", SK: sk} }
