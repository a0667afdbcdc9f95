package dynamodb_test

import (
	"context"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/loopback"
	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

// BenchmarkHTTP is the whole way of a call: SDK, loopback, server.
func BenchmarkHTTP(b *testing.B) {
	service := dynamodb.New(dynamodb.Options{})
	defer service.Close()
	server := httptest.NewServer(service)
	defer server.Close()
	connections := loopback.NewClient()
	defer connections.CloseIdleConnections()
	client := ddb.New(ddb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: aws.AnonymousCredentials{}, HTTPClient: connections,
	})
	_, err := client.CreateTable(b.Context(), &ddb.CreateTableInput{
		TableName: aws.String("orders"), BillingMode: types.BillingModePayPerRequest, AttributeDefinitions: define("id"), KeySchema: hashKey("id"),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	require.NoError(b, err)
	data := text(strings.Repeat("x", 1000))
	put := func(ctx context.Context, n int) error {
		_, err := client.PutItem(ctx, &ddb.PutItemInput{TableName: aws.String("orders"), Item: item{"id": text(strconv.Itoa(n)), "data": data}})
		return err
	}
	require.NoError(b, put(b.Context(), 0))
	for name, call := range map[string]func(n int) error{
		"GetItem": func(int) error {
			_, err := client.GetItem(b.Context(), &ddb.GetItemInput{TableName: aws.String("orders"), Key: item{"id": text("0")}})
			return err
		},
		"PutItem": func(n int) error { return put(b.Context(), n) },
		"UpdateItem": func(int) error {
			_, err := client.UpdateItem(b.Context(), &ddb.UpdateItemInput{
				TableName: aws.String("orders"), Key: item{"id": text("counter")}, UpdateExpression: aws.String("SET n = if_not_exists(n, :zero) + :one"),
				ExpressionAttributeValues: item{":zero": number("0"), ":one": number("1")},
			})
			return err
		},
		"TransactWriteItems": func(n int) error {
			_, err := client.TransactWriteItems(b.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
				putAction(strconv.Itoa(n)), putAction("b" + strconv.Itoa(n)),
			}})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				if err := call(n); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}
