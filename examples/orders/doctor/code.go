package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/aws/sfntask"
	"github.com/lambda-cqrs/cqrs/aws/snsalarm"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
	"github.com/lambda-cqrs/cqrs/doctor"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
)

// code is the function as it would be in that environment, but with a database of
// its own: nothing is called.
func code(variable func(name string) string) (doctor.Code, error) {
	settings, err := app.SettingsFrom(variable)
	if err != nil {
		return doctor.Code{}, err
	}
	directory, err := os.MkdirTemp("", "doctor")
	if err != nil {
		return doctor.Code{}, err
	}
	settings.Database = filepath.Join(directory, "shop.db")
	o, err := app.Open(context.Background(), settings, aws.Config{Region: "us-east-1"})
	if err != nil {
		return doctor.Code{}, errors.Join(err, os.RemoveAll(directory))
	}
	config, err := app.Function(o, slog.New(slog.DiscardHandler))
	return doctor.Code{
		Config:           config,
		Variables:        app.Variables(),
		IdempotencyTable: settings.IdempotencyTable,
		SyncTable:        settings.SyncTable,
		Calls:            calls(&settings),
	}, errors.Join(err, o.Close(), os.RemoveAll(directory))
}

// calls are what the function asks of AWS: by the ports of its parts, and by name
// where a transaction or a tool for operators makes the difference.
func calls(s *app.Settings) []doctor.Call {
	products, orders := s.ProductTables(), s.OrderTables()
	machines := "arn:*:states:*:*:stateMachine:" + s.Prefix + "-*"
	return []doctor.Call{
		// It publishes, and the stream projects; PublishSync and rebuilds are not its.
		doctor.CallsOf[dynamostore.CommandsClient]("dynamodb",
			doctor.TableARNs(products.Command, products.Data, products.History, orders.Command, orders.Data, orders.History)...).
			Without("dynamodb:Scan"),
		doctor.Calls(doctor.TableARNs(s.SyncTable), "dynamodb:PutItem", "dynamodb:DeleteItem"), // parks in transactions
		doctor.CallsOf[dynamostore.SyncClient]("dynamodb", doctor.TableARNs(s.SyncTable)...).Without("dynamodb:Scan"),
		doctor.CallsOf[dynamostore.IdempotencyClient]("dynamodb", doctor.TableARNs(s.IdempotencyTable)...),
		doctor.CallsOf[sfntask.Client]("states", machines),
		doctor.CallsOf[snsalarm.Client]("sns", s.AlarmTopic),
		doctor.CallsOf[sqsqueue.SendClient]("sqs", doctor.QueueARNs(s.DeadLetters)...),
		doctor.Calls(doctor.QueueARNs(s.Notifications, s.DeadLetters), "sqs:ChangeMessageVisibility"), // the Redeliverer
		doctor.CallsOf[s3store.Client]("s3", doctor.ObjectARNs(s.Files)...).Without("s3:PutObject", "s3:DeleteObject"),
		doctor.Calls([]string{"arn:*:s3:::" + s.Files}, "s3:ListBucket"), // or else what is gone is forbidden

		doctor.CallsOf[uploads.DocumentClient]("dynamodb", doctor.TableARNs(s.DocumentTable)...).Without("dynamodb:Query"),
		doctor.Calls(doctor.TableARNs(s.InventoryTable), "dynamodb:PutItem", "dynamodb:UpdateItem"), // reserves in transactions
		doctor.CallsOf[fulfilment.PaymentClient]("dynamodb", doctor.TableARNs(s.PaymentTable)...).Without("dynamodb:Query"),
		doctor.CallsOf[fulfilment.WorkflowClient]("states", s.OrderMachine),
		doctor.CallsOf[notifications.QueueClient]("sqs", doctor.QueueARNs(s.Notifications)...),
		doctor.CallsOf[notifications.TemplateClient]("s3", doctor.ObjectARNs(s.Files)...),
		doctor.CallsOf[notifications.Mailer]("ses", "arn:*:ses:*:*:identity/*"),
		doctor.CallsOf[notifications.Messenger]("sns", doctor.PhoneNumbers, "arn:*:sns:*:*:endpoint/*"),
		doctor.CallsOf[readmodels.AnalyticsClient]("s3", doctor.ObjectARNs(s.Analytics)...),
		doctor.Calls(doctor.TableARNs(s.SearchTable, s.CacheTable), "dynamodb:PutItem"),
	}
}
