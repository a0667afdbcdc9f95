package cqrstest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func TestCommandStore(t *testing.T) {
	t.Parallel()
	cqrstest.CommandStore(t, command.NewMemory)
	t.Run("wrapped", func(t *testing.T) {
		t.Parallel()
		cqrstest.CommandStore(t, func(*testing.T) command.Store { return passing{command.NewMemory()} })
	})
}

// passing is a store that adds nothing: the suite asks for the interface alone.
type passing struct{ command.Store }

func (p passing) Append(ctx context.Context, row command.Row) error {
	return p.Store.Append(ctx, row)
}

func TestMemorySync(t *testing.T) {
	t.Parallel()
	cqrstest.SyncStore(t, cqrs.NewMemorySync)
	require.Implements(t, (*cqrs.SyncClaimer)(nil), cqrs.NewMemorySync())
}
