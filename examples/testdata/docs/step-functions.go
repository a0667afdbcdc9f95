package docs

import (
	"context"
	"errors"
)

type Receipt struct{ ID string }

type Report struct{ Execution string }

var (
	errSoldOut = errors.New("sold out")
	ship       func(ctx context.Context, id string) (Receipt, error)
)
