package dynamodb_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

func hashKey(name string) []types.KeySchemaElement {
	return []types.KeySchemaElement{{AttributeName: &name, KeyType: types.KeyTypeHash}}
}

func define(names ...string) (definitions []types.AttributeDefinition) {
	for _, name := range names {
		definitions = append(definitions, types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS})
	}
	return definitions
}

func indexOn(name, partition string, projection types.ProjectionType) types.GlobalSecondaryIndex {
	return types.GlobalSecondaryIndex{IndexName: &name, KeySchema: hashKey(partition), Projection: &types.Projection{ProjectionType: projection}}
}

func TestTablesAreChecked(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	for name, change := range map[string]func(*ddb.CreateTableInput){
		"short name":        func(in *ddb.CreateTableInput) { in.TableName = aws.String("ab") },
		"bad name":          func(in *ddb.CreateTableInput) { in.TableName = aws.String("a b c") },
		"no throughput":     func(in *ddb.CreateTableInput) { in.BillingMode = types.BillingModeProvisioned },
		"unknown billing":   func(in *ddb.CreateTableInput) { in.BillingMode = "FREE" },
		"undefined key":     func(in *ddb.CreateTableInput) { in.AttributeDefinitions = define("x") },
		"unused definition": func(in *ddb.CreateTableInput) { in.AttributeDefinitions = define("id", "x") },
		"no key":            func(in *ddb.CreateTableInput) { in.KeySchema = []types.KeySchemaElement{} },
		"range key first":   func(in *ddb.CreateTableInput) { in.KeySchema[0].KeyType = types.KeyTypeRange },
		"same key twice":    func(in *ddb.CreateTableInput) { in.KeySchema = append(in.KeySchema, hashKey("id")...) },
		"key of bad type":   func(in *ddb.CreateTableInput) { in.AttributeDefinitions[0].AttributeType = "BOOL" },
		"stream without view": func(in *ddb.CreateTableInput) {
			in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true)}
		},
		"unknown view": func(in *ddb.CreateTableInput) {
			in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "IMAGE"}
		},
		"throughput on demand": func(in *ddb.CreateTableInput) {
			in.ProvisionedThroughput = &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1), WriteCapacityUnits: aws.Int64(1)}
		},
		"index key undefined": func(in *ddb.CreateTableInput) {
			in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{indexOn("index", "x", types.ProjectionTypeAll)}
		},
		"index twice": func(in *ddb.CreateTableInput) {
			in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{indexOn("index", "id", "ALL"), indexOn("index", "id", "ALL")}
		},
		"include without attributes": func(in *ddb.CreateTableInput) {
			in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{indexOn("index", "id", types.ProjectionTypeInclude)}
		},
		"index name": func(in *ddb.CreateTableInput) {
			in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{indexOn("i", "id", types.ProjectionTypeAll)}
		},
		"too many indexes": func(in *ddb.CreateTableInput) {
			for i := range 21 {
				in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, indexOn("index"+strconv.Itoa(i), "id", types.ProjectionTypeAll))
			}
		},
	} {
		in := &ddb.CreateTableInput{
			TableName: aws.String("checked"), BillingMode: types.BillingModePayPerRequest, AttributeDefinitions: define("id"), KeySchema: hashKey("id"),
		}
		change(in)
		_, err := s.CreateTable(t.Context(), in)
		require.Error(t, err, name)
		requireCode(t, err, validation)
	}
	out, err := s.ListTables(t.Context(), &ddb.ListTablesInput{})
	require.NoError(t, err)
	require.Empty(t, out.TableNames)
}

