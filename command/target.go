package command

import (
	"context"
	"errors"
	"iter"

	"github.com/lambda-cqrs/cqrs"
)

// TargetData is the name of the target that [Target] makes.
const TargetData = "data"

// Target is the read model that comes with the commands: it writes the data and
// history tables. Its gate is in the write itself. It keeps rows as they are:
// attributes that A does not know survive, and those in blobs stay there.
func Target[A any](s Store) cqrs.SyncTarget[A] {
	if s == nil {
		panic("command: Target needs a store")
	}
	return cqrs.Target[A](TargetData, &projection[A]{Store: s}, cqrs.SelfGated())
}

type projection[A any] struct{ Store }

var (
	_ cqrs.RowSyncHandler = (*projection[any])(nil)
	_ cqrs.SyncProber     = (*projection[any])(nil)
	_ cqrs.SyncWalker     = (*projection[any])(nil)
	_ cqrs.CommandSource  = (*projection[any])(nil)
)

// SyncRow writes the row, whether it changes or deletes.
func (p *projection[A]) SyncRow(ctx context.Context, row cqrs.Command[cqrs.Image]) error {
	return p.Project(ctx, row)
}

// Up writes a command that is no row yet.
func (p *projection[A]) Up(ctx context.Context, cmd cqrs.Command[A]) error {
	row, err := cqrs.RowOf(cmd)
	if err != nil {
		return err
	}
	return p.Project(ctx, row)
}

// Down is Up: a deletion is kept as a tombstone.
func (p *projection[A]) Down(ctx context.Context, cmd cqrs.Command[A]) error { return p.Up(ctx, cmd) }

// Applied reads the data.
func (p *projection[A]) Applied(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	row, err := p.Get(ctx, k.Key)
	if errors.Is(err, cqrs.ErrNotFound) {
		return cqrs.Progress{}, nil
	}
	if err != nil {
		return cqrs.Progress{}, err
	}
	progress := cqrs.Progress{Version: row.Version, Deleted: row.Deleted}
	if _, offloaded := cqrs.Offloaded(row); !offloaded {
		progress.Hash, err = cqrs.ContentHash(row)
	}
	return progress, err
}

// Walk lists the data.
func (p *projection[A]) Walk(ctx context.Context, table, target string) iter.Seq2[cqrs.SyncKey, error] {
	return func(yield func(cqrs.SyncKey, error) bool) {
		for row, err := range scanAll(ctx, p.Store, Page{}) {
			_, tenant, _ := row.CutTenant()
			if !yield(cqrs.SyncKey{Table: table, Target: target, Tenant: tenant, Key: row.Key}, err) || err != nil {
				return
			}
		}
	}
}

// scanAll walks one segment to its end.
func scanAll(ctx context.Context, s Store, p Page) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for {
			rows, next, err := s.Scan(ctx, p)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			p.Cursor = next
		}
	}
}
