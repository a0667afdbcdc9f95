package app_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
	"github.com/lambda-cqrs/cqrs/redrive"
)

func (w *world) upload(key, content string) cqrstest.Payload {
	w.t.Helper()
	put, err := w.S3.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: &w.Files, Key: &key, Body: strings.NewReader(content)})
	require.NoError(w.t, err)
	return cqrstest.S3(w.Files, cqrstest.Created(key).ETag(strings.Trim(*put.ETag, `"`)).Size(int64(len(content))))
}

// enter puts a product and an order of it into their tables.
func (w *world) enter(status shop.Status) shop.Order {
	w.t.Helper()
	product, err := shop.ProductKey(app.Tenant, "A-1")
	require.NoError(w.t, err)
	_, err = w.Products.PublishSync(w.t.Context(), cqrs.Command[shop.Product]{
		Key: product, TenantCode: app.Tenant, Attributes: shop.Product{SKU: "A-1", Name: "Chair", Price: 100, Stock: 5},
	})
	require.NoError(w.t, err)
	order := shop.Order{
		Number: "7", Customer: "ann@example.com", Status: status, Total: 300, Lines: []shop.Line{{SKU: "A-1", Quantity: 3, Price: 100}},
	}
	key, err := shop.OrderKey(app.Tenant, order.Number)
	require.NoError(w.t, err)
	_, err = w.Orders.PublishSync(w.t.Context(), cqrs.Command[shop.Order]{Key: key, TenantCode: app.Tenant, Attributes: order})
	require.NoError(w.t, err)
	return order
}

func (w *world) status() shop.Status {
	w.t.Helper()
	key, err := shop.OrderKey(app.Tenant, "7")
	require.NoError(w.t, err)
	order, err := w.Orders.GetVersion(w.t.Context(), key, command.Latest)
	require.NoError(w.t, err)
	return order.Attributes.Status
}

func (w *world) product() shop.Product {
	w.t.Helper()
	key, err := shop.ProductKey(app.Tenant, "A-1")
	require.NoError(w.t, err)
	product, err := w.Products.GetVersion(w.t.Context(), key, command.Latest)
	require.NoError(w.t, err)
	return product.Attributes
}

func (w *world) documents() []uploads.Document {
	w.t.Helper()
	documents, err := uploads.NewDocuments(w.DynamoDB, w.DocumentTable).List(w.t.Context(), w.Files)
	require.NoError(w.t, err)
	return documents
}

// rows are those of a table.
func (w *world) rows(table string) []any {
	w.t.Helper()
	found, err := w.DynamoDB.Scan(w.t.Context(), &dynamodb.ScanInput{TableName: &table})
	require.NoError(w.t, err)
	rows := make([]any, len(found.Items))
	for i, item := range found.Items {
		var row map[string]any
		require.NoError(w.t, attributevalue.UnmarshalMap(item, &row))
		rows[i] = row
	}
	return rows
}

func (w *world) failures() (n int) {
	w.t.Helper()
	for _, err := range w.Failures.List(w.t.Context(), redrive.Filter{Status: redrive.Open}) {
		require.NoError(w.t, err)
		n++
	}
	return n
}

const sms = `{"type":"NOTIFICATION","id":"1","channel":"SMS","recipient":"+4930123456","body":"Hello"}`