func TestTablesAreListedInPages(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	for _, name := range []string{"delta", "alpha", "charlie", "bravo"} {
		s.newTable(t, name)
	}
	var names []string
	pages := ddb.NewListTablesPaginator(s, &ddb.ListTablesInput{Limit: aws.Int32(3)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		names = append(names, out.TableNames...)
	}
	require.Equal(t, []string{"alpha", "bravo", "charlie", "delta"}, names)
}

func TestTablesAreDescribed(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	_, err := s.CreateTable(t.Context(), &ddb.CreateTableInput{
		TableName: aws.String("orders"), AttributeDefinitions: define("id"), KeySchema: hashKey("id"),
		ProvisionedThroughput:     &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(5), WriteCapacityUnits: aws.Int64(6)},
		DeletionProtectionEnabled: aws.Bool(true),
		Tags:                      []types.Tag{{Key: aws.String("team"), Value: aws.String("orders")}},
	})
	require.NoError(t, err)
	s.put(t, "1", "10")
	s.put(t, "1", "100")
	out, err := s.DescribeTable(t.Context(), &ddb.DescribeTableInput{TableName: aws.String("arn:aws:dynamodb:us-east-1:000000000000:table/orders")})
	require.NoError(t, err)
	require.EqualValues(t, 1, *out.Table.ItemCount)
	require.EqualValues(t, len("id")+len("1")+len("n")+2, *out.Table.TableSizeBytes)
	require.EqualValues(t, 6, *out.Table.ProvisionedThroughput.WriteCapacityUnits)
	require.Nil(t, out.Table.StreamSpecification)
	_, err = s.DeleteTable(t.Context(), &ddb.DeleteTableInput{TableName: aws.String("orders")})
	requireCode(t, err, validation)
	_, err = s.UpdateTable(t.Context(), &ddb.UpdateTableInput{
		TableName: aws.String("orders"), DeletionProtectionEnabled: aws.Bool(false), BillingMode: types.BillingModePayPerRequest,
	})
	require.NoError(t, err)
	deleted, err := s.DeleteTable(t.Context(), &ddb.DeleteTableInput{TableName: aws.String("orders")})
	require.NoError(t, err)
	require.Equal(t, types.TableStatusDeleting, deleted.TableDescription.TableStatus)
	require.Equal(t, types.BillingModePayPerRequest, deleted.TableDescription.BillingModeSummary.BillingMode)
	for _, f := range []func() error{
		func() error {
			_, err := s.DeleteTable(t.Context(), &ddb.DeleteTableInput{TableName: aws.String("orders")})
			return err
		},
		func() error {
			_, err := s.Scan(t.Context(), &ddb.ScanInput{TableName: aws.String("orders")})
			return err
		},
		func() error { return s.timeToLive(t, "orders", "x", true) },
	} {
		require.ErrorAs(t, f(), new(*types.ResourceNotFoundException))
	}
}

