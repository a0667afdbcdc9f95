package cqrstest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func TestFaultsComeInTheirOrder(t *testing.T) {
	t.Parallel()
	first, second, always := errors.New("first"), errors.New("second"), errors.New("of Complete")
	store := cqrstest.FaultyIdempotency(newClaims(""))
	store.FailN(1, first)
	store.On("Acquire").FailN(2, second)
	store.On("Complete").FailN(1, always)
	claim := cqrs.Claim{Key: "k", Owner: "a", LeaseUntil: time.Now().Add(time.Hour), ExpiresAt: time.Now().Add(time.Hour)}
	acquire := func() error {
		_, err := store.Acquire(t.Context(), claim)
		return err
	}
	require.ErrorIs(t, acquire(), first)
	require.ErrorIs(t, acquire(), second)
	require.ErrorIs(t, acquire(), second)
	require.NoError(t, acquire())
	require.ErrorIs(t, store.Complete(t.Context(), claim, cqrs.Outcome{}), always)
	require.NoError(t, store.Complete(t.Context(), claim, cqrs.Outcome{Result: []byte("7")}))
	claim.Owner = "b"
	outcome, err := store.Acquire(t.Context(), claim)
	require.NoError(t, err)
	require.Equal(t, "7", string(outcome.Result))
	require.ErrorIs(t, store.Release(t.Context(), claim), cqrs.ErrLeaseLost)
	require.Equal(t, []int{5, 2, 1, 0}, []int{store.Calls("Acquire"), store.Calls("Complete"), store.Calls("Release"), store.Calls("Other")})
}

func TestFaultsLoseAndPanic(t *testing.T) {
	t.Parallel()
	var letters cqrstest.DeadLetters
	letters.LoseN(1, errBroken)
	letters.PanicN(1, "at the disco")
	err := letters.DeadLetter(t.Context(), cqrs.DeadLetter{ID: "1"})
	require.ErrorIs(t, err, errBroken)
	require.ErrorContains(t, err, "lost")
	require.PanicsWithValue(t, "at the disco", func() { _ = letters.DeadLetter(t.Context(), cqrs.DeadLetter{ID: "2"}) })
	require.NoError(t, letters.DeadLetter(t.Context(), cqrs.DeadLetter{ID: "3"}))
	require.Len(t, letters.Letters(), 2)
	require.Equal(t, "1", letters.Letters()[0].ID, "what was lost was the answer")
	require.Equal(t, "3", letters.Letters()[1].ID)
	require.Panics(t, func() { letters.FailN(1, nil) })

	var tasks cqrstest.Callbacks
	tasks.Close("token")
	tasks.LoseN(1, errBroken)
	require.ErrorIs(t, tasks.Success(t.Context(), "token", []byte("1")), cqrs.ErrTaskClosed, "a call without an effect has its own error")
}

// The fakes are those of a real dispatcher.
func TestFakesOfTheEdge(t *testing.T) {
	t.Parallel()
	var alarms cqrstest.Alarms
	var letters cqrstest.DeadLetters
	var delays cqrstest.Redeliveries
	var handler cqrstest.Handler[todo]
	handler.Returns(7)
	handler.FailN(1, cqrs.Permanent(errBroken))
	handler.FailN(1, cqrs.RetryAfter(time.Minute, errBroken))
	handler.LoseN(1, errBroken)
	mux := cqrs.NewMux()
	cqrs.OnSQS[todo](mux, cqrs.Any())
	registry := cqrs.NewRegistry()
	cqrs.Register(registry, &handler)
	d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry, Alarm: &alarms, DeadLetter: &letters, Redeliver: &delays})
	answer := cqrstest.Invoke(t, d, cqrstest.SQS("q", do("1").ID("1"), do("2").ID("2"), do("3").ID("3"), do("4").ID("4")))
	require.Equal(t, []string{"2", "3"}, answer.Failed)
	require.Len(t, alarms.Raised(), 1)
	require.Len(t, letters.Letters(), 1)
	require.Equal(t, []cqrstest.Delay{{ID: "2", After: time.Minute}}, delays.Delays())
	require.Equal(t, []todo{{"3"}, {"4"}}, handler.Handled())
	require.Equal(t, 4, handler.Calls("Handle"))
	result, err := handler.Handle(t.Context(), todo{})
	require.NoError(t, err)
	require.Equal(t, 7, result)
	alarms.FailN(1, errBroken)
	require.ErrorIs(t, alarms.Alarm(t.Context(), cqrs.Alarm{}), errBroken)
}

func TestCallbacksEndATaskOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var tasks cqrstest.Callbacks
	require.NoError(t, tasks.Heartbeat(ctx, "a"))
	require.NoError(t, tasks.Heartbeat(ctx, "a"))
	require.Equal(t, 2, tasks.Heartbeats("a"))
	require.ErrorContains(t, tasks.Success(ctx, "a", []byte("no JSON")), "not JSON")
	require.ErrorIs(t, tasks.Success(ctx, "a", []byte(`"`+strings.Repeat("x", 256<<10)+`"`)), cqrs.ErrTooLarge)
	output := []byte(`{"id":7}`)
	require.NoError(t, tasks.Success(ctx, "a", output))
	output[0] = '#'
	require.ErrorIs(t, tasks.Success(ctx, "a", []byte("1")), cqrs.ErrTaskClosed)
	require.ErrorIs(t, tasks.Failure(ctx, "a", "n", "c"), cqrs.ErrTaskClosed)
	require.ErrorIs(t, tasks.Heartbeat(ctx, "a"), cqrs.ErrTaskClosed)
	require.NoError(t, tasks.Failure(ctx, "b", "OutOfStock", "none left"))
	tasks.Close("c")
	require.ErrorIs(t, tasks.Success(ctx, "c", []byte("1")), cqrs.ErrTaskClosed)
	require.Equal(t, []cqrstest.TaskReport{
		{Token: "a", Output: []byte(`{"id":7}`)},
		{Token: "b", Name: "OutOfStock", Cause: "none left"},
	}, tasks.Reports())
}

