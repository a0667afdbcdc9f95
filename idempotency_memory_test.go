package cqrs_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

func claimOf(key, owner string) cqrs.Claim {
	now := time.Now()
	return cqrs.Claim{Key: key, Owner: owner, PayloadHash: "h", LeaseUntil: now.Add(time.Minute), ExpiresAt: now.Add(time.Hour)}
}

func TestMemoryIdempotencyLosesNoAcknowledgement(t *testing.T) {
	t.Parallel()
	store := cqrs.NewMemoryIdempotency()
	c := claimOf("k", "me")
	for range 2 { // each call again, as after an answer that was lost
		outcome, err := store.Acquire(t.Context(), c)
		require.NoError(t, err)
		require.Nil(t, outcome)
	}
	for _, result := range []string{"1", "2"} { // the first one counts
		require.NoError(t, store.Complete(t.Context(), c, cqrs.Outcome{Result: []byte(result)}))
	}
	require.ErrorIs(t, store.Release(t.Context(), c), cqrs.ErrLeaseLost, "a stored outcome stays")
	outcome, err := store.Acquire(t.Context(), claimOf("k", "another"))
	require.NoError(t, err)
	require.Equal(t, &cqrs.Outcome{Result: []byte("1")}, outcome)
}

func TestMemoryIdempotencyGoesByTheOwner(t *testing.T) {
	t.Parallel()
	store := cqrs.NewMemoryIdempotency()
	mine, another := claimOf("k", "me"), claimOf("k", "another")
	require.ErrorIs(t, store.Complete(t.Context(), mine, cqrs.Outcome{}), cqrs.ErrLeaseLost)
	require.ErrorIs(t, store.Release(t.Context(), mine), cqrs.ErrLeaseLost)
	_, err := store.Acquire(t.Context(), mine)
	require.NoError(t, err)
	_, err = store.Acquire(t.Context(), another)
	require.ErrorIs(t, err, cqrs.ErrInProgress)
	require.ErrorIs(t, store.Complete(t.Context(), another, cqrs.Outcome{}), cqrs.ErrLeaseLost)
	require.ErrorIs(t, store.Release(t.Context(), another), cqrs.ErrLeaseLost)
	another.PayloadHash = "other"
	_, err = store.Acquire(t.Context(), another)
	require.ErrorIs(t, err, cqrs.ErrPayloadMismatch, "looked for before the status")
	require.NoError(t, store.Release(t.Context(), mine))
	_, err = store.Acquire(t.Context(), another)
	require.NoError(t, err)
}

func TestMemoryIdempotencyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	store := cqrs.NewMemoryIdempotency()
	_, err := store.Acquire(ctx, claimOf("k", "me"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, store.Complete(ctx, claimOf("k", "me"), cqrs.Outcome{}), context.Canceled)
	require.ErrorIs(t, store.Release(ctx, claimOf("k", "me")), context.Canceled)
}

// TestMemoryIdempotencyTimes: leases and lifetimes end exactly when they say.
func TestMemoryIdempotencyTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := cqrs.NewMemoryIdempotency()
		once := store.(cqrs.AbandonmentStore)
		_, err := store.Acquire(t.Context(), claimOf("k", "first"))
		require.NoError(t, err)
		time.Sleep(time.Minute - 1)
		_, err = store.Acquire(t.Context(), claimOf("k", "second"))
		require.ErrorIs(t, err, cqrs.ErrInProgress)
		_, err = once.AcquireOnce(t.Context(), claimOf("k", "second"))
		require.ErrorIs(t, err, cqrs.ErrInProgress)
		time.Sleep(time.Nanosecond)
		_, err = once.AcquireOnce(t.Context(), claimOf("k", "second"))
		require.ErrorIs(t, err, cqrs.ErrAbandoned)
		_, err = store.Acquire(t.Context(), claimOf("k", "second"))
		require.NoError(t, err)
		require.NoError(t, store.Complete(t.Context(), claimOf("k", "second"), cqrs.Outcome{}))
		time.Sleep(time.Hour - 1)
		outcome, err := once.AcquireOnce(t.Context(), claimOf("k", "third"))
		require.NoError(t, err)
		require.NotNil(t, outcome)
		time.Sleep(time.Nanosecond)
		outcome, err = store.Acquire(t.Context(), claimOf("k", "third"))
		require.NoError(t, err)
		require.Nil(t, outcome)
	})
}