func TestIndexesComeAndGo(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders")
	s.putItem(t, "orders", item{"id": text("1"), "owner": text("me")})
	s.putItem(t, "orders", item{"id": text("2"), "owner": number("1")}) // not what the index needs
	change := func(update types.GlobalSecondaryIndexUpdate) error {
		_, err := s.UpdateTable(t.Context(), &ddb.UpdateTableInput{
			TableName: aws.String("orders"), AttributeDefinitions: define("owner"), GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{update},
		})
		return err
	}
	query := func() (*ddb.QueryOutput, error) {
		return s.Query(t.Context(), &ddb.QueryInput{
			TableName: aws.String("orders"), IndexName: aws.String("by-owner"), KeyConditionExpression: aws.String("#o = :o"),
			ExpressionAttributeNames: map[string]string{"#o": "owner"}, ExpressionAttributeValues: item{":o": text("me")},
		})
	}
	create := types.GlobalSecondaryIndexUpdate{Create: &types.CreateGlobalSecondaryIndexAction{
		IndexName: aws.String("by-owner"), KeySchema: hashKey("owner"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
	}}
	remove := types.GlobalSecondaryIndexUpdate{Delete: &types.DeleteGlobalSecondaryIndexAction{IndexName: aws.String("by-owner")}}
	require.Error(t, change(remove))
	require.NoError(t, change(create))
	requireCode(t, change(create), validation)
	out, err := query()
	require.NoError(t, err)
	require.EqualValues(t, 1, out.Count)
	scan, err := s.Scan(t.Context(), &ddb.ScanInput{TableName: aws.String("orders"), IndexName: aws.String("by-owner")})
	require.NoError(t, err)
	require.EqualValues(t, 1, scan.Count)
	_, err = s.PutItem(t.Context(), &ddb.PutItemInput{TableName: aws.String("orders"), Item: item{"id": text("3"), "owner": number("1")}})
	require.Contains(t, requireCode(t, err, validation), "Type mismatch for Index Key owner Expected: S Actual: N IndexName: by-owner")
	require.NoError(t, change(remove))
	_, err = query()
	requireCode(t, err, validation)
}

func TestKeyConditionsAreChecked(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders")
	for v, want := range map[types.AttributeValue]string{
		number("1"): "Condition parameter type does not match schema type",
		text(""):    "cannot contain an empty string value. Key: id",
	} {
		_, err := s.Query(t.Context(), &ddb.QueryInput{
			TableName: aws.String("orders"), KeyConditionExpression: aws.String("id = :id"), ExpressionAttributeValues: item{":id": v},
		})
		require.Contains(t, requireCode(t, err, validation), want)
	}
	_, err := s.Query(t.Context(), &ddb.QueryInput{TableName: aws.String("orders")})
	requireCode(t, err, validation)
}

func TestBatchGetLeavesRest(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders")
	data := text(strings.Repeat("x", 390<<10))
	want := map[string]bool{}
	keys := []item{}
	for i := range 50 {
		id := strconv.Itoa(i)
		want[id] = true
		keys = append(keys, item{"id": text(id)})
		s.putItem(t, "orders", item{"id": text(id), "data": data})
	}
	request := map[string]types.KeysAndAttributes{"orders": {
		Keys: keys, ProjectionExpression: aws.String("#id"), ExpressionAttributeNames: map[string]string{"#id": "id"}, ConsistentRead: aws.Bool(true),
	}}
	calls := 0
	for len(request) > 0 {
		out, err := s.BatchGetItem(t.Context(), &ddb.BatchGetItemInput{RequestItems: request, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		require.NoError(t, err)
		require.InDelta(t, 98*len(out.Responses["orders"]), *out.ConsumedCapacity[0].CapacityUnits, 0)
		for _, i := range out.Responses["orders"] {
			delete(want, i["id"].(*types.AttributeValueMemberS).Value)
		}
		if request = out.UnprocessedKeys; len(request) > 0 {
			require.True(t, *request["orders"].ConsistentRead)
			require.Equal(t, "#id", *request["orders"].ProjectionExpression)
		}
		calls++
	}
	require.Empty(t, want)
	require.Equal(t, 2, calls)
}

func TestGetRecordsStopsAtOneMegabyte(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders")
	for i := range 5 {
		s.putItem(t, "orders", item{"id": text(strconv.Itoa(i)), "data": text(strings.Repeat("x", 390<<10))})
	}
	stream, shard := s.stream(t, "orders")
	next, err := s.iterator(t, stream, shard, streamtypes.ShardIteratorTypeTrimHorizon, "")
	require.NoError(t, err)
	var pages []int
	for range 3 {
		out, err := s.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		require.NoError(t, err)
		pages = append(pages, len(out.Records))
		next = out.NextShardIterator
	}
	require.Equal(t, []int{2, 2, 1}, pages)
}

func TestCapacityOfIndexes(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders", func(in *ddb.CreateTableInput) {
		in.AttributeDefinitions = define("id", "owner")
		in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{
			indexOn("keys", "owner", types.ProjectionTypeKeysOnly), indexOn("all", "owner", types.ProjectionTypeAll),
		}
	})
	large := text(strings.Repeat("x", 1500))
	for _, c := range []struct {
		item             item
		table, keys, all float64
	}{
		{item{"id": text("1")}, 1, 0, 0},
		{item{"id": text("1"), "owner": text("a")}, 1, 1, 1},
		{item{"id": text("1"), "owner": text("a"), "data": large}, 2, 0, 2},
		{item{"id": text("1"), "owner": text("b"), "data": large}, 2, 2, 4},
		{item{"id": text("1"), "owner": text("b"), "data": large}, 2, 0, 0},
		{item{"id": text("1")}, 2, 1, 2},
	} {
		out, err := s.PutItem(t.Context(), &ddb.PutItemInput{
			TableName: aws.String("orders"), Item: c.item, ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes,
		})
		require.NoError(t, err)
		got := out.ConsumedCapacity
		require.InDelta(t, c.table, *got.Table.CapacityUnits, 0)
		require.InDelta(t, c.keys, aws.ToFloat64(got.GlobalSecondaryIndexes["keys"].CapacityUnits), 0)
		require.InDelta(t, c.all, aws.ToFloat64(got.GlobalSecondaryIndexes["all"].CapacityUnits), 0)
		require.InDelta(t, c.table+c.keys+c.all, *got.CapacityUnits, 0)
	}
	query, err := s.Query(t.Context(), &ddb.QueryInput{
		TableName: aws.String("orders"), IndexName: aws.String("keys"), KeyConditionExpression: aws.String("#o = :o"),
		ExpressionAttributeNames: map[string]string{"#o": "owner"}, ExpressionAttributeValues: item{":o": text("b")},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes,
	})
	require.NoError(t, err)
	require.InDelta(t, 0.5, *query.ConsumedCapacity.GlobalSecondaryIndexes["keys"].CapacityUnits, 0)
	require.InDelta(t, 0, *query.ConsumedCapacity.Table.CapacityUnits, 0)
}
