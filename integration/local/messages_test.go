package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/aws/sfntask"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
	"github.com/lambda-cqrs/cqrs/local"
)

// work comes from everywhere but the state machine.
type work struct {
	ID string `json:"id"`
}

// EventKey is the sender's own, so that a message that is sent twice runs once.
func (w work) EventKey() string { return w.ID }

// job is what the state machine waits for.
type job struct {
	ID    string         `json:"id"`
	Token cqrs.TaskToken `json:"token"`
}

// EventKey is the sender's own.
func (j job) EventKey() string { return j.ID }

// EventToken is told what came of it.
func (j job) EventToken() cqrs.TaskToken { return j.Token }

// ledger has what was done, in order.
type ledger struct {
	mu     sync.Mutex
	done   []string
	healed bool
	first  map[string]bool // ids that have failed once
}

func (l *ledger) do(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = append(l.done, id)
}

// failsOnce reports whether it is the first time.
func (l *ledger) failsOnce(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	failed := l.first[id]
	l.first[id] = true
	return !failed
}

func (l *ledger) isHealed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.healed
}

func (l *ledger) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.healed = true
}

func (l *ledger) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.done)
}

func (l *ledger) work(_ context.Context, w work) error {
	switch {
	case w.ID == "broken":
		return cqrs.Permanent(errors.New("nobody can mend it"))
	case w.ID == "poison" && !l.isHealed(), w.ID == "A-05" && l.failsOnce(w.ID), w.ID == "q-05" && l.failsOnce(w.ID):
		return cqrs.RetryAfter(time.Second, errors.New("not now"))
	}
	l.do(w.ID)
	return nil
}

func (l *ledger) job(_ context.Context, j job) (map[string]string, error) {
	l.do(j.ID)
	if j.ID == "t-refused" {
		return nil, cqrs.Named("Refused", cqrs.Permanent(errors.New("as asked for")))
	}
	return map[string]string{"did": j.ID}, nil
}

// dispatcher is what a team writes.
func dispatcher(t *testing.T, config aws.Config, l *ledger, failed string) *cqrs.Dispatcher {
	t.Helper()
	mux := cqrs.NewMux()
	for _, queue := range []string{"orders", "ledger.fifo", "fragile"} {
		cqrs.OnSQS[work](mux, cqrs.Queue(queue))
	}
	cqrs.OnSQS[job](mux, cqrs.Queue("jobs"))
	cqrs.OnSNS[work](mux, cqrs.Topic("notices"))
	cqrs.OnEventBridge[work](mux, cqrs.DetailType("shop", "Order Shipped"))
	cqrs.OnS3(mux, cqrs.KeyPrefix("imports/"), func(r *events.S3EventRecord) (work, error) {
		return work{ID: strings.TrimPrefix(r.S3.Object.URLDecodedKey, "imports/")}, nil
	})
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, l.work)
	cqrs.Register(registry, cqrs.Func(l.job))
	messages := sqs.NewFromConfig(config)
	d, err := cqrs.New(cqrs.Config{
		Factory: mux, Registry: registry, Logger: slog.New(slog.DiscardHandler), Concurrency: 4,
		Policy: cqrs.Policy{
			Callback:    sfntask.New(sfn.NewFromConfig(config)),
			Idempotency: dynamostore.NewIdempotency(dynamodb.NewFromConfig(config), "idempotency"),
		},
		DeadLetter: sqsqueue.NewDeadLetters(messages, failed),
		Redeliver:  sqsqueue.NewRedeliverer(messages),
	})
	require.NoError(t, err)
	return d
}

const machine = `{"StartAt":"Ask","States":{
	"Ask":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","TimeoutSeconds":86400,
		"Parameters":{"QueueUrl":%q,"MessageBody":{"id.$":"$.id","token.$":"$$.Task.Token"}},
		"Catch":[{"ErrorEquals":["Refused"],"ResultPath":"$.refused","Next":"Caught"}],"End":true},
	"Caught":{"Type":"Succeed"}}}`

