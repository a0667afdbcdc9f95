package doctor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/doctor"
)

// TestReadTemplate reads what the example's template has not.
func TestReadTemplate(t *testing.T) {
	t.Parallel()
	d, err := doctor.ReadTemplate([]byte(`
Globals:
  Function:
    Timeout: 20
    Environment: {Variables: {STAGE: test, LEVEL: info}}
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: shop
      Environment: {Variables: {LEVEL: debug, TABLE: !Ref Claims}}
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Failed.Arn}
      Policies:
        Statement: {Effect: Allow, Action: "sqs:*", Resource: !GetAtt Orders.Arn}
      Events:
        Orders: {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn, Enabled: false}}
        Clicks: {Type: Kinesis, Properties: {Stream: !GetAtt Clicks.Arn, StartingPosition: LATEST, MaximumRetryAttempts: 0}}
        Web: {Type: HttpApi, Properties: {Path: /, Method: GET}}
        Other: {Type: MQ}
  Orders:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true}
  Failed:
    Type: AWS::SQS::Queue
    Properties: {QueueName: shop-failed, VisibilityTimeout: !Ref AWS::AccountId}
  Clicks: {Type: AWS::Kinesis::Stream, Properties: {Name: clicks}}
  Claims:
    Type: AWS::DynamoDB::Table
    Properties: {KeySchema: [{AttributeName: id, KeyType: HASH}]}
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      Subscription:
        - {Protocol: lambda, Endpoint: !GetAtt Function.Arn}
        - {Protocol: email, Endpoint: a@example.com}
  Raw:
    Type: AWS::SNS::Subscription
    Properties: {Protocol: sqs, TopicArn: !Ref Topic, Endpoint: !GetAtt Orders.Arn, RawMessageDelivery: true}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        LambdaConfigurations:
          - Event: s3:ObjectCreated:*
            Function: !GetAtt Function.Arn
            Filter: {S3Key: {Rules: [{Name: prefix, Value: a/}, {Name: suffix, Value: .csv}]}}
          - {Event: s3:ObjectRemoved:*, Function: arn:aws:lambda:us-east-1:000000000000:function:other}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: >-
        {"States": {"All": {"Type": "Map", "ItemProcessor": {"States": {"One": {"Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 60,
        "Arguments": {"FunctionName": "shop", "Payload": {"type": "ONE"}}}}}},
        "Both": {"Type": "Parallel", "Branches": [{"States": {"Direct": {"Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:000000000000:function:shop:live"}}}]},
        "Elsewhere": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "other"}}}}
  Elsewhere: {Type: AWS::StepFunctions::StateMachine, Properties: {DefinitionUri: x.json}}
`), map[string]string{"AWS::AccountId": "000000000000"})
	require.NoError(t, err)
	require.Equal(t, "shop", d.Function.Name)
	require.Equal(t, 20*time.Second, d.Function.Timeout)
	require.Equal(t, map[string]string{"STAGE": "test", "LEVEL": "debug", "TABLE": "Claims"}, d.Function.Environment)
	require.Equal(t, "arn:aws:sqs:us-east-1:000000000000:shop-failed", d.Function.AsyncDestination)
	require.Equal(t, 2, d.Function.AsyncRetries)
	fifo := "arn:aws:sqs:us-east-1:000000000000:Orders.fifo"
	require.Equal(t, []doctor.Mapping{
		{Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Enabled: true, Latest: true, RecordAge: -1},
		{Source: fifo, Retries: -1, RecordAge: -1},
	}, d.Mappings)
	require.Equal(t, "Orders.fifo", d.Queues[0].Name)
	require.Equal(t, fifo, d.Queues[0].ARN)
	topic := "arn:aws:sns:us-east-1:000000000000:Topic"
	require.Equal(t, []doctor.Subscription{
		{Topic: topic, Endpoint: d.Function.ARN}, {Topic: topic, Endpoint: fifo, Raw: true},
	}, d.Subscriptions)
	require.Equal(t, []doctor.Bucket{{Name: "Bucket", Events: []string{"s3:ObjectCreated:*"}, Prefix: "a/", Suffix: ".csv"}}, d.Buckets)
	require.Equal(t, []doctor.Task{
		{Machine: "Machine", State: "One", Type: "ONE", Timeout: time.Minute}, {Machine: "Machine", State: "Direct"},
	}, d.Tasks)
	require.Equal(t, []doctor.Statement(nil), d.Function.Statements)
	require.Equal(t, []string{
		"Elsewhere, whose definition is not in the template", "an event of type MQ",
		"the policies of shop, which are not a list",
	}, d.Unread)
}

func TestReadTemplateRefuses(t *testing.T) {
	t.Parallel()
	function := "Resources:\n  F: {Type: AWS::Serverless::Function}\n"
	for text, problem := range map[string]string{
		"Resources: {}": "the template has no AWS::Serverless::Function",
		function + "  G: {Type: AWS::Serverless::Function}\n":                                            "a second function, after F",
		function + "  Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: long}}\n":               "template line 3: Q: line 3: VisibilityTimeout",
		function + "  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref None}}\n":                  "there is no None",
		function + "  T: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: 3}}\n":                     "template line 3: T: line 3: KeySchema",
		function + "  M: {Type: AWS::Serverless::StateMachine, Properties: {Definition: {States: 3}}}\n": "the definition of M",
		"Globals: {Function: {Timeout: !If [a, b, c]}}\n" + function:                                     "If is not known here",
	} {
		_, err := doctor.ReadTemplate([]byte(text), nil)
		require.ErrorContains(t, err, problem, text)
	}
}
