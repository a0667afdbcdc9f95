package docs

import "context"

type Order struct{ Total int64 }

type Line struct{ SKU string }

type Payment struct{ ID string }

var (
	table string
	book  func(ctx context.Context, p Payment) error
)
