package changes

import (
	"context"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// followers are what follows the data, of whatever kind those are.
type followers struct {
	cache    *Cache
	external *External
}

// state is what a change has come to.
type state struct {
	key     cqrs.Key
	version int64
	gone    bool
	body    any // for the systems outside
}

// put and remove make what is cached invalid, and then tell the systems outside:
// whoever hears of a change from them and asks the shop is told what it is now.
func (f *followers) put(ctx context.Context, s state) error {
	if err := f.cache.Invalidate(ctx, s.key, s.version); err != nil {
		return err
	}
	if s.gone {
		return f.external.Delete(ctx, s.key, s.version)
	}
	return f.external.Put(ctx, s.key, s.version, s.body)
}

// remove is for an item that is not there any more, by its time to live or by hand.
// It was the last of its version, so nothing of that is to be cached either.
func (f *followers) remove(ctx context.Context, s state) error {
	if err := f.cache.Invalidate(ctx, s.key, s.version+1); err != nil {
		return err
	}
	return f.external.Delete(ctx, s.key, s.version)
}

// follow is what the handlers of all kinds have in common: of says what an item is to
// those who follow it.
func follow[T any](ctx context.Context, f *followers, c cqrs.Change[T], of func(T) state) error {
	switch {
	case c.New != nil:
		return f.put(ctx, of(*c.New))
	case c.Old != nil:
		return f.remove(ctx, of(*c.Old))
	default:
		return cqrs.Permanent(fmt.Errorf("changes: %s %s was removed, and the stream does not say at which version: "+
			"its view type has to be NEW_AND_OLD_IMAGES: %w", c.Key.PK, c.Key.SK, cqrs.ErrNoImage))
	}
}

// stateOf is the state of an aggregate.
func stateOf[A any](item shop.Item[A]) state {
	return state{key: cqrs.Key{PK: item.PK, SK: item.SK}, version: item.Version, gone: item.Deleted, body: item.Attributes}
}
