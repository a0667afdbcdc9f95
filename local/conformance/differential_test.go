package conformance_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestDifferential does random operations on two implementations, which have to
// answer alike. It stays clear of where dynoxide is known to differ from AWS:
// elements beyond the end of a list, several elements removed at once, missing
// parents of what is removed, comparisons that AWS refuses as senseless, and the
// old attributes of an update that creates the item.
func TestDifferential(t *testing.T) {
	t.Parallel()
	targets := []*Target{startTested(t), startDynoxide(t)}
	var clients []*ddb.Client
	var tables []string
	for _, target := range targets {
		client := target.DynamoDB()
		clients = append(clients, client)
		tables = append(tables, newTable(&run{t, target}, client,
			withIndex("keys", "gp", "gs", types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}),
			withIndex("part", "hp", "hs", types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"va"}})))
	}
	rapid.Check(t, func(rt *rapid.T) {
		g := &generator{T: rt, partition: unique("p")}
		for range rapid.IntRange(1, 25).Draw(rt, "operations") {
			operation := g.operation()
			var answers []answer
			for i, client := range clients {
				answers = append(answers, operation.do(&run{t, targets[i]}, client, tables[i]))
			}
			require.Equal(rt, answers[1], answers[0], operation.text)
		}
	})
}

// answer is what an operation came to, in a form that compares.
type answer struct {
	code  string
	items []string
	units float64
}

// operation is one call, for any client and table.
type operation struct {
	text string
	do   func(t *run, client *ddb.Client, table string) answer
}

func answerOf(err error, units *types.ConsumedCapacity, items ...item) answer {
	var a answer
	if failure, ok := errors.AsType[smithy.APIError](err); ok {
		a.code = failure.ErrorCode()
	} else if err != nil {
		a.code = err.Error()
	}
	if failure, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		items = append(items, failure.Item)
	}
	if failure, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, reason := range failure.CancellationReasons {
			a.code += " " + aws.ToString(reason.Code)
			items = append(items, reason.Item)
		}
	}
	for _, i := range items {
		a.items = append(a.items, canonical(&types.AttributeValueMemberM{Value: i}))
	}
	if units != nil {
		a.units = *units.CapacityUnits
	}
	return a
}

// canonical writes equal values alike.
func canonical(v value) string {
	var parts []string
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return strconv.Quote(v.Value)
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberB:
		return fmt.Sprintf("b%q", v.Value)
	case *types.AttributeValueMemberBOOL:
		return strconv.FormatBool(v.Value)
	case *types.AttributeValueMemberL:
		for _, element := range v.Value {
			parts = append(parts, canonical(element))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case *types.AttributeValueMemberM:
		for name, member := range v.Value {
			parts = append(parts, name+":"+canonical(member))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, " ") + "}"
	case *types.AttributeValueMemberSS:
		parts = slices.Sorted(slices.Values(v.Value))
		return "SS(" + strings.Join(parts, " ") + ")"
	case *types.AttributeValueMemberNS:
		parts = slices.Sorted(slices.Values(v.Value))
		return "NS(" + strings.Join(parts, " ") + ")"
	case *types.AttributeValueMemberNULL:
		return "null"
	default:
		return fmt.Sprintf("%T", v)
	}
}

