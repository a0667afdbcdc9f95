package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local"
)

func TestFaultsOfCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect local.Effect
		retry  string // the depth after a call that the client tries again
		once   string // and after one that it does not
	}{
		"answer lost":  {local.LoseAnswer, "2+0", "1+0"},
		"request lost": {local.LoseRequest, "1+0", "0+0"},
		"throttled":    {local.Throttle, "1+0", "0+0"},
		"failed":       {local.InternalError, "1+0", "0+0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t)
			once, retry := newQueue(t, a, "once", nil), newQueue(t, a, "retry", nil)
			injected := a.Inject(local.Fault{Service: "sqs", Operation: "SendMessage", Effect: test.effect, Skip: 1, Times: 2})
			in := &sqs.SendMessageInput{QueueUrl: &once.url, MessageBody: aws.String("x")}
			_, err := once.SendMessage(t.Context(), in)
			require.NoError(t, err, "the first is skipped")
			_, err = once.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &once.url})
			require.NoError(t, err)
			_, err = once.SendMessage(t.Context(), in, func(o *sqs.Options) { o.Retryer = aws.NopRetryer{} })
			require.Error(t, err)
			require.Equal(t, test.once, once.depth())
			retry.send("x")
			require.Equal(t, test.retry, retry.depth())
			require.Equal(t, 2, injected.Struck())
		})
	}
}

func TestThrottlingIsTyped(t *testing.T) {
	t.Parallel()
	a := start(t)
	a.Inject(local.Fault{Effect: local.Throttle, Times: 100})
	_, err := sqs.NewFromConfig(a.Config(), func(o *sqs.Options) { o.Retryer = aws.NopRetryer{} }).ListQueues(t.Context(), nil)
	var throttled *types.RequestThrottled
	require.ErrorAs(t, err, &throttled)
	_, err = sns.NewFromConfig(a.Config(), func(o *sns.Options) { o.Retryer = aws.NopRetryer{} }).ListTopics(t.Context(), nil)
	var failure smithy.APIError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, "Throttled", failure.ErrorCode())
	_, err = sfn.NewFromConfig(a.Config(), func(o *sfn.Options) { o.Retryer = aws.NopRetryer{} }).ListStateMachines(t.Context(), nil)
	require.ErrorAs(t, err, &failure)
	require.Equal(t, "ThrottlingException", failure.ErrorCode())
	_, err = dynamodb.NewFromConfig(a.Config(), func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }).ListTables(t.Context(), nil)
	var exceeded *ddbtypes.ProvisionedThroughputExceededException
	require.ErrorAs(t, err, &exceeded)
	_, err = dynamodbstreams.NewFromConfig(a.Config(), func(o *dynamodbstreams.Options) { o.Retryer = aws.NopRetryer{} }).ListStreams(t.Context(), nil)
	var limited *streamtypes.LimitExceededException
	require.ErrorAs(t, err, &limited)
}

func TestFaultsOfTables(t *testing.T) {
	t.Parallel()
	a := start(t)
	orders := newTable(t, a, "orders", true)
	put := func() error {
		_, err := orders.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &orders.name, Item: map[string]ddbtypes.AttributeValue{"id": &ddbtypes.AttributeValueMemberS{Value: "a"}},
			ConditionExpression: aws.String("attribute_not_exists(id)"),
		})
		return err
	}
	lost := a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer})
	var failed *ddbtypes.ConditionalCheckFailedException
	require.ErrorAs(t, put(), &failed, "the client tries again what has taken effect")
	require.Equal(t, 1, lost.Struck())

	throttled := a.Inject(local.Fault{Service: "streams.dynamodb", Operation: "ListStreams", Effect: local.Throttle})
	_, err := dynamodbstreams.NewFromConfig(a.Config()).ListStreams(t.Context(), nil)
	require.NoError(t, err, "the client tries again")
	require.Equal(t, 1, throttled.Struck())
}

func TestDeliveriesAreDuplicatedAndDelayed(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	q := newQueue(t, a, "orders", nil)
	h, payloads := answers(succeeds)
	require.NoError(t, a.Function("handler", h).OnQueue("orders"))
	a.Inject(local.Fault{Target: "handler", Effect: local.Duplicate})
	q.send("twice")
	first := <-payloads
	require.Equal(t, first, <-payloads)
	q.reaches("0+0")

	a.Inject(local.Fault{Target: "handler", Effect: local.Delay, Delay: 10 * time.Second})
	began := clock.Now()
	q.send("late")
	require.True(t, clock.AdvanceUntil(t.Context(), time.Second, func() bool { return len(payloads) == 1 }))
	require.GreaterOrEqual(t, clock.Now().Sub(began), 10*time.Second)
}

func TestFunctionIsKilledAtACall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect local.Effect
		sent   string
	}{
		"before it takes effect": {local.LoseRequest, "0+0"},
		"after it took effect":   {local.LoseAnswer, "1+0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t)
			out := newQueue(t, a, "out", nil)
			f := a.Function("handler", handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
				_, err := out.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &out.url, MessageBody: aws.String("x")})
				return nil, err
			}))
			a.Inject(local.Fault{Service: "sqs", Operation: "SendMessage", Kill: "handler", Effect: test.effect})
			_, err := f.Invoke(t.Context(), nil)
			var failure *local.FunctionError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, "Runtime.ExitError", failure.Type)
			require.Equal(t, test.sent, out.depth())
		})
	}
}

func TestUnknownCallsAreRefusedByName(t *testing.T) {
	t.Parallel()
	a := start(t)
	client := sqs.NewFromConfig(a.Config())
	_, err := client.AddPermission(t.Context(), &sqs.AddPermissionInput{
		QueueUrl: aws.String("x"), Label: aws.String("x"), AWSAccountIds: []string{"1"}, Actions: []string{"*"},
	})
	require.ErrorContains(t, err, "AddPermission")
	q := newQueue(t, a, "orders", nil)
	_, err = client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.url, ReceiveRequestAttemptId: aws.String("x")})
	require.ErrorContains(t, err, "ReceiveRequestAttemptId")
}
