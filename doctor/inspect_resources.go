package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// queues looks at those that are mapped, and those that take what was given up.
func (i *inspection) queues(ctx context.Context) error {
	waiting := []string{i.Function.AsyncDestination}
	for _, m := range i.Mappings {
		waiting = append(waiting, m.Source, m.Destination)
	}
	seen := map[string]bool{}
	for len(waiting) > 0 {
		arn := waiting[0]
		waiting = waiting[1:]
		if service(arn) != "sqs" || seen[arn] {
			continue
		}
		seen[arn] = true
		q, err := i.readQueue(ctx, arn)
		if err != nil {
			i.Unread = append(i.Unread, fmt.Sprintf("the queue %s: %v", lastName(arn), err))
			continue
		}
		i.Queues = append(i.Queues, q)
		waiting = append(waiting, q.DeadLetters)
	}
	return nil
}

func (i *inspection) readQueue(ctx context.Context, arn string) (Queue, error) {
	q := Queue{Name: lastName(arn), ARN: arn}
	found, err := i.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.Name})
	if err != nil {
		return q, err
	}
	in := &sqs.GetQueueAttributesInput{QueueUrl: found.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"All"}}
	out, err := i.SQS.GetQueueAttributes(ctx, in)
	if err != nil {
		return q, err
	}
	visibility, err := strconv.Atoi(out.Attributes["VisibilityTimeout"])
	if err != nil {
		return q, err
	}
	retention, err := strconv.Atoi(out.Attributes["MessageRetentionPeriod"])
	if err != nil {
		return q, err
	}
	q.Visibility, q.Retention = seconds(visibility), seconds(retention)
	var redrive redrivePolicy
	if text := out.Attributes["RedrivePolicy"]; text != "" {
		err = json.Unmarshal([]byte(text), &redrive)
	}
	q.DeadLetters, q.MaxReceives = redrive.DeadLetterTargetArn, int(redrive.MaxReceiveCount)
	return q, err
}

// redrivePolicy is that of a queue.
type redrivePolicy struct {
	DeadLetterTargetArn string `json:"deadLetterTargetArn"`
	MaxReceiveCount     count  `json:"maxReceiveCount"`
}

// count is a number that some write as a text.
type count int

// UnmarshalJSON implements json.Unmarshaler.
func (c *count) UnmarshalJSON(text []byte) error {
	n, err := strconv.Atoi(string(trimQuotes(text)))
	*c = count(n)
	return err
}

func trimQuotes(text []byte) []byte {
	if len(text) > 1 && text[0] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}

// tables looks at those of the mappings, and at whatever is named like a table in
// the environment.
func (i *inspection) tables(ctx context.Context) error {
	seen := map[string]bool{}
	for _, m := range i.Mappings {
		if service(m.Source) == "dynamodb" {
			if err := i.readTable(ctx, lastName(m.Source), seen, true); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(i.Function.Environment)) {
		if value := i.Function.Environment[name]; tableName(value) {
			if err := i.readTable(ctx, value, seen, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// tableName reports whether a text could be the name of a table.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
func tableName(text string) bool {
	if len(text) < 3 || len(text) > 255 {
		return false
	}
	for _, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}

func (i *inspection) readTable(ctx context.Context, name string, seen map[string]bool, sure bool) error {
	if seen[name] {
		return nil
	}
	seen[name] = true
	found, err := i.DynamoDB.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if _, none := errors.AsType[*dynamodbtypes.ResourceNotFoundException](err); none && !sure {
		return nil
	}
	if err != nil {
		return err
	}
	t := Table{Name: name, ARN: aws.ToString(found.Table.TableArn)}
	if s := found.Table.StreamSpecification; s != nil && aws.ToBool(s.StreamEnabled) {
		t.View, t.StreamARN = string(s.StreamViewType), aws.ToString(found.Table.LatestStreamArn)
	}
	for _, key := range found.Table.KeySchema {
		t.Keys = append(t.Keys, aws.ToString(key.AttributeName))
	}
	ttl, err := i.DynamoDB.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return err
	}
	if d := ttl.TimeToLiveDescription; d != nil && d.TimeToLiveStatus == dynamodbtypes.TimeToLiveStatusEnabled {
		t.TTL = aws.ToString(d.AttributeName)
	}
	i.Tables = append(i.Tables, t)
	return nil
}

// statements reads the policies of the role, its own and those attached to it.
func (i *inspection) statements(ctx context.Context) error {
	if i.IAM == nil {
		return nil
	}
	var all []Statement
	own := iam.NewListRolePoliciesPaginator(i.IAM, &iam.ListRolePoliciesInput{RoleName: &i.role})
	for own.HasMorePages() {
		page, err := own.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, name := range page.PolicyNames {
			p, err := i.IAM.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &i.role, PolicyName: &name})
			if err != nil {
				return err
			}
			if all, err = appendStatements(all, aws.ToString(p.PolicyDocument)); err != nil {
				return fmt.Errorf("the policy %s: %w", name, err)
			}
		}
	}
	attached := iam.NewListAttachedRolePoliciesPaginator(i.IAM, &iam.ListAttachedRolePoliciesInput{RoleName: &i.role})
	for attached.HasMorePages() {
		page, err := attached.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, a := range page.AttachedPolicies {
			p, err := i.IAM.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: a.PolicyArn})
			if err != nil {
				return err
			}
			version, err := i.IAM.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{
				PolicyArn: a.PolicyArn, VersionId: p.Policy.DefaultVersionId,
			})
			if err != nil {
				return err
			}
			if all, err = appendStatements(all, aws.ToString(version.PolicyVersion.Document)); err != nil {
				return fmt.Errorf("the policy %s: %w", aws.ToString(a.PolicyName), err)
			}
		}
	}
	i.Function.Statements = append([]Statement{}, all...)
	return nil
}

// appendStatements appends those of a document, which IAM gives URL-encoded.
func appendStatements(all []Statement, document string) ([]Statement, error) {
	text, err := url.PathUnescape(document)
	if err != nil {
		return nil, err
	}
	var read policyDocument
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		return nil, err
	}
	for _, s := range read.Statement {
		all = append(all, s.read())
	}
	return all, nil
}
