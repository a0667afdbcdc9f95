package command_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// order is the aggregate of these tests.
type order struct {
	Total int64             `json:"total"`
	Note  string            `json:"note,omitempty"`
	Ship  *address          `json:"ship,omitempty"`
	Marks map[string]string `json:"marks,omitempty"`
}

type address struct {
	City string `json:"city"`
	Zip  string `json:"zip,omitempty"`
}

func key(sk string) cqrs.Key { return cqrs.Key{PK: "ORDER#acme", SK: sk} }

func newOrder(sk string, total int64) cqrs.Command[order] {
	return cqrs.Command[order]{Key: key(sk), Attributes: order{Total: total}}
}

// counting is a store that counts its calls, and lets a test in before them.
type counting struct {
	command.Store

	mu     sync.Mutex
	calls  []string
	before func(ctx context.Context, call string) error
}

func (c *counting) note(ctx context.Context, call string) error {
	c.mu.Lock()
	c.calls = append(c.calls, call)
	before := c.before
	c.mu.Unlock()
	if before != nil {
		return before(ctx, call)
	}
	return nil
}

func (c *counting) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

func (c *counting) Append(ctx context.Context, row command.Row) error {
	if err := c.note(ctx, "Append"); err != nil {
		return err
	}
	return c.Store.Append(ctx, row)
}

func (c *counting) Commit(ctx context.Context, row command.Row) error {
	if err := c.note(ctx, "Commit"); err != nil {
		return err
	}
	return c.Store.Commit(ctx, row)
}

func (c *counting) Project(ctx context.Context, row command.Row) error {
	if err := c.note(ctx, "Project"); err != nil {
		return err
	}
	return c.Store.Project(ctx, row)
}

func (c *counting) Get(ctx context.Context, k cqrs.Key) (command.Row, error) {
	if err := c.note(ctx, "Get"); err != nil {
		return command.Row{}, err
	}
	return c.Store.Get(ctx, k)
}

func (c *counting) GetCommand(ctx context.Context, k cqrs.Key, version int64) (command.Row, error) {
	if err := c.note(ctx, fmt.Sprint("GetCommand ", version)); err != nil {
		return command.Row{}, err
	}
	return c.Store.GetCommand(ctx, k, version)
}

func newService() (*command.Service[order], *counting) {
	store := &counting{Store: command.NewMemory()}
	return command.New(command.Config[order]{Store: store}), store
}

// readModel is a target without a gate.
type readModel struct {
	mu    sync.Mutex
	state map[cqrs.Key]cqrs.Command[order]
	calls int
	fail  func(c cqrs.Command[order]) error
}

func (m *readModel) Up(_ context.Context, c cqrs.Command[order]) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.fail != nil {
		if err := m.fail(c); err != nil {
			return err
		}
	}
	if m.state == nil {
		m.state = map[cqrs.Key]cqrs.Command[order]{}
	}
	m.state[c.Key] = c
	return nil
}

func (m *readModel) Down(ctx context.Context, c cqrs.Command[order]) error { return m.Up(ctx, c) }

const table = "dev-shop-order-command"
