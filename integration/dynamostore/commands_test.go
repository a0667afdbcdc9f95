package dynamostore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// meter counts requests and what they are billed for.
type meter struct {
	*dynamodb.Client

	mu       sync.Mutex
	requests []string
	units    float64
}

func (m *meter) note(name string, capacity ...types.ConsumedCapacity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, name)
	for _, c := range capacity {
		m.units += aws.ToFloat64(c.CapacityUnits)
	}
}

// take returns what was counted since the last take.
func (m *meter) take() (requests []string, units float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	requests, units = m.requests, m.units
	m.requests, m.units = nil, 0
	return requests, units
}

func (m *meter) PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.PutItem(ctx, in, opts...)
	if err == nil && out.ConsumedCapacity != nil {
		m.note("PutItem", *out.ConsumedCapacity)
	} else {
		m.note("PutItem")
	}
	return out, err
}

func (m *meter) GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	m.note("GetItem")
	return m.Client.GetItem(ctx, in, opts...)
}

func (m *meter) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	m.note("UpdateItem")
	return m.Client.UpdateItem(ctx, in, opts...)
}

func (m *meter) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.TransactWriteItems(ctx, in, opts...)
	if err == nil {
		m.note("TransactWriteItems", out.ConsumedCapacity...)
	} else {
		m.note("TransactWriteItems")
	}
	return out, err
}

func commandTables(t *testing.T, c *dynamodb.Client) dynamostore.Tables {
	t.Helper()
	return dynamostore.Tables{Command: table(t, c, "pk", "sk"), Data: table(t, c, "pk", "sk"), History: table(t, c, "pk", "sk")}
}

type order struct {
	Total int64    `json:"total"`
	Tags  []string `json:"tags,omitempty"`
}

func orderKey(sk string) cqrs.Key { return cqrs.Key{PK: "ORDER#acme", SK: sk} }

func newOrder(sk string) cqrs.Command[order] {
	return cqrs.Command[order]{Key: orderKey(sk), Name: "Order " + sk, Attributes: order{Total: 100}}
}

func TestCommandStoreConformance(t *testing.T) {
	t.Parallel()
	cqrstest.CommandStore(t, func(t *testing.T) command.Store {
		t.Helper()
		c, _ := client(t)
		return dynamostore.NewCommands(c, commandTables(t, c))
	})
}

func TestLayoutIsThatOfTheReferenceSystem(t *testing.T) {
	t.Parallel()
	require.Equal(t, dynamostore.Tables{Command: "dev-shop-order-command", Data: "dev-shop-order-data", History: "dev-shop-order-history"},
		dynamostore.TablesOf("dev-shop", "order"))
	c, _ := client(t)
	tables := commandTables(t, c)
	s := command.New(command.Config[order]{Store: dynamostore.NewCommands(c, tables)})
	_, err := s.PublishSync(t.Context(), newOrder("1"))
	require.NoError(t, err)
	text := func(i map[string]types.AttributeValue, name string) string {
		v, ok := i[name].(*types.AttributeValueMemberS)
		require.True(t, ok, name)
		return v.Value
	}
	row := items(t, c, tables.Command)[0]
	require.Equal(t, "ORDER#acme", text(row, "pk"))
	require.Equal(t, "1@1", text(row, "sk"))
	require.Equal(t, "ORDER#acme#1", text(row, "id"))
	require.Equal(t, "acme", text(row, "tenantCode"))
	require.Equal(t, "ORDER", text(row, "type"))
	require.Equal(t, &types.AttributeValueMemberN{Value: "1"}, row["version"])
	require.Equal(t, &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
		"total": &types.AttributeValueMemberN{Value: "100"},
	}}, row["attributes"])
	_, err = time.Parse("2006-01-02T15:04:05.000Z", text(row, "createdAt"))
	require.NoError(t, err)
	data := items(t, c, tables.Data)[0]
	require.Equal(t, "1", text(data, "sk"))
	require.Equal(t, "ORDER#acme", text(data, "cpk"))
	require.Equal(t, "1@1", text(data, "csk"))
	require.Equal(t, "1@1", text(items(t, c, tables.History)[0], "sk"))
}

