package cqrstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// IdempotencyStore checks that a store keeps every promise of
// [cqrs.IdempotencyStore]. Call it from a test of your store:
//
//	func TestStore(t *testing.T) {
//		cqrstest.IdempotencyStore(t, func(t *testing.T) cqrs.IdempotencyStore { return newStore(t) })
//	}
func IdempotencyStore[F Factory[cqrs.IdempotencyStore]](t *testing.T, newStore F) {
	t.Helper()
	runSuite[cqrs.IdempotencyStore](t, newStore, idempotencyChecks())
}

type idempotencyWorld = world[cqrs.IdempotencyStore]

func idempotencyChecks() []check[cqrs.IdempotencyStore] {
	return []check[cqrs.IdempotencyStore]{
		{"a new key is ours", checkFirst},
		{"a held key is in progress", checkHeld},
		{"a completed key replays its outcome", checkReplay},
		{"results replay to the letter", checkResults},
		{"failures replay", checkFailures},
		{"a large result replays", checkLargeResult},
		{"the store keeps its own copy", checkCopies},
		{"a released key is free", checkRelease},
		{"another payload is refused before the status is looked at", checkPayload},
		{"an empty payload hash is compared like any other", checkEmptyHash},
		{"a lease that has passed can be taken over", checkTakeover},
		{"a lease does not end early", checkLeaseHolds},
		{"a late completion changes nothing", checkLateComplete},
		{"a late release changes nothing", checkLateRelease},
		{"a completed key cannot be taken over or given up", checkCompletedStays},
		{"a run may complete late while nobody took over", checkLateButAlone},
		{"a key that was never claimed cannot be completed", checkUnclaimed},
		{"an expired record counts as absent", checkExpired},
		{"completion decides how long the outcome is kept", checkCompletionExpiry},
		{"an acquisition whose answer was lost can be repeated", checkAcquireAgain},
		{"a completion whose answer was lost can be repeated", checkCompleteAgain},
		{"keys are told apart to the letter", checkKeys},
		{"of many that race one owns the key", checkRace},
		{"of many that race for a lease that has passed one owns it", checkTakeoverRace},
		{"an ended context is an error and claims nothing", checkEndedContext},
		{"an abandoned key stays as it is for AcquireOnce", checkAcquireOnce},
	}
}

const (
	leaseTime = time.Minute
	keepTime  = time.Hour
)

// claim is a live claim of that owner.
func claim(w *idempotencyWorld, key, owner string) cqrs.Claim {
	return cqrs.Claim{
		Key: w.key(key), Owner: owner, PayloadHash: "hash of the payload",
		LeaseUntil: w.now().Add(leaseTime), ExpiresAt: w.now().Add(keepTime),
	}
}

// abandoned acquires a key by a run whose lease has passed when it returns.
func abandoned(t TB, w *idempotencyWorld, key, owner string) cqrs.Claim {
	t.Helper()
	c := claim(w, key, owner)
	if w.clock == nil {
		c.LeaseUntil = w.now().Add(-time.Second)
	}
	mustAcquire(t, w, c)
	if w.clock != nil {
		w.clock.advance(leaseTime) // to the moment itself: "from then on"
	}
	return c
}

// outdated acquires a key whose record has expired when it returns.
func outdated(t TB, w *idempotencyWorld, key, owner string, then func(cqrs.Claim)) {
	t.Helper()
	c := claim(w, key, owner)
	if w.clock == nil {
		c.LeaseUntil, c.ExpiresAt = w.now().Add(-2*time.Second), w.now().Add(-time.Second)
	}
	mustAcquire(t, w, c)
	if then != nil {
		then(c)
	}
	if w.clock != nil {
		w.clock.advance(keepTime)
	}
}

func mustAcquire(t TB, w *idempotencyWorld, c cqrs.Claim) {
	t.Helper()
	outcome, err := w.store.Acquire(t.Context(), c)
	require.NoError(t, err)
	require.Nil(t, outcome, "the key is not ours: it has an outcome")
}

