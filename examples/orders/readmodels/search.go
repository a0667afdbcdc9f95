package readmodels

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
)

// SearchClient is what Search needs of a *dynamodb.Client.
type SearchClient interface {
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Searchable is what can be found.
type Searchable interface{ SearchText() string }

// Entry is an item of the search index.
type Entry struct {
	PK      string `dynamodbav:"pk"`
	SK      string `dynamodbav:"sk"`
	Text    string `dynamodbav:"words"` // in lower case
	Version int64  `dynamodbav:"version"`
	Hash    string `dynamodbav:"hash"`
	Deleted bool   `dynamodbav:"deleted"` // a tombstone, so that no older version comes back
}

// Search is the target "search". Its write is its gate: one conditional put for each
// version, which costs one write unit.
func Search[A Searchable](client SearchClient, table string) cqrs.SyncTarget[A] {
	return cqrs.Target("search", &index[A]{client, table}, cqrs.SelfGated())
}

type index[A Searchable] struct {
	client SearchClient
	table  string
}

// Up indexes a version.
func (i *index[A]) Up(ctx context.Context, c cqrs.Command[A]) error {
	return i.put(ctx, c, strings.ToLower(c.Attributes.SearchText()))
}

// Down leaves a tombstone.
func (i *index[A]) Down(ctx context.Context, c cqrs.Command[A]) error { return i.put(ctx, c, "") }

func (i *index[A]) put(ctx context.Context, c cqrs.Command[A], text string) error {
	progress, ok := cqrs.SyncProgressFrom(ctx)
	if !ok {
		return errors.New("the search index is written by its data sync alone")
	}
	item, err := attributevalue.MarshalMap(Entry{c.PK, c.SK, text, progress.Version, progress.Hash, progress.Deleted})
	if err != nil {
		return err
	}
	newer := "attribute_not_exists(version) OR version < :version"
	if cqrs.ReplacesEqual(ctx) {
		newer += " OR version = :version"
	}
	_, err = i.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &i.table, Item: item, ConditionExpression: &newer,
		ExpressionAttributeValues:           map[string]types.AttributeValue{":version": item["version"]},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var kept *types.ConditionalCheckFailedException
	if !errors.As(err, &kept) {
		return err
	}
	var there Entry
	if err := attributevalue.UnmarshalMap(kept.Item, &there); err != nil {
		return err
	}
	if there.Version == progress.Version && there.Hash != progress.Hash {
		return &cqrs.DivergenceError{Key: c.Key, Version: c.Version}
	}
	return cqrs.Skip("the index has version " + strconv.FormatInt(there.Version, 10))
}

// Applied lets the target be verified.
func (i *index[A]) Applied(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	found, err := i.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &i.table, ConsistentRead: aws.Bool(true), Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: k.Key.PK}, "sk": &types.AttributeValueMemberS{Value: k.Key.SK},
		},
	})
	if err != nil {
		return cqrs.Progress{}, err
	}
	var there Entry
	err = attributevalue.UnmarshalMap(found.Item, &there)
	return cqrs.Progress{Version: there.Version, Hash: there.Hash, Deleted: there.Deleted}, err
}

// Find returns what is in a partition and has the text, by sort key; all for none.
func Find(ctx context.Context, client SearchClient, table, partition, text string) (map[string]Entry, error) {
	found := map[string]Entry{}
	pages := dynamodb.NewQueryPaginator(client, &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :pk"),
		FilterExpression: aws.String("contains(words, :text) AND deleted = :no"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": &types.AttributeValueMemberS{Value: partition}, ":text": &types.AttributeValueMemberS{Value: strings.ToLower(text)},
			":no": &types.AttributeValueMemberBOOL{Value: false},
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			var e Entry
			if err := attributevalue.UnmarshalMap(item, &e); err != nil {
				return nil, err
			}
			found[e.SK] = e
		}
	}
	return found, nil
}
