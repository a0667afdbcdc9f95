package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Inspect looks at a deployed function, by its name or ARN, and at what is around
// it. The tables are those of its mappings, and those that a variable of its
// environment names, by the table's name or ARN.
//
// What it may not look at is in Unread; only a function that cannot be read is an
// error.
func Inspect(ctx context.Context, clients Clients, function string) (Deployment, error) {
	i := &inspection{Clients: clients}
	if err := i.function(ctx, function); err != nil {
		return Deployment{}, fmt.Errorf("doctor: the function %s cannot be read: %w", function, err)
	}
	for _, look := range []struct {
		at   string
		with func(context.Context) error
	}{
		{"its event source mappings", i.mappings},
		{"its asynchronous invocations", i.async},
		{"subscriptions", i.subscriptions},
		{"buckets", i.buckets},
		{"rules of EventBridge", i.rules},
		{"state machines", i.machines},
		{"queues", i.queues},
		{"tables", i.tables},
		{"the role's policies", i.statements},
	} {
		if err := look.with(ctx); err != nil {
			if ctx.Err() != nil {
				return Deployment{}, ctx.Err()
			}
			i.Unread = append(i.Unread, fmt.Sprintf("%s: %v", look.at, err))
		}
	}
	return i.Deployment, nil
}

// inspection is a deployment that is being looked at.
type inspection struct {
	Clients
	Deployment

	role string // the name of the function's role
}

func (i *inspection) function(ctx context.Context, name string) error {
	f, err := i.Lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		return err
	}
	i.Function = Function{
		Name: aws.ToString(f.FunctionName), ARN: aws.ToString(f.FunctionArn), Timeout: seconds(int(aws.ToInt32(f.Timeout))),
		AsyncRetries: 2, Environment: map[string]string{},
	}
	if f.Environment != nil {
		i.Function.Environment = f.Environment.Variables
	}
	if f.DeadLetterConfig != nil {
		i.Function.AsyncDestination = aws.ToString(f.DeadLetterConfig.TargetArn)
	}
	role := aws.ToString(f.Role)
	i.role = role[strings.LastIndexByte(role, '/')+1:]
	return nil
}

func (i *inspection) async(ctx context.Context) error {
	found, err := i.Lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: &i.Function.Name})
	if _, none := errors.AsType[*types.ResourceNotFoundException](err); none {
		return nil
	}
	if err != nil {
		return err
	}
	if found.MaximumRetryAttempts != nil {
		i.Function.AsyncRetries = int(*found.MaximumRetryAttempts)
	}
	if c := found.DestinationConfig; c != nil && c.OnFailure != nil && c.OnFailure.Destination != nil {
		i.Function.AsyncDestination = *c.OnFailure.Destination
	}
	return nil
}

func (i *inspection) mappings(ctx context.Context) error {
	pages := lambda.NewListEventSourceMappingsPaginator(i.Lambda, &lambda.ListEventSourceMappingsInput{FunctionName: &i.Function.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, m := range page.EventSourceMappings {
			mapping := Mapping{
				Source: aws.ToString(m.EventSourceArn), Enabled: strings.HasPrefix(aws.ToString(m.State), "Enabl"),
				ReportsItems:   slices.Contains(m.FunctionResponseTypes, types.FunctionResponseTypeReportBatchItemFailures),
				BatchingWindow: seconds(int(aws.ToInt32(m.MaximumBatchingWindowInSeconds))),
				Latest:         m.StartingPosition == types.EventSourcePositionLatest,
				Bisects:        aws.ToBool(m.BisectBatchOnFunctionError), Retries: -1, RecordAge: -1,
			}
			if m.MaximumRetryAttempts != nil && *m.MaximumRetryAttempts >= 0 {
				mapping.Retries = int(*m.MaximumRetryAttempts)
			}
			if m.MaximumRecordAgeInSeconds != nil && *m.MaximumRecordAgeInSeconds >= 0 {
				mapping.RecordAge = time.Duration(*m.MaximumRecordAgeInSeconds) * time.Second
			}
			if c := m.DestinationConfig; c != nil && c.OnFailure != nil {
				mapping.Destination = aws.ToString(c.OnFailure.Destination)
			}
			i.Mappings = append(i.Mappings, mapping)
		}
	}
	return nil
}
