package conformance_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

func TestDynamoDBTransactions(t *testing.T) {
	t.Parallel()
	hold(t, []check{
		{"ddb: TransactWriteItems put+update+delete+check", transactsAllActions},
		{"ddb: Transact cancel: reasons, ALL_OLD item, atomic", cancelsWithReasons},
		{"ddb: Transact ClientRequestToken idempotent", repeatsTransaction},
		{"ddb: Transact same item twice -> ValidationException", refusesItemTwice},
		{"ddb: Transact 100 items", transactsHundred},
		{"ddb: TransactGetItems", transactsReads},
		{"ddb: Transact several tables, racing transactions", transactsTables},
	})
}

func transactsAllActions(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	for i := 1; i <= 3; i++ {
		putItem(t, client, table, with(key("t", strconv.Itoa(i)), item{"n": integer(i)}))
	}
	_, err := client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &table, Item: key("t", "0"), ConditionExpression: aws.String("attribute_not_exists(pk)")}},
		{Update: &types.Update{
			TableName: &table, Key: key("t", "1"), UpdateExpression: aws.String("SET n = n + :ten"), ExpressionAttributeValues: item{":ten": number("10")},
		}},
		{Delete: &types.Delete{TableName: &table, Key: key("t", "2")}},
		{ConditionCheck: &types.ConditionCheck{
			TableName: &table, Key: key("t", "3"), ConditionExpression: aws.String("n = :n"), ExpressionAttributeValues: item{":n": number("3")},
		}},
	}})
	require.NoError(t, err)
	require.Equal(t, key("t", "0"), getItem(t, client, table, key("t", "0")))
	require.Equal(t, number("11"), getItem(t, client, table, key("t", "1"))["n"])
	require.Nil(t, getItem(t, client, table, key("t", "2")))
	require.Equal(t, number("3"), getItem(t, client, table, key("t", "3"))["n"])
}

func cancelsWithReasons(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	stored := with(key("t", "1"), item{"by": text("another")})
	putItem(t, client, table, stored)
	_, err := client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &table, Item: key("t", "0")}},
		{Put: &types.Put{
			TableName: &table, Item: key("t", "1"), ConditionExpression: aws.String("attribute_not_exists(pk)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		{Delete: &types.Delete{TableName: &table, Key: key("t", "2"), ConditionExpression: aws.String("attribute_exists(pk)")}},
		{Put: &types.Put{TableName: &table, Item: key("t", "3")}},
	}})
	failure, ok := errors.AsType[*types.TransactionCanceledException](err)
	require.True(t, ok, err)
	require.Contains(t, failure.ErrorMessage(), "[None, ConditionalCheckFailed, ConditionalCheckFailed, None]")
	codes := make([]string, 0, 4)
	for _, reason := range failure.CancellationReasons {
		codes = append(codes, aws.ToString(reason.Code))
	}
	require.Equal(t, []string{"None", "ConditionalCheckFailed", "ConditionalCheckFailed", "None"}, codes)
	require.Equal(t, stored, failure.CancellationReasons[1].Item)
	require.Equal(t, "The conditional request failed", *failure.CancellationReasons[1].Message)
	require.Empty(t, failure.CancellationReasons[2].Item)
	require.Empty(t, failure.CancellationReasons[0].Item)
	for _, sort := range []string{"0", "2", "3"} {
		require.Nil(t, getItem(t, client, table, key("t", sort)))
	}
	require.Equal(t, stored, getItem(t, client, table, key("t", "1")))
}

func repeatsTransaction(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	transact := func(token, amount string) error {
		_, err := client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{
			ClientRequestToken: aws.String(token),
			TransactItems: []types.TransactWriteItem{{Update: &types.Update{
				TableName: &table, Key: key("t", "1"), UpdateExpression: aws.String("ADD n :n, m :n, o :p"),
				ExpressionAttributeValues: item{":n": number(amount), ":p": number("1")},
			}}},
		})
		return err
	}
	first, second := unique("token"), unique("token")
	for range 5 {
		require.NoError(t, transact(first, "1"))
	}
	require.Equal(t, number("1"), getItem(t, client, table, key("t", "1"))["n"])
	require.ErrorAs(t, transact(first, "2"), new(*types.IdempotentParameterMismatchException))
	require.NoError(t, transact(second, "2"))
	require.Equal(t, number("3"), getItem(t, client, table, key("t", "1"))["n"])
}

func refusesItemTwice(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	_, err := client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &table, Item: key("t", "1")}},
		{ConditionCheck: &types.ConditionCheck{TableName: &table, Key: key("t", "1"), ConditionExpression: aws.String("attribute_not_exists(pk)")}},
	}})
	requireCode(t, err, validation)
	_, err = client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{}}})
	requireCode(t, err, validation)
	require.Nil(t, getItem(t, client, table, key("t", "1")))
}

func transactsHundred(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	var puts []types.TransactWriteItem
	for i := range 100 {
		puts = append(puts, types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: key("t", strconv.Itoa(i))}})
	}
	_, err := client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: puts})
	require.NoError(t, err)
	out, err := client.Query(t.Context(), &ddb.QueryInput{
		TableName: &table, KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: item{":pk": text("t")}, Select: types.SelectCount,
	})
	require.NoError(t, err)
	require.EqualValues(t, 100, out.Count)
	require.Empty(t, out.Items)
}

func transactsReads(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	putItem(t, client, table, with(key("t", "1"), item{"a": number("1"), "b": number("2")}))
	out, err := client.TransactGetItems(t.Context(), &ddb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: &table, Key: key("t", "2")}},
		{Get: &types.Get{TableName: &table, Key: key("t", "1"), ProjectionExpression: aws.String("b, pk, sk")}},
	}})
	require.NoError(t, err)
	require.Len(t, out.Responses, 2)
	require.Empty(t, out.Responses[0].Item)
	require.Equal(t, with(key("t", "1"), item{"b": number("2")}), out.Responses[1].Item)
}

func transactsTables(t *run) {
	client := t.target.DynamoDB()
	first, second := newTable(t, client), newTable(t, client)
	// On AWS some of them conflict, and none of them may be half done.
	succeeded, _ := together(16, func(i int) error {
		_, err := client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Update: &types.Update{
				TableName: &first, Key: key("t", "1"), UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: item{":one": number("1")},
			}},
			{Update: &types.Update{
				TableName: &second, Key: key("t", "1"), UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: item{":one": number("1")},
			}},
			{Put: &types.Put{TableName: &second, Item: key("t", "by "+strconv.Itoa(i))}},
		}})
		return err
	})
	require.Positive(t, succeeded)
	require.Equal(t, integer(succeeded), getItem(t, client, first, key("t", "1"))["n"])
	require.Equal(t, integer(succeeded), getItem(t, client, second, key("t", "1"))["n"])
}