// TestFunction: each kind of event has its effect, through all of the application, and
// a second delivery changes nothing.
func TestFunction(t *testing.T) {
	t.Parallel()
	queue := "shop-notifications"
	for name, test := range map[string]struct {
		given func(w *world) cqrstest.Payload
		then  func(w *world)
	}{
		"a notification": {
			func(*world) cqrstest.Payload { return cqrstest.SQS(queue, cqrstest.Body(sms)) },
			func(w *world) {
				letters, err := w.outbox.Letters()
				require.NoError(w.t, err)
				require.Equal(w.t, []notifications.Letter{{Channel: notifications.SMS, To: "+4930123456", Body: "Hello"}}, letters)
				require.Len(w.t, w.rows(w.IdempotencyTable), 1)
			},
		},
		"a request": {
			func(w *world) cqrstest.Payload {
				w.enter(shop.Placed)
				return cqrstest.SQS(queue, cqrstest.Body(`{"type":"SYNC_REQUEST","kind":"PRODUCT","tenant":"acme","sk":"A-1"}`))
			},
			func(w *world) { require.Contains(w.t, w.systems.List(), cqrs.Key{PK: "PRODUCT#acme", SK: "A-1"}) },
		},
		"a dead letter": {
			func(*world) cqrstest.Payload { return cqrstest.SQS("shop-deadletters", cqrstest.Body(sms)) },
			func(w *world) {
				require.Equal(w.t, 1, w.failures())
				letters, err := w.outbox.Letters()
				require.NoError(w.t, err)
				require.Empty(w.t, letters)
			},
		},
		"a price": {
			func(w *world) cqrstest.Payload {
				w.enter(shop.Placed)
				return cqrstest.SNS("prices", cqrstest.Body(`{"type":"PRICE_CHANGED","id":"1","tenant":"acme","sku":"A-1","price":7}`))
			},
			func(w *world) { require.EqualValues(w.t, 7, w.product().Price) },
		},
		"a price list": {
			func(w *world) cqrstest.Payload {
				return w.upload("imports/csv/ä b.csv", "sku,name,price,stock\nA-1,Chair,7,3\n")
			},
			func(w *world) {
				require.Equal(w.t, shop.Product{SKU: "A-1", Name: "Chair", Price: 7, Stock: 3}, w.product())
			},
		},
		"an upload": {
			func(w *world) cqrstest.Payload { return w.upload("uploads/a.csv", "a,b\n") },
			func(w *world) {
				require.Equal(w.t, []uploads.Document{{Key: "uploads/a.csv", Kind: uploads.CSV, Rows: 1, Columns: 2}}, w.documents())
			},
		},
		"a delivery": {
			func(w *world) cqrstest.Payload { return w.upload("partners/logistics/a.csv", "a,b\n") },
			func(w *world) {
				require.Len(w.t, w.documents(), 1)
				require.Equal(w.t, uploads.Partner, w.documents()[0].Kind)
			},
		},
		"a new order": {
			func(w *world) cqrstest.Payload {
				order := w.enter(shop.Placed)
				return cqrstest.Stream(w.OrderTables().Data, cqrstest.Insert(shop.Item[shop.Order]{
					PK: "ORDER#acme", SK: order.Number, Version: 1, TenantCode: "acme", Attributes: order,
				}))
			},
			func(w *world) {
				require.Contains(w.t, w.systems.List(), cqrs.Key{PK: "ORDER#acme", SK: "7"})
				reserved, err := fulfilment.NewInventory(w.DynamoDB, w.InventoryTable, w.Products).Reserved(w.t.Context(), app.Tenant)
				require.NoError(w.t, err)
				require.Equal(w.t, map[string]int64{"A-1": 3}, reserved)
				executions, err := w.SFN.ListExecutions(w.t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &w.OrderMachine})
				require.NoError(w.t, err)
				require.Len(w.t, executions.Executions, 1)
			},
		},
		"an order that changes": {
			func(w *world) cqrstest.Payload {
				before := shop.Item[shop.Order]{PK: "ORDER#acme", SK: "7", Version: 1, TenantCode: "acme"}
				after := before
				after.Version = 2
				return cqrstest.Stream(w.OrderTables().Data, cqrstest.Modify(before, after))
			},
			func(w *world) {
				require.EqualValues(w.t, 2, w.systems.List()[cqrs.Key{PK: "ORDER#acme", SK: "7"}].Version)
			},
		},
		"a new product": {
			func(w *world) cqrstest.Payload {
				return cqrstest.Stream(w.ProductTables().Data, cqrstest.Insert(shop.Item[shop.Product]{PK: "PRODUCT#acme", SK: "A-1", Version: 1}))
			},
			func(w *world) { require.Contains(w.t, w.systems.List(), cqrs.Key{PK: "PRODUCT#acme", SK: "A-1"}) },
		},
		"a new user": {
			func(w *world) cqrstest.Payload {
				return cqrstest.Stream(w.UserTable, cqrstest.Insert(shop.User{PK: "USER#acme", SK: "1", Version: 1}))
			},
			func(w *world) { require.Contains(w.t, w.systems.List(), cqrs.Key{PK: "USER#acme", SK: "1"}) },
		},
		"a command of a product": {
			func(w *world) cqrstest.Payload {
				key, err := shop.ProductKey(app.Tenant, "A-1")
				require.NoError(w.t, err)
				_, err = w.Products.Publish(w.t.Context(), cqrs.Command[shop.Product]{
					Key: key, TenantCode: app.Tenant, Attributes: shop.Product{SKU: "A-1", Name: "Chair", Price: 7},
				})
				require.NoError(w.t, err)
				return cqrstest.Stream(w.ProductTables().Command, cqrstest.Insert(w.rows(w.ProductTables().Command)[0]))
			},
			func(w *world) {
				require.Len(w.t, w.rows(w.ProductTables().Data), 1)
				require.NotEmpty(w.t, w.rows(w.SearchTable))
				var name string
				require.NoError(w.t, w.Database.QueryRowContext(w.t.Context(), "SELECT name FROM products").Scan(&name))
				require.Equal(w.t, "Chair", name)
			},
		},
		"a command of an order": {
			func(w *world) cqrstest.Payload {
				key, err := shop.OrderKey(app.Tenant, "7")
				require.NoError(w.t, err)
				_, err = w.Orders.Publish(w.t.Context(), cqrs.Command[shop.Order]{Key: key, TenantCode: app.Tenant, Attributes: shop.Order{Number: "7"}})
				require.NoError(w.t, err)
				return cqrstest.Stream(w.OrderTables().Command, cqrstest.Insert(w.rows(w.OrderTables().Command)[0]))
			},
			func(w *world) { require.Len(w.t, w.rows(w.OrderTables().Data), 1) },
		},
		"an order that is on its way": {
			func(w *world) cqrstest.Payload {
				w.enter(shop.Paid)
				return cqrstest.EventBridge("com.shop", "Order Shipped", map[string]string{"tenant": "acme", "number": "7"})
			},
			func(w *world) { require.Equal(w.t, shop.Shipped, w.status()) },
		},
		"the time": {
			func(*world) cqrstest.Payload {
				return cqrstest.EventBridge("aws.events", "Scheduled Event", map[string]string{})
			},
			func(w *world) { require.Zero(w.t, w.failures()) },
		},
		"an order to be paid": {
			func(w *world) cqrstest.Payload {
				w.enter(shop.Placed)
				return cqrstest.StepFunction("ORDER_PROCESS", fulfilment.OrderProcess{Tenant: "acme", Number: "7", Customer: "ann@example.com", Total: 300})
			},
			func(w *world) { require.Equal(w.t, shop.Paid, w.status()) },
		},
		"a list to be imported": {
			func(w *world) cqrstest.Payload {
				w.upload("bulk/a.csv", "sku,name,price,stock\nA-1,Chair,7,3\n")
				return cqrstest.StepFunction("CSV_IMPORT", map[string]string{"bucket": w.Files, "key": "bulk/a.csv"})
			},
			func(w *world) { require.EqualValues(w.t, 7, w.product().Price) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			payload := test.given(w)
			for range 2 {
				answer := cqrstest.Invoke(t, w.function, payload)
				require.NoError(t, answer.Err)
				require.Empty(t, answer.Failed)
				test.then(w)
				payload = payload.Again()
			}
		})
	}
}

