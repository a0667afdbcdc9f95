package cqrs_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// TestIdempotentLease: 0 left is a value; only no deadline at all is unknown.
func TestIdempotentLease(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		left    time.Duration // of the context; negative: no deadline
		opts    []cqrs.IdempotencyOption
		lease   time.Duration
		expires time.Duration
		ends    time.Duration // of the handler's context
	}{
		{"until the deadline", 30 * time.Second, nil, 30 * time.Second, time.Hour, 30 * time.Second},
		{"nothing left", 0, nil, 0, time.Hour, 0},
		{"no deadline", -1, nil, 15 * time.Minute, time.Hour, 15 * time.Minute},
		{
			"longer than the deadline", 30 * time.Second,
			[]cqrs.IdempotencyOption{cqrs.IdempotencyLease(time.Hour), cqrs.IdempotencyTTL(time.Minute)},
			time.Hour, time.Hour, 30 * time.Second,
		},
		{
			"shorter than the deadline", 30 * time.Second,
			[]cqrs.IdempotencyOption{cqrs.IdempotencyLease(time.Second)},
			time.Second, time.Hour, time.Second,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, store, start := t.Context(), newSpy(), time.Now()
				if test.left >= 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithDeadline(ctx, start.Add(test.left))
					defer cancel()
				}
				store.answers["acquire"] = []error{nil, nil}
				store.after = func(context.Context, string) {}
				_, _ = guarded(ctx, cqrs.Idempotent(store, test.opts...), "k", func(ctx context.Context) (any, error) {
					deadline, ok := ctx.Deadline()
					require.True(t, ok)
					require.Equal(t, test.ends, deadline.Sub(start))
					return nil, nil
				})
				require.Equal(t, test.lease, store.claims[0].LeaseUntil.Sub(start))
				require.Equal(t, test.expires, store.claims[0].ExpiresAt.Sub(start))
			})
		})
	}
}

// TestIdempotentLeaseOfAnInvocation: the handlers' context ends earlier, and a
// handler may overrun it until the process is killed.
func TestIdempotentLeaseOfAnInvocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, start := newSpy(), time.Now()
		d := taskHandler(t, func(ctx context.Context, _ task) (any, error) {
			deadline, _ := ctx.Deadline()
			require.Equal(t, 50*time.Second, deadline.Sub(start))
			return nil, nil
		}, cqrs.Config{Reserve: 10 * time.Second, Policy: cqrs.Policy{Idempotency: store}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := d.Invoke(ctx, sqsBatch(t, queueARN, todo("1", "")))
		require.NoError(t, err)
		require.Equal(t, time.Minute, store.claims[0].LeaseUntil.Sub(start))
	})
}

// TestIdempotentLeaseEnds: the run that goes on is told so, and cannot overwrite
// its successor.
func TestIdempotentLeaseEnds(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]error{"late success": nil, "late failure": errRefused} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mw := cqrs.Idempotent(cqrs.NewMemoryIdempotency(), cqrs.IdempotencyLease(10*time.Second))
				ended := make(chan error)
				var cause error
				go func() {
					_, err := guarded(t.Context(), mw, "k", func(ctx context.Context) (any, error) {
						<-ctx.Done()
						cause = context.Cause(ctx)
						time.Sleep(time.Minute)
						return "first", late
					})
					ended <- err
				}()
				time.Sleep(9 * time.Second)
				_, err := guarded(t.Context(), mw, "k", answers("early", nil))
				require.ErrorIs(t, err, cqrs.ErrInProgress)
				time.Sleep(2 * time.Second)
				result, err := guarded(t.Context(), mw, "k", answers("second", nil))
				require.NoError(t, err)
				require.Equal(t, "second", result)

				err = <-ended
				require.ErrorIs(t, cause, cqrs.ErrLeaseLost)
				if late == nil {
					require.ErrorIs(t, err, cqrs.ErrLeaseLost)
					var unsaved *cqrs.UnsavedError
					require.ErrorAs(t, err, &unsaved)
					require.Equal(t, "first", unsaved.Result)
				} else {
					require.Equal(t, late, err)
				}
				result, err = guarded(t.Context(), mw, "k", answers("third", nil))
				require.NoError(t, err)
				require.JSONEq(t, `"second"`, string(result.(json.RawMessage)))
			})
		})
	}
}

// TestIdempotentLateCompletion: nobody took the key over, so the result counts.
func TestIdempotentLateCompletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mw := cqrs.Idempotent(cqrs.NewMemoryIdempotency(), cqrs.IdempotencyLease(10*time.Second))
		_, err := guarded(t.Context(), mw, "k", func(context.Context) (any, error) { time.Sleep(time.Minute); return "late", nil })
		require.NoError(t, err)
		result, err := guarded(t.Context(), mw, "k", answers("again", nil))
		require.NoError(t, err)
		require.JSONEq(t, `"late"`, string(result.(json.RawMessage)))
	})
}

