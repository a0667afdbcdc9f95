package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// further tells whether an order of status a has come further than one of status b.
func further(a, b shop.Status) bool {
	way := []shop.Status{shop.Placed, shop.Paid, shop.Shipped}
	return slices.Index(way, a) > slices.Index(way, b)
}

// move publishes an order's next status. An order that has it already, or has gone
// further, stays as it is; one that has not come to from yet is an ordinary error,
// and one that was cancelled a Skip.
func move(
	ctx context.Context, orders *command.Service[shop.Order], key cqrs.Key, from, to shop.Status, reason string,
) error {
	_, err := orders.Update(ctx, key, func(o *cqrs.Command[shop.Order]) error {
		at := o.Attributes.Status
		switch {
		case at == to, to != shop.Cancelled && further(at, to):
			return nil // what is not changed is not written
		case at == shop.Cancelled:
			return cqrs.Skip("the order is cancelled")
		case at != from:
			return fmt.Errorf("order %s is %s, and cannot be %s before it is %s", key.SK, at, to, from)
		}
		o.Attributes.Status, o.Attributes.Reason = to, reason
		return nil
	})
	if errors.Is(err, cqrs.ErrNotFound) {
		return unknownOrder(key, err)
	}
	return err
}

// unknownOrder is the error for an order that there is not.
func unknownOrder(key cqrs.Key, err error) error {
	return cqrs.Named("UnknownOrder", cqrs.Permanent(fmt.Errorf("there is no order %s: %w", key.SK, err)))
}
