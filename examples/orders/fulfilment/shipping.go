package fulfilment

import (
	"context"

	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// OrderShipped is the event "Order Shipped" of com.shop: its detail.
type OrderShipped struct {
	Tenant string `json:"tenant"`
	Number string `json:"number"`
}

// EventKey is the order's: two events about it are one.
func (e OrderShipped) EventKey() string { return e.Number }

// EventTenant is the order's tenant.
func (e OrderShipped) EventTenant() string { return e.Tenant }

// Shipping handles orders that were shipped.
type Shipping struct {
	orders *command.Service[shop.Order]
	queue  *notifications.Queue
}

// NewShipping returns the handler.
func NewShipping(orders *command.Service[shop.Order], queue *notifications.Queue) *Shipping {
	return &Shipping{orders, queue}
}

// Handle ends the order and tells the customer.
func (s *Shipping) Handle(ctx context.Context, e OrderShipped) error {
	key, err := shop.OrderKey(e.Tenant, e.Number)
	if err != nil {
		return err
	}
	if err := move(ctx, s.orders, key, shop.Paid, shop.Shipped, ""); err != nil {
		return err
	}
	order, err := s.orders.GetVersion(ctx, key, command.Latest)
	if err != nil {
		return err
	}
	return s.queue.Send(ctx, orderMail("order-shipped", e.Tenant, order.Attributes, nil))
}
