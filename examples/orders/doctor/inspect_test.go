package main

import (
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/doctor"
	"github.com/lambda-cqrs/cqrs/examples/orders/stack"
	"github.com/lambda-cqrs/cqrs/local"
)

// TestInspect: what the template says, and what is deployed by it, look the same.
func TestInspect(t *testing.T) {
	t.Parallel()
	parameters := map[string]string{"DatabaseUrl": "postgres://", "MailFrom": "shop@example.com"}
	a, err := local.Start(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, a.Close()) }()
	handler := func(func(string) string) (lambda.Handler, error) { return lambda.NewHandler(func() {}), nil }
	s, err := stack.Up(t.Context(), a, []byte(readTemplate(t)), parameters, stack.Code{Handler: handler})
	require.NoError(t, err)

	clients := doctor.NewClients(a.Config())
	clients.IAM = nil // there are no permissions here
	look := func() (doctor.Deployment, []doctor.Finding) {
		d, err := doctor.Inspect(t.Context(), clients, s.Function().Name())
		require.NoError(t, err)
		require.Empty(t, d.Unread)
		c, err := code(func(name string) string { return d.Function.Environment[name] })
		require.NoError(t, err)
		return d, doctor.Check(c, d)
	}
	deployed, findings := look()
	for _, f := range findings {
		require.Equal(t, "delivery-dead-letters", f.Rule, "in one process everything is delivered")
	}
	require.Len(t, findings, 2)

	written, err := doctor.ReadTemplate([]byte(readTemplate(t)), parameters)
	require.NoError(t, err)
	require.Equal(t, written.Function.Timeout, deployed.Function.Timeout)
	require.Equal(t, written.Function.AsyncRetries, deployed.Function.AsyncRetries)
	require.Len(t, deployed.Function.Environment, len(written.Function.Environment))
	require.ElementsMatch(t, written.Tasks, deployed.Tasks)
	require.Equal(t, settingsOf(written.Mappings), settingsOf(deployed.Mappings))
	require.Len(t, deployed.Queues, len(written.Queues))
	require.Len(t, deployed.Tables, len(written.Tables)-2, "nothing names the history tables")
	require.ElementsMatch(t, written.Buckets, deployed.Buckets)
	require.Len(t, deployed.Subscriptions, len(written.Subscriptions))
	require.Len(t, deployed.Rules, len(written.Rules))

	for name, edit := range map[string]struct {
		attribute, value, rule string
	}{
		"visibility": {"VisibilityTimeout", "60", "queue-visibility"},
		"redrive":    {"RedrivePolicy", "", "queue-dead-letters"},
	} {
		_, err := sqs.NewFromConfig(a.Config()).SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: aws.String(s.Variable("NOTIFICATION_QUEUE_URL")), Attributes: map[string]string{edit.attribute: edit.value},
		})
		require.NoError(t, err)
		_, findings := look()
		require.NotEmpty(t, findings, name)
		var rules []string
		for _, f := range findings {
			rules = append(rules, f.Rule)
		}
		require.Contains(t, rules, edit.rule)
	}

	_, err = doctor.Inspect(t.Context(), clients, "other")
	require.ErrorContains(t, err, "the function other cannot be read")
}

// settingsOf counts mappings by all but their ARNs, which are made anew.
func settingsOf(mappings []doctor.Mapping) map[doctor.Mapping]int {
	count := map[doctor.Mapping]int{}
	for _, m := range mappings {
		m.Source, m.Destination = "", ""
		count[m]++
	}
	return count
}
