package cqrs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// shop is durable: commands, gates and three read models.
type shop struct {
	commands command.Store
	gates    cqrs.SyncStore

	mu       sync.Mutex
	snapshot cqrs.Command[order]   // the last that was written
	deltas   int64                 // the highest version whose turn it was
	skipped  bool                  // a version came before the one below it
	gated    []cqrs.Command[order] // what a conditional write let through
}

func newShop() *shop { return &shop{commands: command.NewMemory(), gates: cqrs.NewMemorySync()} }

// syncModel is a read model whose write is one effect.
type syncModel struct {
	p     *cqrstest.Process
	name  string
	write func(cmd cqrs.Command[order]) error
}

func (m syncModel) Up(ctx context.Context, cmd cqrs.Command[order]) error {
	return m.p.Effect(ctx, fmt.Sprintf("%s version %d", m.name, cmd.Version), func() error { return m.write(cmd) })
}

func (m syncModel) Down(ctx context.Context, cmd cqrs.Command[order]) error { return m.Up(ctx, cmd) }

func (s *shop) writeSnapshot(cmd cqrs.Command[order]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshot = cmd
	return nil
}

func (s *shop) writeDelta(cmd cqrs.Command[order]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skipped = s.skipped || cmd.Version > s.deltas+1
	s.deltas = max(s.deltas, cmd.Version)
	return nil
}

func (s *shop) writeGated(cmd cqrs.Command[order]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.gated); n > 0 && s.gated[n-1].Version >= cmd.Version {
		return cqrs.Skip("stale")
	}
	s.gated = append(s.gated, cmd)
	return nil
}

// commits makes the writes of a command store effects.
type commits struct {
	command.Store

	p *cqrstest.Process
}

func (c commits) Append(ctx context.Context, row command.Row) error {
	return c.p.Effect(ctx, fmt.Sprintf("append version %d", row.Version), func() error { return c.Store.Append(ctx, row) })
}

func (c commits) Commit(ctx context.Context, row command.Row) error {
	return c.p.Effect(ctx, fmt.Sprintf("commit version %d", row.Version), func() error { return c.Store.Commit(ctx, row) })
}

// publishAndStream publishes versions, in turn into read models and to the stream
// alone, each under the caller's request id, and then delivers the stream.
func publishAndStream(versions int64) cqrstest.Scenario[*shop] {
	return cqrstest.Scenario[*shop]{
		State: newShop,
		Pairs: 20,
		Work: func(ctx context.Context, p *cqrstest.Process, s *shop) error {
			sync := cqrs.NewDataSync(commandTable, p.Sync(s.gates),
				cqrs.Target("snapshot", syncModel{p, "snapshot", s.writeSnapshot}),
				cqrs.Target("deltas", syncModel{p, "deltas", s.writeDelta}, cqrs.Sequential()),
				cqrs.Target("gated", syncModel{p, "gated", s.writeGated}, cqrs.SelfGated()),
			)
			orders := command.New(command.Config[order]{Store: commits{s.commands, p}, Sync: sync})
			for version := range versions {
				publish := orders.PublishSync
				if version%2 == 1 {
					publish = orders.Publish
				}
				c := cqrs.Command[order]{
					Key: orderKey("1"), Version: version, RequestID: fmt.Sprint("request ", version), Attributes: order{Total: 10 * (version + 1)},
				}
				if _, err := publish(ctx, c); err != nil {
					return err
				}
			}
			return s.stream(ctx, sync, versions)
		},
		End: func(s *shop) any {
			s.mu.Lock()
			defer s.mu.Unlock()
			var gated []int64
			for _, cmd := range s.gated {
				gated = append(gated, cmd.Attributes.Total)
			}
			parked := 0
			for range s.gates.List(context.Background(), commandTable, "") {
				parked++
			}
			return map[string]any{
				"snapshot": s.snapshot.Attributes.Total, "deltas": s.deltas, "skipped": s.skipped,
				"gated": gated[len(gated)-1], "parked": parked,
			}
		},
	}
}

// stream delivers what the command table has got.
func (s *shop) stream(ctx context.Context, sync *cqrs.DataSync[order], versions int64) error {
	registry := cqrs.NewRegistry()
	cqrs.RegisterDataSync(registry, sync)
	d, err := cqrs.New(cqrs.Config{Registry: registry, Logger: quiet()})
	if err != nil {
		return err
	}
	var changes []cqrstest.Change
	for version := int64(1); version <= versions; version++ {
		row, err := s.commands.GetCommand(ctx, orderKey("1"), version)
		if err != nil {
			return err
		}
		row.Key = row.Key.At(version)
		item, err := cqrs.EncodeRow(row)
		if err != nil {
			return err
		}
		changes = append(changes, cqrstest.Insert(item).Keys("pk", "sk"))
	}
	text, err := json.Marshal(cqrstest.Stream(commandTable, changes...))
	if err != nil {
		return err
	}
	answer, err := d.Invoke(ctx, text)
	if err == nil && string(answer) != `{"batchItemFailures":[]}` {
		err = fmt.Errorf("the stream comes again: %s", answer)
	}
	return err
}

// TestExploreDataSync: whatever crashes or overtakes, all read models come to hold
// the newest version, and nothing is parked.
func TestExploreDataSync(t *testing.T) {
	t.Parallel()
	for _, versions := range []int64{1, 3} {
		t.Run(fmt.Sprint(versions), func(t *testing.T) {
			t.Parallel()
			cqrstest.Explore(t, publishAndStream(versions))
		})
	}
}
