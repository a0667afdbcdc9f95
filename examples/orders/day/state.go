package day

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// State is the shop in the evening. Two days that went as they should end in equal
// states, whatever went wrong in between.
type State struct {
	Products map[string]Versioned[shop.Product] // by SKU
	Orders   map[string]Versioned[shop.Order]   // by number
	Reserved map[string]int64                   // pieces by SKU
	Paid     map[string]int64                   // cents by order
	Mails    []string                           // the IDs of all notifications
	Files    map[string]string                  // what each upload was taken for
}

// Versioned is the newest version of an aggregate.
type Versioned[A any] struct {
	Version    int64
	Deleted    bool
	Attributes A
}

var errDiscontinued = errors.New("the product is discontinued")

// product reads a product that is not discontinued, as the web shop does: through the
// cache, which must not keep what has changed since.
func (w *world) product(ctx context.Context, sku string) (shop.Product, error) {
	key := keyOf(shop.KindProduct, sku)
	p, err := changes.ReadThrough(ctx, w.shop.Cache, key, func(ctx context.Context) (Versioned[shop.Product], int64, error) {
		c, err := w.shop.Products.Get(ctx, key)
		return Versioned[shop.Product]{c.Version, c.Deleted, c.Attributes}, c.Version, err
	})
	if err == nil && p.Deleted {
		err = fmt.Errorf("%s: %w", sku, errDiscontinued)
	}
	return p.Attributes, err
}

// newest reads the newest version of every aggregate of a kind: the commands, and
// not what has become of them.
func newest[A any](ctx context.Context, s *command.Service[A], kind string) (map[string]Versioned[A], error) {
	all := map[string]Versioned[A]{}
	for data, err := range s.List(ctx, command.Query{PK: shop.Partition(kind, app.Tenant), Deleted: true}) {
		if err != nil {
			return nil, err
		}
		c, err := s.GetVersion(ctx, data.Key, command.Latest)
		if err != nil {
			return nil, err
		}
		all[c.SK] = Versioned[A]{c.Version, c.Deleted, c.Attributes}
	}
	return all, nil
}
