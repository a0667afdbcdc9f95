package changes

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// SyncRequest asks for one thing to be sent to the systems outside once more. It is a
// message of the queue: {"type":"SYNC_REQUEST", …}.
type SyncRequest struct {
	Kind   string `json:"kind"` // PRODUCT or ORDER
	Tenant string `json:"tenant"`
	SK     string `json:"sk"`
}

// EventTenant is whose it is.
func (r SyncRequest) EventTenant() string { return r.Tenant }

// Requests handles such requests.
type Requests struct {
	products *command.Service[shop.Product]
	orders   *command.Service[shop.Order]
	external *External
}

// NewRequests returns the handler.
func NewRequests(
	products *command.Service[shop.Product], orders *command.Service[shop.Order], external *External,
) *Requests {
	return &Requests{products, orders, external}
}

// Handle sends the newest data there are.
func (h *Requests) Handle(ctx context.Context, r SyncRequest) error {
	var message Message
	var err error
	switch r.Kind {
	case shop.KindProduct:
		message, err = read(ctx, h.products, r)
	case shop.KindOrder:
		message, err = read(ctx, h.orders, r)
	default:
		return cqrs.Permanent(fmt.Errorf("%q is neither PRODUCT nor ORDER", r.Kind))
	}
	if errors.Is(err, cqrs.ErrNotFound) {
		return cqrs.Permanent(err)
	}
	if err != nil {
		return err
	}
	return h.external.Send(ctx, message)
}

func read[A any](ctx context.Context, s *command.Service[A], r SyncRequest) (Message, error) {
	key, err := command.NewKey(r.Kind, r.Tenant, r.SK)
	if err != nil {
		return Message{}, cqrs.Permanent(err)
	}
	c, err := s.Get(ctx, key)
	m := Message{Kind: r.Kind, Tenant: r.Tenant, Key: r.SK, Version: c.Version}
	if !c.Deleted {
		m.Value = c.Attributes
	}
	return m, err
}
