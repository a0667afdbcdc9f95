package local

import (
	"fmt"
	"strings"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

// ShuffleStreams has the records of a stream come in any order that keeps those of
// each item in theirs: the only order that AWS promises. By default they come in
// the order of the writes, which hides mistakes. number returns a number of [0, n)
// that decides; it is called by one goroutine at a time. rand.IntN does, and with a
// rand.Rand of a known seed the same writes come in the same order again.
func ShuffleStreams(number func(n int) int) Option {
	return func(s *settings) { s.shuffle = number }
}

func newTables(s *settings) *dynamodb.Server {
	return dynamodb.New(dynamodb.Options{
		Region: s.owner.Region, Account: s.owner.Account, Now: s.clock.Now, At: s.clock.At, Shuffle: s.shuffle,
	})
}

// streamARN is the ARN of the stream that a name of a table, or an ARN, means.
func (a *AWS) streamARN(table string) (string, error) {
	if strings.HasPrefix(table, "arn:") {
		return table, nil
	}
	stream, err := a.services.tables.StreamARN(table)
	if err != nil {
		return "", fmt.Errorf("the stream of %s: %w", table, err)
	}
	return stream, nil
}
