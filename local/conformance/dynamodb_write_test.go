package conformance_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

func TestDynamoDBWrites(t *testing.T) {
	t.Parallel()
	hold(t, []check{
		{"ddb: CreateTable + GSI + stream + waiter", createsTable},
		{"ddb: Put/Get all attribute types, 38-digit N", keepsAllTypes},
		{"ddb: Put attribute_not_exists -> typed CCFE", refusesSecondPut},
		{"ddb: ReturnValuesOnConditionCheckFailure=ALL_OLD (Put)", returnsOldWithFailedPut},
		{"ddb: ReturnValuesOnConditionCheckFailure (Update, Delete)", returnsOldWithFailedUpdateAndDelete},
		{"ddb: UpdateExpression SET/if_not_exists/list_append/arith", setsByExpression},
		{"ddb: UpdateExpression ADD/DELETE sets, UPDATED_OLD/NEW", addsAndDeletes},
		{"ddb: UpdateExpression nested paths, lists, REMOVE", updatesDocuments},
		{"ddb: Condition functions and operators", decidesConditions},
		{"ddb: DeleteItem cond + ALL_OLD", deletesWithCondition},
		{"ddb: BatchWriteItem / BatchGetItem", writesAndGetsBatches},
		{"ddb: Concurrency: 64 ADDs, 32 racing creates, version CAS", losesNothing},
		{"ddb: Validation: reserved word, unused value, empty key, missing key", refusesInvalid},
		{"ddb: Limits: item >400KB, transact 101, typed RNF", holdsLimits},
		{"ddb: ConsumedCapacity", consumesCapacity},
	})
}

func createsTable(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withIndex("by-owner", "owner", "rank", types.Projection{ProjectionType: types.ProjectionTypeAll}),
		withStream(types.StreamViewTypeNewImage))
	out, err := client.DescribeTable(t.Context(), &ddb.DescribeTableInput{TableName: &table})
	require.NoError(t, err)
	require.Equal(t, types.TableStatusActive, out.Table.TableStatus)
	require.Len(t, out.Table.GlobalSecondaryIndexes, 1)
	require.Equal(t, "by-owner", *out.Table.GlobalSecondaryIndexes[0].IndexName)
	require.Equal(t, types.IndexStatusActive, out.Table.GlobalSecondaryIndexes[0].IndexStatus)
	require.True(t, strings.HasPrefix(*out.Table.LatestStreamArn, *out.Table.TableArn+"/stream/"))
	require.True(t, *out.Table.StreamSpecification.StreamEnabled)

	listed, err := client.ListTables(t.Context(), &ddb.ListTablesInput{})
	require.NoError(t, err)
	require.Contains(t, listed.TableNames, table)

	_, err = client.CreateTable(t.Context(), &ddb.CreateTableInput{
		TableName:            &table,
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: out.Table.AttributeDefinitions[:1],
		KeySchema:            out.Table.KeySchema[:1],
	})
	require.ErrorAs(t, err, new(*types.ResourceInUseException))
	_, err = client.DeleteTable(t.Context(), &ddb.DeleteTableInput{TableName: &table})
	require.NoError(t, err)
}

func keepsAllTypes(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	stored := with(key("types", "1"), item{
		"S": text("grüße\x00"), "empty": text(""), "B": raw("\x00\xff"), "emptyB": raw(""),
		"N": number("1234567890123456789012345678901234567.8"), "small": number("-0.00000000000000000001"),
		"large": number("9" + strings.Repeat("0", 125)), "BOOL": truth(false), "NULL": null(),
		"L": list(text("a"), number("1"), list(), object(item{})), "M": object(item{"x": object(item{"y": null()})}),
		"SS": texts("a", "b"), "NS": numbers("1", "2.5"), "BS": raws("a", "b"),
	})
	putItem(t, client, table, stored)
	got := getItem(t, client, table, key("types", "1"))
	for _, set := range []string{"SS", "NS", "BS"} {
		require.IsType(t, stored[set], got[set])
	}
	require.ElementsMatch(t, []string{"1", "2.5"}, got["NS"].(*types.AttributeValueMemberNS).Value)
	require.ElementsMatch(t, []string{"a", "b"}, got["SS"].(*types.AttributeValueMemberSS).Value)
	require.ElementsMatch(t, [][]byte{[]byte("a"), []byte("b")}, got["BS"].(*types.AttributeValueMemberBS).Value)
	for name, v := range stored {
		if !strings.HasSuffix(name, "S") || len(name) != 2 {
			require.Equal(t, v, got[name], name)
		}
	}
	for given, canonical := range map[string]string{"1.0": "1", "0001": "1", "1E3": "1000", "-0": "0", "12.50e-1": "1.25"} {
		putItem(t, client, table, with(key("types", "2"), item{"n": number(given)}))
		require.Equal(t, number(canonical), getItem(t, client, table, key("types", "2"))["n"], given)
	}
	for _, bad := range []string{"", "1x", "12345678901234567890123456789012345678.9", "1E126", "1E-131", "NaN"} {
		_, err := client.PutItem(t.Context(), &ddb.PutItemInput{TableName: &table, Item: with(key("types", "3"), item{"n": number(bad)})})
		requireCode(t, err, validation)
	}
}

