package conformance_test

import (
	"math/big"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"
)

// noRecordForNoOp is a rule that dynoxide does not know.
const noRecordForNoOp = "streams: no record for a no-op put (AWS behaviour)"

func TestStreams(t *testing.T) {
	t.Parallel()
	hold(t, []check{
		{"streams: LatestStreamArn, ListStreams, DescribeStream", describesStream},
		{"streams: TRIM_HORIZON: INSERT/MODIFY/REMOVE, images, order", streamsChanges},
		{"streams: view types", streamsViews},
		{noRecordForNoOp, streamsNoOps},
		{"streams: transaction writes reach the stream", streamsTransactions},
		{"streams: LATEST + NextShardIterator polling, AFTER_SEQUENCE", streamsOn},
		{"streams: bad iterator -> typed error", refusesIterator},
	})
}

// reader reads the stream of a table.
type reader struct {
	t      *run
	client *dynamodbstreams.Client
	arn    string
	next   map[string]*string // iterator by shard
}

func newReader(t *run, table string, kind streamtypes.ShardIteratorType) *reader {
	t.Helper()
	out, err := t.target.DynamoDB().DescribeTable(t.Context(), &ddb.DescribeTableInput{TableName: &table})
	require.NoError(t, err)
	r := &reader{t: t, client: t.target.Streams(), arn: *out.Table.LatestStreamArn, next: map[string]*string{}}
	for _, shard := range r.describe().Shards {
		r.next[*shard.ShardId] = r.iterator(*shard.ShardId, kind, nil)
	}
	return r
}

func (r *reader) describe() *streamtypes.StreamDescription {
	r.t.Helper()
	out, err := r.client.DescribeStream(r.t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &r.arn})
	require.NoError(r.t, err)
	return out.StreamDescription
}

func (r *reader) iterator(shard string, kind streamtypes.ShardIteratorType, sequence *string) *string {
	r.t.Helper()
	out, err := r.client.GetShardIterator(r.t.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &r.arn, ShardId: &shard, ShardIteratorType: kind, SequenceNumber: sequence,
	})
	require.NoError(r.t, err)
	return out.ShardIterator
}

// read polls all shards until there are that many records, and returns them with
// their shards.
func (r *reader) read(count int) (records []streamtypes.Record, shards []string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		for shard, iterator := range r.next {
			if iterator == nil {
				continue
			}
			out, err := r.client.GetRecords(r.t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: iterator, Limit: aws.Int32(3)})
			require.NoError(r.t, err)
			r.next[shard] = out.NextShardIterator
			for _, record := range out.Records {
				records = append(records, record)
				shards = append(shards, shard)
			}
		}
		return len(records) >= count
	}, time.Minute, time.Millisecond)
	require.Len(r.t, records, count)
	return records, shards
}

// compare is v in the types of the table's client.
func plain(image map[string]streamtypes.AttributeValue) map[string]string {
	result := map[string]string{}
	for name, v := range image {
		switch v := v.(type) {
		case *streamtypes.AttributeValueMemberS:
			result[name] = v.Value
		case *streamtypes.AttributeValueMemberN:
			result[name] = v.Value
		}
	}
	return result
}

func describesStream(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withStream(types.StreamViewTypeNewAndOldImages))
	r := newReader(t, table, streamtypes.ShardIteratorTypeTrimHorizon)
	description := r.describe()
	require.Equal(t, streamtypes.StreamStatusEnabled, description.StreamStatus)
	require.Equal(t, streamtypes.StreamViewTypeNewAndOldImages, description.StreamViewType)
	require.Equal(t, table, *description.TableName)
	require.NotEmpty(t, description.Shards)
	require.GreaterOrEqual(t, len(*description.Shards[0].ShardId), 28)

	listed, err := t.target.Streams().ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: &table})
	require.NoError(t, err)
	require.Len(t, listed.Streams, 1)
	require.Equal(t, r.arn, *listed.Streams[0].StreamArn)
}

func streamsChanges(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withStream(types.StreamViewTypeNewAndOldImages))
	putItem(t, client, table, with(key("a", "1"), item{"n": number("1")}))
	_, err := client.UpdateItem(t.Context(), &ddb.UpdateItemInput{
		TableName: &table, Key: key("a", "1"), UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: item{":one": number("1")},
	})
	require.NoError(t, err)
	_, err = client.DeleteItem(t.Context(), &ddb.DeleteItemInput{TableName: &table, Key: key("a", "1")})
	require.NoError(t, err)
	_, err = client.DeleteItem(t.Context(), &ddb.DeleteItemInput{TableName: &table, Key: key("a", "1")})
	require.NoError(t, err)
	putItem(t, client, table, with(key("a", "1"), item{"n": number("9")}))

	records, _ := newReader(t, table, streamtypes.ShardIteratorTypeTrimHorizon).read(4)
	image := func(n string) map[string]string { return map[string]string{"pk": "a", "sk": "1", "n": n} }
	nothing := map[string]string{}
	for i, want := range []struct {
		event    streamtypes.OperationType
		old, new map[string]string
	}{
		{streamtypes.OperationTypeInsert, nothing, image("1")},
		{streamtypes.OperationTypeModify, image("1"), image("2")},
		{streamtypes.OperationTypeRemove, image("2"), nothing},
		{streamtypes.OperationTypeInsert, nothing, image("9")},
	} {
		record := records[i]
		require.Equal(t, want.event, record.EventName)
		require.Equal(t, "aws:dynamodb", *record.EventSource)
		require.NotEmpty(t, *record.EventID)
		require.Equal(t, map[string]string{"pk": "a", "sk": "1"}, plain(record.Dynamodb.Keys))
		require.Equal(t, want.old, plain(record.Dynamodb.OldImage))
		require.Equal(t, want.new, plain(record.Dynamodb.NewImage))
		require.Equal(t, streamtypes.StreamViewTypeNewAndOldImages, record.Dynamodb.StreamViewType)
		require.Positive(t, *record.Dynamodb.SizeBytes)
		require.WithinDuration(t, time.Now(), *record.Dynamodb.ApproximateCreationDateTime, time.Hour)
		require.Nil(t, record.UserIdentity)
		if i > 0 {
			require.Positive(t, compareSequences(t, records[i], records[i-1]))
		}
	}
}

