// Package fulfilment is the way of an order: its stock is reserved and its customer
// told as soon as it is there, a workflow has it paid, and the news that it was shipped
// ends it.
//
// Each step may be taken any number of times and is made once: reservations and
// payments are conditional writes under the order's number, an execution has its name,
// and an order only moves forward.
package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// OrderCreated is a new row of the data table of orders.
type OrderCreated shop.Item[shop.Order]

// EventKey is the order's, whatever record brings it.
func (e OrderCreated) EventKey() string { return e.PK + "/" + e.SK }

// EventTenant is the order's tenant.
func (e OrderCreated) EventTenant() string { return e.TenantCode }

// Creator handles new orders.
type Creator struct {
	inventory *Inventory
	queue     *notifications.Queue
	workflow  *Workflow
	orders    *command.Service[shop.Order]
}

// NewCreator returns the handler.
func NewCreator(
	inventory *Inventory, queue *notifications.Queue, workflow *Workflow, orders *command.Service[shop.Order],
) *Creator {
	return &Creator{inventory, queue, workflow, orders}
}

// Handle reserves the stock and tells the customer, both at once, and then starts the
// workflow. An order of more than there is gets cancelled instead.
func (c *Creator) Handle(ctx context.Context, e OrderCreated) error {
	order := e.Attributes
	reserved, told := inParallel(
		func() error { return c.inventory.Reserve(ctx, e.TenantCode, order) },
		func() error { return c.queue.Send(ctx, orderMail("order-received", e.TenantCode, order, nil)) },
	)
	switch {
	case told != nil:
		return told // what became of the stock stays decided
	case errors.Is(reserved, ErrOutOfStock):
		return c.cancel(ctx, e, reserved.Error())
	case reserved != nil:
		return reserved
	}
	return c.workflow.Start(ctx, e.TenantCode, order)
}

func (c *Creator) cancel(ctx context.Context, e OrderCreated, reason string) error {
	key := cqrs.Key{PK: e.PK, SK: e.SK}
	if err := move(ctx, c.orders, key, shop.Placed, shop.Cancelled, reason); err != nil {
		return err
	}
	return c.queue.Send(ctx, orderMail("order-cancelled", e.TenantCode, e.Attributes, map[string]any{"reason": reason}))
}

// orderMail is a mail about a tenant's order. It has one ID for each template and order.
func orderMail(template, tenant string, order shop.Order, more map[string]any) notifications.Notification {
	data := map[string]any{"number": order.Number, "total": fmt.Sprintf("%d.%02d", order.Total/100, order.Total%100)}
	maps.Copy(data, more)
	return notifications.Notification{
		ID: template + "/" + tenant + "/" + order.Number, Channel: notifications.Email, Recipient: order.Customer,
		TemplateID: template, TemplateData: notifications.Values(data),
	}
}

// inParallel runs both and waits for both. A panic becomes an error: in a goroutine
// of its own nothing else would stop it from ending the process.
func inParallel(one, other func() error) (first, second error) {
	done := make(chan error, 1)
	go func() { done <- recovered(other) }()
	first = recovered(one)
	return first, <-done
}

func recovered(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}
