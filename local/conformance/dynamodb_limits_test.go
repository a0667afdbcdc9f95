package conformance_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// together runs f that many times in parallel and returns how often it succeeded.
func together(times int, f func(i int) error) (succeeded int, failures []error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() {
			err := f(i)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				succeeded++
			} else {
				failures = append(failures, err)
			}
		})
	}
	all.Wait()
	return succeeded, failures
}

func losesNothing(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	succeeded, failures := together(64, func(int) error {
		_, err := update(t, client, table, "ADD n :one", item{":one": number("1")}, "")
		return err
	})
	require.Equal(t, 64, succeeded, failures)
	require.Equal(t, number("64"), getItem(t, client, table, key("u", "1"))["n"])

	succeeded, failures = together(32, func(i int) error {
		_, err := client.PutItem(t.Context(), &ddb.PutItemInput{
			TableName: &table, Item: with(key("race", "1"), item{"i": integer(i)}), ConditionExpression: aws.String("attribute_not_exists(pk)"),
		})
		return err
	})
	require.Equal(t, 1, succeeded)
	for _, failure := range failures {
		requireCode(t, failure, "ConditionalCheckFailedException")
	}

	putItem(t, client, table, with(key("u", "1"), item{"version": number("0")}))
	succeeded, failures = together(8, func(int) error {
		for {
			version := getItem(t, client, table, key("u", "1"))["version"]
			_, err := client.UpdateItem(t.Context(), &ddb.UpdateItemInput{
				TableName: &table, Key: key("u", "1"), UpdateExpression: aws.String("SET version = version + :one"),
				ConditionExpression: aws.String("version = :v"), ExpressionAttributeValues: item{":v": version, ":one": number("1")},
			})
			if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); !ok {
				return err
			}
		}
	})
	require.Equal(t, 8, succeeded, failures)
	require.Equal(t, number("8"), getItem(t, client, table, key("u", "1"))["version"])
}

func refusesInvalid(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withIndex("by-owner", "owner", "rank", types.Projection{ProjectionType: types.ProjectionTypeAll}))
	put := func(change func(*ddb.PutItemInput)) string {
		in := &ddb.PutItemInput{TableName: &table, Item: key("v", "1")}
		change(in)
		_, err := client.PutItem(t.Context(), in)
		return requireCode(t, err, validation)
	}
	condition := func(expression string, values item) string {
		return put(func(in *ddb.PutItemInput) {
			in.ConditionExpression, in.ExpressionAttributeValues = &expression, values
		})
	}
	one := item{":one": number("1")}
	require.Contains(t, condition("status = :one", one), "reserved keyword; reserved keyword: status")
	require.Contains(t, condition("attribute_not_exists(pk)", one), "unused in expressions: keys: {:one}")
	require.Contains(t, condition("x = :two", nil), ":two")
	require.Contains(t, condition("x = #two", nil), "#two")
	condition("x == :one", one)
	require.Contains(t, condition("", nil), "can not be empty")
	condition("(x = :one", one)
	condition("x = :one)", one)
	condition("x = :one y = :one", one)
	condition("x.y.[0] = :one", one)
	condition("x ! :one", one)
	condition("AND x = :one", one)
	condition("begins_with(x)", nil)
	condition("begins_with(x, :one)", one)
	condition("frobnicate(x, :one)", one)
	condition("attribute_exists(:one)", one)
	condition("x BETWEEN :hi AND :lo", item{":hi": number("2"), ":lo": number("1")})
	condition("x BETWEEN :one AND :s", item{":one": number("1"), ":s": text("s")})
	condition("x IN ()", nil)
	condition("((x = :one))", one)
	condition(strings.Repeat("x = :one OR ", 400)+"x = :one", one)

	put(func(in *ddb.PutItemInput) { in.ExpressionAttributeNames = map[string]string{"#x": "x"} })
	put(func(in *ddb.PutItemInput) { in.ExpressionAttributeValues = one })
	put(func(in *ddb.PutItemInput) {
		in.ExpressionAttributeNames, in.ConditionExpression = map[string]string{"#x": "x"}, aws.String("attribute_not_exists(pk)")
	})
	put(func(in *ddb.PutItemInput) { in.Item = item{"pk": text("v")} })
	put(func(in *ddb.PutItemInput) { in.Item = item{"pk": text("v"), "sk": number("1")} })
	require.Contains(t, put(func(in *ddb.PutItemInput) { in.Item = key("", "1") }), "empty string value. Key: pk")
	put(func(in *ddb.PutItemInput) { in.Item["s"] = texts() })
	put(func(in *ddb.PutItemInput) { in.Item["s"] = texts("a", "a") })
	put(func(in *ddb.PutItemInput) { in.Item["s"] = numbers("1", "1.0") })
	put(func(in *ddb.PutItemInput) { in.Item["owner"] = number("1") })
	put(func(in *ddb.PutItemInput) { in.Item["owner"] = text("") })
	put(func(in *ddb.PutItemInput) { in.ReturnValues = types.ReturnValueAllNew })
	put(func(in *ddb.PutItemInput) { in.Item = key(strings.Repeat("x", 2049), "1") })
	put(func(in *ddb.PutItemInput) { in.Item = key("v", strings.Repeat("x", 1025)) })
	for _, bad := range []item{{"pk": text("v")}, with(key("v", "1"), item{"x": text("x")}), {"pk": text("v"), "sk": number("1")}, key("v", "")} {
		_, err := client.GetItem(t.Context(), &ddb.GetItemInput{TableName: &table, Key: bad})
		requireCode(t, err, validation)
	}
	for _, bad := range []string{"a, a", "a, a.b", "a b", "", "a.", "size(a)", "date"} {
		_, err := client.GetItem(t.Context(), &ddb.GetItemInput{TableName: &table, Key: key("v", "1"), ProjectionExpression: &bad})
		requireCode(t, err, validation)
	}
}