// TestIdempotentForgets: an outcome is replayed for the TTL after it is stored.
func TestIdempotentForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mw := cqrs.Idempotent(cqrs.NewMemoryIdempotency(), cqrs.IdempotencyTTL(10*time.Minute))
		runs := 0
		handle := func(context.Context) (any, error) { runs++; time.Sleep(time.Minute); return nil, nil }
		_, _ = guarded(t.Context(), mw, "k", handle)
		time.Sleep(10*time.Minute - 1)
		_, _ = guarded(t.Context(), mw, "k", handle)
		require.Equal(t, 1, runs, "the TTL begins with the completion")
		time.Sleep(time.Nanosecond)
		_, _ = guarded(t.Context(), mw, "k", handle)
		require.Equal(t, 2, runs)
	})
}

// TestIdempotentCleanUpOutlivesTheContext: the writes behind a run are not made
// with the context that has ended.
func TestIdempotentCleanUpOutlivesTheContext(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]func(context.Context) (any, error){
		"success": answers(nil, nil), "failure": answers(nil, errRefused), "panic": func(context.Context) (any, error) { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "kept"))
				store := newSpy()
				store.after = func(ctx context.Context, method string) {
					require.NoError(t, ctx.Err(), method)
					require.Equal(t, "kept", ctx.Value(contextKey{}))
					deadline, ok := ctx.Deadline()
					require.Equal(t, method != "acquire", ok)
					if ok {
						require.Equal(t, 5*time.Second, time.Until(deadline), "it is short")
					}
				}
				_, _ = guarded(ctx, cqrs.Idempotent(store), "k", func(ctx context.Context) (any, error) {
					cancel()
					return handle(ctx)
				})
				require.Len(t, store.calls, 2)
			})
		})
	}
}

type contextKey struct{}

// TestIdempotentCleanUpLeavesTimeToAnswer: a store that hangs does not cost the
// whole batch.
func TestIdempotentCleanUpLeavesTimeToAnswer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ runs, write time.Duration }{
		{time.Second, 5 * time.Second},  // short
		{53 * time.Second, time.Second}, // until half of the reserve is left
		{58 * time.Second, time.Second}, // half of what is left
		{time.Minute, 0},                // nothing is left
	} {
		synctest.Test(t, func(t *testing.T) {
			store := newSpy()
			store.after = func(ctx context.Context, method string) {
				if method == "complete" {
					deadline, _ := ctx.Deadline()
					require.Equal(t, test.write, time.Until(deadline))
				}
			}
			d := taskHandler(t, func(context.Context, task) (any, error) { time.Sleep(test.runs); return nil, nil },
				cqrs.Config{Reserve: 12 * time.Second, Policy: cqrs.Policy{Idempotency: store}})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, _ = d.Invoke(ctx, sqsBatch(t, queueARN, todo("1", "")))
			require.Len(t, store.calls, 2)
		})
	}
}

// TestIdempotentCleanUpContext: those of writes at about the same time share a
// clock, which what is derived from them keeps, and each has its own values.
func TestIdempotentCleanUpContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type value struct{}
		store := newSpy()
		var ids []any
		var derived []context.Context
		store.after = func(ctx context.Context, method string) {
			if method != "complete" {
				return
			}
			ids = append(ids, ctx.Value(value{}))
			d, ok := cqrs.DeliveryFrom(ctx)
			require.True(t, ok)
			require.Equal(t, d.Message.ID, ctx.Value(value{}))
			child, cancel := context.WithTimeout(ctx, time.Hour)
			t.Cleanup(cancel)
			derived = append(derived, child)
			deadline, _ := child.Deadline()
			require.Equal(t, []time.Duration{5 * time.Second, 4500 * time.Millisecond, 5 * time.Second, 5 * time.Second}[len(ids)-1], time.Until(deadline))
			if len(ids) == 4 { // a store that hangs
				<-child.Done()
				require.ErrorIs(t, child.Err(), context.DeadlineExceeded)
			}
		}
		d := taskHandler(t, func(context.Context, task) (any, error) { time.Sleep(500 * time.Millisecond); return nil, nil }, cqrs.Config{
			Policy: cqrs.Policy{Idempotency: store},
			Observer: &cqrs.Observer{RecordStart: func(ctx context.Context, m *cqrs.Message) context.Context {
				return context.WithValue(ctx, value{}, m.ID)
			}},
		})
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", ""), todo("2", ""), todo("3", "")))
		require.NoError(t, err)
		require.Equal(t, []any{"1", "2", "3"}, ids)
		for _, child := range derived {
			<-child.Done() // none outlives the invocation
			require.ErrorIs(t, child.Err(), context.Canceled)
		}
		answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("4", "")))
		require.Error(t, err, "%s", answer)
	})
}
