package cqrs_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// gateLog is a self-gated target that takes every version in order and notes what
// it is told of its gate.
type gateLog struct {
	keys     []cqrs.SyncKey
	progress []cqrs.Progress
}

func (l *gateLog) Up(ctx context.Context, cmd cqrs.Command[order]) error {
	key, _ := cqrs.SyncKeyFrom(ctx)
	to, _ := cqrs.SyncProgressFrom(ctx)
	if have := int64(len(l.progress)); cmd.Version != have+1 {
		return &cqrs.VersionConflict{Key: cmd.Key, Expected: cmd.Version - 1, Actual: have}
	}
	l.keys, l.progress = append(l.keys, key), append(l.progress, to)
	return nil
}

func (l *gateLog) Down(ctx context.Context, cmd cqrs.Command[order]) error { return l.Up(ctx, cmd) }

// TestHandlerKnowsItsGate: also of the versions that fill a gap, and with the hash
// of what is stored, although the handler's type knows less.
func TestHandlerKnowsItsGate(t *testing.T) {
	t.Parallel()
	first, second := orderRow(t, orderAt("1", 1)), orderAt("1", 2)
	second.Deleted = true
	attributes, err := cqrs.NewImage(map[string]any{"total": 100, "unknown": "kept"})
	require.NoError(t, err)
	first.Attributes = attributes
	source := commandLog{first.Key: {first}}.add(t, second)
	for name, opts := range map[string][]cqrs.TargetOption{
		"store": {cqrs.Sequential()}, "self-gated": {cqrs.Sequential(), cqrs.SelfGated()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := &gateLog{}
			s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", target, opts...)).With(cqrs.SyncSource(source))
			require.NoError(t, s.Apply(t.Context(), second))
			key := cqrs.SyncKey{Table: commandTable, Target: "rds", Tenant: "acme", Key: orderKey("1")}
			require.Equal(t, []cqrs.SyncKey{key, key}, target.keys)
			stored, err := cqrs.ContentHash(first)
			require.NoError(t, err)
			known, err := cqrs.ContentHash(orderAt("1", 1))
			require.NoError(t, err)
			require.NotEqual(t, known, stored)
			deletion, err := cqrs.ContentHash(second)
			require.NoError(t, err)
			require.Equal(t, []cqrs.Progress{{Version: 1, Hash: stored}, {Version: 2, Hash: deletion, Deleted: true}}, target.progress)
		})
	}
}

// conflicting is a handler that lost a race for something else.
type conflicting struct{ calls int }

func (c *conflicting) Up(context.Context, cqrs.Command[order]) error {
	c.calls++
	return &cqrs.VersionConflict{Key: orderKey("another"), Expected: 2, Actual: 1}
}

func (c *conflicting) Down(context.Context, cqrs.Command[order]) error { return nil }

// TestConflictOfAnotherAggregate is a failure like any other, and no gap.
func TestConflictOfAnotherAggregate(t *testing.T) {
	t.Parallel()
	target := &conflicting{}
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", target, cqrs.Sequential(), cqrs.SelfGated()))
	err := s.Apply(t.Context(), orderAt("1", 5))
	require.ErrorIs(t, err, cqrs.ErrVersionConflict)
	require.NotErrorIs(t, err, cqrs.ErrGap)
	require.Equal(t, 1, target.calls)
}

// rowLog takes rows.
type rowLog struct{ gateLog }

func (l *rowLog) SyncRow(ctx context.Context, row cqrs.Command[cqrs.Image]) error {
	return l.Up(ctx, cqrs.Command[order]{Key: row.Key, Version: row.Version})
}

func TestRowHandlerKnowsItsGate(t *testing.T) {
	t.Parallel()
	target := &rowLog{}
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rows", target))
	require.NoError(t, s.Apply(t.Context(), orderAt("1", 1)))
	require.Equal(t, "rows", target.keys[0].Target)
	require.Equal(t, int64(1), target.progress[0].Version)
}

func TestNoGateElsewhere(t *testing.T) {
	t.Parallel()
	_, ok := cqrs.SyncKeyFrom(t.Context())
	require.False(t, ok)
	_, ok = cqrs.SyncProgressFrom(t.Context())
	require.False(t, ok)
}

func TestInOrder(t *testing.T) {
	t.Parallel()
	require.False(t, cqrs.Target("a", &gateLog{}, cqrs.SelfGated()).InOrder())
	require.True(t, cqrs.Target("a", &gateLog{}, cqrs.Sequential()).InOrder())
}

// probe asks for its gate and does nothing.
type probe struct{ ask bool }

func (p *probe) Up(ctx context.Context, _ cqrs.Command[order]) error {
	if p.ask {
		_, _ = cqrs.SyncKeyFrom(ctx)
		_, _ = cqrs.SyncProgressFrom(ctx)
	}
	return nil
}

func (p *probe) Down(context.Context, cqrs.Command[order]) error { return nil }

// TestGateContextAllocs: asking costs nothing.
func TestGateContextAllocs(t *testing.T) {
	target := &probe{}
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", target, cqrs.SelfGated()))
	apply := func() { require.NoError(t, s.Apply(context.Background(), orderAt("1", 1))) }
	unasked := testing.AllocsPerRun(100, apply)
	target.ask = true
	require.InDelta(t, unasked, testing.AllocsPerRun(100, apply), 0)
}
