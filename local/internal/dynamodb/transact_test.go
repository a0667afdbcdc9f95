package dynamodb_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

func putAction(id string) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: aws.String("orders"), Item: item{"id": text(id)}}}
}

func (s *service) transact(t *testing.T, token string, actions ...types.TransactWriteItem) error {
	t.Helper()
	in := &ddb.TransactWriteItemsInput{TransactItems: actions}
	if token != "" {
		in.ClientRequestToken = &token
	}
	_, err := s.TransactWriteItems(t.Context(), in)
	return err
}

func codes(t *testing.T, err error) (codes []string) {
	t.Helper()
	failure, ok := errors.AsType[*types.TransactionCanceledException](err)
	require.True(t, ok, "%v", err)
	for _, reason := range failure.CancellationReasons {
		codes = append(codes, aws.ToString(reason.Code))
	}
	return codes
}

// once is a client that does not retry.
func once(o *ddb.Options) { o.Retryer = aws.NopRetryer{} }

func TestTransactionsConflict(t *testing.T) {
	t.Parallel()
	var s *service
	var during func()
	s = start(t, dynamodb.Options{Hold: func() {
		f := during
		during = func() {}
		f()
	}})
	s.newTable(t, "orders")
	s.put(t, "held", "1")
	held := item{"id": text("held")}
	ran := false
	during = func() {
		ran = true
		for range 2 { // the answer to a conflict holds nothing
			require.Equal(t, []string{"None", "TransactionConflict"}, codes(t, s.transact(t, "", putAction("free"), putAction("held"))))
		}
		_, err := s.PutItem(t.Context(), &ddb.PutItemInput{TableName: aws.String("orders"), Item: held}, once)
		require.ErrorAs(t, err, new(*types.TransactionConflictException))
		_, err = s.DeleteItem(t.Context(), &ddb.DeleteItemInput{TableName: aws.String("orders"), Key: held}, once)
		require.ErrorAs(t, err, new(*types.TransactionConflictException))
		_, err = s.TransactGetItems(t.Context(), &ddb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
			{Get: &types.Get{TableName: aws.String("orders"), Key: held}},
		}})
		require.Equal(t, []string{"TransactionConflict"}, codes(t, err))
		out, err := s.BatchWriteItem(t.Context(), &ddb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"orders": {
			{DeleteRequest: &types.DeleteRequest{Key: held}}, {PutRequest: &types.PutRequest{Item: item{"id": text("free")}}},
		}}})
		require.NoError(t, err)
		require.Equal(t, map[string][]types.WriteRequest{"orders": {{DeleteRequest: &types.DeleteRequest{Key: held}}}}, out.UnprocessedItems)
		require.Equal(t, number("1"), s.get(t, "orders", "held")["n"], "a plain read sees what was")

		_, err = s.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{
			ClientRequestToken: aws.String("token"), TransactItems: []types.TransactWriteItem{putAction("held")},
		}, once)
		require.ErrorAs(t, err, new(*types.TransactionInProgressException))
	}
	require.NoError(t, s.transact(t, "token", putAction("held")))
	require.True(t, ran)
	require.Equal(t, held, s.get(t, "orders", "held"))
	require.NoError(t, s.transact(t, "", putAction("held")), "it is held no more")
}

func TestRequestTokensExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dynamodb.Options{})
		s.newTable(t, "orders")
		add := func(token string) error {
			return s.transact(t, token, types.TransactWriteItem{Update: &types.Update{
				TableName: aws.String("orders"), Key: item{"id": text("1")}, UpdateExpression: aws.String("ADD n :one"),
				ExpressionAttributeValues: item{":one": number("1")},
			}})
		}
		require.NoError(t, add("a"))
		time.Sleep(9 * time.Minute)
		require.NoError(t, add("b"))
		require.NoError(t, add("a"))
		require.Equal(t, number("2"), s.get(t, "orders", "1")["n"])
		time.Sleep(2 * time.Minute)
		require.NoError(t, add("a"))
		require.NoError(t, add("b"))
		require.Equal(t, number("3"), s.get(t, "orders", "1")["n"])
		requireCode(t, add("a token of more than thirty-six characters"), validation)
	})
}

// A transaction that was cancelled is done anew.
func TestRequestTokenOfCancelledTransaction(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders")
	present := putAction("1")
	present.Put.ConditionExpression = aws.String("attribute_exists(id)")
	require.Equal(t, []string{"ConditionalCheckFailed"}, codes(t, s.transact(t, "token", present)))
	s.put(t, "1", "1")
	require.NoError(t, s.transact(t, "token", present))
	out, err := s.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{
		ClientRequestToken: aws.String("token"), TransactItems: []types.TransactWriteItem{present}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	require.NoError(t, err)
	require.InDelta(t, 2, *out.ConsumedCapacity[0].CapacityUnits, 0, "a repeated transaction reads")
	require.Nil(t, out.ConsumedCapacity[0].WriteCapacityUnits)
}

func TestTransactionsReportInvalidUpdates(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders")
	s.putItem(t, "orders", item{"id": text("1"), "n": text("no number")})
	add := types.TransactWriteItem{Update: &types.Update{
		TableName: aws.String("orders"), Key: item{"id": text("1")}, UpdateExpression: aws.String("ADD n :one"),
		ExpressionAttributeValues: item{":one": number("1")},
	}}
	require.Equal(t, []string{"None", "ValidationError"}, codes(t, s.transact(t, "", putAction("2"), add)))
	require.Nil(t, s.get(t, "orders", "2"))
	for _, bad := range []types.TransactWriteItem{
		{},
		{Put: add.Put, Update: add.Update, Delete: &types.Delete{TableName: aws.String("orders"), Key: item{"id": text("1")}}},
		{Put: &types.Put{TableName: aws.String("orders"), Item: item{"id": text("")}}},
		{Put: &types.Put{TableName: aws.String("orders"), Item: item{"id": text("1"), "data": text(strings.Repeat("x", 400<<10))}}},
	} {
		requireCode(t, s.transact(t, "", bad), validation)
	}
	for _, bad := range []types.TransactWriteItem{
		{Put: &types.Put{TableName: aws.String("orders"), Item: item{"x": text("1")}}},
		{Delete: &types.Delete{TableName: aws.String("orders"), Key: item{"id": number("1")}}},
	} {
		require.Equal(t, []string{"ValidationError", "None"}, codes(t, s.transact(t, "", bad, putAction("2"))))
	}
	_, err := s.TransactGetItems(t.Context(), &ddb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: aws.String("orders"), Key: item{"id": number("1")}}},
	}})
	require.Equal(t, []string{"ValidationError"}, codes(t, err))
	requireCode(t, s.transact(t, "", types.TransactWriteItem{Put: &types.Put{TableName: aws.String("absent"), Item: item{"id": text("1")}}}),
		"ResourceNotFoundException")
}
