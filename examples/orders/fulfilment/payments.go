package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// ErrRefused says that the customer's bank refuses the payment.
var ErrRefused = errors.New("the payment was refused")

// PaymentClient is what Payments need of a *dynamodb.Client.
type PaymentClient interface {
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Payments is the book of payments: one for each order, which is decided once. It
// stands for a payment provider that knows idempotency keys.
type Payments struct {
	client PaymentClient
	table  string
}

// NewPayments keeps payments in a table with the keys pk and sk.
func NewPayments(client PaymentClient, table string) *Payments { return &Payments{client, table} }

// Charge charges a customer for an order. A second call charges nothing and returns
// what the first one did. Customers at refused.example never pay.
func (p *Payments) Charge(ctx context.Context, tenant, order, customer string, cents int64) error {
	item := itemKey(tenant, order)
	item["cents"] = number(cents)
	item["refused"] = &types.AttributeValueMemberBOOL{Value: strings.HasSuffix(customer, "@refused.example")}
	_, err := p.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &p.table, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if made, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		item, err = made.Item, nil
	}
	if err != nil {
		return fmt.Errorf("order %s cannot be charged: %w", order, err)
	}
	if refused, ok := item["refused"].(*types.AttributeValueMemberBOOL); ok && refused.Value {
		return fmt.Errorf("order %s: %w", order, ErrRefused)
	}
	return nil
}

// Paid is what was paid, in cents, by order.
func (p *Payments) Paid(ctx context.Context, tenant string) (map[string]int64, error) {
	paid := map[string]int64{}
	pages := dynamodb.NewQueryPaginator(p.client, &dynamodb.QueryInput{
		TableName: &p.table, KeyConditionExpression: aws.String("pk = :pk"), FilterExpression: aws.String("refused = :no"),
		ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": text(tenant), ":no": &types.AttributeValueMemberBOOL{Value: false},
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			cents, err := strconv.ParseInt(item["cents"].(*types.AttributeValueMemberN).Value, 10, 64)
			if err != nil {
				return nil, err
			}
			paid[item["sk"].(*types.AttributeValueMemberS).Value] = cents
		}
	}
	return paid, nil
}
