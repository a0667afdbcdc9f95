package uploads

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
)

// Kind is what a file was found to be.
type Kind string

// The kinds.
const (
	CSV     Kind = "csv"
	Excel   Kind = "xlsx"
	PDF     Kind = "pdf"
	Image   Kind = "image"
	Partner Kind = "partner"
	Skipped Kind = "skipped"
)

// Document is what was found out about a file.
type Document struct {
	Key     string `dynamodbav:"sk"                json:"key"`
	Kind    Kind   `dynamodbav:"kind"              json:"kind"`
	Rows    int    `dynamodbav:"rows,omitempty"    json:"rows,omitempty"`
	Columns int    `dynamodbav:"columns,omitempty" json:"columns,omitempty"`
	Pages   int    `dynamodbav:"pages,omitempty"   json:"pages,omitempty"`
	Width   int    `dynamodbav:"width,omitempty"   json:"width,omitempty"`
	Height  int    `dynamodbav:"height,omitempty"  json:"height,omitempty"`
	Reason  string `dynamodbav:"reason,omitempty"  json:"reason,omitempty"`
}

func (d Document) String() string {
	switch d.Kind {
	case CSV, Excel:
		return fmt.Sprintf("%s: %d rows, %d columns", d.Key, d.Rows, d.Columns)
	case PDF:
		return fmt.Sprintf("%s: %d pages", d.Key, d.Pages)
	case Image:
		return fmt.Sprintf("%s: %d × %d", d.Key, d.Width, d.Height)
	default:
		return fmt.Sprintf("%s: %s", d.Key, d.Reason)
	}
}

// DocumentClient is what Documents need of a *dynamodb.Client.
type DocumentClient interface {
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Documents is the table of what was found, by bucket and key.
type Documents struct {
	client DocumentClient
	table  string
}

// NewDocuments keeps documents in a table with the keys pk and sk.
func NewDocuments(client DocumentClient, table string) *Documents { return &Documents{client, table} }

// put notes a document, unless something newer is known of its object. Sequencers
// compare as text once they are of one length.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func (t *Documents) put(ctx context.Context, u Upload, d Document) error {
	const width = 32
	item, err := attributevalue.MarshalMap(d)
	if err != nil {
		return err
	}
	sequencer := &types.AttributeValueMemberS{Value: strings.Repeat("0", max(0, width-len(u.Sequencer))) + u.Sequencer}
	item["pk"] = &types.AttributeValueMemberS{Value: u.Bucket}
	item["sequencer"] = sequencer
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.table, Item: item,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR sequencer <= :sequencer"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":sequencer": sequencer},
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return cqrs.Skip("something newer is known of the file")
	}
	return err
}

// List is all that is known of a bucket's objects, in the order of their keys.
func (t *Documents) List(ctx context.Context, bucket string) ([]Document, error) {
	var all []Document
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.table, KeyConditionExpression: aws.String("pk = :bucket"), ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":bucket": &types.AttributeValueMemberS{Value: bucket}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			var d Document
			if err := attributevalue.UnmarshalMap(item, &d); err != nil {
				return nil, err
			}
			all = append(all, d)
		}
	}
	return all, nil
}