// compareSequences compares the numbers, which are not in order as texts.
func compareSequences(t *run, a, b streamtypes.Record) int {
	t.Helper()
	x, ok := new(big.Int).SetString(*a.Dynamodb.SequenceNumber, 10)
	require.True(t, ok)
	y, ok := new(big.Int).SetString(*b.Dynamodb.SequenceNumber, 10)
	require.True(t, ok)
	return x.Cmp(y)
}

func streamsViews(t *run) {
	client := t.target.DynamoDB()
	for view, want := range map[types.StreamViewType]struct{ old, new bool }{
		types.StreamViewTypeKeysOnly:        {false, false},
		types.StreamViewTypeNewImage:        {false, true},
		types.StreamViewTypeOldImage:        {true, false},
		types.StreamViewTypeNewAndOldImages: {true, true},
	} {
		table := newTable(t, client, withStream(view))
		putItem(t, client, table, with(key("a", "1"), item{"n": number("1")}))
		putItem(t, client, table, with(key("a", "1"), item{"n": number("2")}))
		records, _ := newReader(t, table, streamtypes.ShardIteratorTypeTrimHorizon).read(2)
		require.Equal(t, want.old, records[1].Dynamodb.OldImage != nil, view)
		require.Equal(t, want.new, records[1].Dynamodb.NewImage != nil, view)
		require.Len(t, records[1].Dynamodb.Keys, 2)
	}
}

func streamsNoOps(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withStream(types.StreamViewTypeNewAndOldImages))
	stored := with(key("a", "1"), item{"n": number("1"), "s": texts("a", "b")})
	putItem(t, client, table, stored)
	putItem(t, client, table, with(stored, item{"n": number("1.0"), "s": texts("b", "a")}))
	_, err := client.UpdateItem(t.Context(), &ddb.UpdateItemInput{
		TableName: &table, Key: key("a", "1"), UpdateExpression: aws.String("SET n = :n"), ExpressionAttributeValues: item{":n": number("1")},
	})
	require.NoError(t, err)
	_, err = client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &table, Item: stored}},
		{ConditionCheck: &types.ConditionCheck{TableName: &table, Key: key("a", "2"), ConditionExpression: aws.String("attribute_not_exists(pk)")}},
	}})
	require.NoError(t, err)
	putItem(t, client, table, key("a", "end"))
	records, _ := newReader(t, table, streamtypes.ShardIteratorTypeTrimHorizon).read(2)
	require.Equal(t, "1", plain(records[0].Dynamodb.Keys)["sk"])
	require.Equal(t, "end", plain(records[1].Dynamodb.Keys)["sk"])
}

func streamsTransactions(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withStream(types.StreamViewTypeNewAndOldImages))
	putItem(t, client, table, key("t", "1"))
	_, err := client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{
			TableName: &table, Key: key("t", "1"), UpdateExpression: aws.String("SET n = :n"), ExpressionAttributeValues: item{":n": number("1")},
		}},
		{Put: &types.Put{TableName: &table, Item: key("t", "2")}},
	}})
	require.NoError(t, err)
	_, err = client.TransactWriteItems(t.Context(), &ddb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &table, Item: key("t", "3")}},
		{Put: &types.Put{TableName: &table, Item: key("t", "2"), ConditionExpression: aws.String("attribute_not_exists(pk)")}},
	}})
	require.ErrorAs(t, err, new(*types.TransactionCanceledException))
	putItem(t, client, table, key("t", "4"))
	records, _ := newReader(t, table, streamtypes.ShardIteratorTypeTrimHorizon).read(4)
	seen := map[string][]streamtypes.OperationType{}
	for _, record := range records {
		sort := plain(record.Dynamodb.Keys)["sk"]
		seen[sort] = append(seen[sort], record.EventName)
	}
	require.Equal(t, map[string][]streamtypes.OperationType{
		"1": {streamtypes.OperationTypeInsert, streamtypes.OperationTypeModify},
		"2": {streamtypes.OperationTypeInsert},
		"4": {streamtypes.OperationTypeInsert},
	}, seen)
}

func streamsOn(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withStream(types.StreamViewTypeNewImage))
	putItem(t, client, table, key("a", "before"))
	r := newReader(t, table, streamtypes.ShardIteratorTypeLatest)
	r.read(0)
	for i := range 10 {
		putItem(t, client, table, key("a", strconv.Itoa(i)))
	}
	records, shards := r.read(10)
	for i, record := range records {
		require.Equal(t, strconv.Itoa(i), plain(record.Dynamodb.Keys)["sk"])
	}
	for kind, first := range map[streamtypes.ShardIteratorType]string{
		streamtypes.ShardIteratorTypeAtSequenceNumber: "4", streamtypes.ShardIteratorTypeAfterSequenceNumber: "5",
	} {
		iterator := r.iterator(shards[4], kind, records[4].Dynamodb.SequenceNumber)
		out, err := t.target.Streams().GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: iterator})
		require.NoError(t, err)
		require.Equal(t, first, plain(out.Records[0].Dynamodb.Keys)["sk"], kind)
	}
}

func refusesIterator(t *run) {
	_, err := t.target.Streams().GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: aws.String("nonsense")})
	requireCode(t, err, validation)
}
