package doctor

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Clients are what [Inspect] looks through. The actions that it takes:
//
//	lambda:GetFunctionConfiguration, GetFunctionEventInvokeConfig, ListEventSourceMappings
//	sqs:GetQueueUrl, GetQueueAttributes
//	dynamodb:DescribeTable, DescribeTimeToLive
//	sns:ListSubscriptions, GetSubscriptionAttributes
//	s3:ListAllMyBuckets, GetBucketNotification
//	events:ListRuleNamesByTarget, DescribeRule, ListTargetsByRule
//	states:ListStateMachines, DescribeStateMachine
//	iam:ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies, GetPolicy, GetPolicyVersion
//
// Where one of them is denied, what it would have told is in Deployment.Unread.
type Clients struct {
	Lambda      *lambda.Client
	SQS         *sqs.Client
	DynamoDB    *dynamodb.Client
	SNS         *sns.Client
	S3          *s3.Client
	EventBridge *eventbridge.Client
	SFN         *sfn.Client
	IAM         IAM // nil: permissions are not looked at
}

// IAM is what is asked of IAM.
type IAM interface {
	ListRolePolicies(ctx context.Context, in *iam.ListRolePoliciesInput, opts ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error)
	GetRolePolicy(ctx context.Context, in *iam.GetRolePolicyInput, opts ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
	ListAttachedRolePolicies(
		ctx context.Context, in *iam.ListAttachedRolePoliciesInput, opts ...func(*iam.Options),
	) (*iam.ListAttachedRolePoliciesOutput, error)
	GetPolicy(ctx context.Context, in *iam.GetPolicyInput, opts ...func(*iam.Options)) (*iam.GetPolicyOutput, error)
	GetPolicyVersion(ctx context.Context, in *iam.GetPolicyVersionInput, opts ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error)
}

// NewClients makes the clients.
func NewClients(cfg aws.Config) Clients {
	return Clients{
		Lambda: lambda.NewFromConfig(cfg), SQS: sqs.NewFromConfig(cfg), DynamoDB: dynamodb.NewFromConfig(cfg), SNS: sns.NewFromConfig(cfg),
		S3:          s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil }),
		EventBridge: eventbridge.NewFromConfig(cfg), SFN: sfn.NewFromConfig(cfg), IAM: iam.NewFromConfig(cfg),
	}
}
