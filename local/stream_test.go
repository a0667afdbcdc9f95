package local_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
	"github.com/lambda-cqrs/cqrs/local"
)

// table is a table of one test, with the key id and, mostly, a stream.
type table struct {
	*testing.T
	*dynamodb.Client
	name, stream string
}

func newTable(t *testing.T, a *local.AWS, name string, streamed bool) table {
	t.Helper()
	client := dynamodb.NewFromConfig(a.Config())
	in := &dynamodb.CreateTableInput{
		TableName:            &name,
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	}
	if streamed {
		in.StreamSpecification = &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages,
		}
	}
	out, err := client.CreateTable(t.Context(), in)
	require.NoError(t, err)
	return table{t, client, name, aws.ToString(out.TableDescription.LatestStreamArn)}
}

// put writes items, given as "id" or "id=n".
func (b table) put(items ...string) {
	b.Helper()
	for _, text := range items {
		id, n, _ := strings.Cut(text, "=")
		_, err := b.PutItem(b.Context(), &dynamodb.PutItemInput{TableName: &b.name, Item: map[string]types.AttributeValue{
			"id": &types.AttributeValueMemberS{Value: id}, "n": &types.AttributeValueMemberS{Value: n},
		}})
		require.NoError(b, err)
	}
}

// projector is a function of a stream. It fails as often as the maps say.
type projector struct {
	mu     sync.Mutex
	poison map[string]int    // by id: the invocation fails
	report map[string]int    // by id: the record is reported
	ids    map[string]string // by sequence number
	calls  []string          // the records of each invocation, as "id" or "id=n"
	events []lambdaevent.DynamoDBRecord
}

// Invoke takes a batch.
func (p *projector) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	var event struct{ Records []json.RawMessage }
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var texts []string
	var failures []map[string]string
	var failure error
	for _, document := range event.Records {
		var record lambdaevent.DynamoDBRecord
		if err := lambdaevent.DecodeDynamoDB(string(document), &record); err != nil {
			return nil, err
		}
		p.events = append(p.events, record)
		var keys, image struct {
			ID struct{ S string } `json:"id"`
			N  struct{ S string } `json:"n"`
		}
		if err := json.Unmarshal([]byte(record.Keys), &keys); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(cmp.Or(record.NewImage, "{}")), &image); err != nil {
			return nil, err
		}
		id := keys.ID.S
		if p.ids == nil {
			p.ids = make(map[string]string)
		}
		p.ids[record.SequenceNumber] = id
		texts = append(texts, strings.TrimSuffix(id+"="+image.N.S, "="))
		if p.poison[id] > 0 {
			p.poison[id]--
			failure = fmt.Errorf("%s fails", id)
		}
		if p.report[id] > 0 {
			p.report[id]--
			failures = append(failures, map[string]string{"itemIdentifier": record.SequenceNumber})
		}
	}
	p.calls = append(p.calls, strings.Join(texts, " "))
	if failure != nil {
		return nil, failure
	}
	slices.Reverse(failures) // their order means nothing
	return json.Marshal(map[string]any{"batchItemFailures": failures})
}

func (p *projector) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// givenUp shows what a queue was told of: the first record and the last, and how
// many.
func (p *projector) givenUp(q queue, stream string) []string {
	q.Helper()
	var all []string
	for message := q.receive(); message != nil; message = q.receive() {
		var record struct {
			RequestContext  struct{ Condition, FunctionArn string }
			ResponseContext struct{ FunctionError string }
			Info            struct {
				Start     string `json:"startSequenceNumber"`
				End       string `json:"endSequenceNumber"`
				Size      int    `json:"batchSize"`
				StreamARN string
			} `json:"DDBStreamBatchInfo"`
		}
		require.NoError(q, json.Unmarshal([]byte(*message.Body), &record))
		require.Equal(q, stream, record.Info.StreamARN)
		require.Equal(q, "arn:aws:lambda:us-east-1:000000000000:function:project", record.RequestContext.FunctionArn)
		p.mu.Lock()
		all = append(all, fmt.Sprintf("%s-%s x%d %s %s", p.ids[record.Info.Start], p.ids[record.Info.End], record.Info.Size,
			record.RequestContext.Condition, record.ResponseContext.FunctionError))
		p.mu.Unlock()
	}
	return all
}

