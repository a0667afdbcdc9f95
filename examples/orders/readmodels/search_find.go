package readmodels

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
)

// Find returns the aggregates of a kind and tenant whose text has all words of the
// query, in any case and order.
//
// It reads every item of that kind and tenant, whatever it finds: half a read unit
// for each 4 KB, which is about ten products, and one request for each MB. That is
// little for a few thousand products. More of them belong into a search engine, with
// the same target and the same gate: OpenSearch has it as version_type=external.
// https://docs.opensearch.org/latest/api-reference/document-apis/index-document/
func Find[A any](ctx context.Context, client dynamodb.QueryAPIClient, table, kind, tenant, query string) (map[cqrs.Key]Stored[A], error) {
	wanted := words(query)
	if len(wanted) == 0 {
		return nil, cqrs.Permanent(errors.New("readmodels: a search needs a word"))
	}
	conditions := make([]string, len(wanted))
	values := map[string]types.AttributeValue{":pk": &types.AttributeValueMemberS{Value: kind + "#" + tenant}}
	for i, word := range wanted {
		name := fmt.Sprintf(":word%d", i)
		conditions[i] = "contains(#words, " + name + ")"
		values[name] = &types.AttributeValueMemberS{Value: word}
	}
	filter := strings.Join(conditions, " AND ")
	pages := dynamodb.NewQueryPaginator(client, &dynamodb.QueryInput{
		TableName:                 &table,
		KeyConditionExpression:    aws.String("pk = :pk"),
		FilterExpression:          &filter,
		ExpressionAttributeNames:  map[string]string{"#words": "words"},
		ExpressionAttributeValues: values,
	})
	found := map[cqrs.Key]Stored[A]{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("readmodels: search: %w", err)
		}
		var entries []entry
		if err := attributevalue.UnmarshalListOfMaps(page.Items, &entries); err != nil {
			return nil, fmt.Errorf("readmodels: search: %w", err)
		}
		for _, e := range entries {
			if err := collect(found, e); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// SearchAll reads everything of a kind that can be found.
func SearchAll[A any](ctx context.Context, client dynamodb.ScanAPIClient, table, kind string) (map[cqrs.Key]Stored[A], error) {
	all := map[cqrs.Key]Stored[A]{}
	for e, err := range scan(ctx, client, table) {
		if err != nil {
			return nil, err
		}
		if e.Deleted || !strings.HasPrefix(e.PK, kind+"#") {
			continue
		}
		if err := collect(all, e); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func collect[A any](into map[cqrs.Key]Stored[A], e entry) error {
	found := Stored[A]{Version: e.Version}
	if err := json.Unmarshal([]byte(e.Attributes), &found.Attributes); err != nil {
		return fmt.Errorf("readmodels: the search index's entry of %s %s: %w", e.PK, e.SK, err)
	}
	into[cqrs.Key{PK: e.PK, SK: e.SK}] = found
	return nil
}