func TestFaultySync(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := cqrstest.FaultySync(newModels(""))
	k := cqrs.SyncKey{Table: "t", Target: "x"}
	for _, method := range []string{"Load", "Advance", "Fail", "Park", "Unpark", "List"} {
		store.On(method).FailN(1, errBroken)
	}
	_, err := store.Load(ctx, k)
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, store.Advance(ctx, k, 0, cqrs.Progress{Version: 1}), errBroken)
	_, err = store.Fail(ctx, k, 1, "")
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, store.Park(ctx, cqrs.Parked{SyncKey: k}), errBroken)
	_, err = store.Unpark(ctx, k, 1)
	require.ErrorIs(t, err, errBroken)
	for _, err := range store.List(ctx, "t", "") {
		require.ErrorIs(t, err, errBroken)
	}
	store.On("List").PanicN(1, "used up")
	require.Panics(t, func() {
		for range store.List(ctx, "t", "") {
			break
		}
	})
	cqrstest.SyncStore(t, func() cqrs.SyncStore { return cqrstest.FaultySync(newModels("")) })
	cqrstest.IdempotencyStore(t, func() cqrs.IdempotencyStore { return cqrstest.FaultyIdempotency(newClaims("")) })
}

func TestFakesInParallel(t *testing.T) {
	t.Parallel()
	var tasks cqrstest.Callbacks
	var handler cqrstest.Handler[int]
	var group sync.WaitGroup
	handler.FailN(10, errBroken)
	for i := range 50 {
		group.Go(func() {
			_, _ = handler.Handle(t.Context(), i)
			_ = tasks.Heartbeat(t.Context(), "a")
			_ = tasks.Success(t.Context(), "a", []byte("1"))
		})
	}
	group.Wait()
	require.Len(t, handler.Handled(), 40)
	require.Len(t, tasks.Reports(), 1)
	require.Equal(t, 50, tasks.Calls("Success"))
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mw    cqrs.Middleware
		want  []string // of each delivery
		calls int
	}{
		"Duplicate":   {cqrstest.Duplicate(), []string{"2", "4", "6"}, 6},
		"FailN":       {cqrstest.FailN(2, errBroken), []string{"it broke", "it broke", "1"}, 1},
		"LoseN":       {cqrstest.LoseN(2, errBroken), []string{"it broke", "it broke", "3"}, 3},
		"PanicOn":     {cqrstest.PanicOn(2), []string{"1", "panic: cqrstest: PanicOn", "2"}, 2},
		"in two ways": {both(cqrstest.Duplicate(), cqrstest.FailN(1, errBroken)), []string{"it broke", "2", "4"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			run := cqrs.Recover()(test.mw(func(context.Context, *cqrs.Delivery) (any, error) {
				calls++
				return calls, nil
			}))
			for _, want := range test.want {
				result, err := run(t.Context(), &cqrs.Delivery{})
				if err != nil {
					require.EqualError(t, err, want)
					continue
				}
				require.Equal(t, want, string(rune('0'+result.(int))))
			}
			require.Equal(t, test.calls, calls)
		})
	}
}

func both(outer, inner cqrs.Middleware) cqrs.Middleware {
	return func(next cqrs.Next) cqrs.Next { return outer(inner(next)) }
}

// TestFaultySyncKeepsClaims: with its claims hidden, a store would be used in
// another way than in production.
func TestFaultySyncKeepsClaims(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := cqrstest.FaultySync(cqrs.NewMemorySync())
	reader, ok := store.SyncStore.(cqrs.SyncReader)
	require.True(t, ok)
	claimer, ok := store.SyncStore.(cqrs.SyncClaimer)
	require.True(t, ok)
	k, c := cqrs.SyncKey{Table: "t", Target: "x"}, cqrs.SyncClaim{Version: 1, Owner: "a"}
	for _, method := range []string{"Status", "Claim", "Complete", "Release"} {
		store.On(method).FailN(1, errBroken)
	}
	_, err := reader.Status(ctx, []cqrs.SyncKey{k})
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, claimer.Claim(ctx, k, 0, c), errBroken)
	require.ErrorIs(t, claimer.Complete(ctx, k, 0, cqrs.Progress{Version: 1}, c), errBroken)
	require.ErrorIs(t, claimer.Release(ctx, k, c), errBroken)

	other := cqrs.SyncClaim{Version: 1, Owner: "b"}
	require.NoError(t, claimer.Claim(ctx, k, 0, c))
	require.NoError(t, claimer.Claim(ctx, k, 0, other))
	require.NoError(t, claimer.Release(ctx, k, other))
	status, err := reader.Status(ctx, []cqrs.SyncKey{k})
	require.NoError(t, err)
	require.Equal(t, []cqrs.SyncClaim{c}, status[0].Claims)
	require.NoError(t, claimer.Complete(ctx, k, 0, cqrs.Progress{Version: 1}, c))
	status, err = reader.Status(ctx, []cqrs.SyncKey{k})
	require.NoError(t, err)
	require.Equal(t, int64(1), status[0].Progress.Version)
	require.Empty(t, status[0].Claims)

	_, claims := cqrstest.FaultySync(newModels("")).SyncStore.(cqrs.SyncClaimer)
	require.False(t, claims, "the store has none")
}
