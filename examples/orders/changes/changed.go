// Package changes follows what changes in the tables: cached copies are dropped, and
// systems outside of the shop are told, each of the kind of thing that it cares about.
package changes

import (
	"context"
	"fmt"
	"strings"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// change is what all kinds of changes come to.
type change struct {
	key     cqrs.Key
	version int64
	value   any // nil where it is gone
}

// follower drops cached copies and tells the systems outside. An older version never
// wins there, so changes may come twice and in any order.
type follower struct {
	cache    *Cache
	external *External
}

func (f follower) follow(ctx context.Context, c change) error {
	if err := f.cache.Invalidate(ctx, c.key, c.version); err != nil {
		return fmt.Errorf("%s %s cannot be dropped from the cache: %w", c.key.PK, c.key.SK, err)
	}
	kind, tenant, _ := strings.Cut(c.key.PK, "#")
	return f.external.Send(ctx, Message{kind, tenant, c.key.SK, c.version, c.value})
}

// ProductChanged handles changes of products.
type ProductChanged struct{ follower }

// NewProductChanged returns the handler.
func NewProductChanged(cache *Cache, external *External) *ProductChanged {
	return &ProductChanged{follower{cache, external}}
}

// Handle follows a change.
func (h *ProductChanged) Handle(ctx context.Context, c cqrs.Change[shop.Item[shop.Product]]) error {
	return h.follow(ctx, itemChange(c))
}

// OrderChanged handles changes of orders.
type OrderChanged struct{ follower }

// NewOrderChanged returns the handler.
func NewOrderChanged(cache *Cache, external *External) *OrderChanged {
	return &OrderChanged{follower{cache, external}}
}

// Handle follows a change.
func (h *OrderChanged) Handle(ctx context.Context, c cqrs.Change[shop.Item[shop.Order]]) error {
	return h.follow(ctx, itemChange(c))
}

// HandleCreated follows a new order, which is an event of its own.
func (h *OrderChanged) HandleCreated(ctx context.Context, e fulfilment.OrderCreated) error {
	return h.follow(ctx, change{cqrs.Key{PK: e.PK, SK: e.SK}, e.Version, e.Attributes})
}

// UserChanged handles changes of users.
type UserChanged struct{ follower }

// NewUserChanged returns the handler.
func NewUserChanged(cache *Cache, external *External) *UserChanged {
	return &UserChanged{follower{cache, external}}
}

// Handle follows a change.
func (h *UserChanged) Handle(ctx context.Context, c cqrs.Change[shop.User]) error {
	if c.New == nil {
		return h.follow(ctx, change{key: c.Key, version: c.Old.Version + 1})
	}
	return h.follow(ctx, change{c.Key, c.New.Version, *c.New})
}

// itemChange is the change of an aggregate's row. A deleted one keeps its row.
func itemChange[A any](c cqrs.Change[shop.Item[A]]) change {
	switch {
	case c.New == nil:
		return change{key: c.Key, version: c.Old.Version + 1}
	case c.New.Deleted:
		return change{key: c.Key, version: c.New.Version}
	default:
		return change{c.Key, c.New.Version, c.New.Attributes}
	}
}
