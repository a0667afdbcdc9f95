package lambda

import (
	"context"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

// Streams reads the streams of tables.
type Streams interface {
	// Shards lists the shards of a stream.
	Shards(ctx context.Context, stream string) ([]string, error)
	// Latest is the sequence number of the last record of a shard, "" where it
	// has none.
	Latest(ctx context.Context, stream, shard string) (sequence string, err error)
	// Read returns the records after a sequence number, from the first where it
	// is "". It waits until there is one.
	Read(ctx context.Context, stream, shard, after string, limit int) ([]StreamRecord, error)
}

// StreamRecord is a record as the function gets it.
type StreamRecord = dynamodb.Record
