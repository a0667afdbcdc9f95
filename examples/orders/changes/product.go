package changes

import (
	"context"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// ProductChanged follows the products.
type ProductChanged struct{ followers }

// NewProductChanged makes the handler.
func NewProductChanged(cache *Cache, external *External) *ProductChanged {
	return &ProductChanged{followers{cache, external}}
}

// Handle takes a change of the products' data table.
func (h *ProductChanged) Handle(ctx context.Context, c cqrs.Change[shop.Item[shop.Product]]) error {
	return follow(ctx, &h.followers, c, stateOf)
}
