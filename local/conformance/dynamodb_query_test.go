package conformance_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// expiryDeletes is a check that AWS passes within days only.
const expiryDeletes = "ddb: TTL really deletes within 30 s"

func TestDynamoDBQueries(t *testing.T) {
	t.Parallel()
	hold(t, []check{
		{"ddb: Query: ranges, reverse, paging, filter, projection, COUNT", queriesRanges},
		{"ddb: Query: numeric and binary sort keys", queriesInOrder},
		{"ddb: Query: validation", refusesInvalidQueries},
		{"ddb: Query: pages of 1 MB", queriesPages},
		{"ddb: Query GSI: sort, sparse, KEYS_ONLY, paging", queriesIndex},
		{"ddb: UpdateTable: GSI, stream", updatesTable},
		{"ddb: Scan: filter, paging, parallel segments", scans},
		{"ddb: UpdateTimeToLive / DescribeTimeToLive", switchesTimeToLive},
		{expiryDeletes, expires},
	})
}

// query gathers the sort keys of all pages.
func query(t *run, client *ddb.Client, in *ddb.QueryInput) (sorts []string, pages int) {
	t.Helper()
	copied := *in
	for {
		out, err := client.Query(t.Context(), &copied)
		require.NoError(t, err)
		require.EqualValues(t, len(out.Items), out.Count)
		for _, i := range out.Items {
			switch sort := i["sk"].(type) {
			case *types.AttributeValueMemberS:
				sorts = append(sorts, sort.Value)
			case *types.AttributeValueMemberN:
				sorts = append(sorts, sort.Value)
			case *types.AttributeValueMemberB:
				sorts = append(sorts, string(sort.Value))
			}
		}
		if pages++; out.LastEvaluatedKey == nil {
			return sorts, pages
		}
		copied.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func queriesRanges(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	for i := 1; i <= 9; i++ {
		putItem(t, client, table, with(key("q", fmt.Sprintf("v@%d", i)), item{"n": integer(i), "m": object(item{"n": integer(i)})}))
	}
	putItem(t, client, table, key("q", "w@1"))
	putItem(t, client, table, key("other", "v@1"))
	in := func(condition string, values ...string) *ddb.QueryInput {
		q := &ddb.QueryInput{TableName: &table, KeyConditionExpression: aws.String("pk = :pk" + condition), ExpressionAttributeValues: item{":pk": text("q")}}
		for i, v := range values {
			q.ExpressionAttributeValues[":"+strconv.Itoa(i)] = text(v)
		}
		return q
	}
	for _, c := range []struct {
		in   *ddb.QueryInput
		want string
	}{
		{in(""), "v@1 v@2 v@3 v@4 v@5 v@6 v@7 v@8 v@9 w@1"},
		{in(" AND sk = :0", "v@3"), "v@3"},
		{in(" AND sk > :0", "v@7"), "v@8 v@9 w@1"},
		{in(" AND sk >= :0", "v@7"), "v@7 v@8 v@9 w@1"},
		{in(" AND sk < :0", "v@3"), "v@1 v@2"},
		{in(" AND sk <= :0", "v@3"), "v@1 v@2 v@3"},
		{in(" AND :0 >= sk", "v@3"), "v@1 v@2 v@3"},
		{in(" AND sk BETWEEN :0 AND :1", "v@8", "w"), "v@8 v@9"},
		{in(" AND begins_with(sk, :0)", "v@"), "v@1 v@2 v@3 v@4 v@5 v@6 v@7 v@8 v@9"},
		{in(" AND (begins_with(sk, :0))", "w"), "w@1"},
		{in(" AND sk = :0", "none"), ""},
	} {
		want := strings.Fields(c.want)
		got, _ := query(t, client, c.in)
		require.Equal(t, want, append([]string{}, got...), *c.in.KeyConditionExpression)
		backwards := *c.in
		backwards.ScanIndexForward = aws.Bool(false)
		backwards.Limit = aws.Int32(2)
		reversed, pages := query(t, client, &backwards)
		for i, j := 0, len(want)-1; i < j; i, j = i+1, j-1 {
			want[i], want[j] = want[j], want[i]
		}
		require.Equal(t, want, append([]string{}, reversed...), *c.in.KeyConditionExpression)
		require.Equal(t, len(want)/2+1, pages, "a page that is full does not know that it is the last")
	}

	filtered := in("")
	filtered.FilterExpression = aws.String("n > :n AND NOT m.n = :m")
	filtered.ExpressionAttributeValues[":n"], filtered.ExpressionAttributeValues[":m"] = number("6"), number("8")
	filtered.ProjectionExpression = aws.String("m.n, sk")
	filtered.Limit = aws.Int32(8)
	out, err := client.Query(t.Context(), filtered)
	require.NoError(t, err)
	require.Equal(t, []item{{"sk": text("v@7"), "m": object(item{"n": number("7")})}}, out.Items)
	require.EqualValues(t, 1, out.Count)
	require.EqualValues(t, 8, out.ScannedCount)
	require.Equal(t, key("q", "v@8"), out.LastEvaluatedKey)

	counted := in("")
	counted.Select = types.SelectCount
	out, err = client.Query(t.Context(), counted)
	require.NoError(t, err)
	require.EqualValues(t, 10, out.Count)
	require.Empty(t, out.Items)

	// The item at which a page ended need not be there when the next one begins.
	gone := in("")
	gone.ExclusiveStartKey = key("q", "v@55")
	sorts, _ := query(t, client, gone)
	require.Equal(t, []string{"v@6", "v@7", "v@8", "v@9", "w@1"}, sorts)
}

func queriesInOrder(t *run) {
	client := t.target.DynamoDB()
	for kind, c := range map[types.ScalarAttributeType]struct {
		sorts []string
		from  func(string) value
	}{
		types.ScalarAttributeTypeN: {[]string{"-100", "-20.5", "-20.25", "-1", "-0.1", "-0.05", "0", "0.007", "0.01", "1", "2", "10", "10.1", "200"}, number},
		types.ScalarAttributeTypeB: {[]string{"\x00", "\x00\x01", "\x7f", "\x80", "\xfe\xff", "\xff", "\xff\xff"}, raw},
		types.ScalarAttributeTypeS: {[]string{"", "A", "Z", "a", "aa", "ä", "ﬀ", "😀"}[1:], text},
	} {
		table := newTable(t, client, func(in *ddb.CreateTableInput) { in.AttributeDefinitions[1].AttributeType = kind })
		for i := range c.sorts {
			putItem(t, client, table, item{"pk": text("o"), "sk": c.from(c.sorts[(i*5)%len(c.sorts)])})
		}
		for i := range c.sorts {
			in := &ddb.QueryInput{
				TableName: &table, KeyConditionExpression: aws.String("pk = :pk AND sk >= :sk"),
				ExpressionAttributeValues: item{":pk": text("o"), ":sk": c.from(c.sorts[i])},
			}
			got, _ := query(t, client, in)
			require.Equal(t, c.sorts[i:], got)
		}
	}
}

func refusesInvalidQueries(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client, withIndex("by-owner", "owner", "rank", types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}))
	refused := func(condition string, values item, change ...func(*ddb.QueryInput)) {
		in := &ddb.QueryInput{TableName: &table, KeyConditionExpression: &condition, ExpressionAttributeValues: values}
		for _, f := range change {
			f(in)
		}
		_, err := client.Query(t.Context(), in)
		requireCode(t, err, validation)
	}
	pk, both := item{":pk": text("q")}, item{":pk": text("q"), ":sk": text("s")}
	refused("sk = :pk", pk)
	refused("pk > :pk", pk)
	refused("pk = :pk OR sk = :sk", both)
	refused("NOT pk = :pk", pk)
	refused("pk = :pk AND sk <> :sk", both)
	refused("pk = :pk AND contains(sk, :sk)", both)
	refused("pk = :pk AND other = :sk", both)
	refused("pk = :pk AND sk IN (:sk)", both)
	refused("pk = :pk AND sk > :sk AND sk < :sk", both)
	refused("pk = :pk AND sk.x = :sk", both)
	refused("pk = :pk AND sk BETWEEN :b AND :a", item{":pk": text("q"), ":a": text("a"), ":b": text("b")})
	refused("pk = :pk", both)
	refused("pk = :pk", pk, func(in *ddb.QueryInput) { in.FilterExpression = aws.String("attribute_exists(sk)") })
	refused("pk = :pk", pk, func(in *ddb.QueryInput) { in.Limit = aws.Int32(0) })
	refused("pk = :pk", pk, func(in *ddb.QueryInput) { in.ExclusiveStartKey = item{"pk": text("q")} })
	refused("pk = :pk", pk, func(in *ddb.QueryInput) { in.IndexName = aws.String("nope") })
	refused("pk = :pk", pk, func(in *ddb.QueryInput) { in.Select = types.SelectSpecificAttributes })
	refused("pk = :pk", pk, func(in *ddb.QueryInput) { in.Select = types.SelectAllProjectedAttributes })
	index := func(f func(*ddb.QueryInput)) func(*ddb.QueryInput) {
		return func(in *ddb.QueryInput) {
			in.IndexName = aws.String("by-owner")
			f(in)
		}
	}
	refused("owner = :pk", pk, index(func(in *ddb.QueryInput) { in.ConsistentRead = aws.Bool(true) }))
	refused("owner = :pk", pk, index(func(in *ddb.QueryInput) { in.Select = types.SelectAllAttributes }))
	refused("owner = :pk", pk, index(func(in *ddb.QueryInput) { in.ExclusiveStartKey = key("q", "s") }))
	refused("pk = :pk", pk, index(func(*ddb.QueryInput) {}))
}

