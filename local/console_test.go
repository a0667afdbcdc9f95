package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local"
)

// page asks for what is below the console's URL.
func page(t *testing.T, a *local.AWS, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, a.ConsoleURL()+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := a.Config().HTTPClient.Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response, string(text)
}

type consoleState struct {
	Now    time.Time
	Queues []struct {
		Name, DeadLetterQueue, MoveStatus                             string
		Visible, InFlight, Delayed, OldestSeconds, MaxReceives, Moved int
		DeadLettersOf                                                 []string
	}
	Tables []struct {
		Name, Stream, View   string
		Items, Written, Kept int
	}
	Functions []struct {
		Name                       string
		Running, Succeeded, Failed int
		Sources                    []struct {
			Source        string
			BatchSize     int
			ReportPartial bool
		}
	}
	Executions []struct{ Name, Machine, Status, State, Error string }
	Deliveries []struct {
		Number, Records, Failed          int
		Function, Source, Outcome, Error string
	}
}

func state(t *testing.T, a *local.AWS) (s consoleState) {
	t.Helper()
	response, text := page(t, a, http.MethodGet, "state", "")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	return s
}

func TestConsoleServesItsFilesAlone(t *testing.T) {
	t.Parallel()
	a := start(t)
	a.Inject(local.Fault{Effect: local.LoseAnswer, Times: 100}) // strikes no one who watches
	for path, kind := range map[string]string{"": "text/html", "console.css": "text/css", "console.js": "javascript", "icon.svg": "svg"} {
		response, text := page(t, a, http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, response.StatusCode, path)
		require.Contains(t, response.Header.Get("Content-Type"), kind)
		require.Equal(t, "default-src 'self'; frame-ancestors 'none'", response.Header.Get("Content-Security-Policy"))
		require.NotContains(t, strings.ReplaceAll(text, "http://www.w3.org/2000/svg", ""), "://", "no asset is from elsewhere")
	}
	response, _ := page(t, a, http.MethodGet, "missing", "")
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}

func TestConsoleShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	empty := state(t, a)
	require.NotNil(t, empty.Queues)
	require.NotNil(t, empty.Deliveries)
	newQueue(t, a, "orders-dlq", nil)
	orders := newQueue(t, a, "orders", map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:orders-dlq","maxReceiveCount":5}`,
	})
	orders.send("secret", "waits")
	require.NotNil(t, orders.receive())
	_, err := orders.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &orders.url, MessageBody: aws.String("later"), DelaySeconds: 60})
	require.NoError(t, err)
	items := newTable(t, a, "items", true)
	items.put("a", "b", "a=2")
	machines := sfn.NewFromConfig(a.Config())
	machine, err := machines.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("fails"), RoleArn: aws.String("arn:aws:iam::000000000000:role/fails"),
		Definition: aws.String(`{"StartAt":"Try","States":{"Try":{"Type":"Pass","Next":"Stop"},"Stop":{"Type":"Fail","Error":"Enough","Cause":"secret"}}}`),
	})
	require.NoError(t, err)
	_, err = machines.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Name: aws.String("one")})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return state(t, a).Executions[0].Status == "FAILED" }, 10*time.Second, time.Millisecond)
	clock.Advance(10 * time.Second)

	s := state(t, a)
	require.Equal(t, clock.Now(), s.Now)
	require.Len(t, s.Queues, 2)
	q := s.Queues[0]
	require.Equal(t, "orders 1 1 1 10 orders-dlq 5",
		fmt.Sprint(q.Name, " ", q.Visible, q.InFlight, q.Delayed, q.OldestSeconds, " ", q.DeadLetterQueue, " ", q.MaxReceives))
	require.Equal(t, []string{"orders"}, s.Queues[1].DeadLettersOf)
	require.Equal(t, items.stream, s.Tables[0].Stream)
	require.Equal(t, []int{2, 3, 3}, []int{s.Tables[0].Items, s.Tables[0].Written, s.Tables[0].Kept})
	require.Equal(t, "one fails FAILED Stop Enough", strings.Join([]string{
		s.Executions[0].Name, s.Executions[0].Machine, s.Executions[0].Status, s.Executions[0].State, s.Executions[0].Error,
	}, " "))
	_, text := page(t, a, http.MethodGet, "state", "")
	require.NotContains(t, text, "secret")
}

