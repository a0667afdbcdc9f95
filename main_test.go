package cqrs_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tester is what testing.TB and rapid.T have in common.
type tester interface {
	require.TestingT
	Helper()
}

// quiet is a logger for tests that are not about logging.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// sample reads one of AWS's own payloads.
func sample(t tester, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return payload
}

const (
	queueARN  = "arn:aws:sqs:eu-west-1:123456789012:orders"
	fifoARN   = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo"
	streamARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-11-01T00:00:00.000"
)

// task is the event of most tests: a piece of work that says by itself what
// its handler is to do with it.
type task struct {
	ID string `json:"id"`
	Do string `json:"do"`
}

// message is one SQS message of a batch that a test makes up.
type message struct {
	id, body, group string
	receives        int
}

func (m message) record(arn string) map[string]any {
	attributes := map[string]string{
		"ApproximateReceiveCount": strconv.Itoa(max(m.receives, 1)),
		"SentTimestamp":           "1545082649183",
	}
	if m.group != "" {
		attributes["MessageGroupId"] = m.group
	}
	record := map[string]any{
		"receiptHandle":  "receipt-handle-of-" + m.id,
		"body":           m.body,
		"attributes":     attributes,
		"eventSource":    "aws:sqs",
		"eventSourceARN": arn,
	}
	if m.id != "" {
		record["messageId"] = m.id
	}
	return record
}

func sqsBatch(t tester, arn string, messages ...message) []byte {
	t.Helper()
	records := make([]any, len(messages))
	for i, m := range messages {
		records[i] = m.record(arn)
	}
	return payload(t, records...)
}

// A todo is a message that carries a task.
func todo(id, do string) message {
	body, err := json.Marshal(task{ID: id, Do: do})
	if err != nil {
		panic(err)
	}
	return message{id: id, body: string(body)}
}

func (m message) in(group string) message { m.group = group; return m }

func (m message) receivedTimes(n int) message { m.receives = n; return m }

// change is one record of a stream that a test makes up.
type change struct {
	sequence, pk, do string
}

func streamBatch(t tester, changes ...change) []byte {
	t.Helper()
	records := make([]any, len(changes))
	for i, c := range changes {
		records[i] = map[string]any{
			"eventID": "event-" + c.sequence, "eventName": "INSERT", "eventSource": "aws:dynamodb", "eventSourceARN": streamARN,
			"dynamodb": map[string]any{
				"SequenceNumber": c.sequence,
				"Keys":           map[string]any{"pk": map[string]any{"S": c.pk}},
				"NewImage": map[string]any{
					"pk": map[string]any{"S": c.pk}, "id": map[string]any{"S": c.sequence}, "do": map[string]any{"S": c.do},
				},
			},
		}
	}
	return payload(t, records...)
}

func payload(t tester, records ...any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Records": records})
	require.NoError(t, err)
	return text
}

// journal notes what ran, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string{}, j.lines...)
}

// failedIDs reads a partial batch response strictly.
func failedIDs(t require.TestingT, answer []byte) []string {
	var response struct {
		BatchItemFailures *[]struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	require.NoError(t, json.Unmarshal(answer, &response))
	require.NotNil(t, response.BatchItemFailures, "batchItemFailures is null or missing")
	ids := []string{}
	for _, failure := range *response.BatchItemFailures {
		ids = append(ids, failure.ItemIdentifier)
	}
	return ids
}

func newDispatcher(t tester, cfg cqrs.Config) *cqrs.Dispatcher {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	d, err := cqrs.New(cfg)
	require.NoError(t, err)
	return d
}
