package changes

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// SyncRequest asks for an aggregate to be sent to the systems outside once more:
//
//	{"type": "SYNC_REQUEST", "kind": "PRODUCT", "tenant": "acme", "sk": "tea"}
type SyncRequest struct {
	Kind   string `json:"kind"`
	Tenant string `json:"tenant"`
	SK     string `json:"sk"`
}

// EventTenant is whose it is.
func (r SyncRequest) EventTenant() string { return r.Tenant }

// Requests sends what is asked for.
type Requests struct {
	products *command.Service[shop.Product]
	orders   *command.Service[shop.Order]
	external *External
}

// NewRequests makes the handler.
func NewRequests(products *command.Service[shop.Product], orders *command.Service[shop.Order], external *External) *Requests {
	return &Requests{products, orders, external}
}

// Handle reads the newest data, which may be newer than what the request was made
// for, and sends it. A kind or an aggregate that does not exist is a permanent error.
func (h *Requests) Handle(ctx context.Context, r SyncRequest) error {
	switch r.Kind {
	case shop.KindProduct:
		return resend(ctx, h.external, h.products, r, shop.ProductKey)
	case shop.KindOrder:
		return resend(ctx, h.external, h.orders, r, shop.OrderKey)
	default:
		return cqrs.Permanent(fmt.Errorf("changes: the kind of a sync request is %q; it has to be %s or %s",
			r.Kind, shop.KindProduct, shop.KindOrder))
	}
}

func resend[A any](
	ctx context.Context, external *External, service *command.Service[A], r SyncRequest,
	keyOf func(tenant, sk string) (cqrs.Key, error),
) error {
	key, err := keyOf(r.Tenant, r.SK)
	if err != nil {
		return err
	}
	data, err := service.Get(ctx, key)
	switch {
	case errors.Is(err, cqrs.ErrNotFound):
		return cqrs.Permanent(err)
	case err != nil:
		return err
	case data.Deleted:
		return external.Delete(ctx, key, data.Version)
	default:
		return external.Put(ctx, key, data.Version, data.Attributes)
	}
}