func TestStreamAnswers(t *testing.T) {
	t.Parallel()
	report, exhausted := local.ReportBatchItemFailures(), "RetryAttemptsExhausted"
	for name, test := range map[string]struct {
		opts    []local.SourceOption
		handler *projector
		calls   []string
		givenUp []string
	}{
		"success":            {nil, &projector{}, []string{"a b c d"}, nil},
		"partial":            {[]local.SourceOption{report}, &projector{report: map[string]int{"b": 1, "d": 2}}, []string{"a b c d", "b c d", "d"}, nil},
		"partial, ignored":   {nil, &projector{report: map[string]int{"b": 1}}, []string{"a b c d"}, nil},
		"whole batch":        {nil, &projector{poison: map[string]int{"c": 2}}, []string{"a b c d", "a b c d", "a b c d"}, nil},
		"batch size":         {[]local.SourceOption{local.BatchSize(3)}, &projector{}, []string{"a b c", "d"}, nil},
		"filter":             {[]local.SourceOption{local.Filter(`{"dynamodb":{"Keys":{"id":{"S":["b","d"]}}}}`)}, &projector{}, []string{"b d"}, nil},
		"filter of no event": {[]local.SourceOption{local.Filter(`{"eventName":["REMOVE"]}`), local.Filter(`{"eventName":["INSERT"]}`)}, &projector{}, []string{"a b c d"}, nil},
		"retries exhausted": {
			[]local.SourceOption{local.MaxRetries(1), local.BatchSize(2), local.OnFailure("given-up")},
			&projector{poison: map[string]int{"b": 9}},
			[]string{"a b", "a b", "c d"},
			[]string{"a-b x2 " + exhausted + " Unhandled"},
		},
		"reports exhausted": {
			[]local.SourceOption{local.MaxRetries(1), report, local.OnFailure("given-up")},
			&projector{report: map[string]int{"c": 9}},
			[]string{"a b c d", "c d", "c d"},
			[]string{"c-d x2 " + exhausted + " "},
		},
		"bisect": {
			[]local.SourceOption{local.MaxRetries(0), local.BisectOnError(), local.OnFailure("given-up")},
			&projector{poison: map[string]int{"c": 9}},
			[]string{"a b c d", "a b", "c d", "c", "d"},
			[]string{"c-c x1 " + exhausted + " Unhandled"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, clock := startStill(t)
			told, orders := newQueue(t, a, "given-up", nil), newTable(t, a, "orders", true)
			orders.put("a", "b", "c", "d")
			require.NoError(t, a.Function("project", test.handler).OnStream("orders", test.opts...))
			orders.reaches(clock, func() bool { return len(test.handler.seen()) >= len(test.calls) })
			orders.put("end") // the stream goes on behind what failed
			orders.reaches(clock, func() bool { return len(test.handler.seen()) > len(test.calls) || name == "filter" })
			if name != "filter" {
				test.calls = append(test.calls, "end")
			}
			require.Equal(t, test.calls, test.handler.seen())
			require.Equal(t, test.givenUp, test.handler.givenUp(told, orders.stream))
		})
	}
}

// reaches advances the clock until it is reached.
func (b table) reaches(clock *local.Clock, reached func() bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	require.True(b, clock.AdvanceUntil(ctx, 100*time.Millisecond, reached))
}

func TestStreamWindow(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	orders, p := newTable(t, a, "orders", true), &projector{}
	require.NoError(t, a.Function("project", p).OnStream("orders", local.BatchWindow(time.Minute), local.BatchSize(3)))
	orders.put("a", "b", "c")
	require.Eventually(t, func() bool { return len(p.seen()) == 1 }, 10*time.Second, time.Millisecond, "a full batch waits for nothing")
	orders.put("d", "e")
	began := clock.Now()
	orders.reaches(clock, func() bool { return len(p.seen()) == 2 })
	require.GreaterOrEqual(t, clock.Now().Sub(began), time.Minute)
	require.Equal(t, []string{"a b c", "d e"}, p.seen())
}

func TestStreamFromLatestAndByItsARN(t *testing.T) {
	t.Parallel()
	a := start(t)
	orders, p := newTable(t, a, "orders", true), &projector{}
	orders.put("before")
	require.NoError(t, a.Function("project", p).OnStream(orders.stream, local.FromLatest()))
	orders.put("after")
	require.Eventually(t, func() bool { return len(p.seen()) == 1 }, 10*time.Second, time.Millisecond)
	require.Equal(t, []string{"after"}, p.seen())
}

func TestStreamGivesUpOldRecords(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	told, orders, p := newQueue(t, a, "given-up", nil), newTable(t, a, "orders", true), &projector{}
	orders.put("old")
	clock.Advance(2 * time.Minute)
	orders.put("young")
	require.NoError(t, a.Function("project", p).OnStream("orders", local.MaxRecordAge(time.Minute), local.OnFailure("given-up")))
	require.Eventually(t, func() bool { return len(p.seen()) == 1 }, 10*time.Second, time.Millisecond)
	require.Equal(t, []string{"young"}, p.seen())
	require.Equal(t, []string{"- x1 RecordAgeExceeded "}, p.givenUp(told, orders.stream))
}