func refusesSecondPut(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	put := func() error {
		_, err := client.PutItem(t.Context(), &ddb.PutItemInput{
			TableName: &table, Item: key("once", "1"), ConditionExpression: aws.String("attribute_not_exists(pk)"),
		})
		return err
	}
	require.NoError(t, put())
	failure, ok := errors.AsType[*types.ConditionalCheckFailedException](put())
	require.True(t, ok)
	require.Nil(t, failure.Item)
}

func returnsOldWithFailedPut(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	first := with(key("old", "1"), item{"by": text("me")})
	putItem(t, client, table, first)
	_, err := client.PutItem(t.Context(), &ddb.PutItemInput{
		TableName: &table, Item: key("old", "1"), ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	failure, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	require.True(t, ok)
	require.Equal(t, first, failure.Item)
}

func returnsOldWithFailedUpdateAndDelete(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	first := with(key("old", "1"), item{"version": number("2")})
	putItem(t, client, table, first)
	values := item{":v": number("1")}
	_, err := client.UpdateItem(t.Context(), &ddb.UpdateItemInput{
		TableName: &table, Key: key("old", "1"), UpdateExpression: aws.String("SET x = :v"), ConditionExpression: aws.String("version = :v"),
		ExpressionAttributeValues: values, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	failure, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	require.True(t, ok)
	require.Equal(t, first, failure.Item)
	_, err = client.DeleteItem(t.Context(), &ddb.DeleteItemInput{
		TableName: &table, Key: key("old", "1"), ConditionExpression: aws.String("version = :v"),
		ExpressionAttributeValues: values, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	failure, ok = errors.AsType[*types.ConditionalCheckFailedException](err)
	require.True(t, ok)
	require.Equal(t, first, failure.Item)
	require.Equal(t, first, getItem(t, client, table, key("old", "1")))
}

func decidesConditions(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	stored := with(key("c", "1"), item{
		"n": number("10"), "s": text("hello"), "b": raw("\x01\x02"), "t": truth(true), "z": null(), "l": list(text("a"), number("1")),
		"m": object(item{"k": text("v")}), "ss": texts("x", "y"), "ns": numbers("1", "2"), "same": number("10.0"),
	})
	putItem(t, client, table, stored)
	values := item{
		":9": number("9"), ":10": number("10"), ":11": number("11"), ":he": text("he"), ":hello": text("hello"), ":N": text("N"), ":x": text("x"),
		":1": number("1"), ":a": text("a"), ":true": truth(true), ":m": object(item{"k": text("v")}), ":yx": texts("y", "x"), ":2": number("2"),
		":5": number("5"), ":null": null(), ":b": raw("\x01"), ":l": list(text("a"), number("1")),
	}
	for condition, want := range map[string]bool{
		"n = :10":                                true,
		"n = same":                               true,
		"n <> :10":                               false,
		"n < :11":                                true,
		"n > :9":                                 true,
		"n <= :10":                               true,
		"n >= :11":                               false,
		":9 < n":                                 true,
		"n = :hello":                             false,
		"n < :hello":                             false,
		"s < :x":                                 true,
		"n BETWEEN :9 AND :11":                   true,
		"n BETWEEN :11 AND :11":                  false,
		":10 BETWEEN n AND same":                 true,
		"n IN (:9, :10)":                         true,
		"n IN (:9, :hello)":                      false,
		"attribute_exists(m.k)":                  true,
		"attribute_exists(m.x)":                  false,
		"attribute_exists(l[1])":                 true,
		"attribute_not_exists(l[2])":             true,
		"attribute_type(n, :N)":                  true,
		"attribute_type(s, :N)":                  false,
		"begins_with(s, :he)":                    true,
		"begins_with(b, :b)":                     true,
		"begins_with(n, :he)":                    false,
		"contains(s, :he)":                       true,
		"contains(ss, :x)":                       true,
		"contains(ns, :2)":                       true,
		"contains(ns, :9)":                       false,
		"contains(l, :a)":                        true,
		"contains(l, :x)":                        false,
		"contains(n, :1)":                        false,
		"contains(absent, :x)":                   false,
		"size(s) = :5":                           true,
		"size(l) = :2":                           true,
		"size(m) = :1":                           true,
		"size(ss) = :2":                          true,
		"size(b) = :2":                           true,
		"size(n) = :2":                           false,
		"size(absent) = :2":                      false,
		"m = :m":                                 true,
		"l = :l":                                 true,
		"ss = :yx":                               true,
		"t = :true":                              true,
		"z = :null":                              true,
		"absent = :10":                           false,
		"absent <> :10":                          true,
		"absent < :10":                           false,
		"NOT absent < :10":                       true,
		"NOT n = :10":                            false,
		"n = :10 AND s = :hello":                 true,
		"n = :9 OR s = :hello":                   true,
		"n = :9 OR n = :10 AND s = :he":          false,
		"(n = :9 OR n = :10) AND s = :hello":     true,
		"n = :10 or n = :9 and s = :he":          true,
		"NOT n = :9 AND NOT (s = :he OR s = :x)": true,
		"NOT (n BETWEEN :9 AND :11)":             false,
		"attribute_exists(n) AND attribute_not_exists(nope)": true,
	} {
		used := item{}
		for name, v := range values {
			if strings.Contains(condition+" ", name+" ") || strings.Contains(condition, name+")") || strings.Contains(condition, name+",") {
				used[name] = v
			}
		}
		in := &ddb.PutItemInput{TableName: &table, Item: stored, ConditionExpression: &condition}
		if len(used) > 0 {
			in.ExpressionAttributeValues = used
		}
		_, err := client.PutItem(t.Context(), in)
		if want {
			require.NoError(t, err, condition)
		} else {
			require.Error(t, err, condition)
			requireCode(t, err, "ConditionalCheckFailedException")
		}
	}
}

func deletesWithCondition(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	stored := with(key("d", "1"), item{"version": number("3")})
	putItem(t, client, table, stored)
	remove := func(version string) (*ddb.DeleteItemOutput, error) {
		return client.DeleteItem(t.Context(), &ddb.DeleteItemInput{
			TableName: &table, Key: key("d", "1"), ConditionExpression: aws.String("#v = :v"), ReturnValues: types.ReturnValueAllOld,
			ExpressionAttributeNames: map[string]string{"#v": "version"}, ExpressionAttributeValues: item{":v": number(version)},
		})
	}
	_, err := remove("2")
	require.ErrorAs(t, err, new(*types.ConditionalCheckFailedException))
	out, err := remove("3")
	require.NoError(t, err)
	require.Equal(t, stored, out.Attributes)
	require.Nil(t, getItem(t, client, table, key("d", "1")))
	again, err := client.DeleteItem(t.Context(), &ddb.DeleteItemInput{TableName: &table, Key: key("d", "1"), ReturnValues: types.ReturnValueAllOld})
	require.NoError(t, err)
	require.Nil(t, again.Attributes)
	_, err = client.DeleteItem(t.Context(), &ddb.DeleteItemInput{TableName: &table, Key: key("d", "1"), ReturnValues: types.ReturnValueAllNew})
	requireCode(t, err, validation)
}

func writesAndGetsBatches(t *run) {
	client := t.target.DynamoDB()
	first, second := newTable(t, client), newTable(t, client)
	var puts []types.WriteRequest
	var keys []item
	for i := range 24 {
		k := key("b", strconv.Itoa(i))
		keys = append(keys, k)
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: with(k, item{"i": integer(i)})}})
	}
	out, err := client.BatchWriteItem(t.Context(), &ddb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
		first: puts, second: {{PutRequest: &types.PutRequest{Item: key("b", "0")}}},
	}})
	require.NoError(t, err)
	require.Empty(t, out.UnprocessedItems)
	out, err = client.BatchWriteItem(t.Context(), &ddb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
		first: {{DeleteRequest: &types.DeleteRequest{Key: keys[0]}}, {DeleteRequest: &types.DeleteRequest{Key: key("b", "none")}}},
	}})
	require.NoError(t, err)
	require.Empty(t, out.UnprocessedItems)

	got, err := client.BatchGetItem(t.Context(), &ddb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		first:  {Keys: keys, ProjectionExpression: aws.String("#i, sk"), ExpressionAttributeNames: map[string]string{"#i": "i"}},
		second: {Keys: keys[:1]},
	}})
	require.NoError(t, err)
	require.Empty(t, got.UnprocessedKeys)
	require.Equal(t, []item{key("b", "0")}, got.Responses[second])
	require.Len(t, got.Responses[first], 23)
	require.Contains(t, got.Responses[first], item{"i": integer(7), "sk": text("7")})

	for _, requests := range [][]types.WriteRequest{append(puts, puts[:2]...), {puts[0], puts[0]}, {}} {
		_, err = client.BatchWriteItem(t.Context(), &ddb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{first: requests}})
		requireCode(t, err, validation)
	}
	_, err = client.BatchGetItem(t.Context(), &ddb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{first: {Keys: []item{keys[1], keys[1]}}}})
	requireCode(t, err, validation)
}
