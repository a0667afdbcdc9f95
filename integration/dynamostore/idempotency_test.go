package dynamostore_test

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/integration/faults"
)

// clock stands still until a test moves it.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

// bench is a store with its table, its clock and what can go wrong with it.
type bench struct {
	store  cqrs.IdempotencyStore
	clock  *clock
	faults *faults.Faults
	client *dynamodb.Client
	table  string
}

func newBench(t *testing.T, opts ...dynamostore.IdempotencyOption) *bench {
	t.Helper()
	c, f := client(t)
	b := &bench{clock: newClock(), faults: f, client: c, table: table(t, c, "id")}
	b.store = dynamostore.NewIdempotency(c, b.table, append([]dynamostore.IdempotencyOption{dynamostore.IdempotencyClock(b.clock.Now)}, opts...)...)
	f.Take()
	return b
}

// claim is one of owner's, with a lease of a minute and an hour to live.
func (b *bench) claim(owner string) cqrs.Claim {
	now := b.clock.Now()
	return cqrs.Claim{Key: "k", Owner: owner, PayloadHash: "h", LeaseUntil: now.Add(time.Minute), ExpiresAt: now.Add(time.Hour)}
}

func (b *bench) acquired(t *testing.T, owner string) cqrs.Claim {
	t.Helper()
	c := b.claim(owner)
	o, err := b.store.Acquire(t.Context(), c)
	require.NoError(t, err)
	require.Nil(t, o)
	return c
}

func TestOneRunAndItsReplays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.acquired(t, "a")
	require.Equal(t, []string{"PutItem"}, b.faults.Take(), "a claim is one request")
	require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{Result: []byte(`{"a":1}`)}))
	require.Equal(t, []string{"PutItem"}, b.faults.Take(), "an outcome is one request")
	for range 3 {
		o, err := b.store.Acquire(t.Context(), b.claim("b"))
		require.NoError(t, err)
		require.Equal(t, &cqrs.Outcome{Result: []byte(`{"a":1}`)}, o)
		require.Equal(t, []string{"PutItem"}, b.faults.Take(), "a replay is one request")
	}
}

func TestReleasedKeysRunAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.acquired(t, "a")
	b.faults.Take()
	require.NoError(t, b.store.Release(t.Context(), c))
	require.Equal(t, []string{"DeleteItem"}, b.faults.Take(), "a release is one request")
	require.Empty(t, items(t, b.client, b.table))
	b.acquired(t, "b")
}

func TestResultsReplayExactly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, o := range []cqrs.Outcome{
		{},
		{Result: []byte("null")},
		{Result: []byte("0")},
		{Result: []byte(`""`)},
		{Result: []byte("false")},
		{Result: []byte("[]")},
		{Result: []byte("{}")},
		{Result: []byte(" {\"a\" :\t1.0e+2} \n")},
		{Result: []byte("9007199254740993")},
		{Result: []byte(`"` + strings.Repeat("9", 5000) + `"`)},
		{Result: []byte("\"\xff\xfe\"")},
		{Result: []byte(`"\u0000 \ud83d\ude00 😀"`)},
		{ErrorName: "CardDeclined", ErrorCause: "no \"money\"\n語"},
		{ErrorName: "N", Result: []byte("1")},
	} {
		c := b.claim("a")
		c.Key = strconv.Itoa(i)
		_, err := b.store.Acquire(t.Context(), c)
		require.NoError(t, err)
		require.NoError(t, b.store.Complete(t.Context(), c, o))
		c.Owner = "b"
		replay, err := b.store.Acquire(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, &o, replay)
	}
}

func TestWhileAnotherRunHoldsTheKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.acquired(t, "a")
	before := items(t, b.client, b.table)
	o, err := b.store.Acquire(t.Context(), b.claim("b"))
	require.ErrorIs(t, err, cqrs.ErrInProgress)
	require.Nil(t, o)
	require.Equal(t, before, items(t, b.client, b.table))
}

