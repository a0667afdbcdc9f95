package day

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
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

// product reads a product that is not discontinued.
func (w *world) product(ctx context.Context, sku string) (cqrs.Command[shop.Product], error) {
	key, err := shop.ProductKey(app.Tenant, sku)
	if err != nil {
		return cqrs.Command[shop.Product]{}, err
	}
	p, err := w.shop.Products.Get(ctx, key)
	if err == nil && p.Deleted {
		err = fmt.Errorf("%s: %w", sku, errDiscontinued)
	}
	return p, err
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
