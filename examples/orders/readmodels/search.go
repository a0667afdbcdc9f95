package readmodels

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// SearchClient is what the search index needs of a *dynamodb.Client.
type SearchClient interface {
	dynamodb.QueryAPIClient
	dynamodb.ScanAPIClient
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// entry is the item of an aggregate in the index, under the aggregate's own key. It
// is one item, words and gate together, so that no crash can part them.
type entry struct {
	PK         string   `dynamodbav:"pk"`
	SK         string   `dynamodbav:"sk"`
	Table      string   `dynamodbav:"commandTable"`
	Version    int64    `dynamodbav:"version"`
	Hash       string   `dynamodbav:"contentHash"`
	Deleted    bool     `dynamodbav:"isDeleted"` // a tombstone: no older version comes back
	Words      []string `dynamodbav:"words,stringset,omitempty"`
	Attributes string   `dynamodbav:"attributes,omitempty"` // JSON
}

func (e *entry) progress() cqrs.Progress {
	return cqrs.Progress{Version: e.Version, Hash: e.Hash, Deleted: e.Deleted}
}

// index is the search index. Its gate is the condition of its write.
type index[A any] struct {
	client SearchClient
	table  string
	text   func(A) string
}

var (
	_ cqrs.DataSyncHandler[any] = (*index[any])(nil)
	_ cqrs.SyncProber           = (*index[any])(nil)
	_ cqrs.SyncWalker           = (*index[any])(nil)
)

// Search keeps an item for each aggregate in a table with the keys pk and sk: the
// words of its text, and its attributes. Writing a version costs one request and one
// write unit for each KB.
func Search[A any](client SearchClient, table string, text func(A) string) cqrs.SyncTarget[A] {
	return cqrs.Target(SearchTarget, &index[A]{client, table, text}, cqrs.SelfGated())
}

// ProductText is what products are found by.
func ProductText(p shop.Product) string { return p.SKU + " " + p.Name }

// OrderText is what orders are found by.
func OrderText(o shop.Order) string {
	parts := []string{o.Number, o.Customer, string(o.Status)}
	for _, line := range o.Lines {
		parts = append(parts, line.SKU)
	}
	return strings.Join(parts, " ")
}

// words are those of a text, in lower case, each once.
func words(text string) []string {
	all := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	slices.Sort(all)
	return slices.Compact(all)
}

// Up implements cqrs.DataSyncHandler.
func (x *index[A]) Up(ctx context.Context, cmd cqrs.Command[A]) error {
	attributes, err := json.Marshal(cmd.Attributes)
	if err != nil {
		return cqrs.Permanent(err)
	}
	return x.put(ctx, entry{Words: words(x.text(cmd.Attributes)), Attributes: string(attributes)})
}

// Down implements cqrs.DataSyncHandler.
func (x *index[A]) Down(ctx context.Context, _ cqrs.Command[A]) error { return x.put(ctx, entry{}) }

// put writes the entry if the one that is there is older.
func (x *index[A]) put(ctx context.Context, e entry) error {
	k, ok := cqrs.SyncKeyFrom(ctx)
	if !ok {
		return cqrs.Permanent(errors.New("readmodels: the search index is written by its data sync, which knows the gate"))
	}
	to, _ := cqrs.SyncProgressFrom(ctx)
	e.PK, e.SK, e.Table = k.Key.PK, k.Key.SK, k.Table
	e.Version, e.Hash, e.Deleted = to.Version, to.Hash, to.Deleted
	item, err := attributevalue.MarshalMap(e)
	if err != nil {
		return cqrs.Permanent(err)
	}
	condition := "attribute_not_exists(pk) OR #version < :version"
	if cqrs.ReplacesEqual(ctx) { // a repair
		condition = "attribute_not_exists(pk) OR #version <= :version"
	}
	_, err = x.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &x.table, Item: item,
		ConditionExpression:                 &condition,
		ExpressionAttributeNames:            map[string]string{"#version": "version"},
		ExpressionAttributeValues:           map[string]types.AttributeValue{":version": item["version"]},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return refusal(refused.Item, e)
	}
	return err
}

// refusal is why an entry was not written: what is there is newer, or is it already,
// or says something else.
func refusal(item map[string]types.AttributeValue, e entry) error {
	var there entry
	if err := attributevalue.UnmarshalMap(item, &there); err != nil {
		return err
	}
	switch {
	case there.Version > e.Version:
		return cqrs.Skip("the index has a newer version")
	case there.Hash != e.Hash:
		return &cqrs.DivergenceError{Key: cqrs.Key{PK: e.PK, SK: e.SK}, Version: e.Version}
	default:
		return cqrs.Skip("the index has the version")
	}
}

// Applied implements cqrs.SyncProber.
func (x *index[A]) Applied(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	key, err := attributevalue.MarshalMap(map[string]string{"pk": k.Key.PK, "sk": k.Key.SK})
	if err != nil {
		return cqrs.Progress{}, err
	}
	out, err := x.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &x.table, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return cqrs.Progress{}, err
	}
	var e entry
	err = attributevalue.UnmarshalMap(out.Item, &e)
	return e.progress(), err
}

// Walk implements cqrs.SyncWalker.
func (x *index[A]) Walk(ctx context.Context, table, target string) iter.Seq2[cqrs.SyncKey, error] {
	return func(yield func(cqrs.SyncKey, error) bool) {
		for e, err := range scan(ctx, x.client, x.table) {
			if err == nil && e.Table != table {
				continue
			}
			k := cqrs.SyncKey{Table: table, Target: target, Key: cqrs.Key{PK: e.PK, SK: e.SK}}
			_, k.Tenant, _ = k.Key.CutTenant()
			if !yield(k, err) {
				return
			}
		}
	}
}

// scan reads the whole index, consistently. An error ends it.
func scan(ctx context.Context, client dynamodb.ScanAPIClient, table string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			var entries []entry
			if err == nil {
				err = attributevalue.UnmarshalListOfMaps(page.Items, &entries)
			}
			if err != nil {
				yield(entry{}, fmt.Errorf("readmodels: read the search index: %w", err))
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
