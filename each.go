package cqrs

import (
	"context"
	"errors"
	"fmt"
)

// EachResult is what [Each] did. Failed is in the order of the items.
type EachResult[T any] struct {
	Processed int // the skipped ones included
	Failed    []ItemError[T]
}

// ItemError is the failure of one item.
type ItemError[T any] struct {
	Index int
	Item  T
	Err   error
}

// Error does not quote the item.
func (e ItemError[T]) Error() string { return fmt.Sprintf("item %d: %v", e.Index, e.Err) }

// Unwrap returns Err.
func (e ItemError[T]) Unwrap() error { return e.Err }

// Err joins the failures; it is nil where there are none. A handler that
// returns it fails its record; one that returns nil has let the failed items go,
// so it must have put them somewhere.
func (r EachResult[T]) Err() error {
	all := make([]error, len(r.Failed))
	for i, failed := range r.Failed {
		all[i] = failed
	}
	return errors.Join(all...)
}

// Each calls f for one item after the other and goes on where one fails, so a
// bad item does not hold up the good ones. A panic fails its item; [Skip] counts
// as processed. Where ctx ends, the items that are left fail with its cause.
func Each[T any](ctx context.Context, items []T, f func(ctx context.Context, item T) error) EachResult[T] {
	var result EachResult[T]
	for i, item := range items {
		err := context.Cause(ctx)
		if err == nil {
			err = callItem(ctx, item, f)
		}
		if verdict, _ := judge(err); verdict == verdictDone || verdict == verdictSkip {
			result.Processed++
			continue
		}
		result.Failed = append(result.Failed, ItemError[T]{Index: i, Item: item, Err: err})
	}
	return result
}

func callItem[T any](ctx context.Context, item T, f func(context.Context, T) error) (err error) {
	defer recoverTo(&err)
	return f(ctx, item)
}