func TestStreamTellsOfExpiredItems(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	orders, p := newTable(t, a, "orders", true), &projector{}
	_, err := orders.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: &orders.name, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)},
	})
	require.NoError(t, err)
	_, err = orders.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &orders.name, Item: map[string]types.AttributeValue{
		"id":    &types.AttributeValueMemberS{Value: "a"},
		"until": &types.AttributeValueMemberN{Value: fmt.Sprint(clock.Now().Add(time.Hour).Unix())},
	}})
	require.NoError(t, err)
	require.NoError(t, a.Function("project", p).OnStream("orders"))
	seen := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return len(p.seen()) == n }, 10*time.Second, time.Millisecond)
	}
	seen(1)
	orders.put("b") // the mapping waits for more when it has this
	seen(2)
	clock.Advance(time.Hour) // and nobody asks for anything
	seen(3)
	require.Equal(t, "REMOVE", p.events[2].EventName)
	require.Equal(t, "dynamodb.amazonaws.com", p.events[2].UserIdentity.PrincipalID)
}

func TestStreamIsShuffledExceptForEachItem(t *testing.T) {
	t.Parallel()
	var want []string
	for n := range 10 {
		for _, id := range []string{"a", "b", "c"} {
			want = append(want, fmt.Sprintf("%s=%02d", id, n))
		}
	}
	a := start(t, local.ShuffleStreams(rand.New(rand.NewPCG(1, 2)).IntN))
	orders, p := newTable(t, a, "orders", true), &projector{}
	orders.put(want...)
	require.NoError(t, a.Function("project", p).OnStream("orders"))
	require.Eventually(t, func() bool { return len(p.seen()) == 1 }, 10*time.Second, time.Millisecond)
	got := strings.Fields(p.seen()[0])
	require.NotEqual(t, want, got)
	byItem := func(x, y string) int { return strings.Compare(x[:1], y[:1]) }
	slices.SortStableFunc(got, byItem)
	slices.SortStableFunc(want, byItem)
	require.Equal(t, want, got)
}

func TestStreamDuplicatesAndKills(t *testing.T) {
	t.Parallel()
	a, clock := startStill(t)
	orders, p := newTable(t, a, "orders", true), &projector{}
	f := a.Function("project", p)
	a.Inject(local.Fault{Target: "project", Effect: local.Duplicate})
	require.NoError(t, f.OnStream("orders"))
	orders.put("a")
	orders.reaches(clock, func() bool { return len(p.seen()) == 2 })
	require.Equal(t, []string{"a", "a"}, p.seen())

	running := make(chan struct{}, 2)
	ended := a.Function("ended", handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		running <- struct{}{}
		if len(running) < cap(running) {
			<-ctx.Done()
		}
		return nil, nil
	}))
	require.NoError(t, ended.OnStream("orders"))
	require.Eventually(t, func() bool { return len(running) == 1 }, 10*time.Second, time.Millisecond)
	ended.Kill()
	orders.reaches(clock, func() bool { return len(running) == 2 })
}

func TestStreamMappingThroughTheAPI(t *testing.T) {
	t.Parallel()
	a := start(t)
	orders, p := newTable(t, a, "orders", true), &projector{}
	a.Function("project", p)
	functions := lambda.NewFromConfig(a.Config())
	in := &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("project"), EventSourceArn: &orders.stream, StartingPosition: lambdatypes.EventSourcePositionTrimHorizon,
	}
	created, err := functions.CreateEventSourceMapping(t.Context(), in)
	require.NoError(t, err)
	orders.put("a")
	require.Eventually(t, func() bool { return len(p.seen()) == 1 }, 10*time.Second, time.Millisecond)
	_, err = functions.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: created.UUID})
	require.NoError(t, err)

	in.EventSourceArn = aws.String(orders.stream + "1")
	_, err = functions.CreateEventSourceMapping(t.Context(), in)
	var invalid *lambdatypes.InvalidParameterValueException
	require.ErrorAs(t, err, &invalid)
	require.ErrorContains(t, err, "Stream not found")
}

func TestOnStreamRefusesWhatAWSRefuses(t *testing.T) {
	t.Parallel()
	a := start(t)
	newTable(t, a, "plain", false)
	orders := newTable(t, a, "orders", true)
	f := a.Function("project", &projector{})
	require.ErrorContains(t, f.OnStream("missing"), "missing")
	require.ErrorContains(t, f.OnStream("plain"), "no stream")
	require.ErrorContains(t, f.OnStream(orders.stream+"1"), "Stream not found")
	require.ErrorContains(t, f.OnStream("orders", local.Parallel(2)), "another source")
	require.ErrorContains(t, f.OnStream("orders", local.BatchSize(10_001)), "batch size")
	require.ErrorContains(t, f.OnStream("orders", local.OnFailure("missing")), "missing")
}

func TestTheMappingEndsWithItsStream(t *testing.T) {
	t.Parallel()
	a := start(t)
	orders, p := newTable(t, a, "orders", true), &projector{}
	require.NoError(t, a.Function("project", p).OnStream("orders"))
	orders.put("a")
	_, err := orders.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &orders.name})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(p.seen()) == 1 }, 10*time.Second, time.Millisecond, "what was written still arrives")
}
