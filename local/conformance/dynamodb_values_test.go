package conformance_test

import (
	"context"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

type (
	value = types.AttributeValue
	item  = map[string]value
)

func text(s string) value              { return &types.AttributeValueMemberS{Value: s} }
func number(s string) value            { return &types.AttributeValueMemberN{Value: s} }
func integer(n int) value              { return number(strconv.Itoa(n)) }
func raw(s string) value               { return &types.AttributeValueMemberB{Value: []byte(s)} }
func truth(b bool) value               { return &types.AttributeValueMemberBOOL{Value: b} }
func null() value                      { return &types.AttributeValueMemberNULL{Value: true} }
func list(v ...value) value            { return &types.AttributeValueMemberL{Value: append([]value{}, v...)} }
func object(i item) value              { return &types.AttributeValueMemberM{Value: i} }
func texts(elements ...string) value   { return &types.AttributeValueMemberSS{Value: elements} }
func numbers(elements ...string) value { return &types.AttributeValueMemberNS{Value: elements} }
func raws(elements ...string) value {
	set := &types.AttributeValueMemberBS{}
	for _, element := range elements {
		set.Value = append(set.Value, []byte(element))
	}
	return set
}

// key is the key of the tables that newTable makes.
func key(partition, sort string) item { return item{"pk": text(partition), "sk": text(sort)} }

// with is i and more attributes.
func with(i, more item) item {
	all := item{}
	for _, from := range []item{i, more} {
		maps.Copy(all, from)
	}
	return all
}

// newTable makes a table with the key pk and sk, both strings, on demand.
func newTable(t *run, client *ddb.Client, change ...func(*ddb.CreateTableInput)) string {
	t.Helper()
	in := &ddb.CreateTableInput{
		TableName:   aws.String(unique("conformance")),
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
	}
	for _, f := range change {
		f(in)
	}
	_, err := client.CreateTable(t.Context(), in)
	require.NoError(t, err)
	waiter := ddb.NewTableExistsWaiter(client, func(o *ddb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
	})
	require.NoError(t, waiter.Wait(t.Context(), &ddb.DescribeTableInput{TableName: in.TableName}, time.Minute))
	t.Cleanup(func() {
		_, _ = client.DeleteTable(context.WithoutCancel(t.Context()), &ddb.DeleteTableInput{TableName: in.TableName})
	})
	return *in.TableName
}

// withIndex adds an index by name, with keys of those names, the second a number.
func withIndex(name, partition, sort string, projection types.Projection) func(*ddb.CreateTableInput) {
	return func(in *ddb.CreateTableInput) {
		in.AttributeDefinitions = append(in.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: aws.String(partition), AttributeType: types.ScalarAttributeTypeS},
			types.AttributeDefinition{AttributeName: aws.String(sort), AttributeType: types.ScalarAttributeTypeN})
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(name),
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
			},
			Projection: &projection,
		})
	}
}

func withStream(view types.StreamViewType) func(*ddb.CreateTableInput) {
	return func(in *ddb.CreateTableInput) {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: view}
	}
}

func putItem(t *run, client *ddb.Client, table string, i item) {
	t.Helper()
	_, err := client.PutItem(t.Context(), &ddb.PutItemInput{TableName: &table, Item: i})
	require.NoError(t, err)
}

func getItem(t *run, client *ddb.Client, table string, k item) item {
	t.Helper()
	out, err := client.GetItem(t.Context(), &ddb.GetItemInput{TableName: &table, Key: k, ConsistentRead: aws.Bool(true)})
	require.NoError(t, err)
	return out.Item
}

// requireCode requires an error of the API by its code, and returns its message.
func requireCode(t *run, err error, code string) string {
	t.Helper()
	var failure smithy.APIError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, code, failure.ErrorCode(), failure.ErrorMessage())
	return failure.ErrorMessage()
}

const validation = "ValidationException"
