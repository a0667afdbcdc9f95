package stack_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/stack"
	"github.com/lambda-cqrs/cqrs/local"
)

// TestTables of the application are what its code needs them to be.
func TestTables(t *testing.T) {
	t.Parallel()
	a := start(t)
	s, err := stack.Up(t.Context(), a, theTemplate(t), parameters(), codeOf(nil))
	require.NoError(t, err)
	settings, err := app.SettingsFrom(s.Variable)
	require.NoError(t, err)
	client := dynamodb.NewFromConfig(a.Config())
	products, orders := settings.ProductTables(), settings.OrderTables()
	tables := map[string]struct{ keys, stream, expires string }{
		products.Command: {"pk sk", "NEW_AND_OLD_IMAGES", "ttl"}, orders.Command: {"pk sk", "NEW_AND_OLD_IMAGES", "ttl"},
		products.Data: {"pk sk", "NEW_AND_OLD_IMAGES", "ttl"}, orders.Data: {"pk sk", "NEW_AND_OLD_IMAGES", "ttl"},
		products.History: {keys: "pk sk", expires: "ttl"}, orders.History: {keys: "pk sk", expires: "ttl"},
		settings.UserTable:      {keys: "pk sk", stream: "NEW_AND_OLD_IMAGES"},
		settings.InventoryTable: {keys: "pk sk"}, settings.PaymentTable: {keys: "pk sk"}, settings.DocumentTable: {keys: "pk sk"},
		settings.SearchTable: {keys: "pk sk"}, settings.SyncTable: {keys: "pk sk"},
		settings.CacheTable:       {keys: "pk sk", expires: "ttl"},
		settings.IdempotencyTable: {keys: "id", expires: "expiration"},
	}
	list, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	require.NoError(t, err)
	require.ElementsMatch(t, slices.Collect(maps.Keys(tables)), list.TableNames)
	for name, want := range tables {
		table, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
		require.NoError(t, err)
		var keys []string
		for _, key := range table.Table.KeySchema {
			keys = append(keys, *key.AttributeName)
		}
		require.Equal(t, want.keys, strings.Join(keys, " "), name)
		stream := ""
		if specification := table.Table.StreamSpecification; specification != nil {
			stream = string(specification.StreamViewType)
		}
		require.Equal(t, want.stream, stream, name)
		ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
		require.NoError(t, err)
		require.Equal(t, want.expires, aws.ToString(ttl.TimeToLiveDescription.AttributeName), name)
	}
}

// TestQueues hand a message out as often as the application takes it to.
func TestQueues(t *testing.T) {
	t.Parallel()
	a := start(t)
	s, err := stack.Up(t.Context(), a, theTemplate(t), parameters(), codeOf(make(chan []byte)))
	require.NoError(t, err)
	queues := sqs.NewFromConfig(a.Config())
	attributes := func(url string) map[string]string {
		found, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
		require.NoError(t, err)
		return found.Attributes
	}
	notifications := attributes(s.Variable("NOTIFICATION_QUEUE_URL"))
	require.Equal(t, notifications["QueueArn"], attributes(s.Output("NotificationQueue"))["QueueArn"])
	require.Equal(t, "180", notifications["VisibilityTimeout"])
	dead := attributes(s.Variable("DEAD_LETTER_QUEUE_URL"))
	require.Equal(t, "1209600", dead["MessageRetentionPeriod"])
	var redrive struct {
		DeadLetterTargetArn string
		MaxReceiveCount     int
	}
	require.NoError(t, json.Unmarshal([]byte(notifications["RedrivePolicy"]), &redrive))
	require.Equal(t, dead["QueueArn"], redrive.DeadLetterTargetArn)
	require.Equal(t, app.MaxReceives, redrive.MaxReceiveCount)
}

