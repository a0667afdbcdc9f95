package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/lambda-cqrs/cqrs/examples/orders/stack"
)

// function has one, with room for more properties, and begins in line 1.
const function = `Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 3
`

// event has a function with a bucket, a queue, a topic and a table, and an event of
// the type and properties that follow.
const event = `Resources:
  B: {Type: AWS::S3::Bucket}
  Q: {Type: AWS::SQS::Queue}
  T: {Type: AWS::SNS::Topic}
  D:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 3
      Events:
        E:
`

// TestRefused is what the stack does not know, and what cannot be: by name and line.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		template string
		wrong    []string
	}{
		"no YAML":         {"Resources: [", []string{"the template:"}},
		"a section":       {"Globals: {Function: {Timeout: 3}}\n" + function, []string{"line 1", "Globals"}},
		"another section": {function + "Conditions: {A: true}\n", []string{"line 6", "Conditions"}},
		"a resource":      {"Resources:\n  K:\n    Type: AWS::Kinesis::Stream\n", []string{"line 2", "K is a AWS::Kinesis::Stream"}},
		"an attribute":    {"Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Condition: C\n", []string{"line 4", "Condition of Q"}},
		"a property of a queue": {
			"Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      DelaySeconds: 3\n",
			[]string{"line 5", "DelaySeconds of AWS::SQS::Queue"},
		},
		"a property of a topic": {
			"Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n\n      FifoTopic: true\n",
			[]string{"line 6", "FifoTopic of AWS::SNS::Topic"},
		},
		"a property of a bucket": {
			"Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}\n",
			[]string{"line 2", "VersioningConfiguration of AWS::S3::Bucket"},
		},
		"a property of a table": {
			strings.Replace(event, "BillingMode: PAY_PER_REQUEST", "BillingMode: PAY_PER_REQUEST\n      TableClass: STANDARD", 1) + "          Type: SQS\n",
			[]string{"line 9", "TableClass of AWS::DynamoDB::Table"},
		},
		"a property of a property": {
			strings.Replace(event, "StreamViewType: NEW_IMAGE", "StreamViewType: NEW_IMAGE, Kind: new", 1) + "          Type: SQS\n",
			[]string{"line 11", "StreamSpecification", `"Kind"`},
		},
		"a property of a function": {function + "      Layers: []\n", []string{"line 6", "Layers of AWS::Serverless::Function"}},
		"a property of a function's environment": {
			function + "      Environment: {Variables: {A: b}, Secrets: {C: d}}\n", []string{"line 6", "Environment", `"Secrets"`},
		},
		"a property of a state machine": {
			"Resources:\n  M:\n    Type: AWS::Serverless::StateMachine\n    Properties:\n      Name: m\n      Tracing: {Enabled: true}\n" +
				"      Definition: {StartAt: A, States: {A: {Type: Succeed}}}\n",
			[]string{"line 6", "Tracing of AWS::Serverless::StateMachine"},
		},
		"a state of a state machine": {
			"Resources:\n  M:\n    Type: AWS::Serverless::StateMachine\n    Properties:\n      Name: m\n" +
				"      Definition: {StartAt: A, States: {A: {Type: Dance}}}\n",
			[]string{"line 2", "M:"},
		},
		"an event":               {event + "          Type: Kinesis\n", []string{"line 17", "an event of type Kinesis"}},
		"an event of no type":    {event + "          Properties: {}\n", []string{"line 17", "an event of type "}},
		"a property of an event": {event + "          Type: SQS\n          Properties:\n            Queue: !GetAtt Q.Arn\n            Enabled: false\n", []string{"line 21", "Enabled of event SQS"}},
		"a property of a stream": {event + "          Type: DynamoDB\n          Properties: {Stream: !GetAtt D.StreamArn, StartingPosition: LATEST, ParallelizationFactor: 2}\n", []string{"line 19", "ParallelizationFactor of event DynamoDB"}},
		"a starting position":    {event + "          Type: DynamoDB\n          Properties: {Stream: !GetAtt D.StreamArn, StartingPosition: AT_TIMESTAMP}\n", []string{"line 17", "AT_TIMESTAMP"}},
		"a part of a destination": {
			event + "          Type: DynamoDB\n          Properties: {Stream: !GetAtt D.StreamArn, StartingPosition: LATEST, DestinationConfig: {OnFailure: {Target: !GetAtt Q.Arn}}}\n",
			[]string{"line 19", "DestinationConfig", "Target"},
		},
		"a property of a schedule": {event + "          Type: Schedule\n          Properties: {Schedule: rate(1 minute), Input: now}\n", []string{"line 19", "Input of event Schedule"}},
		"a property of a rule":     {event + "          Type: EventBridgeRule\n          Properties: {Pattern: {source: [a]}, InputPath: $}\n", []string{"line 19", "InputPath of event EventBridgeRule"}},
		"a property of a subscription": {
			event + "          Type: SNS\n          Properties: {Topic: !Ref T, SqsSubscription: true}\n", []string{"line 19", "SqsSubscription of event SNS"},
		},
		"a rule of a filter": {
			event + "          Type: S3\n          Properties: {Bucket: !Ref B, Events: s3:ObjectCreated:*, Filter: {S3Key: {Rules: [{Name: middle, Value: a}]}}}\n",
			[]string{"line 17", `not "middle"`},
		},
		"a part of a filter": {
			event + "          Type: S3\n          Properties: {Bucket: !Ref B, Events: s3:ObjectCreated:*, Filter: {S3Tag: {}}}\n", []string{"line 19", "Filter", "S3Tag"},
		},
		"the events of a bucket":     {event + "          Type: S3\n          Properties: {Bucket: !Ref B, Events: s3:Lost:*}\n", []string{"line 17", "s3:Lost:*"}},
		"a number that is none":      {event + "          Type: SQS\n          Properties: {Queue: !GetAtt Q.Arn, BatchSize: many}\n", []string{"line 19", "BatchSize"}},
		"a function without timeout": {"Resources:\n  F: {Type: AWS::Serverless::Function}\n", []string{"line 2", "Timeout"}},
		"a second function":          {function + "  G: {Type: AWS::Serverless::Function, Properties: {Timeout: 3}}\n", []string{"line 6", "a second function"}},

		"an intrinsic function":          {function + "      Environment:\n        Variables:\n          A: !Select [0, [b]]\n", []string{"line 8", "this form of Select is not known here"}},
		"an intrinsic in a list":         {function + "      Environment:\n        Variables:\n          A: [!If [a, b]]\n", []string{"line 8", "this form of If is not known here"}},
		"an intrinsic of an output":      {function + "Outputs:\n  A:\n    Value: !ImportValue a\n", []string{"line 8", "ImportValue is not known here"}},
		"Sub with a list":                {function + "Outputs:\n  A:\n    Value: !Sub [a, {}]\n", []string{"line 8", "this form of Sub is not known here"}},
		"Sub with a brace too few":       {function + "Outputs:\n  A:\n    Value: !Sub \"${F\"\n", []string{"line 8", "${ without its }"}},
		"Sub of what there is not":       {function + "Outputs:\n  A:\n    Value: !Sub \"a-${B}-c\"\n", []string{"line 8", "there is no B"}},
		"a resource that there is not":   {function + "      Environment:\n        Variables: {A: !Ref Gone}\n", []string{"line 7", "there is no Gone"}},
		"an attribute that there is not": {function + "Outputs:\n  A:\n    Value: !GetAtt F.Name\n", []string{"line 8", "F has no Name"}},
		"a stream that there is not": {
			strings.Replace(event, "      StreamSpecification: {StreamViewType: NEW_IMAGE}\n", "", 1) + "          Type: DynamoDB\n          Properties: {Stream: !GetAtt D.StreamArn}\n",
			[]string{"line 18", "D has no StreamArn"},
		},
		"two that refer to each other": {
			"Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt B.Arn, maxReceiveCount: 3}}\n" +
				"  B:\n    Type: AWS::SQS::Queue\n    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt A.Arn, maxReceiveCount: 3}}\n",
			[]string{"line 2", "A refers to itself", "circular"},
		},
		"a parameter without a value": {"Parameters: {P: {Type: String}}\n" + function, []string{"the parameter P is not given"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := stack.Up(t.Context(), start(t), []byte(test.template), nil, codeOf(nil))
			for _, wrong := range test.wrong {
				require.ErrorContains(t, err, wrong)
			}
		})
	}
	_, err := stack.Up(t.Context(), start(t), []byte(function), map[string]string{"P": "a"}, codeOf(nil))
	require.ErrorContains(t, err, "the template has no parameter P")
}

