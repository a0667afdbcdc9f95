package doctor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/doctor"
	"github.com/lambda-cqrs/cqrs/local"
)

// serveIAM answers as IAM does, in the query protocol: two policies of the role, in
// two pages, and one that is attached to it.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
func serveIAM(t *testing.T, fail string) *iam.Client {
	t.Helper()
	documents := map[string]string{
		"own":   `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":["arn:aws:dynamodb:*:*:table/a+b"]}}`,
		"other": `{"Statement":[{"Effect":"Deny","Action":["s3:*"],"NotResource":"arn:aws:s3:::files"}]}`,
		"v7":    `{"Statement":[{"Effect":"Allow","Action":["logs:PutLogEvents"],"Resource":"*"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		action := r.Form.Get("Action")
		if action == fail {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
			return
		}
		answer := map[string]string{
			"ListRolePolicies": `<PolicyNames><member>own</member></PolicyNames><IsTruncated>true</IsTruncated><Marker>more</Marker>`,
			"GetRolePolicy": "<RoleName>local</RoleName><PolicyName>x</PolicyName><PolicyDocument>" +
				url.PathEscape(documents[r.Form.Get("PolicyName")]) + "</PolicyDocument>",
			"ListAttachedRolePolicies": `<AttachedPolicies><member><PolicyName>Basic</PolicyName>` +
				`<PolicyArn>arn:aws:iam::aws:policy/Basic</PolicyArn></member></AttachedPolicies><IsTruncated>false</IsTruncated>`,
			"GetPolicy":        `<Policy><PolicyName>Basic</PolicyName><DefaultVersionId>v7</DefaultVersionId></Policy>`,
			"GetPolicyVersion": "<PolicyVersion><Document>" + url.PathEscape(documents[r.Form.Get("VersionId")]) + "</Document></PolicyVersion>",
		}[action]
		if r.Form.Get("Marker") == "more" {
			answer = `<PolicyNames><member>other</member></PolicyNames><IsTruncated>false</IsTruncated>`
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprintf(w, `<%[1]sResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`, action, answer)
	}))
	t.Cleanup(server.Close)
	return iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1, HTTPClient: server.Client(),
		Credentials: aws.CredentialsProviderFunc(testCredentials),
	})
}

// TestInspectAQueueWithDeadLetters goes from a queue that is mapped to the one behind
// it, and to the topic in front of it.
func TestInspectAQueueWithDeadLetters(t *testing.T) {
	t.Parallel()
	a, err := local.Start(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, a.Close()) }()
	queues, topics := sqs.NewFromConfig(a.Config()), sns.NewFromConfig(a.Config())
	queue := func(name string, attributes map[string]string) (arn string) {
		created, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		require.NoError(t, err)
		found, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: created.QueueUrl, AttributeNames: []types.QueueAttributeName{"All"}})
		require.NoError(t, err)
		return found.Attributes["QueueArn"]
	}
	dead := queue("failed.fifo", map[string]string{"FifoQueue": "true", "MessageRetentionPeriod": "1209600"})
	redrive, err := json.Marshal(map[string]any{"deadLetterTargetArn": dead, "maxReceiveCount": "7"})
	require.NoError(t, err)
	live := queue("orders.fifo", map[string]string{"FifoQueue": "true", "VisibilityTimeout": "90", "RedrivePolicy": string(redrive)})
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("orders.fifo"), Attributes: map[string]string{"FifoTopic": "true"}})
	require.NoError(t, err)
	_, err = topics.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: &live, Attributes: map[string]string{
			"RawMessageDelivery": "true", "RedrivePolicy": string(redrive),
		},
	})
	require.NoError(t, err)
	f := a.Function("shop", lambda.NewHandler(func() {}), local.InvocationTimeout(15*time.Second), local.AsyncRetries(1))
	require.NoError(t, f.OnQueue("orders.fifo"))

	clients := doctor.NewClients(a.Config())
	clients.IAM = serveIAM(t, "")
	d, err := doctor.Inspect(t.Context(), clients, f.ARN())
	require.NoError(t, err)
	require.Empty(t, d.Unread)
	require.Equal(t, []doctor.Queue{
		{Name: "orders.fifo", ARN: live, Visibility: 90 * time.Second, Retention: 96 * time.Hour, DeadLetters: dead, MaxReceives: 7},
		{Name: "failed.fifo", ARN: dead, Visibility: 30 * time.Second, Retention: 336 * time.Hour},
	}, d.Queues)
	require.True(t, d.Queues[0].FIFO())
	require.Equal(t, []doctor.Mapping{{Source: live, Enabled: true, Retries: -1, RecordAge: -1}}, d.Mappings)
	require.Equal(t, []doctor.Subscription{{Topic: *topic.TopicArn, Endpoint: live, Raw: true, DeadLetters: dead}}, d.Subscriptions)
	require.Equal(t, 1, d.Function.AsyncRetries)
	require.Equal(t, 15*time.Second, d.Function.Timeout)
	require.Equal(t, []doctor.Statement{
		{Allow: true, Actions: []string{"dynamodb:*"}, Resources: []string{"arn:aws:dynamodb:*:*:table/a+b"}},
		{Actions: []string{"s3:*"}, NotResources: []string{"arn:aws:s3:::files"}},
		{Allow: true, Actions: []string{"logs:PutLogEvents"}, Resources: []string{"*"}},
	}, d.Function.Statements)

	clients.IAM = serveIAM(t, "GetPolicyVersion")
	d, err = doctor.Inspect(t.Context(), clients, f.Name())
	require.NoError(t, err)
	require.Len(t, d.Unread, 1)
	require.Contains(t, d.Unread[0], "AccessDenied")
	require.Nil(t, d.Function.Statements, "half of them would be worse than none")
}

func testCredentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
}
