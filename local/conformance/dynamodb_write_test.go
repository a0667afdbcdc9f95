package conformance_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
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

// update updates the item (u, 1), and returns what it was asked to.
func update(t *run, client *ddb.Client, table, expression string, values item, mode types.ReturnValue) (item, error) {
	t.Helper()
	in := &ddb.UpdateItemInput{TableName: &table, Key: key("u", "1"), ReturnValues: mode, ExpressionAttributeValues: values}
	if expression != "" {
		in.UpdateExpression = &expression
	}
	out, err := client.UpdateItem(t.Context(), in)
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

func setsByExpression(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	for _, c := range []struct {
		expression string
		values     item
		want       item
	}{
		{"SET n = if_not_exists(n, :zero) + :one", item{":zero": number("0"), ":one": number("1")}, item{"n": number("1")}},
		{"SET n = if_not_exists(n, :zero) + :one", item{":zero": number("0"), ":one": number("1")}, item{"n": number("2")}},
		{
			"SET big = :a + :b, l = list_append(if_not_exists(l, :e), :x)",
			item{":a": number("0.1"), ":b": number("12345678901234567890123456789012345.2"), ":e": list(), ":x": list(text("x"))},
			item{"n": number("2"), "big": number("12345678901234567890123456789012345.3"), "l": list(text("x"))},
		},
		{
			"SET l = list_append(:x, l), m = :m REMOVE big",
			item{":x": list(text("w")), ":m": object(item{"a": number("1")})},
			item{"n": number("2"), "l": list(text("w"), text("x")), "m": object(item{"a": number("1")})},
		},
		{
			"SET n = m.a - :one, m.b = n, was = n",
			item{":one": number("1")},
			item{"n": number("0"), "was": number("2"), "l": list(text("w"), text("x")), "m": object(item{"a": number("1"), "b": number("2")})},
		},
	} {
		got, err := update(t, client, table, c.expression, c.values, types.ReturnValueAllNew)
		require.NoError(t, err, c.expression)
		require.Equal(t, with(key("u", "1"), c.want), got, c.expression)
	}
	for expression, values := range map[string]item{
		"SET z = absent":                 nil,
		"SET z = n + l":                  nil,
		"SET z = absent + :one":          {":one": number("1")},
		"SET z = list_append(n, l)":      nil,
		"SET z = n + :s":                 {":s": text("1")},
		"SET absent.a = :one":            {":one": number("1")},
		"SET n.a = :one":                 {":one": number("1")},
		"SET n = :one, n = :one":         {":one": number("1")},
		"SET m = :one, m.a = :one":       {":one": number("1")},
		"SET pk = :one":                  {":one": text("1")},
		"SET n = :one SET m = :one":      {":one": number("1")},
		"SET n = size(l)":                nil,
		"SET":                            nil,
		"FROB n":                         nil,
		"SET n = n +":                    nil,
		"SET n = :one, ":                 {":one": number("1")},
		"SET z = if_not_exists(:one, n)": {":one": number("1")},
		"SET z = list_append(l)":         nil,
		"SET z = nosuch(l)":              nil,
		"ADD n :s":                       {":s": text("1")},
		"ADD l :one":                     {":one": number("1")},
		"DELETE n :one":                  {":one": number("1")},
		"REMOVE m.a, m":                  nil,
		"SET l[0] = :one REMOVE l[0]":    {":one": number("1")},
	} {
		_, err := update(t, client, table, expression, values, "")
		requireCode(t, err, validation)
	}
}

func addsAndDeletes(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	got, err := update(t, client, table, "ADD n :one, s :s SET x = :one", item{":one": number("1"), ":s": texts("b", "a")}, types.ReturnValueUpdatedNew)
	require.NoError(t, err)
	require.Equal(t, number("1"), got["n"])
	require.ElementsMatch(t, []string{"a", "b"}, got["s"].(*types.AttributeValueMemberSS).Value)
	require.Len(t, got, 3)

	got, err = update(t, client, table, "ADD n :one, s :s", item{":one": number("-1.5"), ":s": texts("c", "a")}, types.ReturnValueUpdatedOld)
	require.NoError(t, err)
	require.Equal(t, number("1"), got["n"])
	require.ElementsMatch(t, []string{"a", "b"}, got["s"].(*types.AttributeValueMemberSS).Value)
	require.Len(t, got, 2)

	got, err = update(t, client, table, "DELETE s :s", item{":s": texts("c", "a", "z")}, types.ReturnValueUpdatedNew)
	require.NoError(t, err)
	require.Equal(t, item{"s": texts("b")}, got)
	_, err = update(t, client, table, "DELETE s :s, nothing :s", item{":s": texts("b")}, "")
	require.NoError(t, err)
	require.Equal(t, with(key("u", "1"), item{"n": number("-0.5"), "x": number("1")}), getItem(t, client, table, key("u", "1")))

	got, err = update(t, client, table, "REMOVE x SET y = :y", item{":y": text("y")}, types.ReturnValueUpdatedOld)
	require.NoError(t, err)
	require.Equal(t, item{"x": number("1")}, got)
	got, err = update(t, client, table, "SET y = :y", item{":y": text("z")}, types.ReturnValueAllOld)
	require.NoError(t, err)
	require.Equal(t, with(key("u", "1"), item{"n": number("-0.5"), "y": text("y")}), got)
	_, err = update(t, client, table, "ADD y :one", item{":one": number("1")}, "")
	requireCode(t, err, validation)
}

func updatesDocuments(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	start := item{"l": list(text("a"), text("b"), text("c")), "m": object(item{"x": object(item{"y": number("1")}), "l": list(number("1"))})}
	for _, c := range []struct {
		expression string
		values     item
		want       item
	}{
		{"REMOVE l[1]", nil, with(start, item{"l": list(text("a"), text("c"))})},
		{"SET l[3] = :v, l[0] = :w", item{":v": text("v"), ":w": text("w")}, with(start, item{"l": list(text("w"), text("b"), text("c"), text("v"))})},
		{"SET l[1] = :v REMOVE l[5]", item{":v": text("v")}, with(start, item{"l": list(text("a"), text("v"), text("c"))})},
		{
			"SET m.x.y = m.x.y + :n, m.x.z = :n REMOVE m.l[0]",
			item{":n": number("2")},
			with(start, item{"m": object(item{"x": object(item{"y": number("3"), "z": number("2")}), "l": list()})}),
		},
		{"REMOVE m.x, nothing", nil, with(start, item{"m": object(item{"l": list(number("1"))})})},
		{"ADD m.x.y :n", item{":n": number("0.5")}, with(start, item{"m": object(item{"x": object(item{"y": number("1.5")}), "l": list(number("1"))})})},
		{"", nil, start},
	} {
		putItem(t, client, table, with(key("u", "1"), start))
		got, err := update(t, client, table, c.expression, c.values, types.ReturnValueAllNew)
		require.NoError(t, err, c.expression)
		require.Equal(t, with(key("u", "1"), c.want), got, c.expression)
	}
	got, err := client.UpdateItem(t.Context(), &ddb.UpdateItemInput{TableName: &table, Key: key("new", "1"), ReturnValues: types.ReturnValueAllNew})
	require.NoError(t, err)
	require.Equal(t, key("new", "1"), got.Attributes)
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
