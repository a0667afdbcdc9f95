package dynamostore_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/integration/faults"
)

func TestLostAcknowledgements(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*faults.Faults){
		"answer":           func(f *faults.Faults) { f.LoseAnswer() },
		"request":          func(f *faults.Faults) { f.LoseRequest() },
		"answer, twice":    func(f *faults.Faults) { f.LoseAnswer().LoseAnswer() },
		"answer, then 500": func(f *faults.Faults) { f.LoseAnswer().Fail(500, &types.InternalServerError{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			lose(b.faults)
			c := b.acquired(t, "a")
			require.Greater(t, len(b.faults.Take()), 1)
			lose(b.faults)
			require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{Result: []byte("1")}))
			o, err := b.store.Acquire(t.Context(), b.claim("b"))
			require.NoError(t, err)
			require.Equal(t, "1", string(o.Result))

			b.clock.advance(2 * time.Hour)
			c = b.acquired(t, "c")
			lose(b.faults)
			require.NoError(t, b.store.Release(t.Context(), c))
			require.Empty(t, items(t, b.client, b.table))
		})
	}
}

func TestTheAnswerIsLostForGood(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.faults.LoseAnswer().LoseRequest().LoseRequest()
	_, err := b.store.Acquire(t.Context(), b.claim("a"))
	require.ErrorContains(t, err, "connection reset by peer")
	b.acquired(t, "a") // the same run tries again
	require.NoError(t, b.store.Complete(t.Context(), b.claim("a"), cqrs.Outcome{Result: []byte("1")}))
	require.NoError(t, b.store.Complete(t.Context(), b.claim("a"), cqrs.Outcome{Result: []byte("2")}), "it is done already")
	o, err := b.store.Acquire(t.Context(), b.claim("a"))
	require.NoError(t, err)
	require.Equal(t, "1", string(o.Result), "the first outcome stays")
}

// An answer that was lost does not hide that the key is another's.
func TestALostAnswerOfALostLease(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	zombie := b.acquired(t, "zombie")
	b.clock.advance(2 * time.Minute)
	c := b.acquired(t, "b")
	b.faults.LoseAnswer()
	require.ErrorIs(t, b.store.Complete(t.Context(), zombie, cqrs.Outcome{}), cqrs.ErrLeaseLost)
	b.faults.LoseAnswer()
	require.ErrorIs(t, b.store.Release(t.Context(), zombie), cqrs.ErrLeaseLost)
	require.NoError(t, b.store.Release(t.Context(), c))
	require.ErrorIs(t, b.store.Release(t.Context(), c), cqrs.ErrLeaseLost, "there is nothing to release")
	require.ErrorIs(t, b.store.Complete(t.Context(), c, cqrs.Outcome{}), cqrs.ErrLeaseLost)
	require.Empty(t, items(t, b.client, b.table), "nothing comes back to life")
}

func TestFaultsOfDynamoDB(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status   int
		err      error
		attempts int  // until it gives up
		passes   bool // if it happens once
	}{
		"throttling":           {400, &types.ThrottlingException{}, 3, true},
		"provisioned capacity": {400, &types.ProvisionedThroughputExceededException{}, 3, true},
		"internal":             {500, &types.InternalServerError{}, 3, true},
		"transaction":          {400, &types.TransactionConflictException{}, 5, true},
		"replicated write":     {400, &types.ReplicatedWriteConflictException{}, 5, true},
		"no table":             {400, &types.ResourceNotFoundException{}, 1, false},
		"permission":           {400, &smithy.GenericAPIError{Code: "AccessDeniedException"}, 1, false},
		"validation":           {400, &smithy.GenericAPIError{Code: "ValidationException"}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			held := b.acquired(t, "a")
			secret := b.claim("canary")
			secret.Key, secret.PayloadHash = "canary-key", "canary-hash"
			calls := map[string]func() error{
				"acquire":  func() error { _, err := b.store.Acquire(t.Context(), secret); return err },
				"complete": func() error { return b.store.Complete(t.Context(), held, cqrs.Outcome{Result: []byte(`"canary"`)}) },
				"release":  func() error { return b.store.Release(t.Context(), held) },
			}
			for method, call := range calls {
				b.faults.Take()
				for range c.attempts {
					b.faults.Fail(c.status, c.err)
				}
				err := call()
				require.ErrorIs(t, err, c.err, method)
				require.ErrorContains(t, err, "dynamostore: ")
				require.NotContains(t, err.Error(), "canary")
				require.Len(t, b.faults.Take(), c.attempts, method)
				for _, sentinel := range []error{cqrs.ErrInProgress, cqrs.ErrLeaseLost, cqrs.ErrPayloadMismatch} {
					require.NotErrorIs(t, err, sentinel, method)
				}
			}
			if c.passes {
				b.faults.Fail(c.status, c.err)
				require.NoError(t, calls["complete"]())
			}
		})
	}
}

func TestARunThatIsOutOfTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.store.Acquire(ctx, b.claim("a"))
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, items(t, b.client, b.table))
}
