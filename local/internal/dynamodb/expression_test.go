package dynamodb_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

// The messages are AWS's own.
func TestExpressionErrors(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "errors")
	one := item{":one": number("1")}
	for _, c := range []struct {
		condition string
		values    item
		want      string
	}{
		{"x = = :one", one, `Invalid ConditionExpression: Syntax error; token: "=", near: "= = :one"`},
		{"(x = :one", one, `Invalid ConditionExpression: Syntax error; token: "<EOF>", near: ":one"`},
		{"= :one", one, `Invalid ConditionExpression: Syntax error; token: "=", near: "= :one"`},
		{"x = :one ✓", one, `Invalid ConditionExpression: Syntax error; token: "✓", near: ":one ✓"`},
		{"x BETWEEN :one, :one", one, `Invalid ConditionExpression: Syntax error; token: ",", near: ":one, :one"`},
		{"x[a] = :one", one, `Invalid ConditionExpression: Syntax error; token: "a", near: "[a]"`},
		{"x[99999999999999999999] = :one", one, "Invalid ConditionExpression: Syntax error"},
		{"Status = :one", one, "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: Status"},
		{"x.date = :one", one, "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: date"},
		{"x = :two", one, "Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :two"},
		{"#x = :one", one, "Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #x"},
		{"x = x", nil, "Invalid ConditionExpression: The first operand must be distinct from the remaining operands for this operator or function; " +
			"operator: =, first operand: [x]"},
		{"x[1].y < x[1].y", nil, "first operand: [x, [1], y]"},
		{
			"x < :b",
			item{":b": &types.AttributeValueMemberBOOL{Value: true}},
			"Invalid ConditionExpression: Incorrect operand type for operator or function; operator: <, operand type: BOOL",
		},
		{"Begins_With(x, :s)", item{":s": text("s")}, "Invalid ConditionExpression: Invalid function name; function: Begins_With"},
		{"size(x)", nil, `Syntax error; token: "<EOF>"`},
		{"x = contains(x, :one)", one, "The function is not allowed to be used this way in an expression; function: contains"},
		{"x = if_not_exists(x, :one)", one, "The function is not allowed to be used this way in an expression; function: if_not_exists"},
		{"if_not_exists(x, :one)", one, "The function is not allowed in a condition expression; function: if_not_exists"},
		{
			"attribute_type(x, :s)",
			item{":s": text("X")},
			"Invalid attribute type name found; type: X, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
		},
		{"begins_with(x)", nil, "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1"},
		{"begins_with(x, :one)", one, "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"},
		{"attribute_exists(:one)", one, "Operator or function requires a document path; operator or function: attribute_exists"},
		{"size(:one) = :one", one, "Incorrect operand type for operator or function; operator or function: size, operand type: N"},
		{"((x = :one))", one, "The expression has redundant parentheses;"},
		{" ", nil, "Invalid ConditionExpression: The expression can not be empty;"},
		{
			"x BETWEEN :two AND :one",
			item{":one": number("1"), ":two": number("2")},
			"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; " +
				"lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
		},
		{"x = :bad-name", item{":bad-name": number("1")}, `ExpressionAttributeValues contains invalid key: Syntax error; key: ":bad-name"`},
		{"attribute_exists(x)", item{":b": number("1"), ":a": number("1")}, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a, :b}"},
	} {
		_, err := s.PutItem(t.Context(), &ddb.PutItemInput{
			TableName: aws.String("errors"), Item: item{"id": text("1")}, ConditionExpression: &c.condition, ExpressionAttributeValues: c.values,
		})
		require.Error(t, err, c.condition)
		require.Contains(t, requireCode(t, err, validation), c.want, c.condition)
	}
}