func TestMemoryIdempotencyFreesAllocationsOfWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := cqrs.NewMemoryIdempotency()
		large := []byte(strings.Repeat("x", 1<<16))
		inUse := func() uint64 {
			runtime.GC()
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			return stats.HeapAlloc
		}
		before := inUse()
		for i := range 2000 { // 128 MB
			c := claimOf(fmt.Sprint("k", i), "me")
			_, err := store.Acquire(t.Context(), c)
			require.NoError(t, err)
			require.NoError(t, store.Complete(t.Context(), c, cqrs.Outcome{Result: large}))
		}
		require.Greater(t, inUse(), before+100<<20)
		time.Sleep(time.Hour)
		_, err := store.Acquire(t.Context(), claimOf("another", "me"))
		require.NoError(t, err)
		require.Less(t, inUse(), before+64<<20)
		runtime.KeepAlive(store)
	})
}

func TestMemoryIdempotencyLetsOneOfManyWin(t *testing.T) {
	t.Parallel()
	store := cqrs.NewMemoryIdempotency()
	var won atomic.Int32
	var running sync.WaitGroup
	for i := range 16 {
		running.Go(func() {
			if outcome, err := store.Acquire(t.Context(), claimOf("k", fmt.Sprint(i))); err == nil && outcome == nil {
				won.Add(1)
			}
		})
	}
	running.Wait()
	require.EqualValues(t, 1, won.Load())
}

// FuzzIdempotencyScope: different route, tenant or key, different scope.
func FuzzIdempotencyScope(f *testing.F) {
	f.Add("r", "t", "k|k", "r", "t|k", "k")
	f.Add("r|", "", "k", "r", "|", "k")
	f.Add("%", "7C", "", "%7C", "", "")
	scope := func(route, tenant, key string) string {
		store := newSpy()
		_, _ = cqrs.Idempotent(store)(func(context.Context, *cqrs.Delivery) (any, error) { return nil, nil })(
			context.Background(), &cqrs.Delivery{Event: tenantJob{key: key, tenant: tenant}, Route: route})
		if len(store.claims) == 0 {
			return ""
		}
		return store.claims[0].Key
	}
	f.Fuzz(func(t *testing.T, route, tenant, key, route2, tenant2, key2 string) {
		if key == "" || key2 == "" {
			return
		}
		same := route == route2 && tenant == tenant2 && key == key2
		require.Equal(t, same, scope(route, tenant, key) == scope(route2, tenant2, key2))
	})
}

// TestScopeIsUnambiguous draws from the characters that could confuse.
func TestScopeIsUnambiguous(t *testing.T) {
	t.Parallel()
	part := rapid.StringOfN(rapid.SampledFrom([]rune("|#%7Cab2530")), 0, 5, -1)
	seen := map[string][3]string{}
	rapid.Check(t, func(t *rapid.T) {
		parts := [3]string{part.Draw(t, "route"), part.Draw(t, "tenant"), part.Draw(t, "key") + "k"}
		store := newSpy()
		_, _ = cqrs.Idempotent(store)(func(context.Context, *cqrs.Delivery) (any, error) { return nil, nil })(
			context.Background(), &cqrs.Delivery{Event: tenantJob{key: parts[2], tenant: parts[1]}, Route: parts[0]})
		key := store.claims[0].Key
		if other, ok := seen[key]; ok {
			require.Equal(t, other, parts)
		}
		seen[key] = parts
	})
}