// TestEventsReachTheFunction, each kind of the template's, and no others.
func TestEventsReachTheFunction(t *testing.T) {
	t.Parallel()
	clock := local.NewClock(time.Date(2026, 3, 1, 7, 0, 0, 0, time.UTC))
	a := start(t, local.UseClock(clock))
	payloads := make(chan []byte)
	s, err := stack.Up(t.Context(), a, theTemplate(t), parameters(), codeOf(payloads))
	require.NoError(t, err)
	settings, err := app.SettingsFrom(s.Variable)
	require.NoError(t, err)

	cfg := a.Config()
	queues, topics, tables := sqs.NewFromConfig(cfg), sns.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	buckets := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	send := func(url string) error {
		_, err := queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("hello")})
		return err
	}
	publish := func(kind string) error {
		_, err := topics.Publish(t.Context(), &sns.PublishInput{
			TopicArn: aws.String(s.Output("PriceTopic")), Message: &kind,
			MessageAttributes: map[string]snstypes.MessageAttributeValue{"type": {DataType: aws.String("String"), StringValue: &kind}},
		})
		return err
	}
	put := func(table string) error {
		_, err := tables.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "a"}, "sk": &types.AttributeValueMemberS{Value: "b"},
		}})
		return err
	}
	upload := func(key string) error {
		_, err := buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &settings.Files, Key: &key, Body: strings.NewReader("a")})
		return err
	}
	tell := func(detailType string) error {
		_, err := eventbridge.NewFromConfig(cfg).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{
			{Source: aws.String("com.shop"), DetailType: &detailType, Detail: aws.String(`{}`)},
		}})
		return err
	}
	require.NoError(t, errors.Join(
		publish("WEATHER_CHANGED"), upload("templates/a.txt"), tell("Order Lost"), put(settings.InventoryTable), // nobody hears of these
		send(settings.Notifications), send(settings.DeadLetters), publish("PRICE_CHANGED"),
		put(settings.ProductTables().Command), put(settings.ProductTables().Data),
		put(settings.OrderTables().Command), put(settings.OrderTables().Data), put(settings.UserTable),
		upload("imports/csv/a.csv"), upload("uploads/a.csv"), upload("partners/a/b.csv"), tell("Order Shipped"),
	))
	clock.Advance(15 * time.Minute)

	const stream = "stream of "
	want := []string{
		"shop-notifications", "shop-deadletters", "PRICE_CHANGED",
		stream + "shop-product-command", stream + "shop-product-data", stream + "shop-order-command", stream + "shop-order-data",
		stream + settings.UserTable, "imports/csv/a.csv", "uploads/a.csv", "partners/a/b.csv", "Order Shipped", "Scheduled Event",
	}
	for len(want) > 0 {
		var got string
		select {
		case payload := <-payloads:
			got = what(t, payload)
		case <-t.Context().Done():
			require.Fail(t, "the test ends", "still waiting for %q", want)
		}
		require.Contains(t, want, got)
		want = slices.DeleteFunc(want, func(w string) bool { return w == got })
	}
}

// what is in a payload.
func what(t *testing.T, payload []byte) string {
	t.Helper()
	var p struct {
		DetailType string `json:"detail-type"`
		Records    []struct {
			EventSourceARN string
			SNS            struct{ Message string }
			S3             struct{ Object struct{ Key string } }
		}
	}
	require.NoError(t, json.Unmarshal(payload, &p))
	if len(p.Records) == 0 {
		return p.DetailType
	}
	record := p.Records[0]
	if _, table, ok := strings.Cut(record.EventSourceARN, ":table/"); ok {
		table, _, _ = strings.Cut(table, "/")
		return "stream of " + table
	}
	return record.EventSourceARN[strings.LastIndex(record.EventSourceARN, ":")+1:] + record.SNS.Message + record.S3.Object.Key
}

// TestMachinesInvokeTheFunction with what their definitions say, once the names are put in.
func TestMachinesInvokeTheFunction(t *testing.T) {
	t.Parallel()
	for kind, arn := range map[string]func(s *stack.Stack) string{
		"ORDER_PROCESS": func(s *stack.Stack) string { return s.Variable("ORDER_MACHINE_ARN") },
		"CSV_IMPORT":    func(s *stack.Stack) string { return s.Output("ImportMachine") },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			a := start(t)
			payloads := make(chan []byte)
			s, err := stack.Up(t.Context(), a, theTemplate(t), parameters(), codeOf(payloads))
			require.NoError(t, err)
			_, err = sfn.NewFromConfig(a.Config()).StartExecution(t.Context(), &sfn.StartExecutionInput{
				StateMachineArn: aws.String(arn(s)), Name: aws.String("one"), Input: aws.String(`{"number":"7"}`),
			})
			require.NoError(t, err)
			payload := decode(t, <-payloads)
			require.Equal(t, kind, payload["type"])
			require.Equal(t, map[string]any{"number": "7"}, payload["payload"])
			require.NotEmpty(t, payload["taskToken"])
			require.NotEmpty(t, payload["context"])
		})
	}
}

