package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// ErrOutOfStock says that there is not as much as the order wants.
var ErrOutOfStock = errors.New("out of stock")

// InventoryClient is what an Inventory needs of a *dynamodb.Client.
type InventoryClient interface {
	TransactWriteItems(
		ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options),
	) (*dynamodb.TransactWriteItemsOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Inventory knows what is reserved. For each tenant it has an item ORDER#number for
// each order that was decided on, and an item SKU#sku with the number of pieces that
// all of them have reserved.
type Inventory struct {
	client   InventoryClient
	table    string
	products *command.Service[shop.Product]
}

// NewInventory keeps reservations in a table with the keys pk and sk.
func NewInventory(client InventoryClient, table string, products *command.Service[shop.Product]) *Inventory {
	return &Inventory{client, table, products}
}

// Reserve reserves all that an order wants, or nothing. What was decided on an order
// stays decided: the next call returns the same.
func (i *Inventory) Reserve(ctx context.Context, tenant string, order shop.Order) error {
	writes := []types.TransactWriteItem{{Put: &types.Put{
		TableName: &i.table, Item: reservation(tenant, order.Number, ""),
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}}
	wanted := map[string]int64{}
	for _, line := range order.Lines {
		wanted[line.SKU] += line.Quantity
	}
	for _, sku := range slices.Sorted(maps.Keys(wanted)) {
		left, err := i.stock(ctx, tenant, sku)
		if err != nil {
			return err
		}
		if left -= wanted[sku]; left < 0 {
			return i.refuse(ctx, tenant, order.Number, sku)
		}
		writes = append(writes, types.TransactWriteItem{Update: &types.Update{
			TableName: &i.table, Key: itemKey(tenant, "SKU#"+sku),
			UpdateExpression:    aws.String("ADD reserved :wanted"),
			ConditionExpression: aws.String("attribute_not_exists(reserved) OR reserved <= :left"),
			ExpressionAttributeValues: map[string]types.AttributeValue{
				":wanted": number(wanted[sku]), ":left": number(left),
			},
		}})
	}
	_, err := i.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return err
	}
	for n, reason := range cancelled.CancellationReasons {
		if aws.ToString(reason.Code) != "ConditionalCheckFailed" {
			continue
		}
		if n == 0 {
			return decided(reason.Item)
		}
		return i.refuse(ctx, tenant, order.Number, slices.Sorted(maps.Keys(wanted))[n-1])
	}
	return fmt.Errorf("the stock for order %s cannot be reserved yet: %w", order.Number, err)
}

// stock is how much of a product there has ever been.
func (i *Inventory) stock(ctx context.Context, tenant, sku string) (int64, error) {
	key, err := shop.ProductKey(tenant, sku)
	if err != nil {
		return 0, err
	}
	product, err := i.products.Get(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("the stock of %s: %w", sku, err)
	}
	if product.Deleted {
		return 0, nil
	}
	return product.Attributes.Stock, nil
}

// refuse notes that an order cannot be served, unless something else was decided.
func (i *Inventory) refuse(ctx context.Context, tenant, order, sku string) error {
	item := reservation(tenant, order, sku)
	_, err := i.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &i.table, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if exists, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return decided(exists.Item)
	}
	if err != nil {
		return err
	}
	return decided(item)
}

// decided is what was decided by an item.
func decided(item map[string]types.AttributeValue) error {
	if sku, ok := item["lacks"].(*types.AttributeValueMemberS); ok {
		return fmt.Errorf("%w: %s", ErrOutOfStock, sku.Value)
	}
	return nil
}

// Reserved is how many pieces of each product are reserved.
func (i *Inventory) Reserved(ctx context.Context, tenant string) (map[string]int64, error) {
	reserved := map[string]int64{}
	pages := dynamodb.NewQueryPaginator(i.client, &dynamodb.QueryInput{
		TableName: &i.table, KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :sk)"), ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(tenant), ":sk": text("SKU#")},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			pieces, err := strconv.ParseInt(item["reserved"].(*types.AttributeValueMemberN).Value, 10, 64)
			if err != nil {
				return nil, err
			}
			reserved[strings.TrimPrefix(item["sk"].(*types.AttributeValueMemberS).Value, "SKU#")] = pieces
		}
	}
	return reserved, nil
}

func reservation(tenant, order, lacks string) map[string]types.AttributeValue {
	item := itemKey(tenant, "ORDER#"+order)
	if lacks != "" {
		item["lacks"] = text(lacks)
	}
	return item
}

func itemKey(tenant, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": text(tenant), "sk": text(sk)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
