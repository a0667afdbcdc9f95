package sqsqueue_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
)

// delays is the ChangeMessageVisibility of a client; its errors come from queue.
type delays struct {
	queue
	changes []sqs.ChangeMessageVisibilityInput
}

func (d *delays) ChangeMessageVisibility(
	_ context.Context, in *sqs.ChangeMessageVisibilityInput, opts ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes = append(d.changes, *in)
	d.regions = append(d.regions, region(opts))
	return &sqs.ChangeMessageVisibilityOutput{}, d.next()
}

// messageOf is the Message of a record, as a redeliverer gets it.
func messageOf(t *testing.T, m message) *cqrs.Message {
	t.Helper()
	var got *cqrs.Message
	_, _ = fail(t, m.payload(t), cqrs.RetryAfter(time.Minute, errors.New("later")), nil,
		redeliverFunc(func(_ context.Context, m *cqrs.Message, _ time.Duration) error { got = m; return nil }))
	require.NotNil(t, got)
	return got
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	d := &delays{}
	_, err := fail(t, message{id: "m-1", body: "1"}.payload(t), cqrs.RetryAfter(90*time.Second, errors.New("later")), nil,
		sqsqueue.NewRedeliverer(d))
	require.Error(t, err, "the record is reported, so that it comes again")
	require.Len(t, d.changes, 1)
	require.Equal(t, queueURL, *d.changes[0].QueueUrl)
	require.Equal(t, receipt, *d.changes[0].ReceiptHandle)
	require.EqualValues(t, 90, d.changes[0].VisibilityTimeout)
	require.Zero(t, d.asked, "the URL is made from the ARN")
	require.Equal(t, []string{"eu-west-1"}, d.regions, "the call goes to the queue's region")
}

func TestDelayIsClamped(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int32{
		-time.Hour: 0, 0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 12*time.Hour - 1: 43_200, 12 * time.Hour: 43_200,
		1 << 62: 43_200,
	} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			d := &delays{}
			require.NoError(t, sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), messageOf(t, message{id: "m-1"}), after))
			require.Equal(t, want, d.changes[0].VisibilityTimeout)
		})
	}
}

func TestTwelveHoursCountFromTheReceive(t *testing.T) {
	t.Parallel()
	beyond := &smithy.GenericAPIError{Code: "InvalidParameterValue", Message: "Total VisibilityTimeout for the message is beyond the limit"}
	d := &delays{queue: queue{fails: []error{beyond}}}
	require.NoError(t, sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), messageOf(t, message{id: "m-1"}), 12*time.Hour))
	require.Len(t, d.changes, 2)
	require.EqualValues(t, 42_300, d.changes[1].VisibilityTimeout)

	d = &delays{queue: queue{fails: []error{beyond}}}
	require.ErrorIs(t, sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), messageOf(t, message{id: "m-1"}), time.Hour), beyond)
	require.Len(t, d.changes, 1)
}

func TestQueueURLs(t *testing.T) {
	t.Parallel()
	for arn, url := range map[string]string{
		"arn:aws:sqs:us-east-1:1:q.fifo":       "https://sqs.us-east-1.amazonaws.com/1/q.fifo",
		"arn:aws-cn:sqs:cn-north-1:1:q":        "https://sqs.cn-north-1.amazonaws.com.cn/1/q",
		"arn:aws-us-gov:sqs:us-gov-west-1:1:q": "https://sqs.us-gov-west-1.amazonaws.com/1/q",
		"arn:aws-iso:sqs:us-iso-east-1:1:q":    "https://sqs.us-iso-east-1.c2s.ic.gov/1/q",
		"arn:aws-iso-b:sqs:us-isob-east-1:1:q": "https://sqs.us-isob-east-1.sc2s.sgov.gov/1/q",
	} {
		d := &delays{}
		require.NoError(t, sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), messageOf(t, message{id: "m-1", arn: arn}), 0))
		require.Equal(t, url, *d.changes[0].QueueUrl)
	}
	for _, arn := range []string{"orders", "arn:aws:sns:eu-west-1:1:topic"} {
		d := &delays{}
		err := sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), messageOf(t, message{id: "m-1", arn: arn}), 0)
		require.ErrorContains(t, err, "is not the ARN of a queue")
		require.Empty(t, d.changes)
	}
}

// An emulator knows its queues by other URLs. They are asked for once.
func TestAQueueURLThatIsNotAWSs(t *testing.T) {
	t.Parallel()
	for name, unknown := range map[string]error{
		"typed":   &types.QueueDoesNotExist{},
		"query":   &types.QueueDoesNotExist{ErrorCodeOverride: aws.String("AWS.SimpleQueueService.NonExistentQueue")},
		"address": &types.InvalidAddress{},
		"untyped": &smithy.GenericAPIError{Code: "AWS.SimpleQueueService.NonExistentQueue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &delays{queue: queue{fails: []error{unknown}, url: "http://127.0.0.1:4566/000000000000/"}}
			r := sqsqueue.NewRedeliverer(d)
			m := messageOf(t, message{id: "m-1"})
			for range 3 {
				require.NoError(t, r.Redeliver(t.Context(), m, time.Second))
			}
			require.Equal(t, 1, d.asked)
			require.Len(t, d.changes, 4)
			require.Equal(t, "http://127.0.0.1:4566/000000000000/orders", *d.changes[3].QueueUrl)
		})
	}
	t.Run("lookup fails", func(t *testing.T) {
		t.Parallel()
		lookup := errors.New("denied")
		d := &delays{queue: queue{fails: []error{&types.QueueDoesNotExist{}, lookup}}}
		err := sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), messageOf(t, message{id: "m-1"}), time.Second)
		require.ErrorIs(t, err, lookup)
		require.ErrorContains(t, err, "QueueDoesNotExist")
	})
}

func TestRedeliverFaults(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"quoted": &types.ReceiptHandleIsInvalid{Message: aws.String("The input receipt handle \"" + receipt + "\" is not a valid receipt handle.")},
		"over":   &types.MessageNotInflight{},
		"net":    errors.New("reset while sending " + receipt),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &delays{queue: queue{fails: []error{failure}}}
			err := sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), messageOf(t, message{id: "m-1"}), time.Second)
			require.ErrorIs(t, err, failure)
			require.NotContains(t, err.Error(), "canary")
			require.Len(t, d.changes, 1)
		})
	}
	d := &delays{}
	require.ErrorContains(t, sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), &cqrs.Message{Source: cqrs.SourceSNS}, 1), "aws:sns cannot be delayed")
	require.ErrorContains(t, sqsqueue.NewRedeliverer(d).Redeliver(t.Context(), &cqrs.Message{Source: cqrs.SourceSQS}, 1), "no receipt handle")
	require.Empty(t, d.changes)
}

// With a real client, the queue's region decides where the call goes, whatever
// the client's own is.
func TestTheRealClientCallsTheQueuesRegion(t *testing.T) {
	t.Parallel()
	var hosts, bodies []string
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		hosts, bodies = append(hosts, r.URL.Host), append(bodies, string(body))
		require.Contains(t, r.Header.Get("Authorization"), "/eu-west-1/sqs/")
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
	})
	client := sqs.New(sqs.Options{
		Region: "us-east-1", HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
		}),
	})
	require.NoError(t, sqsqueue.NewRedeliverer(client).Redeliver(t.Context(), messageOf(t, message{id: "m-1"}), time.Second))
	require.Equal(t, []string{"sqs.eu-west-1.amazonaws.com"}, hosts)
	require.Contains(t, bodies[0], `"VisibilityTimeout":1`)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
