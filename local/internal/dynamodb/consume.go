package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
)

// Record is a record of a stream as a Lambda function gets it.
type Record struct {
	SequenceNumber string
	Time           time.Time       // of the write
	Document       json.RawMessage // the record itself, with eventSourceARN
}

// StreamARN is the ARN of a table's latest stream.
func (s *Server) StreamARN(table string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.table(table)
	if err != nil {
		return "", err
	}
	if t.stream == nil {
		return "", fmt.Errorf("dynamodb: table %s has no stream", table)
	}
	return t.stream.arn, nil
}

// Shards lists the shards of a stream: its only one.
func (s *Server) Shards(_ context.Context, stream string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.stream(stream)
	if err != nil {
		return nil, err
	}
	return []string{st.shard}, nil
}

// Latest is the sequence number of the last record of a shard, and "" where it
// never had one.
func (s *Server) Latest(_ context.Context, stream, shard string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.shard(stream, shard)
	if err != nil {
		return "", err
	}
	if end := st.seal(); end > 0 {
		return sequenceOf(end - 1), nil
	}
	return "", nil
}

// Read returns 1 to limit records after a sequence number, or from the oldest one
// on where that is "" or too old. It waits until there is one, and its error is
// the cause of ctx, [ErrClosed], or io.EOF where the shard was closed and has
// been read.
func (s *Server) Read(ctx context.Context, stream, shard, after string, limit int) ([]Record, error) {
	at := int64(0)
	if after != "" {
		last, err := positionOf(after)
		if err != nil {
			return nil, err
		}
		at = last + 1
	}
	for {
		records, changed, err := s.poll(stream, shard, at, limit)
		if err != nil || len(records) > 0 {
			return records, err
		}
		select {
		case <-changed:
		case <-s.closing:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// poll returns the records that there are, or a channel that is closed when that
// has changed.
func (s *Server) poll(stream, shard string, at int64, limit int) ([]Record, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	st, err := s.shard(stream, shard)
	if err != nil {
		return nil, nil, err
	}
	at = max(at, st.trimmed)
	changes := st.from(at, max(1, limit))
	if len(changes) == 0 && st.closed {
		return nil, nil, io.EOF
	}
	records := make([]Record, len(changes))
	for i, c := range changes {
		r := s.record(st, c, at+int64(i), true)
		document, err := jsonv2.Marshal(r)
		if err != nil {
			return nil, nil, errors.Join(errors.New("dynamodb: encoding a record"), err)
		}
		records[i] = Record{SequenceNumber: r.Data.SequenceNumber, Time: c.at, Document: document}
	}
	return records, st.changed, nil
}
