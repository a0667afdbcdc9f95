package cqrstest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func TestIdempotencyStoreAcceptsACorrectOne(t *testing.T) {
	t.Parallel()
	t.Run("with the suite's clock", func(t *testing.T) {
		t.Parallel()
		cqrstest.IdempotencyStore(t, func(_ *testing.T, now func() time.Time) cqrs.IdempotencyStore {
			store := newClaims("")
			store.now = now
			return store
		})
	})
	t.Run("with a clock of its own", func(t *testing.T) {
		t.Parallel()
		cqrstest.IdempotencyStore(t, func(*testing.T) cqrs.IdempotencyStore { return newClaims("") })
	})
	t.Run("with any kind of test", func(t *testing.T) {
		t.Parallel()
		cqrstest.IdempotencyStore(t, func(testing.TB) cqrs.IdempotencyStore { return newClaims("") })
		cqrstest.IdempotencyStore(t, func(_ testing.TB, now func() time.Time) cqrs.IdempotencyStore {
			store := newClaims("")
			store.now = now
			return store
		})
	})
	t.Run("shared by all checks", func(t *testing.T) {
		t.Parallel()
		store := newClaims("")
		cqrstest.IdempotencyStore(t, func() cqrs.IdempotencyStore { return store })
	})
}

func TestIdempotencyStoreFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	for bug, rule := range map[string]string{
		"check, then act":              "of many that race one owns the key",
		"payload ignored":              "another payload is refused before the status is looked at",
		"status before payload":        "another payload is refused before the status is looked at",
		"payload of abandoned ignored": "another payload is refused before the status is looked at",
		"hash dropped on completion":   "another payload is refused before the status is looked at",
		"empty hash is any":            "an empty payload hash is compared like any other",
		"own write is a stranger's":    "an acquisition whose answer was lost can be repeated",
		"leases are for ever":          "a lease that has passed can be taken over",
		"leases are short":             "a lease does not end early",
		"old lease kept on takeover":   "a lease that has passed can be taken over",
		"unconditional complete":       "a late completion changes nothing",
		"complete creates":             "a key that was never claimed cannot be completed",
		"complete only once":           "a completion whose answer was lost can be repeated",
		"complete only in the lease":   "a run may complete late while nobody took over",
		"unconditional release":        "a late release changes nothing",
		"release deletes an outcome":   "a completed key cannot be taken over or given up",
		"release does nothing":         "a released key is free",
		"expiry ignored":               "an expired record counts as absent",
		"expiry of the claim kept":     "completion decides how long the outcome is kept",
		"falsy results are null":       "results replay to the letter",
		"results re-encoded":           "results replay to the letter",
		"failures forgotten":           "failures replay",
		"results cut":                  "a large result replays",
		"results shared":               "the store keeps its own copy",
		"result not copied":            "the store keeps its own copy",
		"keys in one case":             "keys are told apart to the letter",
		"keys cut":                     "keys are told apart to the letter",
		"keys trimmed":                 "keys are told apart to the letter",
		"context ignored":              "an ended context is an error and claims nothing",
	} {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, cqrstest.BrokenIdempotencyRules(t, func(_ *testing.T, now func() time.Time) cqrs.IdempotencyStore {
				store := newClaims(bug)
				store.now = now
				return store
			}), rule)
			if bug == "leases are short" {
				return // it takes a clock to see a lease that is only too short
			}
			require.Contains(t, cqrstest.BrokenIdempotencyRules(t, func() cqrs.IdempotencyStore { return newClaims(bug) }), rule)
		})
	}
}

func TestSyncStoreAcceptsACorrectOne(t *testing.T) {
	t.Parallel()
	cqrstest.SyncStore(t, func() cqrs.SyncStore { return newModels("") })
}

func TestSyncStoreFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	for bug, rule := range map[string]string{
		"check, then advance":        "of many that race one advances",
		"advance unconditional":      "advancing is conditional on the version",
		"advance only forward":       "advancing is conditional on the version",
		"advance unparks":            "an entry and its progress do not concern each other",
		"tombstones forgotten":       "progress is kept in full",
		"hashes forgotten":           "progress is kept in full",
		"keys joined":                "keys are told apart by each of their parts",
		"tenant ignored":             "keys are told apart by each of their parts",
		"attempts of all versions":   "failed attempts are counted for each version",
		"attempts not counted":       "failed attempts that race are all counted",
		"park overwrites":            "parking again changes nothing but the latest seen",
		"park keeps the first":       "parking again changes nothing but the latest seen",
		"reason forgotten":           "parking is kept in full",
		"unpark unconditional":       "an entry goes only when all that was seen is applied",
		"unpark strict":              "an entry goes only when all that was seen is applied",
		"unpark by version":          "an entry goes only when all that was seen is applied",
		"unpark of nothing succeeds": "what is not parked cannot be unparked",
		"unpark resets progress":     "an entry and its progress do not concern each other",
		"empty target is a target":   "the list is of one table and one target, or all of them",
		"target is a prefix":         "the list is of one table and one target, or all of them",
		"all tables listed":          "the list is of one table and one target, or all of them",
		"list of one page":           "the list is of one table and one target, or all of them",
		"context ignored":            "an ended context is an error and changes nothing",
	} {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, cqrstest.BrokenSyncRules(t, func() cqrs.SyncStore { return newModels(bug) }), rule)
		})
	}
}
