package docs

import (
	"context"

	"github.com/lambda-cqrs/cqrs/command"
)

type Order struct{ Total int64 }

var (
	orders     *command.Service[Order]
	checkpoint command.Checkpoint
	keep       func(ctx context.Context, c command.Checkpoint) error
	report     func(command.RebuildProgress)
)