// TestStack has the names and values of the template.
func TestStack(t *testing.T) {
	t.Parallel()
	const template = `
Parameters:
  Stage: {Type: String, Default: test}
  Empty: {Type: String, Default: ""}
  Timeout: {Type: Number}
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: go1.x}
    Properties:
      Timeout: !Ref Timeout
      Environment:
        Variables: {GREETING: !Sub "hello, ${Stage}", EMPTY: !Ref Empty, QUEUE: !Ref Later, BUCKET: !Ref Named}
  Named: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "files-${AWS::AccountId}"}}
  Nameless: {Type: AWS::S3::Bucket}
  Later: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
  Topic: {Type: AWS::SNS::Topic}
Outputs:
  Function: {Value: !Ref F}
  Queue: {Value: !GetAtt Later.Arn}
  Bucket: {Value: !Ref Nameless}
  Objects: {Value: !Sub "${Named.Arn}/*"}
  Topic: {Value: !Ref Topic}
  Text: {Value: text}
  Nothing: {Value: !Sub ""}
`
	a := start(t)
	var greeting string
	s, err := stack.Up(t.Context(), a, []byte(template), map[string]string{"Timeout": "3"}, stack.Code{
		Handler: func(variable func(string) string) (lambda.Handler, error) {
			greeting = variable("GREETING") + variable("EMPTY") + variable("NOBODY'S")
			return handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
				deadline, _ := ctx.Deadline()
				return json.Marshal(time.Until(deadline) <= 3*time.Second)
			}), nil
		},
	})
	require.NoError(t, err)
	require.Equal(t, "hello, test", greeting)
	require.Equal(t, 5, s.Resources())
	require.Equal(t, "files-000000000000", s.Variable("BUCKET"))
	require.True(t, strings.HasSuffix(s.Variable("QUEUE"), "/shop-later"), s.Variable("QUEUE"))
	for output, want := range map[string]string{
		"Function": "F", "Queue": "arn:aws:sqs:us-east-1:000000000000:shop-later", "Bucket": "shop-nameless",
		"Objects": "arn:aws:s3:::files-000000000000/*", "Topic": "arn:aws:sns:us-east-1:000000000000:shop-topic",
		"Text": "text", "Nothing": "", "Nobody's": "",
	} {
		require.Equal(t, want, s.Output(output), output)
	}
	answer, err := s.Function().Invoke(t.Context(), []byte(`{}`))
	require.NoError(t, err)
	require.JSONEq(t, `true`, string(answer), "the timeout")

	_, err = stack.Up(t.Context(), start(t), []byte(template), map[string]string{"Timeout": "3"}, stack.Code{
		Handler: func(func(string) string) (lambda.Handler, error) { return nil, errors.New("no database") },
	})
	require.ErrorContains(t, err, "F: no database")
}

// TestProcess has the environment of the template, in a process of its own.
func TestProcess(t *testing.T) {
	t.Parallel()
	const template = `
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {Timeout: 30, Environment: {Variables: {GREETING: hello, QUEUE: !Ref Q}}}
  Q: {Type: AWS::SQS::Queue}
`
	s, err := stack.Up(t.Context(), start(t), []byte(template), nil, stack.Code{
		Process: func(ctx context.Context) (*exec.Cmd, error) { return local.Self(ctx) },
	})
	require.NoError(t, err)
	answer, err := s.Function().Invoke(t.Context(), []byte(`{}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"greeting": "hello", "queue": s.Variable("QUEUE")}, decode(t, answer))
}

// TestVariables: the template gives the function all that it asks for, and nothing
// else.
func TestVariables(t *testing.T) {
	t.Parallel()
	s, err := stack.Up(t.Context(), start(t), theTemplate(t), parameters(), codeOf(nil))
	require.NoError(t, err)
	given := member(member(member(member(member(document(t), "Resources"), "ShopFunction"), "Properties"), "Environment"), "Variables")
	var names []string
	for i := 0; i < len(given.Content); i += 2 {
		names = append(names, given.Content[i].Value)
	}
	require.ElementsMatch(t, app.Variables(), names)
	require.Equal(t, len(member(document(t), "Resources").Content)/2, s.Resources())
}
