// Package wire_test holds what the adapters make of AWS's errors against the bytes
// in which AWS sends them, through real SDK clients.
package wire_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/sfntask"
	"github.com/lambda-cqrs/cqrs/aws/snsalarm"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
	"github.com/lambda-cqrs/cqrs/internal/loopback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// refusal is an answer of AWS.
type refusal struct {
	status  int
	headers map[string]string
	body    string
}

// aJSON is an error in the JSON protocols, with the code of the query protocol
// where the service has come from there, as SQS has.
func aJSON(status int, code, query string) refusal {
	r := refusal{status: status, body: fmt.Sprintf(`{"__type":"com.amazonaws.any#%s","message":"because"}`, code), headers: map[string]string{
		"Content-Type": "application/x-amz-json-1.0",
	}}
	if query != "" {
		r.headers["x-amzn-query-error"] = query + ";Sender"
	}
	return r
}

// anXML is an error in the query protocol, which SNS speaks.
func anXML(status int, code string) refusal {
	return refusal{status: status, headers: map[string]string{"Content-Type": "text/xml"}, body: fmt.Sprintf(
		`<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>%s</Code>`+
			`<Message>because</Message></Error><RequestId>r</RequestId></ErrorResponse>`, code)}
}

// refusing answers every request so, and counts them.
func refusing(t *testing.T, r refusal) (aws.Config, *atomic.Int64) {
	t.Helper()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		for name, value := range r.headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(r.status)
		_, _ = w.Write([]byte(r.body))
	}))
	client := &http.Client{Transport: &loopback.Transport{}}
	t.Cleanup(func() { client.CloseIdleConnections(); server.Close() })
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), HTTPClient: client,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
		}),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff, o.RateLimiter = time.Millisecond, ratelimit.None })
		},
	}, &calls
}

func TestTaskErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code          string
		status        int
		closed, final bool
		calls         int64
	}{
		{"TaskTimedOut", 400, true, false, 1},
		{"TaskDoesNotExist", 400, true, false, 1},
		{"InvalidToken", 400, false, true, 1},
		{"InvalidOutput", 400, false, true, 1},
		{"ValidationException", 400, false, true, 1},
		{"KmsThrottlingException", 400, false, false, 5}, // the SDK would stop at 1
		{"KmsAccessDeniedException", 400, false, false, 2},
		{"KmsInvalidStateException", 400, false, false, 2},
		{"ThrottlingException", 400, false, false, 3},
		{"AccessDeniedException", 400, false, false, 1},
		{"InternalFailure", 500, false, false, 3},
	} {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			cfg, calls := refusing(t, aJSON(c.status, c.code, ""))
			err := sfntask.New(sfn.NewFromConfig(cfg)).Success(t.Context(), "canary-token", []byte("1"))
			require.ErrorContains(t, err, c.code)
			require.NotContains(t, err.Error(), "canary")
			require.Equal(t, c.closed, errors.Is(err, cqrs.ErrTaskClosed))
			require.Equal(t, c.final, isPermanent(err))
			require.Equal(t, c.calls, calls.Load())
		})
	}
}

func TestAlarmErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code   string
		status int
		final  bool
		calls  int64
	}{
		{"InvalidParameter", 400, true, 1},
		{"ParameterValueInvalid", 400, true, 1},
		{"AuthorizationError", 403, true, 1},
		{"NotFound", 404, true, 1},
		{"EndpointDisabled", 400, true, 1},
		{"KMSAccessDenied", 400, true, 1},
		{"KMSDisabled", 400, true, 1},
		{"KMSInvalidState", 400, true, 1},
		{"KMSNotFound", 400, true, 1},
		{"KMSOptInRequired", 403, true, 1},
		{"KMSThrottling", 400, false, 5},
		{"Throttling", 400, false, 3},
		{"InternalError", 500, false, 3},
	} {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			cfg, calls := refusing(t, anXML(c.status, c.code))
			err := snsalarm.New(sns.NewFromConfig(cfg), "arn:aws:sns:eu-west-1:123456789012:alarms").Alarm(t.Context(), cqrs.Alarm{Message: "canary"})
			require.ErrorContains(t, err, c.code)
			require.NotContains(t, err.Error(), "canary")
			require.Equal(t, c.final, isPermanent(err))
			require.Equal(t, c.calls, calls.Load())
		})
	}
}

func TestDeadLetterErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, query string
		status      int
		calls       int64
	}{
		{"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400, 1},
		{"InvalidMessageContents", "InvalidMessageContents", 400, 1},
		{"KmsThrottled", "KMS.ThrottlingException", 400, 5},
		{"KmsDisabled", "KMS.DisabledException", 400, 1},
		{"RequestThrottled", "RequestThrottled", 400, 3},
		{"InternalFailure", "", 500, 3},
	} {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			cfg, calls := refusing(t, aJSON(c.status, c.code, c.query))
			sink := sqsqueue.NewDeadLetters(sqs.NewFromConfig(cfg), "https://sqs.eu-west-1.amazonaws.com/1/dead")
			err := sink.DeadLetter(t.Context(), cqrs.DeadLetter{ID: "f-1", Event: []byte(`"canary"`)})
			require.ErrorContains(t, err, "dead letter f-1")
			require.NotContains(t, err.Error(), "canary")
			require.False(t, isPermanent(err), "the record must come again")
			require.Equal(t, c.calls, calls.Load())
		})
	}
}

// isPermanent asks the library itself: a permanent error is not retried.
func isPermanent(err error) bool {
	calls := 0
	_, _ = cqrs.Retry(cqrs.RetryPolicy{MaxAttempts: 2, Backoff: 1})(func(context.Context, *cqrs.Delivery) (any, error) {
		calls++
		return nil, err
	})(context.Background(), nil)
	return calls == 1
}
