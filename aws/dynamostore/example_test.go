package dynamostore_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
)

// printer stands for a *dynamodb.Client.
type printer struct{}

func (printer) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	key, status := in.Item["id"].(*types.AttributeValueMemberS), in.Item["status"].(*types.AttributeValueMemberS)
	fmt.Println("put", key.Value, "of", *in.TableName, status.Value)
	return &dynamodb.PutItemOutput{}, nil
}

func (printer) DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return &dynamodb.DeleteItemOutput{}, nil
}

// With a real client it is dynamostore.NewIdempotency(dynamodb.NewFromConfig(cfg),
// table), for Policy.Idempotency, which makes these calls around the handler.
func ExampleNewIdempotency() {
	ctx, now := context.Background(), time.Now()
	store := dynamostore.NewIdempotency(printer{}, "idempotency")
	claim := cqrs.Claim{Key: "payments.Charge||o-1", Owner: "run-1", LeaseUntil: now.Add(time.Minute), ExpiresAt: now.Add(time.Hour)}

	earlier, err := store.Acquire(ctx, claim)
	fmt.Println("an earlier run:", earlier != nil, err)
	fmt.Println(store.Complete(ctx, claim, cqrs.Outcome{Result: []byte(`{"charged":true}`)}))

	// Output:
	// put payments.Charge||o-1 of idempotency INPROGRESS
	// an earlier run: false <nil>
	// put payments.Charge||o-1 of idempotency COMPLETED
	// <nil>
}

// Tags is kept as one string, in a way that only the SDK knows to read.
type Tags []string

func (t *Tags) UnmarshalDynamoDBAttributeValue(v types.AttributeValue) error {
	if text, ok := v.(*types.AttributeValueMemberS); ok {
		*t = strings.Split(text.Value, ",")
	}
	return nil
}

func ExampleUnmarshal() {
	image, err := cqrs.NewImage(map[string]any{"pk": "ORDER#1", "tags": "urgent,paid"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var order struct {
		Key  string `dynamodbav:"pk"`
		Tags Tags   `dynamodbav:"tags"`
	}
	err = dynamostore.Unmarshal(image, &order)
	fmt.Println(order.Key, order.Tags, err)

	// Output:
	// ORDER#1 [urgent paid] <nil>
}
