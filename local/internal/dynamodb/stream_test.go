package dynamodb_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

// stream is the stream of a table and its shard.
func (s *service) stream(t *testing.T, table string) (stream, shard string) {
	t.Helper()
	stream, err := s.server.StreamARN(table)
	require.NoError(t, err)
	shards, err := s.server.Shards(t.Context(), stream)
	require.NoError(t, err)
	require.Len(t, shards, 1)
	return stream, shards[0]
}

func decode(t require.TestingT, record dynamodb.Record) lambdaevent.DynamoDBRecord {
	var decoded lambdaevent.DynamoDBRecord
	require.NoError(t, lambdaevent.DecodeDynamoDB(string(record.Document), &decoded))
	require.Equal(t, record.SequenceNumber, decoded.SequenceNumber)
	return decoded
}

func TestReadGivesLambdaRecords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	s := start(t, dynamodb.Options{Region: "eu-west-1", Account: "123456789012", Now: func() time.Time { return now }})
	s.newTable(t, "orders")
	stream, shard := s.stream(t, "orders")
	require.Equal(t, "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-11-25T12:00:00.000", stream)
	latest, err := s.server.Latest(t.Context(), stream, shard)
	require.NoError(t, err)
	require.Empty(t, latest)

	s.put(t, "7", "1")
	s.put(t, "7", "2")
	records, err := s.server.Read(t.Context(), stream, shard, "", 10)
	require.NoError(t, err)
	require.Len(t, records, 2)
	var document map[string]any
	require.NoError(t, json.Unmarshal(records[1].Document, &document))
	require.NotEmpty(t, document["eventID"])
	delete(document, "eventID")
	number := func(n string) map[string]any { return map[string]any{"N": n} }
	id := map[string]any{"S": "7"}
	require.Equal(t, map[string]any{
		"eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1", "eventSourceARN": stream,
		"dynamodb": map[string]any{
			"ApproximateCreationDateTime": float64(now.Unix()), "SequenceNumber": records[1].SequenceNumber, "StreamViewType": "NEW_AND_OLD_IMAGES",
			"SizeBytes": float64(3 + 2*(3+3)), "Keys": map[string]any{"id": id},
			"NewImage": map[string]any{"id": id, "n": number("2")}, "OldImage": map[string]any{"id": id, "n": number("1")},
		},
	}, document)
	require.Equal(t, "INSERT", decode(t, records[0]).EventName)
	require.Equal(t, now, records[0].Time)

	rest, err := s.server.Read(t.Context(), stream, shard, records[0].SequenceNumber, 10)
	require.NoError(t, err)
	require.Len(t, rest, 1)
	require.Equal(t, records[1].SequenceNumber, rest[0].SequenceNumber)
	first, err := s.server.Read(t.Context(), stream, shard, "", 1)
	require.NoError(t, err)
	require.Len(t, first, 1)
	require.Equal(t, records[0].SequenceNumber, first[0].SequenceNumber)
	latest, err = s.server.Latest(t.Context(), stream, shard)
	require.NoError(t, err)
	require.Equal(t, records[1].SequenceNumber, latest)

	for _, bad := range []string{"x", "1", "999", latest + "0", "-" + latest} {
		_, err = s.server.Read(t.Context(), stream, shard, bad, 1)
		require.Error(t, err, bad)
	}
	_, err = s.server.Read(t.Context(), stream, "other", "", 1)
	require.ErrorContains(t, err, "ResourceNotFoundException")
	_, err = s.server.StreamARN("absent")
	require.ErrorContains(t, err, "ResourceNotFoundException")
}

func TestReadWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dynamodb.Options{})
		s.newTable(t, "orders")
		stream, shard := s.stream(t, "orders")
		type result struct {
			records []dynamodb.Record
			err     error
		}
		results := make(chan result, 1)
		read := func(ctx context.Context, after string) {
			records, err := s.server.Read(ctx, stream, shard, after, 10)
			results <- result{records, err}
		}

		go read(t.Context(), "")
		synctest.Wait()
		require.Empty(t, results)
		s.put(t, "1", "1")
		first := <-results
		require.NoError(t, first.err)
		require.Len(t, first.records, 1)
		after := first.records[0].SequenceNumber

		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		go read(ctx, after)
		synctest.Wait()
		cancel(cause)
		require.ErrorIs(t, (<-results).err, cause)

		go read(t.Context(), after)
		synctest.Wait()
		_, err := s.DeleteTable(t.Context(), &ddb.DeleteTableInput{TableName: aws.String("orders")})
		require.NoError(t, err)
		require.ErrorIs(t, (<-results).err, io.EOF)
		_, err = s.server.Read(t.Context(), stream, shard, "", 10)
		require.NoError(t, err, "what was written before stays readable")

		s.newTable(t, "orders")
		stream, shard = s.stream(t, "orders")
		go read(t.Context(), "")
		synctest.Wait()
		s.server.Close()
		require.ErrorIs(t, (<-results).err, dynamodb.ErrClosed)
	})
}

func TestShuffleKeepsTheOrderOfEachItem(t *testing.T) {
	t.Parallel()
	disorder := 0
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		s := &service{server: dynamodb.New(dynamodb.Options{Shuffle: random.IntN})}
		defer s.server.Close()
		config := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String("http://dynamodb.test"), HTTPClient: direct{s.server}, Credentials: aws.AnonymousCredentials{}}
		client := ddb.NewFromConfig(config)
		_, err := client.CreateTable(t.Context(), &ddb.CreateTableInput{
			TableName:            aws.String("orders"),
			BillingMode:          types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
			KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
			StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage},
		})
		require.NoError(t, err)
		stream, err := s.server.StreamARN("orders")
		require.NoError(t, err)
		shards, err := s.server.Shards(t.Context(), stream)
		require.NoError(t, err)

		var written, read []string
		after := ""
		for n := range rapid.IntRange(1, 60).Draw(t, "writes") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id")
			_, err := client.PutItem(t.Context(), &ddb.PutItemInput{TableName: aws.String("orders"), Item: item{"id": text(id), "n": integer(int64(n))}})
			require.NoError(t, err)
			written = append(written, id+strconv.Itoa(n))
			if rapid.IntRange(0, 9).Draw(t, "read") > 0 && n > 0 {
				continue
			}
			records, err := s.server.Read(t.Context(), stream, shards[0], after, rapid.IntRange(1, 100).Draw(t, "limit"))
			require.NoError(t, err)
			for _, record := range records {
				require.True(t, after == "" || lambdaevent.LessSequence(after, record.SequenceNumber))
				after = record.SequenceNumber
				read = append(read, name(t, record))
			}
		}
		for len(read) < len(written) {
			records, err := s.server.Read(t.Context(), stream, shards[0], after, 100)
			require.NoError(t, err)
			for _, record := range records {
				after = record.SequenceNumber
				read = append(read, name(t, record))
			}
		}
		if !slices.Equal(written, read) {
			disorder++
		}
		for _, id := range "abc" {
			of := func(all []string) []string {
				return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return rune(name[0]) != id })
			}
			require.Equal(t, of(written), of(read))
		}
	})
	require.Positive(t, disorder)
}

// name is the id and n of a record's new image.
func name(t require.TestingT, record dynamodb.Record) string {
	var image map[string]map[string]string
	require.NoError(t, json.Unmarshal([]byte(decode(t, record).NewImage), &image))
	return image["id"]["S"] + image["n"]["N"]
}

func TestSequenceNumbers(t *testing.T) {
	t.Parallel()
	previous := ""
	longer := false
	for at := range int64(50) {
		sequence, back, err := dynamodb.Sequence(at)
		require.NoError(t, err)
		require.Equal(t, at, back)
		require.GreaterOrEqual(t, len(sequence), 21)
		if previous != "" {
			require.True(t, lambdaevent.LessSequence(previous, sequence))
			longer = longer || len(sequence) > len(previous)
		}
		previous = sequence
	}
	require.True(t, longer, "their length differs, so that nobody compares them as texts")
}

func (s *service) iterator(t *testing.T, stream, shard string, kind streamtypes.ShardIteratorType, sequence string) (*string, error) {
	t.Helper()
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &stream, ShardId: &shard, ShardIteratorType: kind}
	if sequence != "" {
		in.SequenceNumber = &sequence
	}
	out, err := s.streams.GetShardIterator(t.Context(), in)
	if err != nil {
		return nil, err
	}
	return out.ShardIterator, nil
}

func TestStreamsTrimAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dynamodb.Options{})
		s.newTable(t, "orders")
		stream, shard := s.stream(t, "orders")
		s.put(t, "1", "1")
		first, err := s.server.Latest(t.Context(), stream, shard)
		require.NoError(t, err)
		horizon, err := s.iterator(t, stream, shard, streamtypes.ShardIteratorTypeTrimHorizon, "")
		require.NoError(t, err)
		time.Sleep(16 * time.Minute)
		_, err = s.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: horizon})
		require.ErrorAs(t, err, new(*streamtypes.ExpiredIteratorException))

		time.Sleep(12 * time.Hour)
		s.put(t, "2", "1")
		time.Sleep(11*time.Hour + 43*time.Minute)
		horizon, err = s.iterator(t, stream, shard, streamtypes.ShardIteratorTypeTrimHorizon, "")
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		_, err = s.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: horizon})
		require.ErrorAs(t, err, new(*streamtypes.TrimmedDataAccessException))
		_, err = s.iterator(t, stream, shard, streamtypes.ShardIteratorTypeAtSequenceNumber, first)
		require.ErrorAs(t, err, new(*streamtypes.TrimmedDataAccessException))
		next, err := s.iterator(t, stream, shard, streamtypes.ShardIteratorTypeAfterSequenceNumber, first)
		require.NoError(t, err)
		out, err := s.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		require.NoError(t, err)
		require.Len(t, out.Records, 1)
		records, err := s.server.Read(t.Context(), stream, shard, "", 10)
		require.NoError(t, err)
		require.Len(t, records, 1, "Read goes on with the oldest record")
	})
}

func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dynamodb.Options{})
		s.newTable(t, "orders")
		stream, shard := s.stream(t, "orders")
		s.put(t, "1", "1")
		set := func(specification types.StreamSpecification) error {
			_, err := s.UpdateTable(t.Context(), &ddb.UpdateTableInput{TableName: aws.String("orders"), StreamSpecification: &specification})
			return err
		}
		on := types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeKeysOnly}
		requireCode(t, set(on), validation)
		require.NoError(t, set(types.StreamSpecification{StreamEnabled: aws.Bool(false)}))
		requireCode(t, set(types.StreamSpecification{StreamEnabled: aws.Bool(false)}), validation)
		requireCode(t, set(types.StreamSpecification{StreamEnabled: aws.Bool(true)}), validation)
		s.put(t, "1", "2")
		require.NoError(t, set(on))
		again, _ := s.stream(t, "orders")
		require.NotEqual(t, stream, again)

		described, err := s.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &stream})
		require.NoError(t, err)
		require.Equal(t, streamtypes.StreamStatusDisabled, described.StreamDescription.StreamStatus)
		require.NotNil(t, described.StreamDescription.Shards[0].SequenceNumberRange.EndingSequenceNumber)
		require.Equal(t, "id", *described.StreamDescription.KeySchema[0].AttributeName)
		horizon, err := s.iterator(t, stream, shard, streamtypes.ShardIteratorTypeTrimHorizon, "")
		require.NoError(t, err)
		out, err := s.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: horizon})
		require.NoError(t, err)
		require.Len(t, out.Records, 1)
		require.Nil(t, out.NextShardIterator, "a closed shard ends")
		listed, err := s.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{Limit: aws.Int32(1)})
		require.NoError(t, err)
		require.Equal(t, stream, *listed.LastEvaluatedStreamArn)
		listed, err = s.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{ExclusiveStartStreamArn: &stream})
		require.NoError(t, err)
		require.Len(t, listed.Streams, 1)

		_, err = s.iterator(t, stream, "shardId-00000000000000000000-absent00", streamtypes.ShardIteratorTypeLatest, "")
		require.ErrorAs(t, err, new(*streamtypes.ResourceNotFoundException))
		_, err = s.iterator(t, stream, shard, "NONSENSE", "")
		requireCode(t, err, validation)
		time.Sleep(25 * time.Hour)
		_, err = s.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &stream})
		require.ErrorAs(t, err, new(*streamtypes.ResourceNotFoundException))
	})
}
