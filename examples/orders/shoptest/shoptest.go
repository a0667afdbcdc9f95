// Package shoptest is what the tests of the shop's parts run on: an AWS in this
// process with the tables, the bucket, the queue and the services of the shop, and
// without its function. The whole application runs on package stack instead.
package shoptest

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sync/errgroup"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/local"
)

// The names of what there is, besides the tables of products and orders.
const (
	Files     = "files" // the bucket
	Inventory = "inventory"
	Payments  = "payments"
	Documents = "documents"
)

// TB is what *testing.T and *testing.B have in common, as far as needed here.
type TB interface {
	cqrstest.TB
	Cleanup(f func())
}

// AWS is the local AWS, with clients that try again as the SDK's do, but without
// its long waits.
type AWS struct {
	*local.AWS

	Config   aws.Config
	DynamoDB *dynamodb.Client
	S3       *s3.Client
	SQS      *sqs.Client

	Products *command.Service[shop.Product] // with the data tables, written by PublishSync
	Orders   *command.Service[shop.Order]
	Objects  *s3store.Store
	Queue    *notifications.Queue
	QueueURL string
}

// Start starts an AWS, which ends with the test.
func Start(t TB, opts ...local.Option) *AWS {
	t.Helper()
	cloud, err := local.Start(t.Context(), opts...)
	if err != nil {
		t.Fatalf("the local AWS cannot start: %v", err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Errorf("the local AWS cannot end: %v", err)
		}
	})
	config := cloud.Config()
	config.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff, o.RateLimiter = 10*time.Millisecond, ratelimit.None
		})
	}
	a := &AWS{
		AWS: cloud, Config: config, DynamoDB: dynamodb.NewFromConfig(config), SQS: sqs.NewFromConfig(config),
		S3: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
	}
	if err := a.fill(t.Context()); err != nil {
		t.Fatalf("the shop's AWS cannot be made: %v", err)
	}
	return a
}

func (a *AWS) fill(ctx context.Context) error {
	products, orders := dynamostore.TablesOf("shop", "product"), dynamostore.TablesOf("shop", "order")
	group, within := errgroup.WithContext(ctx)
	for _, table := range []string{
		Inventory, Payments, Documents, "sync",
		products.Command, products.Data, products.History, orders.Command, orders.Data, orders.History,
	} {
		group.Go(func() error { return CreateTable(within, a.DynamoDB, table) })
	}
	group.Go(func() error {
		_, err := a.S3.CreateBucket(within, &s3.CreateBucketInput{Bucket: aws.String(Files)})
		return err
	})
	group.Go(func() error {
		queue, err := a.SQS.CreateQueue(within, &sqs.CreateQueueInput{QueueName: aws.String("notifications")})
		if err == nil {
			a.QueueURL = *queue.QueueUrl
		}
		return err
	})
	err := group.Wait()
	a.Objects, a.Queue = s3store.New(a.S3, Files), notifications.NewQueue(a.SQS, a.QueueURL)
	progress := dynamostore.NewSync(a.DynamoDB, "sync")
	a.Products = service[shop.Product](dynamostore.NewCommands(a.DynamoDB, products), products.Command, progress)
	a.Orders = service[shop.Order](dynamostore.NewCommands(a.DynamoDB, orders), orders.Command, progress)
	return err
}

func service[A any](store command.Store, table string, progress cqrs.SyncStore) *command.Service[A] {
	return command.New(command.Config[A]{Store: store, Sync: cqrs.NewDataSync(table, progress, command.Target[A](store))})
}

// CreateTable makes a table with the keys that all of the shop have.
func CreateTable(ctx context.Context, client *dynamodb.Client, name string) error {
	in := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeS},
		},
	}
	_, err := client.CreateTable(ctx, in)
	return err
}

// Upload puts an object into Files and returns what it is known by.
func (a *AWS) Upload(t cqrstest.TB, key, content string) s3store.Ref {
	t.Helper()
	put, err := a.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(Files), Key: &key, Body: strings.NewReader(content)})
	if err != nil {
		t.Fatalf("%s cannot be uploaded: %v", key, err)
	}
	return s3store.Ref{Bucket: Files, Key: key, ETag: *put.ETag}
}

// Stock enters a product of a tenant, in all of its tables.
func (a *AWS) Stock(t cqrstest.TB, tenant, sku string, pieces int64) {
	t.Helper()
	key, err := shop.ProductKey(tenant, sku)
	if err == nil {
		_, err = a.Products.PublishSync(t.Context(), cqrs.Command[shop.Product]{
			Key: key, TenantCode: tenant, Attributes: shop.Product{SKU: sku, Name: "Chair " + sku, Price: 100, Stock: pieces},
		})
	}
	if err != nil {
		t.Fatalf("product %s cannot be entered: %v", sku, err)
	}
}

// Place enters an order of a tenant, in all of its tables.
func (a *AWS) Place(t cqrstest.TB, tenant string, order shop.Order) cqrs.Key {
	t.Helper()
	key, err := shop.OrderKey(tenant, order.Number)
	if err == nil {
		_, err = a.Orders.PublishSync(t.Context(), cqrs.Command[shop.Order]{Key: key, TenantCode: tenant, Attributes: order})
	}
	if err != nil {
		t.Fatalf("order %s cannot be placed: %v", order.Number, err)
	}
	return key
}

// Messages are the bodies of all messages in the queue, which is empty then.
func (a *AWS) Messages(t cqrstest.TB) []string {
	t.Helper()
	var bodies []string
	for {
		batch, err := a.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &a.QueueURL, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatalf("the queue cannot be read: %v", err)
		}
		if len(batch.Messages) == 0 {
			return bodies
		}
		for _, message := range batch.Messages {
			bodies = append(bodies, *message.Body)
			_, err := a.SQS.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &a.QueueURL, ReceiptHandle: message.ReceiptHandle})
			if err != nil {
				t.Fatalf("a message cannot be deleted: %v", err)
			}
		}
	}
}