func TestThePayloadIsLookedAtBeforeTheStatus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := func() error {
		c := b.claim("b")
		c.PayloadHash = "other"
		_, err := b.store.Acquire(t.Context(), c)
		return err
	}
	c := b.acquired(t, "a")
	require.ErrorIs(t, other(), cqrs.ErrPayloadMismatch, "in progress")
	require.NotErrorIs(t, other(), cqrs.ErrInProgress)
	b.clock.advance(2 * time.Minute)
	require.ErrorIs(t, other(), cqrs.ErrPayloadMismatch, "its lease has passed")
	require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{}))
	require.ErrorIs(t, other(), cqrs.ErrPayloadMismatch, "completed")
	b.clock.advance(2 * time.Hour)
	require.NoError(t, other(), "the key is as good as unknown")

	b = newBench(t)
	c = b.claim("a")
	c.PayloadHash = ""
	_, err := b.store.Acquire(t.Context(), c)
	require.NoError(t, err)
	require.ErrorIs(t, other(), cqrs.ErrPayloadMismatch, "an empty hash is one like any other")
}

func TestALeaseIsTakenOverWhenItHasPassed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	zombie := b.acquired(t, "zombie")
	b.clock.advance(time.Minute - time.Millisecond)
	_, err := b.store.Acquire(t.Context(), b.claim("b"))
	require.ErrorIs(t, err, cqrs.ErrInProgress)
	b.clock.advance(time.Millisecond)
	c := b.acquired(t, "b")

	during := items(t, b.client, b.table)
	require.ErrorIs(t, b.store.Complete(t.Context(), zombie, cqrs.Outcome{Result: []byte("1")}), cqrs.ErrLeaseLost)
	require.ErrorIs(t, b.store.Release(t.Context(), zombie), cqrs.ErrLeaseLost)
	require.Equal(t, during, items(t, b.client, b.table), "the successor's claim is untouched")

	require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{Result: []byte("2")}))
	done := items(t, b.client, b.table)
	require.ErrorIs(t, b.store.Complete(t.Context(), zombie, cqrs.Outcome{Result: []byte("1")}), cqrs.ErrLeaseLost)
	require.ErrorIs(t, b.store.Release(t.Context(), zombie), cqrs.ErrLeaseLost)
	require.Equal(t, done, items(t, b.client, b.table), "and so is its outcome")
}

func TestARunThatIsLateMayCompleteWhileNobodyTookOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.acquired(t, "a")
	b.clock.advance(10 * time.Minute)
	require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{Result: []byte("1")}))
}

func TestALeaseOfNoTimeIsOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.claim("a")
	c.LeaseUntil = b.clock.Now()
	_, err := b.store.Acquire(t.Context(), c)
	require.NoError(t, err)
	b.acquired(t, "b")
}

func TestALeaseEndsNoSooner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.claim("a")
	c.LeaseUntil = b.clock.Now().Add(time.Second + 900*time.Microsecond)
	_, err := b.store.Acquire(t.Context(), c)
	require.NoError(t, err)
	b.clock.advance(time.Second + 500*time.Microsecond)
	_, err = b.store.Acquire(t.Context(), b.claim("b"))
	require.ErrorIs(t, err, cqrs.ErrInProgress)
}

func TestSkewedClocks(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamostore.IdempotencySkew(2*time.Second))
	once := b.store.(interface {
		AcquireOnce(context.Context, cqrs.Claim) (*cqrs.Outcome, error)
	})
	b.acquired(t, "a")
	b.clock.advance(time.Minute + 2*time.Second - time.Millisecond)
	_, err := b.store.Acquire(t.Context(), b.claim("b"))
	require.ErrorIs(t, err, cqrs.ErrInProgress, "the other clock may not be so far")
	_, err = once.AcquireOnce(t.Context(), b.claim("b"))
	require.ErrorIs(t, err, cqrs.ErrInProgress)
	b.clock.advance(time.Millisecond)
	_, err = once.AcquireOnce(t.Context(), b.claim("b"))
	require.ErrorIs(t, err, cqrs.ErrAbandoned)
	b.acquired(t, "b")
}

func TestAbandonedKeysStay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	once := func(owner string) error {
		_, err := b.store.(interface {
			AcquireOnce(context.Context, cqrs.Claim) (*cqrs.Outcome, error)
		}).AcquireOnce(t.Context(), b.claim(owner))
		return err
	}
	require.NoError(t, once("a"))
	require.NoError(t, once("a"), "its own claim")
	require.ErrorIs(t, once("b"), cqrs.ErrInProgress)
	b.clock.advance(2 * time.Minute)
	before := items(t, b.client, b.table)
	b.faults.Take()
	require.ErrorIs(t, once("b"), cqrs.ErrAbandoned)
	require.Equal(t, []string{"PutItem"}, b.faults.Take())
	require.Equal(t, before, items(t, b.client, b.table))
	b.clock.advance(time.Hour)
	require.NoError(t, once("b"), "nobody remembers it")
}

