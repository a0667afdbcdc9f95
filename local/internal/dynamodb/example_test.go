package dynamodb_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

// A server is an http.Handler, for the SDK's own client.
func Example() {
	ctx := context.Background()
	service := dynamodb.New(dynamodb.Options{})
	defer service.Close()
	server := httptest.NewServer(service)
	defer server.Close()
	client := ddb.New(ddb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: aws.AnonymousCredentials{}, HTTPClient: server.Client(),
	})

	_, err := client.CreateTable(ctx, &ddb.CreateTableInput{
		TableName: aws.String("orders"), BillingMode: types.BillingModePayPerRequest, AttributeDefinitions: define("id"), KeySchema: hashKey("id"),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		_, err = client.PutItem(ctx, &ddb.PutItemInput{
			TableName: aws.String("orders"), Item: item{"id": text("7")}, ConditionExpression: aws.String("attribute_not_exists(id)"),
		})
		fmt.Println(err == nil)
	}

	// An event source mapping reads the records as a function gets them.
	stream, err := service.StreamARN("orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	shards, err := service.Shards(ctx, stream)
	if err != nil {
		fmt.Println(err)
		return
	}
	records, err := service.Read(ctx, stream, shards[0], "", 100)
	fmt.Println(len(records), err)
	// Output:
	// true
	// false
	// 1 <nil>
}