func mustReplay(t TB, w *idempotencyWorld, c cqrs.Claim, want cqrs.Outcome) {
	t.Helper()
	outcome, err := w.store.Acquire(t.Context(), c)
	require.NoError(t, err)
	require.NotNil(t, outcome, "the key is ours, although it has been completed")
	require.Equal(t, string(want.Result), string(outcome.Result), "the result")
	require.Equal(t, want.ErrorName, outcome.ErrorName)
	require.Equal(t, want.ErrorCause, outcome.ErrorCause)
}

func mustBeHeld(t TB, w *idempotencyWorld, c cqrs.Claim) {
	t.Helper()
	outcome, err := w.store.Acquire(t.Context(), c)
	require.ErrorIs(t, err, cqrs.ErrInProgress)
	require.Nil(t, outcome)
}

func result(text string) cqrs.Outcome { return cqrs.Outcome{Result: json.RawMessage(text)} }

func checkFirst(t TB, w *idempotencyWorld) { mustAcquire(t, w, claim(w, "order", "a")) }

func checkHeld(t TB, w *idempotencyWorld) {
	mustAcquire(t, w, claim(w, "order", "a"))
	mustBeHeld(t, w, claim(w, "order", "b"))
	mustBeHeld(t, w, claim(w, "order", "b")) // the refusal left nothing behind
}

func checkReplay(t TB, w *idempotencyWorld) {
	c := claim(w, "order", "a")
	mustAcquire(t, w, c)
	require.NoError(t, w.store.Complete(t.Context(), c, result(`{"id":7}`)))
	for range 2 {
		mustReplay(t, w, claim(w, "order", "b"), result(`{"id":7}`))
	}
	mustReplay(t, w, c, result(`{"id":7}`)) // the owner itself, when its message comes again
}

func checkResults(t TB, w *idempotencyWorld) {
	for _, text := range []string{
		`0`, `""`, `false`, `[]`, `{}`, `null`, ``, `-0.0`, `9007199254740993`, `1e400`,
		`{"b":1,"a":[1, 2]}`, `"\u00e9é"`, `"<&>"`, `[null,"",0]`, "{\"text\":\"line\\nline\\u0000\"}",
	} {
		c := claim(w, "result "+text, "a")
		mustAcquire(t, w, c)
		require.NoError(t, w.store.Complete(t.Context(), c, result(text)))
		c.Owner = "b"
		mustReplay(t, w, c, result(text))
	}
}

func checkFailures(t TB, w *idempotencyWorld) {
	failure := cqrs.Outcome{ErrorName: "OutOfStock", ErrorCause: "none left: é\n\"x\""}
	c := claim(w, "order", "a")
	mustAcquire(t, w, c)
	require.NoError(t, w.store.Complete(t.Context(), c, failure))
	mustReplay(t, w, claim(w, "order", "b"), failure)
}

// checkLargeResult: a store that cannot hold a result must say so, and be able
// to complete without it.
func checkLargeResult(t TB, w *idempotencyWorld) {
	large := `"` + strings.Repeat("0123456789", 100_000) + `"`
	c := claim(w, "order", "a")
	mustAcquire(t, w, c)
	switch err := w.store.Complete(t.Context(), c, result(large)); {
	case err == nil:
		mustReplay(t, w, claim(w, "order", "b"), result(large))
	case errors.Is(err, cqrs.ErrTooLarge):
		mustBeHeld(t, w, claim(w, "order", "b"))
		require.NoError(t, w.store.Complete(t.Context(), c, cqrs.Outcome{}))
		mustReplay(t, w, claim(w, "order", "b"), cqrs.Outcome{})
	default:
		require.NoError(t, err)
	}
}