func holdsLimits(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	const limit = 400 << 10
	overhead := len("pk") + len("l") + len("sk") + len("1") + len("data")
	fits := with(key("l", "1"), item{"data": text(strings.Repeat("x", limit-overhead))})
	putItem(t, client, table, fits)
	_, err := client.PutItem(t.Context(), &ddb.PutItemInput{
		TableName: &table, Item: with(key("l", "2"), item{"data": text(strings.Repeat("x", limit-overhead+1))}),
	})
	require.Contains(t, requireCode(t, err, validation), "Item size")
	_, err = client.UpdateItem(t.Context(), &ddb.UpdateItemInput{
		TableName: &table, Key: key("l", "1"), UpdateExpression: aws.String("SET more = :m"), ExpressionAttributeValues: item{":m": text("m")},
	})
	requireCode(t, err, validation)
	require.Equal(t, fits, getItem(t, client, table, key("l", "1")))

	deep := list()
	for range 31 {
		deep = list(deep)
	}
	putItem(t, client, table, with(key("deep", "1"), item{"d": deep}))
	_, err = client.PutItem(t.Context(), &ddb.PutItemInput{TableName: &table, Item: with(key("deep", "2"), item{"d": list(deep)})})
	requireCode(t, err, validation)

	var many []types.TransactWriteItem
	for i := range 101 {
		many = append(many, types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: key("many", strconv.Itoa(i))}})
	}
	_, err = client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: many})
	requireCode(t, err, validation)
	_, err = client.PutItem(t.Context(), &ddb.PutItemInput{TableName: aws.String(unique("missing")), Item: key("a", "b")})
	require.ErrorAs(t, err, new(*types.ResourceNotFoundException))
	_, err = client.DescribeTable(t.Context(), &ddb.DescribeTableInput{TableName: aws.String(unique("missing"))})
	require.ErrorAs(t, err, new(*types.ResourceNotFoundException))
}

func consumesCapacity(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withIndex("by-owner", "owner", "rank", types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}))
	put := func(i item) types.ConsumedCapacity {
		out, err := client.PutItem(t.Context(), &ddb.PutItemInput{TableName: &table, Item: i, ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes})
		require.NoError(t, err)
		return *out.ConsumedCapacity
	}
	units := put(key("c", "1"))
	require.InDelta(t, 1, *units.CapacityUnits, 0)
	require.InDelta(t, 1, *units.Table.CapacityUnits, 0)
	require.Empty(t, units.GlobalSecondaryIndexes)
	require.InDelta(t, 3, *put(with(key("c", "2"), item{"data": text(strings.Repeat("x", 2100))})).CapacityUnits, 0)
	require.InDelta(t, 3, *put(key("c", "2")).CapacityUnits, 0, "the larger of the old and the new item counts")
	units = put(with(key("c", "3"), item{"owner": text("me"), "rank": number("1")}))
	require.InDelta(t, 2, *units.CapacityUnits, 0)
	require.InDelta(t, 1, *units.GlobalSecondaryIndexes["by-owner"].CapacityUnits, 0)

	get := func(k item, consistent bool) float64 {
		out, err := client.GetItem(t.Context(), &ddb.GetItemInput{
			TableName: &table, Key: k, ConsistentRead: &consistent, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		require.NoError(t, err)
		return *out.ConsumedCapacity.CapacityUnits
	}
	put(with(key("c", "4"), item{"data": text(strings.Repeat("x", 5000))}))
	require.InDelta(t, 2, get(key("c", "4"), true), 0)
	require.InDelta(t, 1, get(key("c", "4"), false), 0)
	require.InDelta(t, 0.5, get(key("c", "none"), false), 0)

	query, err := client.Query(t.Context(), &ddb.QueryInput{
		TableName: &table, KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: item{":pk": text("c")},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	require.NoError(t, err)
	require.InDelta(t, 1, *query.ConsumedCapacity.CapacityUnits, 0, "of all items together")

	out, err := client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: &table, Item: key("c", "5")}},
			{Delete: &types.Delete{TableName: &table, Key: key("c", "1")}},
		},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	require.NoError(t, err)
	require.InDelta(t, 4, *out.ConsumedCapacity[0].CapacityUnits, 0)
}
