package changes

import (
	"context"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// OrderChanged follows the orders.
type OrderChanged struct{ followers }

// NewOrderChanged makes the handler.
func NewOrderChanged(cache *Cache, external *External) *OrderChanged {
	return &OrderChanged{followers{cache, external}}
}

// Handle takes a change of the orders' data table.
func (h *OrderChanged) Handle(ctx context.Context, c cqrs.Change[shop.Item[shop.Order]]) error {
	return follow(ctx, &h.followers, c, stateOf)
}

// HandleCreated takes an order that was inserted, where that is an event of its own
// and so no change.
func (h *OrderChanged) HandleCreated(ctx context.Context, e fulfilment.OrderCreated) error {
	return h.put(ctx, stateOf(shop.Item[shop.Order](e)))
}
