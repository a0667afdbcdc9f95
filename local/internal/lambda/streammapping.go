package lambda

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
)

// retention is how long a stream keeps its records.
const retention = 24 * time.Hour

// positions is where the mapping begins to read each shard.
func (s *Service) positions(ctx context.Context, c *MappingConfig) (map[string]string, error) {
	shards, err := s.options.Streams.Shards(ctx, c.Source)
	if err != nil {
		return nil, err
	}
	positions := make(map[string]string, len(shards))
	for _, shard := range shards {
		positions[shard] = ""
		if c.Latest {
			if positions[shard], err = s.options.Streams.Latest(ctx, c.Source, shard); err != nil {
				return nil, err
			}
		}
	}
	return positions, nil
}

// runStream reads the shards in parallel, and each in order.
func (m *mapping) runStream(ctx context.Context, positions map[string]string) {
	for shard, after := range positions {
		m.ended.Add(1)
		m.service.options.Tasks.Go(func(context.Context) {
			defer m.ended.Done()
			m.runShard(ctx, shard, after)
		})
	}
}

// runShard goes on to the next batch when the present one has succeeded or was
// given up.
func (m *mapping) runShard(ctx context.Context, shard, after string) {
	for {
		batch, err := m.read(ctx, shard, after)
		if err != nil {
			return
		}
		after = batch[len(batch)-1].SequenceNumber
		if m.runRecords(ctx, shard, m.passing(batch), 0) != nil {
			return
		}
	}
}

// read gathers a batch: what is there, or what comes within the window of the
// first record.
func (m *mapping) read(ctx context.Context, shard, after string) ([]StreamRecord, error) {
	o := m.service.options
	batch, err := o.Streams.Read(ctx, m.config.Source, shard, after, m.config.BatchSize)
	if err != nil || m.config.Window == 0 || len(batch) == m.config.BatchSize {
		return batch, err
	}
	window, stop := context.WithCancel(ctx)
	defer stop()
	defer o.Clock.At(o.Clock.Now().Add(m.config.Window), stop)()
	for len(batch) < m.config.BatchSize {
		more, err := o.Streams.Read(window, m.config.Source, shard, batch[len(batch)-1].SequenceNumber, m.config.BatchSize-len(batch))
		if err != nil {
			break // the window is over, or ctx is, which the caller finds out
		}
		batch = append(batch, more...)
	}
	return batch, ctx.Err()
}

func (m *mapping) passing(batch []StreamRecord) []StreamRecord {
	if len(m.filters) == 0 {
		return batch
	}
	var passed []StreamRecord
	for _, record := range batch {
		if document, err := pattern.Decode(record.Document); err == nil && m.matches(document) {
			passed = append(passed, record)
		}
	}
	return passed
}

// runRecords invokes the function until the records have succeeded or are given
// up. Of what the function reports, the lowest sequence number is the
// checkpoint: everything from there on is retried, what succeeded too. Progress
// begins the count of retries anew; a split does not count. An error means that
// ctx has ended. See
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
func (m *mapping) runRecords(ctx context.Context, shard string, records []StreamRecord, retries int) error {
	backoff := 100 * time.Millisecond
	for len(records) > 0 {
		if records = m.expire(ctx, shard, records); len(records) == 0 {
			return nil
		}
		checkpoint, result := m.attempt(ctx, records)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case checkpoint == len(records):
			return nil
		case checkpoint > 0:
			records, retries = records[checkpoint:], 0
		case m.config.Bisect && len(records) > 1:
			middle := len(records) / 2
			if err := m.runRecords(ctx, shard, records[:middle], retries); err != nil {
				return err
			}
			records = records[middle:]
			continue
		default:
			retries++
		}
		if m.config.MaxRetries != nil && retries > *m.config.MaxRetries {
			m.abandon(ctx, shard, records, result, "RetryAttemptsExhausted", retries)
			return nil
		}
		if err := clock.Sleep(ctx, m.service.options.Clock, backoff); err != nil {
			return err
		}
		backoff = min(2*backoff, 10*time.Second)
	}
	return nil
}

// attempt returns the index of the first record that is to be retried.
func (m *mapping) attempt(ctx context.Context, records []StreamRecord) (checkpoint int, result Result) {
	documents := make([]json.RawMessage, len(records))
	for i, record := range records {
		documents[i] = record.Document
	}
	failures, all, result := m.invoke(ctx, documents, func(id string) bool {
		return slices.ContainsFunc(records, func(r StreamRecord) bool { return r.SequenceNumber == id })
	})
	if all {
		return 0, result
	}
	for i, record := range records {
		if failures[record.SequenceNumber] {
			return i, result
		}
	}
	return len(records), result
}

// expire gives up the records that are too old.
func (m *mapping) expire(ctx context.Context, shard string, records []StreamRecord) []StreamRecord {
	age := retention
	if m.config.MaxAge > 0 {
		age = m.config.MaxAge
	}
	limit := m.service.options.Clock.Now().Add(-age)
	old := 0
	for old < len(records) && records[old].Time.Before(limit) {
		old++
	}
	if old > 0 {
		m.abandon(ctx, shard, records[:old], Result{RequestID: runtimeapi.NewRequestID()}, "RecordAgeExceeded", 0)
	}
	return records[old:]
}

// abandon reports records that the function never gets again: where they are, not
// what they are. See
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
func (m *mapping) abandon(ctx context.Context, shard string, records []StreamRecord, result Result, condition string, attempts int) {
	if m.config.OnFailure == "" {
		return
	}
	first, last := records[0], records[len(records)-1]
	response := responseContext{StatusCode: 200, ExecutedVersion: "$LATEST"}
	if result.Error != nil {
		response.FunctionError = "Unhandled"
	}
	m.service.toDestination(ctx, m.config.OnFailure, map[string]any{
		"version":         "1.0",
		"timestamp":       m.service.timestamp(),
		"requestContext":  requestContext{result.RequestID, m.function.arn, condition, attempts},
		"responseContext": response,
		"DDBStreamBatchInfo": map[string]any{
			"shardId":                         shard,
			"startSequenceNumber":             first.SequenceNumber,
			"endSequenceNumber":               last.SequenceNumber,
			"approximateArrivalOfFirstRecord": first.Time.UTC().Format(time.RFC3339),
			"approximateArrivalOfLastRecord":  last.Time.UTC().Format(time.RFC3339),
			"batchSize":                       len(records),
			"streamArn":                       m.config.Source,
		},
	})
}
