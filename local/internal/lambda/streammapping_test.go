package lambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/lambda"
	"github.com/lambda-cqrs/cqrs/local/internal/task"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const streamARN = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-01-02T03:04:05.000"

// shard is a stream of one shard, whose records are named by their sequence
// numbers.
type shard struct {
	mu      sync.Mutex
	records []lambda.StreamRecord
	changed chan struct{}
}

func (s *shard) write(at time.Time, sequences ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sequence := range sequences {
		document := fmt.Sprintf(`{"eventSource":"aws:dynamodb","dynamodb":{"SequenceNumber":%q}}`, sequence)
		s.records = append(s.records, lambda.StreamRecord{SequenceNumber: sequence, Time: at, Document: json.RawMessage(document)})
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *shard) Shards(context.Context, string) ([]string, error) { return []string{"shard-1"}, nil }

func (s *shard) Latest(context.Context, string, string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[len(s.records)-1].SequenceNumber, nil
}

func (s *shard) Read(ctx context.Context, _, _, after string, limit int) ([]lambda.StreamRecord, error) {
	for {
		s.mu.Lock()
		at := slices.IndexFunc(s.records, func(r lambda.StreamRecord) bool { return r.SequenceNumber == after }) + 1
		rest, changed := s.records[at:], s.changed
		s.mu.Unlock()
		if len(rest) > 0 {
			return slices.Clone(rest[:min(limit, len(rest))]), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// function fails the records that are named, as their names say.
type function struct {
	mu     sync.Mutex
	poison map[string]int    // how often a record fails the invocation
	report map[string]int    // how often a record is reported
	answer map[string]string // an answer, where a record is in the batch
	calls  []string
}

func (f *function) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Records []struct {
			Dynamodb struct{ SequenceNumber string }
		}
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	var failures []map[string]string
	var err error
	answer := ""
	for _, r := range event.Records {
		name := r.Dynamodb.SequenceNumber
		names = append(names, name)
		if f.poison[name] > 0 {
			f.poison[name]--
			err = fmt.Errorf("%s fails", name)
		}
		if f.report[name] > 0 {
			f.report[name]--
			failures = append(failures, map[string]string{"itemIdentifier": name})
		}
		answer += f.answer[name]
	}
	f.calls = append(f.calls, strings.Join(names, " "))
	if answer != "" {
		return []byte(answer), nil
	}
	if err != nil {
		return nil, err
	}
	slices.Reverse(failures) // the order of the report means nothing
	return json.Marshal(map[string]any{"batchItemFailures": failures})
}

func (f *function) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func TestStreamMapping(t *testing.T) {
	t.Parallel()
	all := []string{"9", "10", "11", "12"} // as texts, not in order
	for name, test := range map[string]struct {
		config    lambda.MappingConfig
		function  *function
		calls     []string
		abandoned []string
	}{
		"success": {
			lambda.MappingConfig{}, &function{}, []string{"9 10 11 12"}, nil,
		},
		"lowest sequence number": {
			lambda.MappingConfig{ReportPartial: true},
			&function{report: map[string]int{"10": 1, "12": 2}},
			[]string{"9 10 11 12", "10 11 12", "12"},
			nil,
		},
		"report ignored": {
			lambda.MappingConfig{}, &function{report: map[string]int{"10": 1}}, []string{"9 10 11 12"}, nil,
		},
		"unknown identifier": {
			lambda.MappingConfig{ReportPartial: true, MaxRetries: new(0)},
			&function{answer: map[string]string{"9": `{"batchItemFailures":[{"itemIdentifier":"x"}]}`}},
			[]string{"9 10 11 12"},
			[]string{"9-12 x4 RetryAttemptsExhausted"},
		},
		"whole batch until it succeeds": {
			lambda.MappingConfig{},
			&function{poison: map[string]int{"11": 2}},
			[]string{"9 10 11 12", "9 10 11 12", "9 10 11 12"},
			nil,
		},
		"retries exhausted": {
			lambda.MappingConfig{MaxRetries: new(1), BatchSize: 2},
			&function{poison: map[string]int{"10": 9}},
			[]string{"9 10", "9 10", "11 12"},
			[]string{"9-10 x2 RetryAttemptsExhausted"},
		},
		"bisect": {
			lambda.MappingConfig{MaxRetries: new(1), Bisect: true},
			&function{poison: map[string]int{"11": 9}},
			[]string{"9 10 11 12", "9 10", "11 12", "11", "11", "12"},
			[]string{"11-11 x1 RetryAttemptsExhausted"},
		},
		"bisect at the report": {
			lambda.MappingConfig{MaxRetries: new(1), Bisect: true, ReportPartial: true},
			&function{report: map[string]int{"12": 9}},
			[]string{"9 10 11 12", "12", "12"},
			[]string{"12-12 x1 RetryAttemptsExhausted"},
		},
		"filter": {
			lambda.MappingConfig{Filters: []string{`{"dynamodb":{"SequenceNumber":["10","12"]}}`}}, &function{}, []string{"10 12"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMapped(t, test.function)
			test.config.Source, test.config.OnFailure = streamARN, "arn:aws:sqs:us-east-1:000000000000:dlq"
			m.shard.write(m.clock.Now(), all...)
			m.start(test.config)
			m.until(func() bool {
				return len(test.function.seen()) >= len(test.calls) && len(m.abandoned()) >= len(test.abandoned)
			})
			m.shard.write(m.clock.Now(), "end")
			m.until(func() bool { return slices.Contains(test.function.seen(), "end") || len(test.config.Filters) > 0 })
			if len(test.config.Filters) == 0 {
				test.calls = append(test.calls, "end")
			}
			require.Equal(t, test.calls, test.function.seen())
			require.Equal(t, test.abandoned, m.abandoned())
		})
	}
}

func TestStreamMappingGivesUpOldRecords(t *testing.T) {
	t.Parallel()
	f := &function{}
	m := newMapped(t, f)
	m.shard.write(m.clock.Now().Add(-2*time.Minute), "1", "2")
	m.shard.write(m.clock.Now(), "3")
	m.start(lambda.MappingConfig{Source: streamARN, MaxAge: time.Minute, OnFailure: "arn:aws:sqs:us-east-1:000000000000:dlq"})
	m.until(func() bool { return len(f.seen()) == 1 })
	require.Equal(t, []string{"3"}, f.seen())
	require.Equal(t, []string{"1-2 x2 RecordAgeExceeded"}, m.abandoned())
}

func TestStreamMappingFromLatest(t *testing.T) {
	t.Parallel()
	f := &function{}
	m := newMapped(t, f)
	m.shard.write(m.clock.Now(), "1")
	m.start(lambda.MappingConfig{Source: streamARN, Latest: true})
	m.shard.write(m.clock.Now(), "2")
	m.until(func() bool { return len(f.seen()) == 1 })
	require.Equal(t, []string{"2"}, f.seen())
}

func TestStreamMappingGathersAWindow(t *testing.T) {
	t.Parallel()
	f := &function{}
	m := newMapped(t, f)
	m.shard.write(m.clock.Now(), "1")
	m.start(lambda.MappingConfig{Source: streamARN, Window: 10 * time.Second, BatchSize: 3})
	m.shard.write(m.clock.Now(), "2")
	require.Empty(t, f.seen())
	m.shard.write(m.clock.Now(), "3", "4")
	m.until(func() bool { return len(f.seen()) == 2 })
	require.Equal(t, []string{"1 2 3", "4"}, f.seen())
}

// mapped is a function that a stream feeds.
type mapped struct {
	t       *testing.T
	clock   *clock.Manual
	shard   *shard
	service *lambda.Service
	f       *lambda.Function

	mu      sync.Mutex
	records []string
}

func newMapped(t *testing.T, handler *function) *mapped {
	t.Helper()
	m := &mapped{t: t, clock: clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), shard: &shard{changed: make(chan struct{})}}
	tasks := task.NewGroup(t.Context())
	t.Cleanup(func() { tasks.Close(context.Canceled) })
	m.service = lambda.New(lambda.Options{
		Owner: wire.Owner{Region: "us-east-1", Account: "000000000000"}, Clock: m.clock, Tasks: tasks, Streams: m.shard,
		Deliver:  m.deliver,
		Delivery: func(context.Context, string) (int, error) { return 1, nil },
	})
	var err error
	m.f, err = m.service.Register("orders", lambda.InProcess(handler), lambda.Config{Timeout: time.Minute, AsyncTries: 1})
	require.NoError(t, err)
	return m
}

// deliver takes the record of what was given up.
func (m *mapped) deliver(_ context.Context, _ string, message wire.Message) error {
	var record struct {
		RequestContext     struct{ Condition string }
		DDBStreamBatchInfo struct {
			ShardID, StartSequenceNumber, EndSequenceNumber, StreamARN string
			BatchSize                                                  int
		}
	}
	if err := json.Unmarshal([]byte(message.Body), &record); err != nil {
		return err
	}
	info := record.DDBStreamBatchInfo
	m.mu.Lock()
	defer m.mu.Unlock()
	if info.ShardID != "shard-1" || info.StreamARN != streamARN {
		return fmt.Errorf("unexpected %s", message.Body)
	}
	m.records = append(m.records, fmt.Sprintf("%s-%s x%d %s",
		info.StartSequenceNumber, info.EndSequenceNumber, info.BatchSize, record.RequestContext.Condition))
	return nil
}

func (m *mapped) abandoned() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}

func (m *mapped) start(config lambda.MappingConfig) {
	m.t.Helper()
	_, err := m.service.Map(m.f, config)
	require.NoError(m.t, err)
}

func (m *mapped) until(reached func() bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Second)
	defer cancel()
	require.True(m.t, m.clock.AdvanceUntil(ctx, 100*time.Millisecond, reached), "%v %v", reached, m.abandoned())
}