func TestExpiredRecordsCountAsAbsent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.acquired(t, "a")
	require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{Result: []byte("1")}))
	b.clock.advance(time.Hour - time.Millisecond)
	o, err := b.store.Acquire(t.Context(), b.claim("b"))
	require.NoError(t, err)
	require.NotNil(t, o)
	b.clock.advance(time.Millisecond)
	b.acquired(t, "b")
	require.Len(t, items(t, b.client, b.table), 1, "DynamoDB had not deleted it")
	require.ErrorIs(t, b.store.Complete(t.Context(), c, cqrs.Outcome{}), cqrs.ErrLeaseLost)
}

func TestWhatIsStored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.acquired(t, "a")
	c.ExpiresAt = c.ExpiresAt.Add(time.Millisecond)
	require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{Result: []byte("1")}))
	require.Equal(t, []map[string]types.AttributeValue{{
		"id":                     &types.AttributeValueMemberS{Value: "k"},
		"owner":                  &types.AttributeValueMemberS{Value: "a"},
		"status":                 &types.AttributeValueMemberS{Value: "COMPLETED"},
		"validation":             &types.AttributeValueMemberS{Value: "h"},
		"in_progress_expiration": &types.AttributeValueMemberN{Value: strconv.FormatInt(c.LeaseUntil.UnixMilli(), 10)},
		"expires":                &types.AttributeValueMemberN{Value: strconv.FormatInt(c.ExpiresAt.UnixMilli(), 10)},
		"expiration":             &types.AttributeValueMemberN{Value: strconv.FormatInt(c.ExpiresAt.Unix()+1, 10)},
		"data":                   &types.AttributeValueMemberS{Value: "1"},
	}}, items(t, b.client, b.table))
}

func TestOtherNames(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	name := table(t, c, "pk", "sk")
	k := newClock()
	store := dynamostore.NewIdempotency(c, name, dynamostore.IdempotencyClock(k.Now), dynamostore.IdempotencyAttributes(dynamostore.IdempotencyNames{
		Key: "pk", Sort: "sk", Status: "a b", Owner: "size", Payload: "#p", Lease: "l.l", Expires: "e", TTL: "ttl", Result: "values",
		ErrorName: "n", ErrorCause: "c",
	}))
	b := &bench{store: store, clock: k}
	claim := b.acquired(t, "a")
	_, err := store.Acquire(t.Context(), b.claim("b"))
	require.ErrorIs(t, err, cqrs.ErrInProgress)
	require.NoError(t, store.Complete(t.Context(), claim, cqrs.Outcome{ErrorName: "N", ErrorCause: "C", Result: []byte("1")}))
	o, err := store.Acquire(t.Context(), b.claim("b"))
	require.NoError(t, err)
	require.Equal(t, &cqrs.Outcome{ErrorName: "N", ErrorCause: "C", Result: []byte("1")}, o)
	stored := items(t, c, name)[0]
	require.Equal(t, &types.AttributeValueMemberS{Value: "idempotency"}, stored["sk"])
	require.Contains(t, stored, "ttl")
	k.advance(2 * time.Hour)
	claim = b.acquired(t, "b")
	require.NoError(t, store.Release(t.Context(), claim))
	require.Empty(t, items(t, c, name))
}

func TestKeysThatDynamoDBDoesNotTake(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	long := strings.Repeat("k", 3000)
	for _, key := range []string{long, long + "k", "a\xff", "a\xfe", strings.Repeat("k", 2048)} {
		c := b.claim("a")
		c.Key = key
		o, err := b.store.Acquire(t.Context(), c)
		require.NoError(t, err)
		require.Nil(t, o, "%.20q is a key of its own", key)
	}
	require.Len(t, items(t, b.client, b.table), 5)
}

func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var won, held atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			_, err := b.store.Acquire(t.Context(), b.claim(strconv.Itoa(i)))
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, cqrs.ErrInProgress):
				held.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
	require.EqualValues(t, 31, held.Load())
}

