package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// TestIdempotencyWait: a duplicate waits for the run in flight.
func TestIdempotencyWait(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		takes time.Duration // the run in flight
		fails error
		wait  time.Duration
		left  time.Duration // until the deadline of the duplicate
		at    time.Duration // when it is answered
		says  string        // with what
		looks int
		is    error
	}{
		{"at the first look", 50 * time.Millisecond, nil, time.Minute, 0, 100 * time.Millisecond, `"first"`, 2, nil},
		{"in the end", 5 * time.Second, nil, time.Minute, 0, 5100 * time.Millisecond, `"first"`, 7, nil},
		{"the run fails", time.Second, errRefused, time.Minute, 0, 1500 * time.Millisecond, `"second"`, 5, nil},
		{"for as long as it may", time.Minute, nil, 2 * time.Second, 0, 2 * time.Second, "", 6, cqrs.ErrInProgress},
		{"never past the deadline", time.Minute, nil, time.Minute, time.Second, 700 * time.Millisecond, "", 4, cqrs.ErrInProgress},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, start := newSpy(), time.Now()
				mw := cqrs.Idempotent(store, cqrs.IdempotencyWait(test.wait))
				var running sync.WaitGroup
				running.Go(func() {
					_, _ = guarded(t.Context(), mw, "k", func(context.Context) (any, error) {
						time.Sleep(test.takes)
						return "first", test.fails
					})
				})
				synctest.Wait()
				ctx := t.Context()
				if test.left > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.left)
					defer cancel()
				}
				before := len(store.calls)
				result, err := guarded(ctx, mw, "k", answers("second", nil))
				require.Equal(t, test.at, time.Since(start))
				running.Wait()
				looks := 0
				for _, call := range store.calls[before:] {
					if call == "acquire" {
						looks++
					}
				}
				require.Equal(t, test.looks, looks)
				if test.is != nil {
					require.ErrorIs(t, err, test.is)
				} else {
					text, err := json.Marshal(result)
					require.NoError(t, err)
					require.JSONEq(t, test.says, string(text))
				}
			})
		})
	}
}

// TestIdempotencyWaitEndsWithItsContext: and leaves no timer behind.
func TestIdempotencyWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, start := newSpy(), time.Now()
		store.answers["acquire"] = []error{cqrs.ErrInProgress, cqrs.ErrInProgress, cqrs.ErrInProgress, cqrs.ErrInProgress, cqrs.ErrInProgress}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := guarded(ctx, cqrs.Idempotent(store, cqrs.IdempotencyWait(time.Hour)), "k", answers(nil, nil))
		require.ErrorIs(t, err, cqrs.ErrInProgress)
		require.Equal(t, time.Second, time.Since(start))
	})
}

// TestRefuseAbandoned: a run that crashed is for people to look at.
func TestRefuseAbandoned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, p, runs := cqrs.NewMemoryIdempotency(), &ports{}, 0
		refusing := cqrs.Policy{Idempotency: store, IdempotencyOptions: []cqrs.IdempotencyOption{cqrs.RefuseAbandoned(), cqrs.IdempotencyLease(time.Minute)}}
		crash := &crashing{AbandonmentStore: store.(cqrs.AbandonmentStore)}
		cfg := p.config()
		cfg.Policy = refusing
		cfg.Policy.Idempotency = crash
		handle := func(_ context.Context, work task) (any, error) {
			runs++
			switch work.Do {
			case "fail":
				return nil, errRefused
			case "late":
				return nil, cqrs.ErrDeadline
			}
			return nil, nil
		}
		d := taskHandler(t, handle, cfg)
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
		require.Error(t, err)
		crash.over = true
		_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
		require.ErrorIs(t, err, cqrs.ErrInProgress, "it may still be running")
		time.Sleep(time.Minute)
		_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
		require.NoError(t, err)
		require.Equal(t, 1, runs, "not run again")
		require.Len(t, p.letters, 1)
		require.Contains(t, p.letters[0].Error, "abandoned")
		require.Len(t, p.alarms, 1)

		for _, do := range []string{"fail", "late"} { // ended in order, so they run again
			for range 2 {
				_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("2"+do, do)))
				require.Error(t, err)
				time.Sleep(2 * time.Minute) // the lease is over, the key is not forgotten
			}
		}
		require.Equal(t, 5, runs)
		require.Len(t, p.letters, 1)
	})
}

// crashing forgets to write anything behind a run.
type crashing struct {
	cqrs.AbandonmentStore

	over bool
}

func (s *crashing) Complete(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	if !s.over {
		return errors.New("crashed")
	}
	return s.AbandonmentStore.Complete(ctx, c, o)
}