func checkCopies(t TB, w *idempotencyWorld) {
	given := []byte(`{"id":7}`)
	c := claim(w, "order", "a")
	mustAcquire(t, w, c)
	require.NoError(t, w.store.Complete(t.Context(), c, cqrs.Outcome{Result: given}))
	copy(given, bytes.Repeat([]byte("#"), len(given)))
	first, err := w.store.Acquire(t.Context(), claim(w, "order", "b"))
	require.NoError(t, err)
	require.NotNil(t, first)
	require.JSONEq(t, `{"id":7}`, string(first.Result))
	copy(first.Result, bytes.Repeat([]byte("#"), len(first.Result)))
	mustReplay(t, w, claim(w, "order", "c"), result(`{"id":7}`))
}

func checkRelease(t TB, w *idempotencyWorld) {
	c := claim(w, "order", "a")
	mustAcquire(t, w, c)
	require.NoError(t, w.store.Release(t.Context(), c))
	other := claim(w, "order", "b")
	other.PayloadHash = "of another payload" // nothing of the released claim is left
	mustAcquire(t, w, other)
}

func checkPayload(t TB, w *idempotencyWorld) {
	mismatch := func(name string) {
		t.Helper()
		other := claim(w, name, "b")
		other.PayloadHash = "hash of another payload"
		outcome, err := w.store.Acquire(t.Context(), other)
		require.ErrorIs(t, err, cqrs.ErrPayloadMismatch)
		require.Nil(t, outcome)
	}
	c := claim(w, "in progress", "a")
	mustAcquire(t, w, c)
	mismatch("in progress")
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")), "the mismatch has changed the claim")

	c = claim(w, "completed", "a")
	mustAcquire(t, w, c)
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
	mismatch("completed")
	mustReplay(t, w, claim(w, "completed", "c"), result("1"))

	abandoned(t, w, "abandoned", "a")
	mismatch("abandoned")
	mustAcquire(t, w, claim(w, "abandoned", "c"))
}

func checkEmptyHash(t TB, w *idempotencyWorld) {
	empty := claim(w, "empty", "a")
	empty.PayloadHash = ""
	mustAcquire(t, w, empty)
	_, err := w.store.Acquire(t.Context(), claim(w, "empty", "b"))
	require.ErrorIs(t, err, cqrs.ErrPayloadMismatch)
	require.NoError(t, w.store.Complete(t.Context(), empty, result("1")))
	_, err = w.store.Acquire(t.Context(), claim(w, "empty", "b"))
	require.ErrorIs(t, err, cqrs.ErrPayloadMismatch)
	empty.Owner = "c"
	mustReplay(t, w, empty, result("1"))

	mustAcquire(t, w, claim(w, "full", "a"))
	empty = claim(w, "full", "b")
	empty.PayloadHash = ""
	_, err = w.store.Acquire(t.Context(), empty)
	require.ErrorIs(t, err, cqrs.ErrPayloadMismatch)
}

func checkTakeover(t TB, w *idempotencyWorld) {
	abandoned(t, w, "order", "a")
	c := claim(w, "order", "b")
	mustAcquire(t, w, c)
	mustBeHeld(t, w, claim(w, "order", "c")) // the new lease counts
	require.NoError(t, w.store.Complete(t.Context(), c, result("2")))
	mustReplay(t, w, claim(w, "order", "c"), result("2"))
}

func checkLeaseHolds(t TB, w *idempotencyWorld) {
	mustAcquire(t, w, claim(w, "order", "a"))
	if w.clock != nil {
		w.clock.advance(leaseTime - time.Second)
	}
	mustBeHeld(t, w, claim(w, "order", "b"))
}

func checkLateComplete(t TB, w *idempotencyWorld) {
	late := abandoned(t, w, "order", "a")
	c := claim(w, "order", "b")
	mustAcquire(t, w, c)
	require.ErrorIs(t, w.store.Complete(t.Context(), late, result(`"of the late run"`)), cqrs.ErrLeaseLost)
	mustBeHeld(t, w, claim(w, "order", "c"))
	require.NoError(t, w.store.Complete(t.Context(), c, result(`"of the owner"`)))
	require.ErrorIs(t, w.store.Complete(t.Context(), late, result(`"of the late run"`)), cqrs.ErrLeaseLost)
	mustReplay(t, w, claim(w, "order", "c"), result(`"of the owner"`))
}