func TestConsoleShowsHowDeliveriesEnded(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	q := newQueue(t, a, "orders", nil)
	h, _ := answers(failing("bad"))
	f := a.Function("orders", h)
	require.NoError(t, f.OnQueue("orders", local.ReportBatchItemFailures(), local.BatchWindow(time.Second)))
	last := func(outcome string) (d struct {
		Number, Records, Failed          int
		Function, Source, Outcome, Error string
	},
	) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.True(t, clock.AdvanceUntil(ctx, 100*time.Millisecond, func() bool {
			all := state(t, a).Deliveries
			return len(all) > 0 && all[0].Outcome == outcome
		}), outcome)
		return state(t, a).Deliveries[0]
	}
	q.send("good")
	require.Equal(t, "queue orders", last("succeeded").Source)
	q.send("good", "bad")
	d := last("partly failed")
	require.Equal(t, []int{2, 2, 1}, []int{d.Number, d.Records, d.Failed})
	q.send("bad")
	d = last("failed")
	require.Equal(t, []int{1, 1}, []int{d.Records, d.Failed})
	require.Len(t, state(t, a).Functions, 1)
	require.Equal(t, "queue orders", state(t, a).Functions[0].Sources[0].Source)

	fails := a.Function("fails", handlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no more") }), local.ReservedConcurrency(1))
	_, err := fails.Invoke(t.Context(), []byte(`{}`))
	require.Error(t, err)
	require.Eventually(t, func() bool { return state(t, a).Deliveries[0].Source == "Invoke" }, 10*time.Second, time.Millisecond)
	d = last("failed")
	require.Equal(t, "errorString: no more", d.Error)
	require.Equal(t, "Invoke", d.Source)

	running, end := make(chan struct{}), make(chan struct{})
	busy := a.Function("busy", handlerFunc(func(context.Context, []byte) ([]byte, error) {
		close(running)
		<-end
		return nil, nil
	}), local.ReservedConcurrency(1))
	go func() { _, _ = busy.Invoke(t.Context(), nil) }()
	<-running
	_, err = lambda.NewFromConfig(a.Config(), func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} }).
		Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("busy")})
	require.Error(t, err)
	d = last("throttled")
	require.Equal(t, "API", d.Source)
	require.Equal(t, 1, state(t, a).Functions[0].Running)
	close(end)
	require.Equal(t, "busy", last("succeeded").Function)
	var failed []int
	for _, f := range state(t, a).Functions {
		failed = append(failed, f.Succeeded, f.Failed)
	}
	require.Equal(t, []int{1, 1, 0, 1}, failed[:4], "busy, fails")
}

func TestConsoleRedrives(t *testing.T) {
	t.Parallel()
	a := start(t)
	dlq := newQueue(t, a, "orders-dlq", nil)
	q := newQueue(t, a, "orders", map[string]string{
		"VisibilityTimeout": "0",
		"RedrivePolicy":     `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:orders-dlq","maxReceiveCount":1}`,
	})
	q.send("x")
	require.NotNil(t, q.receive())
	require.Nil(t, q.receive(), "received too often")
	require.Equal(t, "1+0", dlq.depth())
	const body = `{"queue":"arn:aws:sqs:us-east-1:000000000000:orders-dlq"}`

	response, _ := page(t, a, http.MethodPost, "redrive", body, "Origin", "http://elsewhere.example", "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, response.StatusCode)
	response, _ = page(t, a, http.MethodGet, "redrive", "")
	require.NotEqual(t, http.StatusNoContent, response.StatusCode)
	response, text := page(t, a, http.MethodPost, "redrive", `{"queue":"arn:aws:sqs:us-east-1:000000000000:orders"}`)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Contains(t, text, "must be configured as a Dead Letter Queue")
	response, _ = page(t, a, http.MethodPost, "redrive", `{`)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Equal(t, "1+0", dlq.depth(), "nothing of that has moved it")

	response, _ = page(t, a, http.MethodPost, "redrive", body)
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	require.Equal(t, "0+0 1+0", dlq.depth()+" "+q.depth())
	s := state(t, a)
	require.Equal(t, 1, s.Queues[1].Moved)
	require.Equal(t, "COMPLETED", s.Queues[1].MoveStatus)
}