func TestResultsThatDoNotFit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.acquired(t, "a")
	low, high := 400_000, 400<<10
	for low < high-1 { // the largest result that the store takes
		middle := (low + high) / 2
		if errors.Is(b.store.Complete(t.Context(), b.claim("n"), cqrs.Outcome{Result: result(middle)}), cqrs.ErrTooLarge) {
			high = middle
		} else {
			low = middle
		}
	}
	require.Greater(t, low, 400<<10-300)
	b.faults.Take()
	err := b.store.Complete(t.Context(), c, cqrs.Outcome{Result: result(high)})
	require.ErrorIs(t, err, cqrs.ErrTooLarge)
	require.Less(t, len(err.Error()), 300)
	require.Empty(t, b.faults.Take(), "it is known before any request")
	require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{Result: result(low)}), "DynamoDB agrees")

	b.clock.advance(2 * time.Hour)
	c = b.acquired(t, "b")
	require.NoError(t, b.store.Complete(t.Context(), c, cqrs.Outcome{ErrorName: "N", ErrorCause: strings.Repeat("語", 200_000)}))
	o, err := b.store.Acquire(t.Context(), b.claim("c"))
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(o.ErrorCause, "語…"), "cut to what Step Functions takes")
}

func result(bytes int) []byte { return []byte(`"` + strings.Repeat("x", bytes-2) + `"`) }

func TestResultsThatAreKeptElsewhere(t *testing.T) {
	t.Parallel()
	kept := &memoryBlobs{all: map[string][]byte{}}
	b := newBench(t, dynamostore.IdempotencyBlobs(kept))
	c := b.acquired(t, "a")
	large := cqrs.Outcome{Result: result(1 << 20)}
	require.NoError(t, b.store.Complete(t.Context(), c, large))
	require.NoError(t, b.store.Complete(t.Context(), c, large), "again")
	o, err := b.store.Acquire(t.Context(), b.claim("b"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(large.Result, o.Result))

	without := dynamostore.NewIdempotency(b.client, b.table, dynamostore.IdempotencyClock(b.clock.Now))
	_, err = without.Acquire(t.Context(), b.claim("b"))
	require.ErrorContains(t, err, "IdempotencyBlobs")

	kept.err = errors.New("bucket is away")
	_, err = b.store.Acquire(t.Context(), b.claim("b"))
	require.ErrorIs(t, err, kept.err)
	b.clock.advance(2 * time.Hour)
	c = b.acquired(t, "c")
	b.faults.Take()
	require.ErrorIs(t, b.store.Complete(t.Context(), c, large), kept.err)
	require.Empty(t, b.faults.Take(), "nothing is stored that refers to nothing")
}

type memoryBlobs struct {
	all map[string][]byte
	err error
}

func (m *memoryBlobs) Put(_ context.Context, key string, content []byte) (command.BlobRef, error) {
	m.all[key] = bytes.Clone(content)
	return command.BlobRef{URI: key, Size: int64(len(content))}, m.err
}

func (m *memoryBlobs) Get(_ context.Context, ref command.BlobRef) ([]byte, error) {
	return m.all[ref.URI], m.err
}

func (m *memoryBlobs) Delete(context.Context, command.BlobRef) error { return nil }

func TestRecordsOfSomebodyElse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	put := func(item map[string]types.AttributeValue) error {
		item["id"] = &types.AttributeValueMemberS{Value: "k"}
		_, err := b.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(b.table), Item: item})
		require.NoError(t, err)
		_, err = b.store.Acquire(t.Context(), b.claim("a"))
		return err
	}
	hash := &types.AttributeValueMemberS{Value: "h"}
	require.ErrorContains(t, put(map[string]types.AttributeValue{"validation": hash, "status": &types.AttributeValueMemberS{Value: "EXPIRED"}}), `unknown status "EXPIRED"`)
	require.ErrorIs(t, put(map[string]types.AttributeValue{}), cqrs.ErrPayloadMismatch)
	require.ErrorContains(t, put(map[string]types.AttributeValue{
		"validation": hash, "status": &types.AttributeValueMemberS{Value: "COMPLETED"}, "blob": &types.AttributeValueMemberS{Value: "x"},
	}), "IdempotencyBlobs")
}
