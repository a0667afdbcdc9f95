package stack_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/examples/orders/stack"
	"github.com/lambda-cqrs/cqrs/local"
)

// sources has one of each source that a failure comes back from.
const sources = `
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 3
      EventInvokeConfig: {MaximumRetryAttempts: 1, DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Failed.Arn}}}
      Events:
        Q: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn, BatchSize: 1, FunctionResponseTypes: [ReportBatchItemFailures]}}
        B: {Type: S3, Properties: {Bucket: !Ref B, Events: s3:ObjectRemoved:*, Filter: {S3Key: {Rules: [{Name: suffix, Value: .csv}]}}}}
        D:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt D.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            MaximumRetryAttempts: 1
            BisectBatchOnFunctionError: true
            DestinationConfig: {OnFailure: {Destination: !GetAtt Failed.Arn}}
  Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 18}}
  Failed: {Type: AWS::SQS::Queue}
  B: {Type: AWS::S3::Bucket}
  D:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: KEYS_ONLY}
Outputs:
  Queue: {Value: !Ref Q}
  Failed: {Value: !Ref Failed}
`

// batch is what a test looks at of a payload.
type batch struct {
	Records []struct {
		MessageID string `json:"messageId"`
		EventName string
		DynamoDB  struct{ Keys map[string]any }
	}
}

// failing is a stack whose function says of all that it gets that it failed.
func failing(t *testing.T) (cfg aws.Config, clock *local.Clock, s *stack.Stack, batches chan batch) {
	t.Helper()
	clock = local.NewClock(time.Date(2026, 3, 1, 7, 0, 0, 0, time.UTC))
	a := start(t, local.UseClock(clock))
	batches = make(chan batch, 100)
	s, err := stack.Up(t.Context(), a, []byte(sources), nil, stack.Code{
		Handler: func(func(string) string) (lambda.Handler, error) {
			return handlerFunc(func(_ context.Context, payload []byte) ([]byte, error) {
				var b batch
				if err := json.Unmarshal(payload, &b); err != nil {
					return nil, err
				}
				batches <- b
				if id := b.Records[0].MessageID; id != "" {
					return []byte(`{"batchItemFailures":[{"itemIdentifier":"` + id + `"}]}`), nil
				}
				return nil, errors.New("it failed")
			}), nil
		},
	})
	require.NoError(t, err)
	return a.Config(), clock, s, batches
}

// next lets the time pass until there is a batch.
func next(t *testing.T, clock *local.Clock, batches <-chan batch) batch {
	t.Helper()
	var got batch
	require.True(t, clock.AdvanceUntil(t.Context(), 100*time.Millisecond, func() bool {
		select {
		case got = <-batches:
			return true
		default:
			return false
		}
	}))
	return got
}

// given lets the time pass until something was given up, and is what is said about it.
func given(t *testing.T, cfg aws.Config, clock *local.Clock, s *stack.Stack) string {
	t.Helper()
	queues := sqs.NewFromConfig(cfg)
	var body string
	require.True(t, clock.AdvanceUntil(t.Context(), 100*time.Millisecond, func() bool {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(s.Output("Failed"))})
		require.NoError(t, err)
		if len(got.Messages) == 0 {
			return false
		}
		body = *got.Messages[0].Body
		return true
	}))
	return body
}

// TestQueueGivesAMessageAgain that the function reports as failed, each by itself.
func TestQueueGivesAMessageAgain(t *testing.T) {
	t.Parallel()
	cfg, clock, s, batches := failing(t)
	queues := sqs.NewFromConfig(cfg)
	for range 2 {
		_, err := queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(s.Output("Queue")), MessageBody: aws.String("a")})
		require.NoError(t, err)
	}
	times := map[string]int{}
	again := 0
	for again < 2 {
		got := next(t, clock, batches)
		require.Len(t, got.Records, 1)
		id := got.Records[0].MessageID
		if times[id]++; times[id] == 2 {
			again++
		}
	}
}

// TestStreamGivesUp a record after its retries, and says where it is. A batch that
// fails is split in two.
func TestStreamGivesUp(t *testing.T) {
	t.Parallel()
	cfg, clock, s, batches := failing(t)
	var writes []types.TransactWriteItem
	for _, pk := range []string{"a", "b"} {
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{
			TableName: aws.String("shop-d"), Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}},
		}})
	}
	_, err := dynamodb.NewFromConfig(cfg).TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	require.NoError(t, err)
	require.Len(t, next(t, clock, batches).Records, 2)
	for range 4 {
		got := next(t, clock, batches)
		require.Len(t, got.Records, 1)
		require.Contains(t, got.Records[0].DynamoDB.Keys, "pk")
	}
	for range 2 {
		require.Contains(t, given(t, cfg, clock, s), "RetryAttemptsExhausted")
	}
	require.Empty(t, batches)
}

// TestBucketGivesUp an event after its retries, and keeps it. It tells of no others.
func TestBucketGivesUp(t *testing.T) {
	t.Parallel()
	cfg, clock, s, batches := failing(t)
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	for _, key := range []string{"a.txt", "a.csv"} {
		_, err := objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("shop-b"), Key: &key, Body: strings.NewReader("a")})
		require.NoError(t, err)
		_, err = objects.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("shop-b"), Key: &key})
		require.NoError(t, err)
	}
	for range 2 {
		require.Contains(t, next(t, clock, batches).Records[0].EventName, "ObjectRemoved")
	}
	require.Contains(t, given(t, cfg, clock, s), "a.csv")
	require.Empty(t, batches)
}