// TestEverySourceThroughFaults sends work from every source to one function.
// Nothing is lost, nothing is done twice, groups keep their order, tasks hear what
// came of them, and what a person has mended comes back from the dead letters.
func TestEverySourceThroughFaults(t *testing.T) {
	t.Parallel()
	a, config, clock := start(t)
	tables := dynamodb.NewFromConfig(config)
	createTable(t, tables, "idempotency", "id")
	q := queues{t, sqs.NewFromConfig(config)}
	orders, fifo, jobs := q.create("orders", "100"), q.create("ledger.fifo", "100"), q.create("jobs", "100")
	fragile, failed := q.create("fragile", "2"), q.create("failed", "100")
	q.create("lost", "100")
	topics, buses, buckets, machines := sns.NewFromConfig(config), eventbridge.NewFromConfig(config),
		s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }), sfn.NewFromConfig(config)
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("notices")})
	require.NoError(t, err)
	_, err = buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("imports")})
	require.NoError(t, err)
	created, err := machines.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("ask"), RoleArn: aws.String("arn:aws:iam::000000000000:role/ask"), Definition: aws.String(fmt.Sprintf(machine, jobs)),
	})
	require.NoError(t, err)

	l := &ledger{first: map[string]bool{}}
	f := a.Function("app", dispatcher(t, config, l, failed), local.InvocationTimeout(functionTimeout), local.OnAsyncFailure("lost"))
	injected := map[string]*local.Injection{
		"deliveries come twice":          a.Inject(local.Fault{Target: "app", Effect: local.Duplicate, Skip: 1, Times: 12}),
		"answers to sends are lost":      a.Inject(local.Fault{Service: "sqs", Operation: "SendMessage", Effect: local.LoseAnswer, Skip: 3, Times: 2}),
		"answers of the store are lost":  a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer, Skip: 2, Times: 2}),
		"and later again":                a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer, Skip: 20, Times: 2}),
		"the store is throttled":         a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.Throttle, Skip: 30, Times: 2}),
		"killed at the store":            a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer, Skip: 9, Kill: "app"}),
		"and once more":                  a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer, Skip: 40, Kill: "app"}),
		"killed before a report":         a.Inject(local.Fault{Service: "states", Operation: "SendTaskSuccess", Effect: local.LoseRequest, Skip: 1, Kill: "app"}),
		"the answer to a report is lost": a.Inject(local.Fault{Service: "states", Operation: "SendTaskSuccess", Effect: local.LoseAnswer, Skip: 3}),
	}
	for _, queue := range []string{"orders", "ledger.fifo", "jobs", "fragile"} {
		require.NoError(t, f.OnQueue(queue, local.ReportBatchItemFailures()))
	}
	require.NoError(t, f.OnTopic("notices"))
	require.NoError(t, f.OnBucket("imports", local.KeyPrefix("imports/")))
	require.NoError(t, f.OnRule("shipped", local.EventPattern(`{"source":["shop"]}`)))

	var want []string
	body := func(id string) *string {
		want = append(want, id)
		return aws.String(`{"id":"` + id + `"}`)
	}
	send := func(url, group, id string) {
		in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: body(id)}
		if group != "" {
			in.MessageGroupId = &group
		}
		_, err := q.SendMessage(t.Context(), in)
		require.NoError(t, err)
	}
	for n := range 12 {
		send(orders, "", fmt.Sprintf("q-%02d", n))
		for _, group := range []string{"A", "B"} {
			send(fifo, group, fmt.Sprintf("%s-%02d", group, n))
		}
	}
	send(fragile, "", "poison")
	send(orders, "", "broken")
	for n := range 4 {
		_, err := topics.Publish(t.Context(), &sns.PublishInput{TopicArn: topic.TopicArn, Message: body(fmt.Sprintf("n-%d", n))})
		require.NoError(t, err)
		_, err = buses.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{
			{Source: aws.String("shop"), DetailType: aws.String("Order Shipped"), Detail: body(fmt.Sprintf("e-%d", n))},
		}})
		require.NoError(t, err)
		key := fmt.Sprintf("o %d.csv", n)
		want = append(want, key)
		_, err = buckets.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("imports"), Key: aws.String("imports/" + key), Body: strings.NewReader("x"),
		})
		require.NoError(t, err)
	}
	executions := map[string]string{}
	for _, id := range []string{"t-0", "t-1", "t-2", "t-3", "t-4", "t-refused"} {
		out, err := machines.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: created.StateMachineArn, Input: body(id)})
		require.NoError(t, err)
		executions[*out.ExecutionArn] = id
	}

	// What waits in the dead letters is mended, and moved back.
	advance(t, clock, "the poisonous message becomes a dead letter", func() bool { return q.depth("fragile-dlq") == "1+0" })
	l.heal()
	_, err = q.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arnOf("fragile-dlq"))})
	require.NoError(t, err)

	for execution, id := range executions {
		var out *sfn.DescribeExecutionOutput
		advance(t, clock, "the execution of "+id+" ends", func() bool {
			out, err = machines.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &execution})
			require.NoError(t, err)
			return out.Status != sfntypes.ExecutionStatusRunning
		})
		require.Equal(t, sfntypes.ExecutionStatusSucceeded, out.Status, id)
		answer := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(*out.Output), &answer))
		if id == "t-refused" {
			require.Equal(t, "Refused", answer["refused"].(map[string]any)["Error"])
		} else {
			require.Equal(t, map[string]any{"did": id}, answer)
		}
	}
	missing := func() []string {
		done := l.all()
		return slices.DeleteFunc(slices.Clone(want), func(id string) bool { return slices.Contains(done, id) })
	}
	advance(t, clock, "all work is done", func() bool { return len(missing()) == 1 })
	advance(t, clock, "all queues are empty", func() bool {
		return !slices.ContainsFunc([]string{
			"orders", "ledger.fifo", "jobs", "fragile", "orders-dlq", "ledger-dlq.fifo", "jobs-dlq", "fragile-dlq", "lost",
		}, func(name string) bool { return q.depth(name) != "0+0" })
	})
	require.Equal(t, []string{"broken"}, missing())

	counts := map[string]int{}
	var groups [2][]string
	for _, id := range l.all() {
		counts[id]++
		if at := strings.Index("AB", id[:1]); at >= 0 {
			groups[at] = append(groups[at], id)
		}
	}
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 1 })
	require.Empty(t, counts, "nothing is done twice")
	for _, group := range groups {
		require.True(t, slices.IsSorted(group), "%v", group)
	}
	letters, err := q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &failed, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
	})
	require.NoError(t, err)
	kept := map[string]bool{}
	for _, letter := range letters.Messages {
		var content struct{ Payload string }
		require.NoError(t, json.Unmarshal([]byte(*letter.Body), &content))
		var w work
		require.NoError(t, json.Unmarshal([]byte(content.Payload), &w))
		kept[w.ID] = true
	}
	require.Equal(t, map[string]bool{"broken": true, "t-refused": true}, kept, "what nobody can mend")
	struck(t, injected)
}
