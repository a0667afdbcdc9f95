package stack

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambda-cqrs/cqrs/doctor/sam"
)

func (s *Stack) makeTable(ctx context.Context, r *resource, p *sam.Properties) error {
	in := &dynamodb.CreateTableInput{TableName: aws.String(name(r.ID)), BillingMode: dynamodbtypes.BillingMode(p.Text("BillingMode"))}
	if given := p.Text("TableName"); given != "" {
		in.TableName = &given
	}
	var ttl dynamodbtypes.TimeToLiveSpecification
	var expires bool
	for property, v := range map[string]any{
		"AttributeDefinitions": &in.AttributeDefinitions, "KeySchema": &in.KeySchema,
		"StreamSpecification": &in.StreamSpecification, "TimeToLiveSpecification": &ttl,
	} {
		there, err := p.Exactly(property, v)
		if err != nil {
			return err
		}
		expires = expires || there && property == "TimeToLiveSpecification"
	}
	if in.StreamSpecification != nil {
		in.StreamSpecification.StreamEnabled = aws.Bool(true) // that it is there says so
	}
	created, err := s.tables.CreateTable(ctx, in)
	if err != nil {
		return err
	}
	r.known = knownBy(*in.TableName, *created.TableDescription.TableArn, aws.ToString(created.TableDescription.LatestStreamArn))
	if expires {
		_, err = s.tables.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: in.TableName, TimeToLiveSpecification: &ttl})
	}
	return err
}

func (s *Stack) makeBucket(ctx context.Context, r *resource, p *sam.Properties) error {
	bucket := name(r.ID)
	if given := p.Text("BucketName"); given != "" {
		bucket = given
	}
	r.known = knownBy(bucket, "arn:aws:s3:::"+bucket, "")
	_, err := s.buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	return err
}

func (s *Stack) makeQueue(ctx context.Context, r *resource, p *sam.Properties) error {
	in := &sqs.CreateQueueInput{QueueName: aws.String(name(r.ID)), Attributes: map[string]string{}}
	for _, property := range []string{"VisibilityTimeout", "MessageRetentionPeriod"} {
		if value := p.Text(property); value != "" {
			in.Attributes[property] = value
		}
	}
	redrive, err := p.JSON("RedrivePolicy")
	if err != nil {
		return err
	}
	if redrive != "" {
		in.Attributes["RedrivePolicy"] = redrive
	}
	created, err := s.queues.CreateQueue(ctx, in)
	if err != nil {
		return err
	}
	found, err := s.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: created.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return err
	}
	r.known = knownBy(*created.QueueUrl, found.Attributes["QueueArn"], "")
	return nil
}

// makePolicy makes nothing: permissions are not checked.
func (s *Stack) makePolicy(_ context.Context, r *resource, _ *sam.Properties) error {
	r.known = knownBy(r.ID, "", "")
	return nil
}

func (s *Stack) makeTopic(ctx context.Context, r *resource, _ *sam.Properties) error {
	created, err := s.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(name(r.ID))})
	if err != nil {
		return err
	}
	r.known = knownBy(*created.TopicArn, *created.TopicArn, "")
	return nil
}

func (s *Stack) makeMachine(ctx context.Context, r *resource, p *sam.Properties) error {
	var substitutions map[string]string
	if _, err := p.Exactly("DefinitionSubstitutions", &substitutions); err != nil {
		return err
	}
	definition, err := p.JSON("Definition")
	if err != nil {
		return err
	}
	for name, value := range substitutions {
		definition = strings.ReplaceAll(definition, "${"+name+"}", value)
	}
	created, err := s.machines.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String(p.Text("Name")), Definition: &definition, RoleArn: aws.String("arn:aws:iam::000000000000:role/" + p.Text("Type")),
	})
	if err != nil {
		return err
	}
	r.known = knownBy(*created.StateMachineArn, *created.StateMachineArn, "")
	return nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
