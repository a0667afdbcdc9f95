package readmodels_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(writerFile); file != "" {
		if err := write(context.Background(), file, os.Getenv(writerSeed)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// cloud is an AWS with a table and a bucket for each who asks.
type cloud struct {
	*local.AWS

	number atomic.Int64
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	a, err := local.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return &cloud{AWS: a}
}

func (c *cloud) dynamodb(opts ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.NewFromConfig(c.Config(), opts...)
}

func (c *cloud) s3(opts ...func(*s3.Options)) *s3.Client {
	return s3.NewFromConfig(c.Config(), append(opts, func(o *s3.Options) { o.UsePathStyle = true })...)
}

func (c *cloud) newTable(t require.TestingT) string {
	name := fmt.Sprintf("table-%d", c.number.Add(1))
	require.NoError(t, shoptest.CreateTable(context.Background(), c.dynamodb(), name))
	return name
}

func (c *cloud) newBucket(t require.TestingT) string {
	name := fmt.Sprintf("bucket-%d", c.number.Add(1))
	_, err := c.s3().CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &name})
	require.NoError(t, err)
	return name
}
