package day

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
)

const (
	listedProducts = 40  // in files/products.csv, besides its bad rows
	bulkProducts   = 300 // in files/bulk.csv, likewise
	customers      = 8
	movedCustomers = 3
	forgotten      = "autumn-sale" // the template that nobody uploads in time
)

// openShop uploads the templates that there are, and enters the customers.
func openShop(ctx context.Context, w *world) error {
	templates, err := fs.ReadDir(content, "templates")
	if err != nil {
		return err
	}
	for _, file := range templates {
		if file.Name() == forgotten+".txt" {
			continue
		}
		if err := w.upload(ctx, "templates/"+file.Name(), "templates/"+file.Name()); err != nil {
			return err
		}
	}
	for n := range customers {
		if err := w.putUser(ctx, n, 1); err != nil {
			return err
		}
	}
	w.board.notef("%d templates, %d customers", len(templates)-1, customers)
	return nil
}

// upload puts a file of the day into the bucket.
func (w *world) upload(ctx context.Context, name, key string) error {
	text, err := content.ReadFile(name)
	if err != nil {
		return err
	}
	_, err = w.shop.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: &w.shop.Files, Key: &key, Body: bytes.NewReader(text)})
	return err
}

func (w *world) putUser(ctx context.Context, n int, version int64) error {
	item, err := attributevalue.MarshalMap(user(n, version))
	if err != nil {
		return err
	}
	_, err = w.shop.DynamoDB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &w.shop.UserTable, Item: item})
	return err
}

// user is a customer as of a version: before and after moving.
func user(n int, version int64) shop.User {
	u := shop.User{
		PK: shop.KindUser + "#" + app.Tenant, SK: fmt.Sprintf("customer-%02d", n),
		Name: fmt.Sprintf("Customer %d", n), Mail: customer(n), Version: version,
	}
	if version > 1 {
		u.Name += " of the new town"
	}
	return u
}

func customer(n int) string { return fmt.Sprintf("customer-%02d@example.com", n) }

// importPriceList uploads a file, and the event of its upload imports it.
func importPriceList(ctx context.Context, w *world) error {
	if err := w.upload(ctx, "files/products.csv", "imports/csv/products.csv"); err != nil {
		return err
	}
	err := w.settle(ctx, "the products of the price list", func(ctx context.Context) (bool, error) {
		n, err := w.products(ctx)
		return n == listedProducts && w.alarms.has("WARNING", "catalog.CSVImport"), err
	})
	if err != nil {
		return err
	}
	w.board.notef("%d products; a warning about the bad rows", listedProducts)
	return nil
}