// TestRowsOfTheReferenceSystemAreRead puts what it writes, and goes on from it.
func TestRowsOfTheReferenceSystemAreRead(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	tables := commandTables(t, c)
	s := command.New(command.Config[order]{Store: dynamostore.NewCommands(c, tables)})
	str := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	row := map[string]types.AttributeValue{
		"pk": str("ORDER#acme"), "sk": str("1@3"), "id": str("ORDER#acme#1"), "code": str("1"), "name": str("Order"),
		"tenantCode": str("acme"), "type": str("ORDER"), "version": &types.AttributeValueMemberN{Value: "3"},
		"attributes": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"total": &types.AttributeValueMemberN{Value: "7"}, "legacy": str("kept"),
		}},
		"status": str("finish:FINISHED"), "syncMode": str("ASYNC"), "taskToken": str("secret"), "source": str("POST"),
		"createdAt": str("2024-05-01T09:00:00+09:00"), "updatedAt": str("2024-05-02T09:00:00+09:00"), "createdBy": str("ann"),
	}
	put := func(table string, row map[string]types.AttributeValue) {
		_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: row})
		require.NoError(t, err)
	}
	put(tables.Command, row)
	row["sk"], row["cpk"], row["csk"] = str("1"), str("ORDER#acme"), str("1@3")
	put(tables.Data, row)

	got, err := s.Get(t.Context(), orderKey("1"))
	require.NoError(t, err)
	require.Equal(t, int64(3), got.Version)
	require.Equal(t, time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), got.CreatedAt)
	updated, err := s.Update(t.Context(), orderKey("1"), func(o *cqrs.Command[order]) error {
		o.Attributes.Total++
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, int64(4), updated.Version)
	require.Equal(t, got.CreatedAt, updated.CreatedAt)
	for _, i := range items(t, c, tables.Command) {
		if i["sk"].(*types.AttributeValueMemberS).Value != "1@4" {
			continue
		}
		require.Contains(t, i["attributes"].(*types.AttributeValueMemberM).Value, "legacy", "what the type does not know survives")
		require.NotContains(t, i, "taskToken")
		require.NotContains(t, i, "status")
	}
}

func TestCostInRequestsAndUnits(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	m := &meter{Client: c}
	store := dynamostore.NewCommands(m, commandTables(t, c))
	s := command.New(command.Config[order]{Store: store})
	cost := func(wantRequests []string, wantUnits float64, what string) {
		t.Helper()
		requests, units := m.take()
		require.Equal(t, wantRequests, requests, what)
		require.InDelta(t, wantUnits, units, 0, what)
	}
	first, err := s.Publish(t.Context(), newOrder("1"))
	require.NoError(t, err)
	cost([]string{"PutItem"}, 1, "create")

	changed := first
	changed.Attributes.Total = 200
	second, err := s.Publish(t.Context(), changed)
	require.NoError(t, err)
	cost([]string{"PutItem"}, 1, "publish what was read here")

	_, err = s.Publish(t.Context(), second)
	require.NoError(t, err)
	cost(nil, 0, "unchanged")

	elsewhere := command.New(command.Config[order]{Store: store})
	second.Attributes.Total = 300
	_, err = elsewhere.Publish(t.Context(), second)
	require.NoError(t, err)
	cost([]string{"GetItem", "PutItem"}, 1, "publish what was read elsewhere")

	_, err = s.PublishSync(t.Context(), newOrder("2"))
	require.NoError(t, err)
	cost([]string{"TransactWriteItems"}, 6, "publish synchronously")

	_, err = s.Update(t.Context(), orderKey("2"), func(o *cqrs.Command[order]) error { o.Attributes.Total++; return nil })
	require.NoError(t, err)
	cost([]string{"GetItem", "PutItem"}, 1, "update")

	row, err := store.GetCommand(t.Context(), orderKey("2"), 2)
	require.NoError(t, err)
	m.take()
	require.NoError(t, store.Project(t.Context(), row))
	cost([]string{"PutItem", "PutItem"}, 2, "project")

	_, err = s.GetVersion(t.Context(), orderKey("2"), command.Latest)
	require.NoError(t, err)
	cost([]string{"GetItem", "GetItem"}, 0, "the newest version")
}