func queriesPages(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	data := text(strings.Repeat("x", 300<<10))
	var want []string
	for i := range 8 {
		want = append(want, strconv.Itoa(i))
		putItem(t, client, table, with(key("p", want[i]), item{"data": data}))
	}
	in := &ddb.QueryInput{
		TableName: &table, KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: item{":pk": text("p")},
		ProjectionExpression: aws.String("sk"),
	}
	got, pages := query(t, client, in)
	require.Equal(t, want, got)
	require.GreaterOrEqual(t, pages, 2)
	require.LessOrEqual(t, pages, 4)
}

func queriesIndex(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client,
		withIndex("keys", "owner", "rank", types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}),
		withIndex("some", "group", "place", types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"extra"}}))
	for i := range 7 {
		putItem(t, client, table, with(key("g", strconv.Itoa(i)), item{
			"owner": text("me"), "rank": integer(i % 3), "group": text("all"), "place": integer(-i), "extra": text("x"), "more": text("y"),
		}))
	}
	putItem(t, client, table, with(key("g", "sparse"), item{"owner": text("me")}))
	putItem(t, client, table, with(key("g", "none"), item{"rank": number("1"), "extra": text("x")}))
	in := &ddb.QueryInput{
		TableName: &table, IndexName: aws.String("keys"), KeyConditionExpression: aws.String("#o = :o"),
		ExpressionAttributeNames: map[string]string{"#o": "owner"}, ExpressionAttributeValues: item{":o": text("me")},
	}
	out, err := client.Query(t.Context(), in)
	require.NoError(t, err)
	require.EqualValues(t, 7, out.Count)
	last := -1
	for _, i := range out.Items {
		require.Len(t, i, 4)
		rank, err := strconv.Atoi(i["rank"].(*types.AttributeValueMemberN).Value)
		require.NoError(t, err)
		require.GreaterOrEqual(t, rank, last)
		last = rank
	}
	in.Limit = aws.Int32(2)
	sorts, pages := query(t, client, in)
	require.ElementsMatch(t, []string{"0", "1", "2", "3", "4", "5", "6"}, sorts, "equal keys are neither skipped nor repeated")
	require.Equal(t, 4, pages)
	first, err := client.Query(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, first.LastEvaluatedKey, 4)

	in = &ddb.QueryInput{
		TableName: &table, IndexName: aws.String("some"), KeyConditionExpression: aws.String("#g = :g AND place > :p"),
		ExpressionAttributeNames: map[string]string{"#g": "group"}, ExpressionAttributeValues: item{":g": text("all"), ":p": number("-3")},
	}
	out, err = client.Query(t.Context(), in)
	require.NoError(t, err)
	require.EqualValues(t, 3, out.Count)
	require.Equal(t, with(key("g", "2"), item{"group": text("all"), "place": number("-2"), "extra": text("x")}), out.Items[0])

	// An update moves the item within the index, and out of it.
	_, err = client.UpdateItem(t.Context(), &ddb.UpdateItemInput{
		TableName: &table, Key: key("g", "6"), UpdateExpression: aws.String("SET place = :p"), ExpressionAttributeValues: item{":p": number("5.5")},
	})
	require.NoError(t, err)
	_, err = client.UpdateItem(t.Context(), &ddb.UpdateItemInput{TableName: &table, Key: key("g", "1"), UpdateExpression: aws.String("REMOVE place")})
	require.NoError(t, err)
	sorts, _ = query(t, client, in)
	require.Equal(t, []string{"2", "0", "6"}, sorts)
	_, err = client.DeleteItem(t.Context(), &ddb.DeleteItemInput{TableName: &table, Key: key("g", "0")})
	require.NoError(t, err)
	sorts, _ = query(t, client, in)
	require.Equal(t, []string{"2", "6"}, sorts)
}

