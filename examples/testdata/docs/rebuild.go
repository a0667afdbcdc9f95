package docs

import (
	"context"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

type Order struct{ Total int64 }

type readModel struct{}

func (readModel) Has(ctx context.Context, k cqrs.Key) (bool, error) { panic("left out") }

var (
	orders     *command.Service[Order]
	checkpoint command.Checkpoint
	keep       func(ctx context.Context, c command.Checkpoint) error
	report     func(command.RebuildProgress)
	handler    cqrs.DataSyncHandler[Order]
	table      readModel
)
