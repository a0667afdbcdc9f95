package app

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/aws/snsalarm"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/redrive"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// Tenant is whose files and price lists the function takes: a shop for several
// tenants has it in the names of its objects.
const Tenant = "acme"

// Shop is what the handlers share, and what an operator's tools work on. Whoever
// opens it closes it.
type Shop struct {
	Settings
	Clients

	Products *command.Service[shop.Product]
	Orders   *command.Service[shop.Order]

	ProductSync *cqrs.DataSync[shop.Product] // into the read models of products
	OrderSync   *cqrs.DataSync[shop.Order]

	Database *sql.DB
	Failures *sqlstore.Failures
	Objects  *s3store.Store
	Cache    *changes.Cache
	Queue    *notifications.Queue
	Alarms   cqrs.Alarmer
}

// Open makes the shop of its settings. Nothing is called but the database.
func Open(ctx context.Context, s Settings, cfg aws.Config) (*Shop, error) {
	db, err := readmodels.Open(ctx, s.Database)
	if err != nil {
		return nil, fmt.Errorf("the read models' database: %w", err)
	}
	clients := NewClients(cfg)
	o := &Shop{
		Settings: s,
		Clients:  clients,
		Database: db,
		Failures: sqlstore.NewFailures(db),
		Objects:  s3store.New(clients.S3, s.Files),
		Cache:    changes.NewCache(clients.DynamoDB, s.CacheTable),
		Queue:    notifications.NewQueue(clients.SQS, s.Notifications),
		Alarms:   snsalarm.New(clients.SNS, s.AlarmTopic, snsalarm.Environment(s.Stage)),
	}
	progress := dynamostore.NewSync(clients.DynamoDB, s.SyncTable)
	// The stream tries a file again, so the SDK need not: an outage is known at once.
	once := s3.New(clients.S3.Options(), func(o *s3.Options) { o.RetryMaxAttempts = 1 })

	products := dynamostore.NewCommands(clients.DynamoDB, s.ProductTables())
	o.ProductSync = cqrs.NewDataSync(s.ProductTables().Command, progress,
		command.Target[shop.Product](products),
		readmodels.Products(db),
		readmodels.Search(clients.DynamoDB, s.SearchTable, readmodels.ProductText),
		readmodels.Analytics[shop.Product](once, s.Analytics),
	).With(cqrs.SyncAlarm(o.Alarms))
	o.Products = command.New(command.Config[shop.Product]{Store: products, Sync: o.ProductSync})

	orders := dynamostore.NewCommands(clients.DynamoDB, s.OrderTables())
	o.OrderSync = cqrs.NewDataSync(s.OrderTables().Command, progress,
		command.Target[shop.Order](orders),
		readmodels.Orders(db),
		readmodels.Search(clients.DynamoDB, s.SearchTable, readmodels.OrderText),
		readmodels.Analytics[shop.Order](once, s.Analytics),
	).With(cqrs.SyncAlarm(o.Alarms))
	o.Orders = command.New(command.Config[shop.Order]{Store: orders, Sync: o.OrderSync})
	return o, nil
}

// Close closes the database.
func (o *Shop) Close() error { return o.Database.Close() }

// Redriver brings back what has failed for good.
func (o *Shop) Redriver() *redrive.Redriver {
	return redrive.New(o.Failures, sqsqueue.NewSender(o.SQS))
}

// ProductTables are the tables of products.
func (s *Settings) ProductTables() dynamostore.Tables {
	return dynamostore.TablesOf(s.Prefix, "product")
}

// OrderTables are the tables of orders.
func (s *Settings) OrderTables() dynamostore.Tables { return dynamostore.TablesOf(s.Prefix, "order") }