func updatesTable(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	putItem(t, client, table, with(key("u", "1"), item{"owner": text("me")}))
	putItem(t, client, table, key("u", "2"))
	_, err := client.UpdateTable(t.Context(), &ddb.UpdateTableInput{
		TableName:            &table,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("owner"), AttributeType: types.ScalarAttributeTypeS}},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
			IndexName:  aws.String("later"),
			KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("owner"), KeyType: types.KeyTypeHash}},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}}},
	})
	require.NoError(t, err)
	active := func() bool {
		out, err := client.DescribeTable(t.Context(), &ddb.DescribeTableInput{TableName: &table})
		return err == nil && out.Table.TableStatus == types.TableStatusActive &&
			len(out.Table.GlobalSecondaryIndexes) == 1 && out.Table.GlobalSecondaryIndexes[0].IndexStatus == types.IndexStatusActive
	}
	require.Eventually(t, active, 15*time.Minute, 50*time.Millisecond)
	in := &ddb.QueryInput{
		TableName: &table, IndexName: aws.String("later"), KeyConditionExpression: aws.String("#o = :o"),
		ExpressionAttributeNames: map[string]string{"#o": "owner"}, ExpressionAttributeValues: item{":o": text("me")},
	}
	sorts, _ := query(t, client, in)
	require.Equal(t, []string{"1"}, sorts)

	for _, enabled := range []bool{true, false} {
		specification := &types.StreamSpecification{StreamEnabled: aws.Bool(enabled)}
		if enabled {
			specification.StreamViewType = types.StreamViewTypeKeysOnly
		}
		_, err = client.UpdateTable(t.Context(), &ddb.UpdateTableInput{TableName: &table, StreamSpecification: specification})
		require.NoError(t, err)
		require.Eventually(t, active, time.Minute, 50*time.Millisecond)
		out, err := client.DescribeTable(t.Context(), &ddb.DescribeTableInput{TableName: &table})
		require.NoError(t, err)
		require.Equal(t, enabled, out.Table.StreamSpecification != nil && *out.Table.StreamSpecification.StreamEnabled)
	}
}

