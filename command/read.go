package command

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Get reads the data: the newest version that has been projected, also where
// that is a deletion (Deleted). The error for an aggregate that does not exist,
// or whose time to live is over, matches cqrs.ErrNotFound. The read is consistent
// and costs one request.
func (s *Service[A]) Get(ctx context.Context, k cqrs.Key) (cqrs.Command[A], error) {
	if err := s.confineKey(ctx, k); err != nil {
		return cqrs.Command[A]{}, err
	}
	row, err := s.store.Get(ctx, k)
	if err == nil && expired(row) {
		err = NotFound(k)
	}
	if err != nil {
		return cqrs.Command[A]{}, err
	}
	return s.decode(ctx, row)
}

// GetVersion reads one version from the commands, or, where its time to live is
// over, from the history; [Latest] is the newest one, projected or not.
func (s *Service[A]) GetVersion(ctx context.Context, k cqrs.Key, version int64) (cqrs.Command[A], error) {
	if err := s.confineKey(ctx, k); err != nil {
		return cqrs.Command[A]{}, err
	}
	var (
		row Row
		err error
	)
	if version == Latest {
		row, err = s.latest(ctx, k)
	} else if row, err = s.store.GetCommand(ctx, k, version); errors.Is(err, cqrs.ErrNotFound) {
		for kept, failed := range s.store.History(ctx, k, version-1) {
			if failed != nil || kept.Version == version {
				row, err = kept, failed
			}
			break
		}
	}
	if err != nil {
		return cqrs.Command[A]{}, err
	}
	return s.decode(ctx, row)
}

// Await reads the data until they have the version: one's own writes. It asks in
// growing intervals, from 20 ms to half a second, until the context ends; then
// the error wraps the context's.
func (s *Service[A]) Await(ctx context.Context, k cqrs.Key, version int64) (cqrs.Command[A], error) {
	if err := s.confineKey(ctx, k); err != nil {
		return cqrs.Command[A]{}, err
	}
	for wait := 20 * time.Millisecond; ; wait = min(wait*3/2, 500*time.Millisecond) {
		row, err := s.store.Get(ctx, k)
		if err == nil && row.Version >= version {
			return s.decode(ctx, row)
		}
		if err != nil && !errors.Is(err, cqrs.ErrNotFound) {
			return cqrs.Command[A]{}, err
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return cqrs.Command[A]{}, fmt.Errorf("command: %s %s is at version %d, not yet at %d: %w",
				k.PK, k.SK, row.Version, version, ctx.Err())
		case <-t.C:
		}
	}
}

// List reads the data of one type and tenant, page by page as it is walked, in
// the order of the sort keys. An error ends it. Deleted aggregates are left out
// unless the query wants them, and so are those whose time to live is over.
func (s *Service[A]) List(ctx context.Context, q Query) iter.Seq2[cqrs.Command[A], error] {
	return func(yield func(cqrs.Command[A], error) bool) {
		if err := s.confineQuery(ctx, q); err != nil {
			yield(cqrs.Command[A]{}, err)
			return
		}
		for row, err := range s.store.List(ctx, q) {
			if err == nil && expired(row) {
				continue
			}
			if !s.yield(ctx, row, err, yield) {
				return
			}
		}
	}
}

// History reads the versions that are kept in the history, from the first to the
// newest that has been projected. An error ends it.
func (s *Service[A]) History(ctx context.Context, k cqrs.Key) iter.Seq2[cqrs.Command[A], error] {
	return func(yield func(cqrs.Command[A], error) bool) {
		if err := s.confineKey(ctx, k); err != nil {
			yield(cqrs.Command[A]{}, err)
			return
		}
		for row, err := range s.store.History(ctx, k, 0) {
			if !s.yield(ctx, row, err, yield) {
				return
			}
		}
	}
}

func (s *Service[A]) yield(ctx context.Context, row Row, err error, yield func(cqrs.Command[A], error) bool) bool {
	var c cqrs.Command[A]
	if err == nil {
		c, err = s.decode(ctx, row)
	}
	return yield(c, err) && err == nil
}

// decode makes a command of a row that was read, and remembers it.
func (s *Service[A]) decode(ctx context.Context, row Row) (cqrs.Command[A], error) {
	row, err := s.source.Resolve(ctx, row)
	if err != nil {
		return cqrs.Command[A]{}, err
	}
	if _, err := s.learn(row); err != nil {
		return cqrs.Command[A]{}, err
	}
	if row, err = s.schema.Upcast(row); err != nil {
		return cqrs.Command[A]{}, err
	}
	return cqrs.CommandOf[A](row)
}

// confineKey is for reading: a key of another form, from before there were rules,
// is read all the same, unless a tenant cannot be told from it.
func (s *Service[A]) confineKey(ctx context.Context, k cqrs.Key) error {
	_, tenant, _ := k.CutTenant()
	return s.confine(ctx, tenant)
}

func (s *Service[A]) confineQuery(ctx context.Context, q Query) error {
	if q.PK == "" {
		return cqrs.Permanent(errors.New("command: a query needs the whole partition key, TYPE#tenant"))
	}
	if q.Prefix != "" && (q.From != "" || q.To != "") {
		return cqrs.Permanent(errors.New("command: a query has a prefix or bounds, not both"))
	}
	return s.confineKey(ctx, cqrs.Key{PK: q.PK})
}