func TestLostAnswersAreOurOwn(t *testing.T) {
	t.Parallel()
	c, f := client(t)
	tables := commandTables(t, c)
	s := command.New(command.Config[order]{Store: dynamostore.NewCommands(c, tables)})
	f.Take()

	f.LoseAnswer()
	_, err := s.Publish(t.Context(), newOrder("1"))
	require.NoError(t, err)
	require.Equal(t, []string{"PutItem", "PutItem"}, f.Take())

	f.LoseAnswer()
	_, err = s.PublishSync(t.Context(), newOrder("2"))
	require.NoError(t, err)
	require.Len(t, items(t, c, tables.Command), 2)

	// The caller tries again, in another process.
	retried := newOrder("3")
	retried.RequestID = "message-1"
	for range 2 {
		other := command.New(command.Config[order]{Store: dynamostore.NewCommands(c, tables)})
		published, err := other.PublishSync(t.Context(), retried)
		require.NoError(t, err)
		require.Equal(t, int64(1), published.Version)
	}
	retried.Attributes.Total = 5
	_, err = s.Publish(t.Context(), retried)
	require.ErrorIs(t, err, cqrs.ErrVersionConflict)
}

// recording keeps the bodies of requests.
type recording struct {
	*dynamodb.Client

	tokens []string
	bodies []string
}

func (r *recording) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	r.tokens = append(r.tokens, aws.ToString(in.ClientRequestToken))
	var body strings.Builder
	for _, i := range in.TransactItems {
		names := make([]string, 0, len(i.Put.Item))
		for name := range i.Put.Item {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&body, "%s=%v;", name, i.Put.Item[name])
		}
	}
	r.bodies = append(r.bodies, body.String())
	return r.Client.TransactWriteItems(ctx, in, opts...)
}

func reasons(codes ...string) error {
	err := &types.TransactionCanceledException{Message: aws.String("cancelled")}
	for _, code := range codes {
		err.CancellationReasons = append(err.CancellationReasons, types.CancellationReason{Code: aws.String(code)})
	}
	return err
}

func TestTransactionsAreRetriedUnchanged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		codes []string
		calls int
		ok    bool
	}{
		"another transaction": {[]string{"None", "TransactionConflict", "None"}, 2, true},
		"throttled":           {[]string{"ThrottlingError", "None", "ProvisionedThroughputExceeded"}, 2, true},
		"a condition as well": {[]string{"TransactionConflict", "ConditionalCheckFailed", "None"}, 1, false},
		"invalid":             {[]string{"None", "ValidationError", "None"}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, f := client(t)
			r := &recording{Client: c}
			s := command.New(command.Config[order]{Store: dynamostore.NewCommands(r, commandTables(t, c))})
			f.Fail(400, reasons(test.codes...))
			_, err := s.PublishSync(t.Context(), newOrder("1"))
			require.Equal(t, test.ok, err == nil, "%v", err)
			require.Len(t, r.bodies, test.calls)
			require.Len(t, slices.Compact(slices.Clone(r.bodies)), 1)
			require.Len(t, slices.Compact(slices.Clone(r.tokens)), 1)
			require.Len(t, r.tokens[0], 36)
		})
	}
}

func TestConflictsOfOtherTransactionsAreRetried(t *testing.T) {
	t.Parallel()
	c, f := client(t)
	s := command.New(command.Config[order]{Store: dynamostore.NewCommands(c, commandTables(t, c))})
	f.Fail(400, &types.TransactionConflictException{})
	_, err := s.Publish(t.Context(), newOrder("1"))
	require.NoError(t, err)
}

func TestItemsThatAreTooLargeAreRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	c, f := client(t)
	s := command.New(command.Config[order]{Store: dynamostore.NewCommands(c, commandTables(t, c))})
	f.Take()
	large := newOrder("1")
	large.Attributes.Tags = []string{strings.Repeat("x", 401<<10)}
	_, err := s.Publish(t.Context(), large)
	require.ErrorIs(t, err, cqrs.ErrTooLarge)
	_, err = s.PublishSync(t.Context(), large)
	require.ErrorIs(t, err, cqrs.ErrTooLarge)
	require.Empty(t, f.Take())
}

// fixedTTL gives tables times to live.
type fixedTTL map[string]int

func (f fixedTTL) Days(_ context.Context, table, tenant string) (int, error) {
	if tenant != "acme" {
		return 0, nil
	}
	return f[table], nil
}

