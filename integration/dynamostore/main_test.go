package dynamostore_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/integration/faults"
	"github.com/lambda-cqrs/cqrs/integration/servers"
)

var (
	server servers.DynamoDB
	tables atomic.Int64
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// closing stops the server before anybody looks for what is left behind.
type closing struct{ *testing.M }

func (c closing) Run() int {
	defer server.Close()
	return c.M.Run()
}

// client returns a client with faults, which are none until a test adds some.
func client(t *testing.T) (*dynamodb.Client, *faults.Faults) {
	t.Helper()
	f := &faults.Faults{}
	cfg := server.Get(t).Config([]func(*middleware.Stack) error{f.Install}...)
	cfg.Retryer = func() aws.Retryer { // the SDK's own, without its waits and its quota
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff, o.RateLimiter = time.Millisecond, ratelimit.None
		})
	}
	return dynamodb.NewFromConfig(cfg), f
}

// table makes a new table with the string keys that are given.
func table(t *testing.T, c *dynamodb.Client, keys ...string) string {
	t.Helper()
	name := fmt.Sprintf("table-%d", tables.Add(1))
	in := &dynamodb.CreateTableInput{TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest}
	for i, key := range keys {
		kind := types.KeyTypeHash
		if i == 1 {
			kind = types.KeyTypeRange
		}
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: aws.String(key), KeyType: kind})
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(key), AttributeType: types.ScalarAttributeTypeS,
		})
	}
	_, err := c.CreateTable(t.Context(), in)
	require.NoError(t, err)
	return name
}

// items reads all of a table.
func items(t *testing.T, c *dynamodb.Client, table string) []map[string]types.AttributeValue {
	t.Helper()
	out, err := c.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(table), ConsistentRead: aws.Bool(true)})
	require.NoError(t, err)
	return out.Items
}
