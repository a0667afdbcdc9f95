package changes

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
)

// CacheClient is what a Cache needs of a *dynamodb.Client.
type CacheClient interface {
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// cachedFor is how long a copy lives, and how long it is known that one was dropped.
const cachedFor = time.Hour

// Cache keeps copies in a table with the keys pk and sk and the TTL attribute "ttl".
// What is dropped leaves its version behind: a reader who had read an older one cannot
// put that back.
type Cache struct {
	client CacheClient
	table  string
}

// NewCache keeps copies in that table.
func NewCache(client CacheClient, table string) *Cache { return &Cache{client, table} }

// Invalidate drops the copy of anything older than a version.
func (c *Cache) Invalidate(ctx context.Context, key cqrs.Key, version int64) error {
	return c.put(ctx, key, version, nil, "version < :version")
}

// Get returns the copy, else what load reads, of which it keeps a copy. The value has
// to be of a type that encoding/json takes.
func Get[T any](
	ctx context.Context, c *Cache, key cqrs.Key, load func(ctx context.Context) (value T, version int64, err error),
) (T, error) {
	var value T
	found, err := c.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &c.table, Key: cacheKey(key)})
	if err != nil {
		return value, err
	}
	if text, ok := found.Item["value"].(*types.AttributeValueMemberS); ok && json.Unmarshal([]byte(text.Value), &value) == nil {
		return value, nil
	}
	value, version, err := load(ctx)
	if err != nil {
		return value, err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return value, err
	}
	return value, c.put(ctx, key, version, text, "version <= :version")
}

// put writes a copy, or that there is none, on a condition; where that does not hold,
// somebody knows better.
func (c *Cache) put(ctx context.Context, key cqrs.Key, version int64, value []byte, condition string) error {
	item := cacheKey(key)
	item["version"] = number(version)
	item["ttl"] = number(time.Now().Add(cachedFor).Unix())
	if value != nil {
		item["value"] = &types.AttributeValueMemberS{Value: string(value)}
	}
	_, err := c.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.table, Item: item, ConditionExpression: aws.String("attribute_not_exists(version) OR " + condition),
		ExpressionAttributeValues: map[string]types.AttributeValue{":version": number(version)},
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return nil
	}
	return err
}

func cacheKey(key cqrs.Key) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: key.PK}, "sk": &types.AttributeValueMemberS{Value: key.SK},
	}
}

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