func scans(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	var want []item
	for i := range 40 {
		stored := with(key("s"+strconv.Itoa(i), "1"), item{"n": integer(i)})
		putItem(t, client, table, stored)
		want = append(want, stored)
	}
	scan := func(in ddb.ScanInput) (items []item) {
		in.TableName = &table
		for {
			out, err := client.Scan(t.Context(), &in)
			require.NoError(t, err)
			items = append(items, out.Items...)
			if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
				return items
			}
		}
	}
	require.ElementsMatch(t, want, scan(ddb.ScanInput{}))
	require.ElementsMatch(t, want, scan(ddb.ScanInput{Limit: aws.Int32(7)}))
	require.Len(t, scan(ddb.ScanInput{
		Limit: aws.Int32(7), FilterExpression: aws.String("n >= :n"), ExpressionAttributeValues: item{":n": number("30")},
	}), 10)
	var together []item
	for segment := range int32(4) {
		together = append(together, scan(ddb.ScanInput{Segment: &segment, TotalSegments: aws.Int32(4), Limit: aws.Int32(3)})...)
	}
	require.ElementsMatch(t, want, together)
	for _, bad := range []ddb.ScanInput{
		{Segment: aws.Int32(0)}, {TotalSegments: aws.Int32(1)}, {Segment: aws.Int32(2), TotalSegments: aws.Int32(2)},
	} {
		bad.TableName = &table
		_, err := client.Scan(t.Context(), &bad)
		requireCode(t, err, validation)
	}
}

func switchTimeToLive(t *run, client *ddb.Client, table string, enabled bool) error {
	t.Helper()
	_, err := client.UpdateTimeToLive(t.Context(), &ddb.UpdateTimeToLiveInput{
		TableName:               &table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: &enabled},
	})
	return err
}

func switchesTimeToLive(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	describe := func() types.TimeToLiveDescription {
		out, err := client.DescribeTimeToLive(t.Context(), &ddb.DescribeTimeToLiveInput{TableName: &table})
		require.NoError(t, err)
		return *out.TimeToLiveDescription
	}
	require.Equal(t, types.TimeToLiveStatusDisabled, describe().TimeToLiveStatus)
	require.NoError(t, switchTimeToLive(t, client, table, true))
	require.Equal(t, types.TimeToLiveStatusEnabled, describe().TimeToLiveStatus)
	require.Equal(t, "expires", *describe().AttributeName)
	require.NoError(t, switchTimeToLive(t, client, table, false))
	require.Equal(t, types.TimeToLiveStatusDisabled, describe().TimeToLiveStatus)
}

func expires(t *run) {
	client := t.target.DynamoDB()
	table := newTable(t, client)
	require.NoError(t, switchTimeToLive(t, client, table, true))
	now := time.Now().Unix()
	for name, expiry := range map[string]value{
		"past": integer(int(now) - 10), "future": integer(int(now) + 3600), "ancient": number("1"), "text": text(strconv.FormatInt(now-10, 10)),
		"millis": integer(int(now) * 1000),
	} {
		putItem(t, client, table, with(key("ttl", name), item{"expires": expiry}))
	}
	require.Eventually(t, func() bool { return getItem(t, client, table, key("ttl", "past")) == nil }, 30*time.Second, 50*time.Millisecond)
	for _, name := range []string{"future", "ancient", "text", "millis"} {
		require.NotNil(t, getItem(t, client, table, key("ttl", name)), name)
	}
}
