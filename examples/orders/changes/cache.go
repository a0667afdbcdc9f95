package changes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
)

// CacheClient is what the cache needs of a *dynamodb.Client.
type CacheClient interface {
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

const (
	// valueLife is how old a cached value may become, even if no change is heard of,
	// and markLife how long an invalidation is remembered. Both have to be longer than
	// anybody may take to store what he has read: an invocation has 15 minutes.
	valueLife = time.Hour
	markLife  = 24 * time.Hour
	// maxValue is what is worth caching, in bytes. DynamoDB's items end at 400 KB.
	maxValue = 256 << 10
)

// Cache keeps values in a table with the keys pk and sk and the time to live
// "ttl". It is safe for parallel use.
//
// What is read before a change and stored after it would stay until it expires. So an
// invalidation leaves a mark with the version of the change, and nothing older than
// that is stored again.
type Cache struct {
	client CacheClient
	table  string
}

// NewCache makes a cache in a table.
func NewCache(client CacheClient, table string) *Cache { return &Cache{client, table} }

// cached is an item: a value of a version, or without one the mark that no older
// version is to be stored.
type cached struct {
	PK      string `dynamodbav:"pk"`
	SK      string `dynamodbav:"sk"`
	Version int64  `dynamodbav:"version"`
	Value   string `dynamodbav:"value,omitempty"` // JSON
	TTL     int64  `dynamodbav:"ttl"`             // seconds since 1970
}

// Loader reads what is not cached, with its version, at the source. Its error is that
// of the read, and is not cached.
type Loader[V any] = func(ctx context.Context) (value V, version int64, err error)

// ReadThrough returns what is cached under the key, or loads and caches it. After an
// invalidation has returned nobody gets what was cached before. It costs one read, and
// where nothing is cached the load and one write.
func ReadThrough[V any](ctx context.Context, c *Cache, key cqrs.Key, load Loader[V]) (value V, err error) {
	text, err := c.read(ctx, key)
	if err != nil {
		return value, err
	}
	if text != "" && json.Unmarshal([]byte(text), &value) == nil {
		return value, nil // what another release has cached may not fit, and is loaded
	}
	value, version, err := load(ctx)
	if err != nil {
		return value, err
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return value, fmt.Errorf("changes: cache %s %s: %w", key.PK, key.SK, err)
	}
	return value, c.store(ctx, key, version, string(encoded))
}

// Invalidate forgets what is cached of the versions before this one, and keeps it out.
// What is cached of this version or a newer one stays. It costs one write.
func (c *Cache) Invalidate(ctx context.Context, key cqrs.Key, version int64) error {
	mark := cached{PK: key.PK, SK: key.SK, Version: version, TTL: time.Now().Add(markLife).Unix()}
	return c.put(ctx, mark, "attribute_not_exists(pk) OR #version < :version")
}

// store keeps a value unless something newer is known. That it is not kept is no
// error: it has been read all the same.
func (c *Cache) store(ctx context.Context, key cqrs.Key, version int64, value string) error {
	if len(value) > maxValue {
		return nil
	}
	item := cached{PK: key.PK, SK: key.SK, Version: version, Value: value, TTL: time.Now().Add(valueLife).Unix()}
	return c.put(ctx, item, "attribute_not_exists(pk) OR #version <= :version")
}

func (c *Cache) put(ctx context.Context, item cached, condition string) error {
	attributes, err := attributevalue.MarshalMap(item)
	if err != nil {
		return cqrs.Permanent(err)
	}
	_, err = c.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.table, Item: attributes,
		ConditionExpression:       &condition,
		ExpressionAttributeNames:  map[string]string{"#version": "version"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":version": number(item.Version)},
	})
	if _, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
		return nil // something as new or newer is there
	}
	if err != nil {
		return fmt.Errorf("changes: write the cache of %s %s: %w", item.PK, item.SK, err)
	}
	return nil
}

// read returns "" where nothing is cached, or what is has expired and waits to be
// removed. The read is consistent: the others may be a second behind.
func (c *Cache) read(ctx context.Context, key cqrs.Key) (value string, err error) {
	id, err := attributevalue.MarshalMap(map[string]string{"pk": key.PK, "sk": key.SK})
	if err != nil {
		return "", err
	}
	out, err := c.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &c.table, Key: id, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return "", fmt.Errorf("changes: read the cache of %s %s: %w", key.PK, key.SK, err)
	}
	var item cached
	if err := attributevalue.UnmarshalMap(out.Item, &item); err != nil || item.TTL <= time.Now().Unix() {
		return "", err
	}
	return item.Value, nil
}

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
