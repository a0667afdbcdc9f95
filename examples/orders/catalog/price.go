package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// PriceChanged is what a supplier announces on the topic of prices.
type PriceChanged struct {
	ID     string `json:"id"` // of the announcement
	Tenant string `json:"tenant"`
	SKU    string `json:"sku"`
	Price  int64  `json:"price"` // in cents
}

// EventKey is the announcement's ID.
func (p PriceChanged) EventKey() string { return p.ID }

// EventTenant is whose product it is.
func (p PriceChanged) EventTenant() string { return p.Tenant }

// PriceUpdater handles announcements.
type PriceUpdater struct {
	products *command.Service[shop.Product]
}

// NewPriceUpdater returns the handler.
func NewPriceUpdater(products *command.Service[shop.Product]) *PriceUpdater {
	return &PriceUpdater{products}
}

// Handle publishes the new price.
func (u *PriceUpdater) Handle(ctx context.Context, p PriceChanged) error {
	key, err := shop.ProductKey(p.Tenant, p.SKU)
	if err != nil {
		return err
	}
	_, err = u.products.Update(ctx, key, func(c *cqrs.Command[shop.Product]) error {
		if c.Deleted {
			return cqrs.Skip("the product is discontinued")
		}
		c.Attributes.Price = p.Price
		c.RequestID = "price/" + p.ID
		return cqrs.Permanent(c.Attributes.Validate())
	})
	if errors.Is(err, cqrs.ErrNotFound) {
		return cqrs.Permanent(fmt.Errorf("a price for %s, which there is not: %w", p.SKU, err))
	}
	return err
}