// TestFunctionOfUnknownRecords: what nobody knows goes to the dead letters and holds
// nothing up; a state machine is told.
func TestFunctionOfUnknownRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, payload := range map[string]cqrstest.Payload{
		"message":  cqrstest.SQS("shop-notifications", cqrstest.Body(`{"type":"FAX"}`)),
		"no JSON":  cqrstest.SQS("shop-notifications", cqrstest.Body(`Hello`)),
		"no id":    cqrstest.SQS("shop-notifications", cqrstest.Body(`{"type":"NOTIFICATION"}`)),
		"no files": cqrstest.S3(w.Files, cqrstest.Created("templates/a.txt")),
	} {
		answer := cqrstest.Invoke(t, w.function, payload)
		require.NoError(t, answer.Err, name)
		require.Empty(t, answer.Failed, name)
	}
	for name, test := range map[string]struct {
		payload cqrstest.Payload
		fails   string
	}{
		"type":  {cqrstest.StepFunction("ORDER_REFUND", map[string]string{"number": "7"}), ""},
		"order": {cqrstest.StepFunction("ORDER_PROCESS", map[string]string{"tenant": "acme", "number": "8", "customer": "ann@example.com"}), "UnknownOrder"},
		"file":  {cqrstest.StepFunction("CSV_IMPORT", map[string]string{"bucket": w.Files, "key": "gone.csv"}), "NoSuchFile"},
	} {
		answer := cqrstest.Invoke(t, w.function, test.payload)
		require.Error(t, answer.Err, name)
		require.NotEmpty(t, answer.ErrorType, name)
		if test.fails != "" {
			require.Equal(t, test.fails, answer.ErrorType)
		}
	}
}

// TestOpenFails where the shop cannot begin, and says why.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "file"), []byte("no database, but long enough to be told from one"), 0o600))
	s := settings(t)
	s.Database = filepath.Join(directory, "file")
	_, err := app.Open(t.Context(), s, aws.Config{})
	require.ErrorContains(t, err, "the read models' database")

	s.Database, s.Outbox = filepath.Join(directory, "shop.db"), filepath.Join(directory, "file", "outbox")
	o, err := app.Open(t.Context(), s, aws.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	_, err = app.Function(o, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "the outbox")
	require.NotNil(t, o.Redriver())
}
