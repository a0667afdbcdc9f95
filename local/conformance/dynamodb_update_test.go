package conformance_test

import (
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

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
