package app

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/catalog"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
)

// Registry says who handles which event.
func Registry(o *Shop, log *slog.Logger) (*cqrs.Registry, error) {
	mail, messages, err := o.channels(o.Outbox)
	if err != nil {
		return nil, err
	}
	r := cqrs.NewRegistry(cqrs.Log(log))

	alarms := cqrs.NewAlarms(o.Alarms)
	importer := catalog.NewImporter(o.Objects, o.Products, alarms, Tenant)
	cqrs.Register(r, cqrs.Func(importer.Handle))
	cqrs.RegisterFunc(r, catalog.NewPriceUpdater(o.Products).Handle)

	files := uploads.NewProcessor(o.Objects, uploads.NewDocuments(o.DynamoDB, o.DocumentTable))
	cqrs.Register(r, cqrs.Func(files.Handle))
	cqrs.RegisterFunc(r, files.HandlePartner)

	inventory := fulfilment.NewInventory(o.DynamoDB, o.InventoryTable, o.Products)
	payments := fulfilment.NewPayments(o.DynamoDB, o.PaymentTable)
	workflow := fulfilment.NewWorkflow(o.SFN, o.OrderMachine)
	cqrs.RegisterFunc(r, fulfilment.NewCreator(inventory, o.Queue, workflow, o.Orders).Handle)
	cqrs.Register(r, cqrs.Func(fulfilment.NewProcess(payments, o.Orders).Handle))
	cqrs.RegisterFunc(r, fulfilment.NewShipping(o.Orders, o.Queue).Handle)

	templates := notifications.NewTemplates(o.S3, o.Files)
	cqrs.Register(r, cqrs.Func(notifications.NewSender(mail, messages, templates, o.Sender).Handle))
	cqrs.Register(r, cqrs.StoreFailures(o.Failures, o.Alarms), cqrs.RouteName("failures.DeadLetter"))

	external := changes.NewExternal(&http.Client{Timeout: 5 * time.Second}, o.External)
	cqrs.RegisterFunc(r, changes.NewProductChanged(o.Cache, external).Handle, cqrs.RouteName("changes.Product"))
	orders := changes.NewOrderChanged(o.Cache, external)
	cqrs.RegisterFunc(r, orders.Handle, cqrs.RouteName("changes.Order"))
	cqrs.RegisterFunc(r, orders.HandleCreated, cqrs.RouteName("changes.OrderCreated"))
	cqrs.RegisterFunc(r, changes.NewUserChanged(o.Cache, external).Handle, cqrs.RouteName("changes.User"))
	cqrs.RegisterFunc(r, changes.NewRequests(o.Products, o.Orders, external).Handle)

	cqrs.RegisterDataSync(r, o.ProductSync)
	cqrs.RegisterDataSync(r, o.OrderSync)
	cqrs.Register(r, cqrs.Func(readmodels.NewCaretaker(alarms, o.ProductSync, o.OrderSync).Handle))
	return r, nil
}