func checkLateRelease(t TB, w *idempotencyWorld) {
	late := abandoned(t, w, "order", "a")
	c := claim(w, "order", "b")
	mustAcquire(t, w, c)
	require.ErrorIs(t, w.store.Release(t.Context(), late), cqrs.ErrLeaseLost)
	mustBeHeld(t, w, claim(w, "order", "c"))
	require.NoError(t, w.store.Complete(t.Context(), c, result("2")))
	require.ErrorIs(t, w.store.Release(t.Context(), late), cqrs.ErrLeaseLost)
	mustReplay(t, w, claim(w, "order", "c"), result("2"))
}

func checkCompletedStays(t TB, w *idempotencyWorld) {
	c := claim(w, "order", "a")
	mustAcquire(t, w, c)
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
	require.ErrorIs(t, w.store.Release(t.Context(), c), cqrs.ErrLeaseLost, "a key that is completed is held no more")
	if w.clock != nil {
		w.clock.advance(2 * leaseTime) // the lease is over, the outcome is not
	}
	other := claim(w, "order", "b")
	mustReplay(t, w, other, result("1"))
	require.ErrorIs(t, w.store.Complete(t.Context(), other, result("2")), cqrs.ErrLeaseLost)
	mustReplay(t, w, claim(w, "order", "c"), result("1"))

	c = abandonedThenCompleted(t, w)
	mustReplay(t, w, claim(w, "completed late", "b"), result("3"))
	require.ErrorIs(t, w.store.Release(t.Context(), c), cqrs.ErrLeaseLost)
}

func abandonedThenCompleted(t TB, w *idempotencyWorld) cqrs.Claim {
	t.Helper()
	c := abandoned(t, w, "completed late", "a")
	require.NoError(t, w.store.Complete(t.Context(), c, result("3")))
	return c
}

func checkLateButAlone(t TB, w *idempotencyWorld) {
	c := abandoned(t, w, "completed", "a")
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
	mustReplay(t, w, claim(w, "completed", "b"), result("1"))
	require.NoError(t, w.store.Release(t.Context(), abandoned(t, w, "released", "a")))
	mustAcquire(t, w, claim(w, "released", "b"))
}

func checkUnclaimed(t TB, w *idempotencyWorld) {
	c := claim(w, "order", "a")
	require.ErrorIs(t, w.store.Complete(t.Context(), c, result("1")), cqrs.ErrLeaseLost)
	mustAcquire(t, w, claim(w, "order", "b"))
}

// checkExpired: DynamoDB deletes what has expired days later, so a store has to
// look at the time itself.
func checkExpired(t TB, w *idempotencyWorld) {
	outdated(t, w, "in progress", "a", nil)
	mustAcquire(t, w, claim(w, "in progress", "b"))

	outdated(t, w, "completed", "a", func(c cqrs.Claim) {
		t.Helper()
		require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
	})
	c := claim(w, "completed", "b")
	c.PayloadHash = "of another payload" // an absent record has none
	mustAcquire(t, w, c)
	require.NoError(t, w.store.Complete(t.Context(), c, result("2")))
	c.Owner = "c"
	mustReplay(t, w, c, result("2"))
}

func checkCompletionExpiry(t TB, w *idempotencyWorld) {
	c := claim(w, "longer", "a")
	mustAcquire(t, w, c)
	c.ExpiresAt = w.now().Add(2 * keepTime)
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
	if w.clock != nil {
		w.clock.advance(keepTime + time.Minute)
	}
	mustReplay(t, w, claim(w, "longer", "b"), result("1"))
	if w.clock == nil {
		c = claim(w, "over", "a")
		mustAcquire(t, w, c)
		c.ExpiresAt = w.now().Add(-time.Second)
		require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
		mustAcquire(t, w, claim(w, "over", "b"))
		return
	}
	w.clock.advance(keepTime) // a replay in between does not keep it longer
	mustAcquire(t, w, claim(w, "longer", "c"))
}