// TestEveryPropertyIsUnderstood: none of the application's template can be spelled in
// another way unnoticed. Where several resources have it, one is tried.
func TestEveryPropertyIsUnderstood(t *testing.T) {
	t.Parallel()
	root := document(t)
	tried := map[string]*yaml.Node{}
	resources := member(root, "Resources")
	for i := 1; i < len(resources.Content); i += 2 {
		kind, properties := member(resources.Content[i], "Type"), member(resources.Content[i], "Properties")
		if properties == nil {
			continue
		}
		collect(tried, kind.Value, properties)
		if events := member(properties, "Events"); events != nil {
			for n := 1; n < len(events.Content); n += 2 {
				collect(tried, member(events.Content[n], "Type").Value, member(events.Content[n], "Properties"))
			}
		}
	}
	require.Greater(t, len(tried), 60)
	for path, key := range tried {
		was := key.Value
		key.Value = "Wrong" + was
		text, err := yaml.Marshal(root)
		require.NoError(t, err)
		key.Value = was
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			_, err := stack.Up(t.Context(), start(t), text, parameters(), codeOf(nil))
			require.ErrorContains(t, err, "template line ") // some name what is missing instead
		})
	}
}

// document is the application's template.
func document(t *testing.T) *yaml.Node {
	t.Helper()
	var root yaml.Node
	require.NoError(t, yaml.Unmarshal(theTemplate(t), &root))
	return root.Content[0]
}

// member is the value of a key, or nil.
func member(node *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}

// collect adds the keys below a node, each by its path. What is text of the user's own
// is left out.
func collect(keys map[string]*yaml.Node, path string, node *yaml.Node) {
	switch node.Kind {
	case yaml.SequenceNode:
		for _, one := range node.Content {
			collect(keys, path+"[]", one)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := fmt.Sprintf("%s.%s", path, node.Content[i].Value)
			keys[name] = node.Content[i]
			switch node.Content[i].Value {
			case "Variables", "Policies", "Definition", "DefinitionSubstitutions", "FilterPolicy", "Pattern", "Events",
				"PublicAccessBlockConfiguration", "PointInTimeRecoverySpecification", "RedrivePolicy", "PolicyDocument", "DeadLetterConfig":
			default:
				collect(keys, name, node.Content[i+1])
			}
		}
	}
}
