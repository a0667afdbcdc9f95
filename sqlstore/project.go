package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"slices"

	"github.com/lambda-cqrs/cqrs"
)

// Projection writes what one version does to a read model, through tx and nothing
// else. It neither commits nor rolls back, nor keeps tx. [Tx] returns it too.
type Projection[A any] = func(ctx context.Context, tx *sql.Tx, cmd cqrs.Command[A]) error

// Project makes a target whose gate, a row of cqrs_progress, commits in one
// transaction with what up and down write, so each version takes effect exactly
// once, whatever is delivered again, overtakes, crashes or runs beside it:
//
//		sqlstore.Project(db, "rds", up, down)
//
//	  - up is called for what was created or changed, down for what was deleted, under
//	    the same gate; the deletion leaves a tombstone in it. nil and cqrs.Skip commit.
//	  - An error or a panic rolls back both, and the version comes again.
//	  - By default each version carries the full state: what is newer is applied,
//	    whatever is missing before it. With cqrs.Sequential every version is applied
//	    exactly in order, 1, 2, 3, …; what is missing is read from the source.
//	  - A version that the target has with other content is a *cqrs.DivergenceError,
//	    and is applied only where cqrs.ReplacesEqual.
//
// Workers that have versions of one aggregate at once wait for each other in the
// database, at most as long as their contexts; what then is not newer is skipped.
// A version costs a transaction with one statement besides those of the handler; a
// stale one or a duplicate two statements.
//
// The target keeps its own progress (cqrs.SelfGated) and can be verified, with
// cqrs.Presence also against rows that were removed by hand; the SyncStore of its
// DataSync is left with what is parked. It panics where db, up or
// down is nil, and where cqrs.Target does.
func Project[A any](db *sql.DB, name string, up, down Projection[A], opts ...cqrs.TargetOption) cqrs.SyncTarget[A] {
	switch {
	case db == nil:
		panic("sqlstore: Project needs a database, not nil")
	case up == nil || down == nil:
		panic("sqlstore: Project needs two functions, one for what is changed and one for what is deleted")
	}
	p := &projection[A]{db: db, up: up, down: down}
	target := cqrs.Target(name, p, append(slices.Clip(opts), cqrs.SelfGated())...)
	p.inOrder = target.InOrder()
	return target
}

type projection[A any] struct {
	db       *sql.DB
	up, down Projection[A]
	inOrder  bool
}

var (
	_ cqrs.DataSyncHandler[any] = (*projection[any])(nil)
	_ cqrs.SyncProber           = (*projection[any])(nil)
	_ cqrs.SyncWalker           = (*projection[any])(nil)
)

// Up implements cqrs.DataSyncHandler.
func (p *projection[A]) Up(ctx context.Context, cmd cqrs.Command[A]) error {
	return p.apply(ctx, cmd, p.up)
}

// Down implements cqrs.DataSyncHandler.
func (p *projection[A]) Down(ctx context.Context, cmd cqrs.Command[A]) error {
	return p.apply(ctx, cmd, p.down)
}

func (p *projection[A]) apply(ctx context.Context, cmd cqrs.Command[A], write Projection[A]) error {
	k, to, err := gateOf(ctx)
	if err != nil {
		return err
	}
	return inTx(ctx, p.db, func(tx *sql.Tx) error {
		if err := pass(ctx, tx, k, to, p.inOrder); err != nil {
			return err
		}
		err := write(context.WithValue(ctx, txKey{}, tx), tx, cmd)
		if cqrs.IsSkip(err) {
			return nil // the handler has nothing to do for this version, which is done
		}
		return err
	})
}

// gateOf returns the gate that a DataSync calls a handler for.
func gateOf(ctx context.Context) (cqrs.SyncKey, cqrs.Progress, error) {
	k, ok := cqrs.SyncKeyFrom(ctx)
	if !ok {
		return k, cqrs.Progress{}, cqrs.Permanent(errors.New("sqlstore: a target is called by its cqrs.DataSync, which knows its gate"))
	}
	to, _ := cqrs.SyncProgressFrom(ctx)
	return k, to, nil
}

// Applied implements cqrs.SyncProber.
func (p *projection[A]) Applied(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	return loadProgress(ctx, p.db, k)
}

// Walk implements cqrs.SyncWalker.
func (p *projection[A]) Walk(ctx context.Context, table, target string) iter.Seq2[cqrs.SyncKey, error] {
	return walkProgress(ctx, p.db, table, target)
}