// products is how many there are in the data table.
func (w *world) products(ctx context.Context) (n int, err error) {
	for _, err = range w.shop.Products.List(ctx, command.Query{PK: shop.Partition(shop.KindProduct, app.Tenant)}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// importAsWorkflow has a state machine wait for the imports, with a task token and
// heartbeats.
func importAsWorkflow(ctx context.Context, w *world) error {
	if err := w.upload(ctx, "files/bulk.csv", "bulk/bulk.csv"); err != nil {
		return err
	}
	for key, want := range map[string]types.ExecutionStatus{
		"bulk/bulk.csv": types.ExecutionStatusSucceeded, "bulk/forgotten.csv": types.ExecutionStatusFailed,
	} {
		input, err := json.Marshal(map[string]string{"bucket": w.shop.Files, "key": key})
		if err != nil {
			return err
		}
		started, err := w.shop.SFN.StartExecution(ctx, &sfn.StartExecutionInput{
			StateMachineArn: aws.String(w.stack.Output("ImportMachine")),
			Name:            aws.String(path.Base(key)[:4]), Input: aws.String(string(input)),
		})
		if err != nil {
			return err
		}
		end, err := w.ended(ctx, *started.ExecutionArn)
		if err != nil {
			return err
		}
		if end.Status != want {
			return fmt.Errorf("the import of %s is %s, not %s: %s", key, end.Status, want, aws.ToString(end.Cause))
		}
		w.board.notef("%-18s %s %s", key, end.Status, clip(aws.ToString(end.Output)+aws.ToString(end.Error), 44))
	}
	return w.settle(ctx, "the products of the bulk import", func(ctx context.Context) (bool, error) {
		n, err := w.products(ctx)
		return n == listedProducts+bulkProducts, err
	})
}

// ended waits for the end of an execution.
func (w *world) ended(ctx context.Context, arn string) (end *sfn.DescribeExecutionOutput, err error) {
	err = w.settle(ctx, "the end of execution "+path.Base(arn), func(ctx context.Context) (bool, error) {
		end, err = w.shop.SFN.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
		return err == nil && end.Status != types.ExecutionStatusRunning, err
	})
	return end, err
}

// uploaded are the files of the day, with what each is taken for.
func uploaded() map[string]string {
	return map[string]string{
		"uploads/products.csv": "csv", "uploads/prices.xlsx": "xlsx", "uploads/catalogue.pdf": "pdf", "uploads/photo.png": "image",
		"uploads/photo.jpg": "image", "uploads/letter.docx": "skipped", "partners/acme-logistics/products.csv": "partner",
	}
}

// uploadFiles uploads one of each kind.
func uploadFiles(ctx context.Context, w *world) error {
	for key := range uploaded() {
		if err := w.upload(ctx, "files/"+path.Base(key), key); err != nil {
			return err
		}
	}
	err := w.settle(ctx, "a document for each upload", func(ctx context.Context) (bool, error) {
		documents, err := uploads.NewDocuments(w.shop.DynamoDB, w.shop.DocumentTable).List(ctx, w.shop.Files)
		return len(documents) == len(uploaded()), err
	})
	if err != nil {
		return err
	}
	documents, err := uploads.NewDocuments(w.shop.DynamoDB, w.shop.DocumentTable).List(ctx, w.shop.Files)
	for _, document := range documents {
		w.board.notef("%s", document)
	}
	return err
}

// changesOfTheDay come from outside: prices by a topic, users by their table, and
// somebody asks for a product to be sent to the systems that follow once more.
func changesOfTheDay(ctx context.Context, w *world) error {
	for n := range 5 {
		if err := w.changePrice(ctx, "PRICE_CHANGED", sku(n), int64(1000+n)); err != nil {
			return err
		}
	}
	if err := w.changePrice(ctx, "WEATHER_CHANGED", sku(0), 1); err != nil { // the subscription filters it out
		return err
	}
	for n := range movedCustomers {
		if err := w.putUser(ctx, n, 2); err != nil {
			return err
		}
	}
	discontinued := keyOf(shop.KindProduct, sku(listedProducts-1))
	if _, err := w.shop.Products.Delete(ctx, discontinued, command.Latest); err != nil {
		return err
	}
	request := fmt.Sprintf(`{"type":"SYNC_REQUEST","kind":%q,"tenant":%q,"sk":%q}`, shop.KindProduct, app.Tenant, sku(7))
	if _, err := w.shop.SQS.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.shop.Notifications, MessageBody: &request}); err != nil {
		return err
	}
	err := w.settle(ctx, "the new prices", func(ctx context.Context) (bool, error) {
		for n := range 5 {
			p, err := w.product(ctx, sku(n))
			if err != nil || p.Price != int64(1000+n) {
				return false, err
			}
		}
		_, err := w.product(ctx, discontinued.SK)
		return errors.Is(err, errDiscontinued), nil
	})
	w.board.notef("5 prices, %d customers, 1 product; and a price list that the topic's filter kept away", movedCustomers)
	return err
}

func (w *world) changePrice(ctx context.Context, kind, sku string, price int64) error {
	message, err := json.Marshal(map[string]any{
		"type": kind, "id": "supplier/" + sku, "tenant": app.Tenant, "sku": sku, "price": price,
	})
	if err != nil {
		return err
	}
	_, err = w.shop.SNS.Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(w.stack.Output("PriceTopic")), Message: aws.String(string(message)),
		MessageAttributes: map[string]snstypes.MessageAttributeValue{"type": {DataType: aws.String("String"), StringValue: &kind}},
	})
	return err
}
