package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local"
)

// browser starts a headless Chromium, with the screen of a laptop, and returns the
// context of its tab. Where there is none the test is left out, and fails in CI.
func browser(t *testing.T) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("left out, for lack of Chromium: run integration/setup.sh")
	}
	require.NoError(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.WindowSize(1366, 768))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with it
	}
	// The context of t ends before its clean-up does.
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	tab, _ := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		defer stop()
		require.NoError(t, chromedp.Cancel(tab)) // the browser ends, and its profile with it
	})
	require.NoError(t, chromedp.Do(tab))
	return tab
}

// shows waits until a cell of a row has the text.
func shows(table, row, text string) chromedp.Action[chromedp.Void] {
	const condition = `(table, row, text) => {
		const found = document.querySelector('#' + table + ' tr[data-key="' + row + '"]');
		return found !== null && [...found.cells].some((cell) => cell.innerText.includes(text));
	}`
	wait := chromedp.PollFunction[bool](condition, chromedp.WithPollingArgs(table, row, text), chromedp.WithPollingTimeout(time.Minute))
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		if _, err := wait(ctx, t); err != nil {
			return chromedp.Void{}, fmt.Errorf("%s, row %s, %q: %w", table, row, text, err)
		}
		return chromedp.Void{}, nil
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	a, config, _ := start(t)
	q := queues{t, sqs.NewFromConfig(config)}
	orders := q.create("orders", "1")
	f := a.Function("project", lambda.NewHandler(func(event events.SQSEvent) (events.SQSEventResponse, error) {
		response := events.SQSEventResponse{}
		for _, message := range event.Records {
			switch message.Body {
			case "boom":
				return response, errors.New("no more <b>of it</b>")
			case "bad":
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
			}
		}
		return response, nil
	}), local.InvocationTimeout(functionTimeout))
	tables, machines := dynamodb.NewFromConfig(config), sfn.NewFromConfig(config)
	createTable(t, tables, "shop-order-command", "pk", "sk")
	_, err := tables.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("shop-order-command"), Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "ORDER#acme"}, "sk": &types.AttributeValueMemberS{Value: "7@1"},
	}})
	require.NoError(t, err)
	machine, err := machines.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("checkout"), RoleArn: aws.String("arn:aws:iam::000000000000:role/checkout"),
		Definition: aws.String(`{"StartAt":"Pay","States":{"Pay":{"Type":"Wait","Seconds":3600,"Next":"Done"},"Done":{"Type":"Succeed"}}}`),
	})
	require.NoError(t, err)
	execution, err := machines.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Name: aws.String("order-7")})
	require.NoError(t, err)
	letter(q, orders, "secret")

	require.NoError(t, chromedp.Do(ctx,
		chromedp.Navigate(a.ConsoleURL()),
		shows("queues", "orders-dlq", "of orders"),
		shows("tables", "shop-order-command", "new image"),
		shows("executions", *execution.ExecutionArn, "Pay"),
		shows("functions", "project", "topics, buckets, rules or calls"),
	))

	// What happens next shows without a reload.
	require.NoError(t, f.OnQueue("orders", local.ReportBatchItemFailures(), local.BatchSize(1)))
	require.NoError(t, f.OnStream("shop-order-command"))
	send := func(body string) {
		_, err := q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &orders, MessageBody: &body})
		require.NoError(t, err)
	}
	require.NoError(t, chromedp.Do(ctx, shows("deliveries", "1", "stream of shop-order-command"), shows("functions", "project", "queue orders, up to 1")))
	send("good")
	require.NoError(t, chromedp.Do(ctx, shows("deliveries", "2", "succeeded"), shows("deliveries", "2", "queue orders")))
	send("boom")
	require.NoError(t, chromedp.Do(ctx, shows("deliveries", "3", "no more <b>of it</b>"), shows("deliveries", "3", "failed")))

	screenshot(ctx, t, "console.png")

	// The button puts the dead letter back, and the function gets it.
	require.Equal(t, "1+0", q.depth("orders-dlq"))
	require.NoError(t, chromedp.Do(ctx,
		chromedp.Click(chromedp.CSS(`#queues button[aria-label="Redrive orders-dlq"]`), chromedp.NodeVisible),
		shows("queues", "orders-dlq", "last moved 1"),
		shows("deliveries", "4", "succeeded"),
		chromedp.WaitNotPresent(chromedp.CSS("#queues button")),
	))
	require.Equal(t, "0+0", q.depth("orders-dlq"))
	notice, err := chromedp.Run(ctx, chromedp.Text(chromedp.ID("notice")))
	require.NoError(t, err)
	page, err := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	require.NoError(t, err)
	require.Contains(t, notice, "on their way back to orders")
	require.NotContains(t, page, "secret", "no message is shown")
	screenshot(ctx, t, "console-redriven.png")
}

// letter has a message become a dead letter.
func letter(q queues, url, body string) {
	q.Helper()
	_, err := q.SendMessage(q.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body})
	require.NoError(q, err)
	received, err := q.ReceiveMessage(q.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	require.NoError(q, err)
	_, err = q.ChangeMessageVisibility(q.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: received.Messages[0].ReceiptHandle,
	})
	require.NoError(q, err)
	_, err = q.ReceiveMessage(q.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url}) // once too often
	require.NoError(q, err)
	require.Equal(q, "1+0", q.depth("orders-dlq"))
}

// screenshot keeps one where the tests run with -artifacts.
func screenshot(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(picture), "\x89PNG"))
	require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), name), picture, 0o600))
}