func ttlOf(i map[string]types.AttributeValue) string {
	if n, ok := i["ttl"].(*types.AttributeValueMemberN); ok {
		return n.Value
	}
	return ""
}

func TestTimesToLive(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	tables := commandTables(t, c)
	tables.TTL = fixedTTL{tables.Command: 1, tables.Data: 100, tables.History: 10}
	s := command.New(command.Config[order]{Store: dynamostore.NewCommands(c, tables)})
	first, err := s.PublishSync(t.Context(), newOrder("1"))
	require.NoError(t, err)
	days := func(n int) string { return fmt.Sprint(first.UpdatedAt.AddDate(0, 0, n).Unix()) }
	require.Equal(t, days(100), ttlOf(items(t, c, tables.Command)[0]), "the newest command is kept as long as the data")
	require.Equal(t, days(100), ttlOf(items(t, c, tables.Data)[0]))
	require.Equal(t, days(10), ttlOf(items(t, c, tables.History)[0]))

	again, err := s.Publish(t.Context(), cqrs.Command[order]{Key: first.Key, Version: 1, ID: first.ID, Name: first.Name, Attributes: first.Attributes})
	require.NoError(t, err)
	require.Equal(t, int64(1), again.Version, "unchanged, whatever the time to live")

	first.Attributes.Total = 200
	second, err := s.PublishSync(t.Context(), first)
	require.NoError(t, err)
	for _, i := range items(t, c, tables.Command) {
		want := second.UpdatedAt.AddDate(0, 0, 100).Unix()
		if i["sk"].(*types.AttributeValueMemberS).Value == "1@1" {
			want = second.UpdatedAt.AddDate(0, 0, 1).Unix()
		}
		require.Equal(t, fmt.Sprint(want), ttlOf(i), "a superseded command has the table's")
	}

	other := newOrder("1")
	other.PK = "ORDER#other"
	_, err = s.PublishSync(t.Context(), other)
	require.NoError(t, err)
	for _, i := range items(t, c, tables.Data) {
		if i["pk"].(*types.AttributeValueMemberS).Value == "ORDER#other" {
			require.Empty(t, ttlOf(i))
		}
	}
	own := newOrder("2")
	own.TTL = time.Unix(4_000_000_000, 0)
	_, err = s.Publish(t.Context(), own)
	require.NoError(t, err)
	row, err := dynamostore.NewCommands(c, tables).GetCommand(t.Context(), own.Key, 1)
	require.NoError(t, err)
	require.Equal(t, own.TTL.UTC(), row.TTL)
}

func TestMasterTTLIsReadOnce(t *testing.T) {
	t.Parallel()
	c, f := client(t)
	master := table(t, c, "pk", "sk")
	_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &master, Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "MASTER#acme"}, "sk": &types.AttributeValueMemberS{Value: "TTL#dev-data"},
		"attributes": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"days": &types.AttributeValueMemberN{Value: "30"}}},
	}})
	require.NoError(t, err)
	ttl := dynamostore.NewMasterTTL(c, master, time.Hour)
	f.Take()
	for range 3 {
		n, err := ttl.Days(t.Context(), "dev-data", "acme")
		require.NoError(t, err)
		require.Equal(t, 30, n)
		n, err = ttl.Days(t.Context(), "dev-data", "other")
		require.NoError(t, err)
		require.Zero(t, n)
	}
	require.Equal(t, []string{"GetItem", "GetItem"}, f.Take())
}

func TestCounterGivesEachNumberOnce(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	sequence := command.Sequence{
		Counter: dynamostore.NewCounter(c, table(t, c, "pk", "sk")), Type: "invoice",
		Rotation: command.RotateYearly, Format: "INV-%%code1%%-%%no#:0>5%%",
	}
	var (
		mu   sync.Mutex
		seen = map[string]bool{}
		wait sync.WaitGroup
	)
	for range 20 {
		wait.Go(func() {
			n, err := sequence.Next(context.Background(), "acme", "X")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				seen[n.Formatted] = true
			}
		})
	}
	wait.Wait()
	require.Len(t, seen, 20)
	require.True(t, seen["INV-X-00001"] && seen["INV-X-00020"])
	n, err := sequence.Next(t.Context(), "other", "X")
	require.NoError(t, err)
	require.Equal(t, int64(1), n.No)
}
