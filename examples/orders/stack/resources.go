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
)

func (s *Stack) makeTable(ctx context.Context, r *resource, p *properties) error {
	in := &dynamodb.CreateTableInput{TableName: aws.String(name(r.id)), BillingMode: dynamodbtypes.BillingMode(p.text("BillingMode"))}
	if given := p.text("TableName"); given != "" {
		in.TableName = &given
	}
	var ttl dynamodbtypes.TimeToLiveSpecification
	var expires bool
	for property, v := range map[string]any{
		"AttributeDefinitions": &in.AttributeDefinitions, "KeySchema": &in.KeySchema,
		"StreamSpecification": &in.StreamSpecification, "TimeToLiveSpecification": &ttl,
	} {
		there, err := p.into(property, v)
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
	r.attributes = attributes{*in.TableName, *created.TableDescription.TableArn, aws.ToString(created.TableDescription.LatestStreamArn)}
	if expires {
		_, err = s.tables.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: in.TableName, TimeToLiveSpecification: &ttl})
	}
	return err
}

func (s *Stack) makeBucket(ctx context.Context, r *resource, p *properties) error {
	bucket := name(r.id)
	if given := p.text("BucketName"); given != "" {
		bucket = given
	}
	r.attributes = attributes{ref: bucket, arn: "arn:aws:s3:::" + bucket}
	_, err := s.buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	return err
}

func (s *Stack) makeQueue(ctx context.Context, r *resource, p *properties) error {
	in := &sqs.CreateQueueInput{QueueName: aws.String(name(r.id)), Attributes: map[string]string{}}
	for _, property := range []string{"VisibilityTimeout", "MessageRetentionPeriod"} {
		if value := p.text(property); value != "" {
			in.Attributes[property] = value
		}
	}
	redrive, err := p.json("RedrivePolicy")
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
	r.attributes = attributes{ref: *created.QueueUrl, arn: found.Attributes["QueueArn"]}
	return nil
}

func (s *Stack) makeTopic(ctx context.Context, r *resource, _ *properties) error {
	created, err := s.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(name(r.id))})
	if err != nil {
		return err
	}
	r.attributes = attributes{ref: *created.TopicArn, arn: *created.TopicArn}
	return nil
}

func (s *Stack) makeMachine(ctx context.Context, r *resource, p *properties) error {
	var substitutions map[string]string
	if _, err := p.into("DefinitionSubstitutions", &substitutions); err != nil {
		return err
	}
	definition, err := p.json("Definition")
	if err != nil {
		return err
	}
	for name, value := range substitutions {
		definition = strings.ReplaceAll(definition, "${"+name+"}", value)
	}
	created, err := s.machines.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String(p.text("Name")), Definition: &definition, RoleArn: aws.String("arn:aws:iam::000000000000:role/" + p.text("Type")),
	})
	if err != nil {
		return err
	}
	r.attributes = attributes{ref: *created.StateMachineArn, arn: *created.StateMachineArn}
	return nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