func checkAcquireAgain(t TB, w *idempotencyWorld) {
	c := claim(w, "order", "a")
	mustAcquire(t, w, c)
	mustAcquire(t, w, c)
	mustBeHeld(t, w, claim(w, "order", "b"))
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
	mustReplay(t, w, claim(w, "order", "b"), result("1"))
}

func checkCompleteAgain(t TB, w *idempotencyWorld) {
	c := claim(w, "order", "a")
	mustAcquire(t, w, c)
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")))
	mustReplay(t, w, claim(w, "order", "b"), result("1"))
}

func checkKeys(t TB, w *idempotencyWorld) {
	long := strings.Repeat("k", 5000)
	keys := []string{
		"order", "Order", "order ", " order", "order\n", "order\x00", "order\x001", "ordér", "orde\u0301r", "order#1",
		"order/1", "order%231", "order'--", `order"\`, "\u6ce8\u6587", "😀", "", long, long + "1", "order*", "order?", "order_", "order%",
	}
	for i, key := range keys {
		c := claim(w, key, "a")
		mustAcquire(t, w, c)
		require.NoError(t, w.store.Complete(t.Context(), c, result(string(encode(i)))))
	}
	for i, key := range keys {
		mustReplay(t, w, claim(w, key, "b"), result(string(encode(i))))
	}
}

func checkRace(t TB, w *idempotencyWorld) { raceForKey(t, w, "order") }

func checkTakeoverRace(t TB, w *idempotencyWorld) {
	abandoned(t, w, "order", "before")
	raceForKey(t, w, "order")
}

func raceForKey(t TB, w *idempotencyWorld, key string) {
	t.Helper()
	const runs = 32
	var owners atomic.Int64
	var owner atomic.Pointer[cqrs.Claim]
	failures := make([]error, runs)
	race(runs, func(i int) {
		c := claim(w, key, "owner "+string(encode(i)))
		outcome, err := w.store.Acquire(t.Context(), c)
		switch {
		case err == nil && outcome == nil:
			owners.Add(1)
			owner.Store(&c)
		case !errors.Is(err, cqrs.ErrInProgress):
			failures[i] = errors.Join(errors.New("neither acquired nor in progress"), err)
		}
	})
	require.NoError(t, errors.Join(failures...))
	require.EqualValues(t, 1, owners.Load(), "owners of one key")
	require.NoError(t, w.store.Complete(t.Context(), *owner.Load(), result("1")))
	mustReplay(t, w, claim(w, key, "after"), result("1"))
}

func checkEndedContext(t TB, w *idempotencyWorld) {
	_, err := w.store.Acquire(ended(t.Context()), claim(w, "order", "a"))
	require.Error(t, err)
	require.NotErrorIs(t, err, cqrs.ErrInProgress)
	mustAcquire(t, w, claim(w, "order", "b"))
}

// checkAcquireOnce concerns each cqrs.AbandonmentStore.
func checkAcquireOnce(t TB, w *idempotencyWorld) {
	store, ok := w.store.(cqrs.AbandonmentStore)
	if !ok {
		return
	}
	outcome, err := store.AcquireOnce(t.Context(), claim(w, "new", "a"))
	require.NoError(t, err)
	require.Nil(t, outcome)
	_, err = store.AcquireOnce(t.Context(), claim(w, "new", "b"))
	require.ErrorIs(t, err, cqrs.ErrInProgress)

	c := abandoned(t, w, "order", "a")
	_, err = store.AcquireOnce(t.Context(), claim(w, "order", "b"))
	require.ErrorIs(t, err, cqrs.ErrAbandoned)
	require.NoError(t, w.store.Complete(t.Context(), c, result("1")), "the refusal has changed the claim")
	outcome, err = store.AcquireOnce(t.Context(), claim(w, "order", "b"))
	require.NoError(t, err)
	require.NotNil(t, outcome)
}
