package dynamostore

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// CounterClient is what [NewCounter] needs of a *dynamodb.Client.
type CounterClient interface {
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
}

// NewCounter keeps counters in the attribute seq of a table with the keys pk and
// sk, as the reference system does. A number costs one UpdateItem of one write
// unit; the action is dynamodb:UpdateItem on the table.
func NewCounter(client CounterClient, table string) command.Counter {
	if client == nil || table == "" {
		panic("dynamostore: NewCounter needs a client and the name of a table")
	}
	return &counter{client: client, table: table}
}

type counter struct {
	client CounterClient
	table  string
}

// Next adds one.
func (c *counter) Next(ctx context.Context, key cqrs.Key) (int64, error) {
	var out *dynamodb.UpdateItemOutput
	err := retry(ctx, func() (err error) {
		out, err = c.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &c.table, Key: keyItem(key),
			UpdateExpression:          aws.String("ADD seq :one"),
			ExpressionAttributeValues: item{":one": number(1)},
			ReturnValues:              types.ReturnValueUpdatedNew,
		})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("dynamostore: count %s %s: %w", key.PK, key.SK, err)
	}
	return integerOf(out.Attributes["seq"]), nil
}