func (g *generator) putOperation() operation {
	in := ddb.PutItemInput{
		Item: g.item(), ConditionExpression: g.optionally(), ReturnValues: draw(g, types.ReturnValueNone, types.ReturnValueAllOld),
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	in.ExpressionAttributeValues = g.used(in.ConditionExpression)
	return operation{
		describe("put", canonical(object(in.Item)), "if", textOf(in.ConditionExpression), canonical(object(in.ExpressionAttributeValues))),
		func(t *run, client *ddb.Client, table string) answer {
			t.Helper()
			in.TableName = &table
			out, err := client.PutItem(t.Context(), &in)
			if err != nil {
				return answerOf(err, nil)
			}
			return answerOf(nil, out.ConsumedCapacity, out.Attributes)
		},
	}
}

func (g *generator) updateOperation() operation {
	in := ddb.UpdateItemInput{
		Key: g.key(), UpdateExpression: aws.String(g.update()), ConditionExpression: g.optionally(),
		ReturnValues:                        draw(g, types.ReturnValueAllNew, types.ReturnValueUpdatedOld, types.ReturnValueUpdatedNew),
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	in.ExpressionAttributeValues = g.used(in.UpdateExpression, in.ConditionExpression)
	return operation{
		describe("update", canonical(object(in.Key)), *in.UpdateExpression, "if", textOf(in.ConditionExpression),
			canonical(object(in.ExpressionAttributeValues)), in.ReturnValues),
		func(t *run, client *ddb.Client, table string) answer {
			t.Helper()
			in.TableName = &table
			out, err := client.UpdateItem(t.Context(), &in)
			if err != nil {
				return answerOf(err, nil)
			}
			return answerOf(nil, out.ConsumedCapacity, out.Attributes)
		},
	}
}

func (g *generator) deleteOperation() operation {
	in := ddb.DeleteItemInput{
		Key: g.key(), ConditionExpression: g.optionally(), ReturnValues: types.ReturnValueAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	in.ExpressionAttributeValues = g.used(in.ConditionExpression)
	return operation{
		describe("delete", canonical(object(in.Key)), "if", textOf(in.ConditionExpression), canonical(object(in.ExpressionAttributeValues))),
		func(t *run, client *ddb.Client, table string) answer {
			t.Helper()
			in.TableName = &table
			out, err := client.DeleteItem(t.Context(), &in)
			if err != nil {
				return answerOf(err, nil)
			}
			return answerOf(nil, out.ConsumedCapacity, out.Attributes)
		},
	}
}

func (g *generator) transactOperation() operation {
	var items []func(table string) types.TransactWriteItem
	var texts []any
	for range rapid.IntRange(1, 4).Draw(g.T, "actions") {
		g.values = item{}
		k := g.key()
		condition := g.optionally()
		old := types.ReturnValuesOnConditionCheckFailureAllOld
		switch rapid.IntRange(0, 3).Draw(g.T, "action") {
		case 0:
			put := with(g.item(), k)
			values := g.used(condition)
			texts = append(texts, "put", canonical(object(put)), "if", textOf(condition), canonical(object(values)))
			items = append(items, func(table string) types.TransactWriteItem {
				return types.TransactWriteItem{Put: &types.Put{
					TableName: &table, Item: put, ConditionExpression: condition, ExpressionAttributeValues: values, ReturnValuesOnConditionCheckFailure: old,
				}}
			})
		case 1:
			update := g.update()
			values := g.used(condition, &update)
			texts = append(texts, "update", canonical(object(k)), update, "if", textOf(condition), canonical(object(values)))
			items = append(items, func(table string) types.TransactWriteItem {
				return types.TransactWriteItem{Update: &types.Update{
					TableName: &table, Key: k, UpdateExpression: &update, ConditionExpression: condition, ExpressionAttributeValues: values,
					ReturnValuesOnConditionCheckFailure: old,
				}}
			})
		case 2:
			values := g.used(condition)
			texts = append(texts, "delete", canonical(object(k)), "if", textOf(condition), canonical(object(values)))
			items = append(items, func(table string) types.TransactWriteItem {
				return types.TransactWriteItem{Delete: &types.Delete{
					TableName: &table, Key: k, ConditionExpression: condition, ExpressionAttributeValues: values, ReturnValuesOnConditionCheckFailure: old,
				}}
			})
		default:
			check := g.condition(1)
			values := g.used(&check)
			texts = append(texts, "check", canonical(object(k)), check, canonical(object(values)))
			items = append(items, func(table string) types.TransactWriteItem {
				return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
					TableName: &table, Key: k, ConditionExpression: &check, ExpressionAttributeValues: values, ReturnValuesOnConditionCheckFailure: old,
				}}
			})
		}
	}
	return operation{
		describe(append([]any{"transact"}, texts...)...),
		func(t *run, client *ddb.Client, table string) answer {
			t.Helper()
			in := &ddb.TransactWriteItemsInput{}
			for _, i := range items {
				in.TransactItems = append(in.TransactItems, i(table))
			}
			_, err := client.TransactWriteItems(t.Context(), in)
			return answerOf(err, nil)
		},
	}
}

func (g *generator) queryOperation() operation {
	index := draw(g, "", "keys", "part")
	partition, sort, bound := "pk", "sk", text(draw(g, "a", "aa", "b"))
	switch index {
	case "keys":
		partition, sort, bound = "gp", "gs", g.number()
	case "part":
		partition, sort, bound = "hp", "hs", g.number()
	}
	condition := partition + " = " + g.bind(text(g.partition))
	switch rapid.IntRange(0, 4).Draw(g.T, "range") {
	case 0:
		condition += " AND " + sort + draw(g, " = ", " < ", " <= ", " > ", " >= ") + g.bind(bound)
	case 1:
		if index == "" {
			condition += " AND begins_with(" + sort + ", " + g.bind(text("a")) + ")"
		}
	}
	var filter *string
	if rapid.Bool().Draw(g.T, "filter") {
		filter = aws.String(g.condition(1))
	}
	in := ddb.QueryInput{
		KeyConditionExpression: &condition, FilterExpression: filter, ExpressionAttributeValues: g.used(&condition, filter),
		ScanIndexForward: aws.Bool(draw(g, true, false)), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	if index != "" {
		in.IndexName = &index
	}
	limit := draw[int32](g, 1, 2, 3, 100)
	in.Limit = &limit
	return operation{
		describe("query", index, condition, "filter", textOf(filter), canonical(object(in.ExpressionAttributeValues)), "limit", limit),
		func(t *run, client *ddb.Client, table string) answer {
			t.Helper()
			in := in
			in.TableName = &table
			var all answer
			for {
				out, err := client.Query(t.Context(), &in)
				if err != nil {
					return answerOf(err, nil)
				}
				page := answerOf(nil, out.ConsumedCapacity, out.Items...)
				all.items = append(all.items, page.items...)
				// The order of equal keys in an index is nobody's promise, so neither is the page's end.
				if index == "" {
					all.items = append(all.items, "page to "+canonical(object(out.LastEvaluatedKey)))
				}
				all.units += page.units
				if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
					if index != "" {
						slices.Sort(all.items)
					}
					return all
				}
			}
		},
	}
}

func (g *generator) scanOperation() operation {
	filter := "pk = " + g.bind(text(g.partition))
	if rapid.Bool().Draw(g.T, "filter") {
		filter += " AND " + g.side(2)
	}
	in := ddb.ScanInput{FilterExpression: &filter, ExpressionAttributeValues: g.used(&filter)}
	return operation{
		describe("scan", filter, canonical(object(in.ExpressionAttributeValues))),
		func(t *run, client *ddb.Client, table string) answer {
			t.Helper()
			in := in
			in.TableName = &table
			var all answer
			for {
				out, err := client.Scan(t.Context(), &in)
				if err != nil {
					return answerOf(err, nil)
				}
				all.items = append(all.items, answerOf(nil, nil, out.Items...).items...)
				if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
					slices.Sort(all.items)
					return all
				}
			}
		},
	}
}
