package docs

import (
	"context"

	"github.com/lambda-cqrs/cqrs"
)

type Product struct{ Name string }

type OrderFactory struct{ cqrs.DefaultEventFactory }

type stocks interface {
	Reserve(ctx context.Context, id string) error
}

type index interface {
	Upsert(ctx context.Context, p Product) error
	Delete(ctx context.Context, key cqrs.Key) error
}

var (
	stock       stocks
	search      index
	order, paid OrderCreated
)