// What dynoxide does otherwise than AWS says, so that the conformance checks
// leave it out.
func TestUpdatesOfLists(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "lists")
	list := func(elements ...string) types.AttributeValue {
		l := &types.AttributeValueMemberL{Value: []types.AttributeValue{}}
		for _, element := range elements {
			l.Value = append(l.Value, text(element))
		}
		return l
	}
	for _, c := range []struct {
		update string
		values item
		want   types.AttributeValue
	}{
		{"REMOVE l[0], l[2]", nil, list("b")},
		{"REMOVE l[2], l[0]", nil, list("b")},
		{"SET l[9] = :v, l[7] = :w", item{":v": text("v"), ":w": text("w")}, list("a", "b", "c", "w", "v")},
		{"SET l[7] = :v REMOVE l[0], l[5]", item{":v": text("v")}, list("b", "c", "v")},
		{"SET l[0] = l[2], l[2] = l[0]", nil, list("c", "b", "a")},
	} {
		s.putItem(t, "lists", item{"id": text("1"), "l": list("a", "b", "c")})
		out, err := s.UpdateItem(t.Context(), &ddb.UpdateItemInput{
			TableName: aws.String("lists"), Key: item{"id": text("1")}, UpdateExpression: &c.update, ExpressionAttributeValues: c.values,
			ReturnValues: types.ReturnValueAllNew,
		})
		require.NoError(t, err, c.update)
		require.Equal(t, c.want, out.Attributes["l"], c.update)
	}
	for _, update := range []string{"REMOVE nothing.a", "REMOVE id[0]", "REMOVE l.a", "REMOVE l[0].a"} {
		_, err := s.UpdateItem(t.Context(), &ddb.UpdateItemInput{TableName: aws.String("lists"), Key: item{"id": text("1")}, UpdateExpression: &update})
		requireCode(t, err, validation)
	}
	out, err := s.UpdateItem(t.Context(), &ddb.UpdateItemInput{
		TableName: aws.String("lists"), Key: item{"id": text("new")}, UpdateExpression: aws.String("SET n = :n"),
		ExpressionAttributeValues: item{":n": number("1")}, ReturnValues: types.ReturnValueAllOld,
	})
	require.NoError(t, err)
	require.Empty(t, out.Attributes, "there was no item before")
}

func TestProjections(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "projections")
	list := &types.AttributeValueMemberL{Value: []types.AttributeValue{text("0"), text("1"), &types.AttributeValueMemberM{Value: item{"a": text("a"), "b": text("b")}}}}
	s.putItem(t, "projections", item{"id": text("1"), "l": list, "m": &types.AttributeValueMemberM{Value: item{"l": list, "x": text("x")}}})
	for projection, want := range map[string]item{
		"nothing":                    {},
		"m.x, id":                    {"id": text("1"), "m": &types.AttributeValueMemberM{Value: item{"x": text("x")}}},
		"l[2].b, l[0], l[9], l[2].a": {"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("0"), list.Value[2]}}},
		"m.l[1]": {"m": &types.AttributeValueMemberM{Value: item{
			"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("1")}},
		}}},
	} {
		out, err := s.GetItem(t.Context(), &ddb.GetItemInput{
			TableName: aws.String("projections"), Key: item{"id": text("1")}, ProjectionExpression: &projection,
		})
		require.NoError(t, err)
		require.Equal(t, want, out.Item, projection)
	}
	get := types.TransactGetItem{Get: &types.Get{TableName: aws.String("projections"), Key: item{"id": text("1")}, ProjectionExpression: aws.String("m.x")}}
	out, err := s.TransactGetItems(t.Context(), &ddb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{get}})
	require.NoError(t, err)
	require.Equal(t, item{"m": &types.AttributeValueMemberM{Value: item{"x": text("x")}}}, out.Responses[0].Item)
}

func FuzzExpressions(f *testing.F) {
	attributes := []byte(`{"s":{"S":"héllo"},"n":{"N":"10"},"b":{"B":"AAE="},"t":{"BOOL":true},"z":{"NULL":true},` +
		`"l":{"L":[{"N":"1"},{"L":[]}]},"m":{"M":{"x":{"M":{"y":{"N":"2"}}}}},"ss":{"SS":["a","b"]},"ns":{"NS":["1","2"]}}`)
	for _, seed := range []string{
		"n = :n AND NOT (s <> :s OR attribute_exists(m.x.y))",
		"n BETWEEN :n AND :n", "n IN (:n, :s)", "begins_with(s, :s)", "size(l) < :n", "contains(ss, :s)", "attribute_type(#n, :s)",
		"SET n = if_not_exists(n, :n) + :n, l[5] = :l, m.x.z = list_append(l, :l) REMOVE l[0], m.x ADD ns :ns DELETE ss :ss",
		"s = :s AND n > :n", "l[1], m.x, #n", "((", "SET", "a.b.c[1", ":", "#", "<>=", "SET n = (n - :n)", "n=:n OR(n<:n)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		_, err := dynamodb.Evaluate(expression, attributes)
		require.NoError(t, err)
	})
}
