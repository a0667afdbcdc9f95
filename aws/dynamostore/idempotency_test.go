package dynamostore_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
)

// What the store does is tested against a real implementation, in package
// integration; here is what that cannot show.

func TestMisuseOfIdempotency(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "dynamostore: NewIdempotency needs a client and the name of a table",
		func() { dynamostore.NewIdempotency(nil, "table") })
	require.Panics(t, func() { dynamostore.NewIdempotency(printer{}, "") })
	require.Panics(t, func() { dynamostore.IdempotencyClock(nil) })
	require.Panics(t, func() { dynamostore.IdempotencySkew(-1) })
	require.PanicsWithValue(t, `dynamostore: two idempotency attributes are named "status"`, func() {
		dynamostore.NewIdempotency(printer{}, "table", dynamostore.IdempotencyAttributes(dynamostore.IdempotencyNames{Owner: "status"}))
	})
}

func TestClaimsNeedAKeyAndAnOwner(t *testing.T) {
	t.Parallel()
	store := dynamostore.NewIdempotency(refusing{}, "table")
	for _, c := range []cqrs.Claim{{Owner: "o"}, {Key: "k"}} {
		_, err := store.Acquire(t.Context(), c)
		require.ErrorContains(t, err, "needs a key and an owner")
		require.ErrorContains(t, store.Complete(t.Context(), c, cqrs.Outcome{}), "needs a key and an owner")
		require.ErrorContains(t, store.Release(t.Context(), c), "needs a key and an owner")
	}
}

// refusing is a server that does not know ReturnValuesOnConditionCheckFailure.
type refusing struct{ printer }

func (refusing) PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return nil, &types.ConditionalCheckFailedException{}
}

func TestAServerThatDoesNotSayWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	store := dynamostore.NewIdempotency(refusing{}, "table")
	_, err := store.Acquire(t.Context(), cqrs.Claim{Key: "k", Owner: "o"})
	require.ErrorContains(t, err, "ReturnValuesOnConditionCheckFailure")
	require.NotErrorIs(t, err, cqrs.ErrPayloadMismatch)
}
