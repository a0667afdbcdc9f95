package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

func (i *inspection) subscriptions(ctx context.Context) error {
	queues := map[string]bool{}
	for _, m := range i.Mappings {
		queues[m.Source] = true
	}
	pages := sns.NewListSubscriptionsPaginator(i.SNS, &sns.ListSubscriptionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, found := range page.Subscriptions {
			s := Subscription{Topic: aws.ToString(found.TopicArn), Endpoint: aws.ToString(found.Endpoint)}
			if s.Endpoint != i.Function.ARN && !queues[s.Endpoint] {
				continue
			}
			if strings.HasPrefix(aws.ToString(found.SubscriptionArn), "arn:") { // it is confirmed
				in := &sns.GetSubscriptionAttributesInput{SubscriptionArn: found.SubscriptionArn}
				more, err := i.SNS.GetSubscriptionAttributes(ctx, in)
				if err != nil {
					return err
				}
				s.Raw = more.Attributes["RawMessageDelivery"] == "true"
				var redrive redrivePolicy
				if text := more.Attributes["RedrivePolicy"]; text != "" {
					if err := json.Unmarshal([]byte(text), &redrive); err != nil {
						return err
					}
				}
				s.DeadLetters = redrive.DeadLetterTargetArn
			}
			i.Subscriptions = append(i.Subscriptions, s)
		}
	}
	return nil
}

// buckets goes through all of them: a function does not know who calls it.
func (i *inspection) buckets(ctx context.Context) error {
	pages := s3.NewListBucketsPaginator(i.S3, &s3.ListBucketsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, bucket := range page.Buckets {
			found, err := i.S3.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: bucket.Name})
			if err != nil {
				i.Unread = append(i.Unread, fmt.Sprintf("the notifications of the bucket %s: %v", aws.ToString(bucket.Name), err))
				continue
			}
			for _, c := range found.LambdaFunctionConfigurations {
				if aws.ToString(c.LambdaFunctionArn) == i.Function.ARN {
					i.Buckets = append(i.Buckets, bucketOf(aws.ToString(bucket.Name), c))
				}
			}
		}
	}
	return nil
}

func bucketOf(name string, c types.LambdaFunctionConfiguration) Bucket {
	b := Bucket{Name: name}
	for _, event := range c.Events {
		b.Events = append(b.Events, string(event))
	}
	if c.Filter == nil || c.Filter.Key == nil {
		return b
	}
	for _, rule := range c.Filter.Key.FilterRules {
		if rule.Name == types.FilterRuleNameSuffix {
			b.Suffix = aws.ToString(rule.Value)
		} else {
			b.Prefix = aws.ToString(rule.Value)
		}
	}
	return b
}

func (i *inspection) rules(ctx context.Context) error {
	in := &eventbridge.ListRuleNamesByTargetInput{TargetArn: &i.Function.ARN}
	for {
		page, err := i.EventBridge.ListRuleNamesByTarget(ctx, in)
		if err != nil {
			return err
		}
		for _, name := range page.RuleNames {
			rule, err := i.EventBridge.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: &name})
			if err != nil {
				return err
			}
			var pattern struct {
				Source     []any `json:"source"`
				DetailType []any `json:"detail-type"`
			}
			if text := aws.ToString(rule.EventPattern); text != "" {
				if err := json.Unmarshal([]byte(text), &pattern); err != nil {
					return fmt.Errorf("the pattern of %s: %w", name, err)
				}
			}
			dead, err := i.ruleDeadLetters(ctx, name)
			if err != nil {
				return err
			}
			i.Rules = append(i.Rules, EventRule{
				Name: name, Schedule: aws.ToString(rule.ScheduleExpression) != "", DeadLetters: dead,
				Sources: plain(pattern.Source), DetailTypes: plain(pattern.DetailType),
			})
		}
		if page.NextToken == nil {
			return nil
		}
		in.NextToken = page.NextToken
	}
}

// ruleDeadLetters is where a rule sends what the function does not take.
func (i *inspection) ruleDeadLetters(ctx context.Context, rule string) (string, error) {
	in := &eventbridge.ListTargetsByRuleInput{Rule: &rule}
	for {
		page, err := i.EventBridge.ListTargetsByRule(ctx, in)
		if err != nil {
			return "", err
		}
		for _, t := range page.Targets {
			if aws.ToString(t.Arn) == i.Function.ARN && t.DeadLetterConfig != nil {
				return aws.ToString(t.DeadLetterConfig.Arn), nil
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return "", nil
		}
	}
}

func (i *inspection) machines(ctx context.Context) error {
	pages := sfn.NewListStateMachinesPaginator(i.SFN, &sfn.ListStateMachinesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, found := range page.StateMachines {
			m, err := i.SFN.DescribeStateMachine(ctx, &sfn.DescribeStateMachineInput{StateMachineArn: found.StateMachineArn})
			if err != nil {
				return err
			}
			tasks, err := tasksOf(aws.ToString(m.Name), aws.ToString(m.Definition), i.Function.Name, i.Function.ARN)
			if err != nil {
				return err
			}
			i.Tasks = append(i.Tasks, tasks...)
		}
	}
	return nil
}
