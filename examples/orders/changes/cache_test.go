package changes_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/local"
)

// price is what is cached.
type price struct{ Cents int64 }

// at is a load that finds a version, with a price that follows from it.
func at(version int64) changes.Loader[price] {
	return func(context.Context) (price, int64, error) { return price{100 * version}, version, nil }
}

var errLoaded = errors.New("it was loaded")

// notAtAll is a load that must not be asked.
func notAtAll(context.Context) (price, int64, error) { return price{}, 0, errLoaded }

func TestReadThrough(t *testing.T) {
	t.Parallel()
	_, client := newTable(t)
	cache, tea := changes.NewCache(client, cacheTable), key("PRODUCT", "tea")
	read := func(load changes.Loader[price]) (int64, error) {
		p, err := changes.ReadThrough(t.Context(), cache, tea, load)
		return p.Cents, err
	}
	requireReads := func(want int64, load changes.Loader[price], why string) {
		t.Helper()
		got, err := read(load)
		require.NoError(t, err, why)
		require.Equal(t, want, got, why)
	}
	_, err := read(notAtAll)
	require.ErrorIs(t, err, errLoaded, "nothing is cached")
	requireReads(100, at(1), "loaded")
	requireReads(100, notAtAll, "cached")

	require.NoError(t, cache.Invalidate(t.Context(), tea, 2))
	requireReads(200, at(2), "loaded again")
	require.NoError(t, cache.Invalidate(t.Context(), tea, 2), "the change comes again")
	require.NoError(t, cache.Invalidate(t.Context(), tea, 1), "an older one comes late")
	requireReads(200, notAtAll, "what is cached is no older than the changes")

	got, err := changes.ReadThrough(t.Context(), cache, key("PRODUCT", "cup"), at(7))
	require.NoError(t, err)
	require.Equal(t, price{700}, got, "another key")
}

// A reader who has loaded what was there before a change, and stores it after the
// cache was told of the change, must not bring it back.
func TestWhatWasLoadedBeforeAChangeIsNotCachedAfterIt(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]func(t *testing.T, c *changes.Cache) error{
		"nothing was cached": func(*testing.T, *changes.Cache) error { return nil },
		"the new value is cached already": func(t *testing.T, c *changes.Cache) error {
			t.Helper()
			_, err := changes.ReadThrough(t.Context(), c, key("PRODUCT", "tea"), at(2))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newTable(t)
			cache, tea := changes.NewCache(client, cacheTable), key("PRODUCT", "tea")
			slow := func(ctx context.Context) (price, int64, error) {
				old, version, err := at(1)(ctx) // and now it changes
				return old, version, errors.Join(err, cache.Invalidate(ctx, tea, 2), there(t, cache))
			}
			got, err := changes.ReadThrough(t.Context(), cache, tea, slow)
			require.NoError(t, err)
			require.Equal(t, price{100}, got, "what there was when it was asked for")
			got, err = changes.ReadThrough(t.Context(), cache, tea, at(2))
			require.NoError(t, err)
			require.Equal(t, price{200}, got)
		})
	}
}

// In any order of loads, stores and changes: once the cache was told of a change
// nobody is given from it what was before.
func TestTheCacheNeverGoesBack(t *testing.T) {
	t.Parallel()
	_, client := newTable(t)
	cache, runs := changes.NewCache(client, cacheTable), 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		ctx, tea := context.Background(), key("PRODUCT", strings.Repeat("x", runs))
		var source, told int64 = 1, 0
		var read func(depth int)
		act := func(depth int) {
			switch rapid.IntRange(0, 2).Draw(t, "act") {
			case 0:
				source++
			case 1:
				told = max(told, rapid.Int64Range(1, source).Draw(t, "told"))
				require.NoError(t, cache.Invalidate(ctx, tea, told))
			default:
				read(depth)
			}
		}
		read = func(depth int) {
			floor := told // what is cached from here on is no older
			got, err := changes.ReadThrough(ctx, cache, tea, func(ctx context.Context) (price, int64, error) {
				p, version, err := at(source)(ctx)
				for range rapid.IntRange(0, 3).Draw(t, "meanwhile") {
					if depth < 3 {
						act(depth + 1)
					}
				}
				return p, version, err
			})
			require.NoError(t, err)
			require.GreaterOrEqual(t, got.Cents, 100*floor)
		}
		for range rapid.IntRange(1, 8).Draw(t, "acts") {
			act(0)
		}
	})
}

// item is what the table has.
func item(t *testing.T, client *dynamodb.Client) map[string]any {
	t.Helper()
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(cacheTable)})
	require.NoError(t, err)
	require.Len(t, out.Items, 1)
	var all map[string]any
	require.NoError(t, attributevalue.UnmarshalMap(out.Items[0], &all))
	return all
}

func change(t *testing.T, client *dynamodb.Client, name string, value types.AttributeValue) {
	t.Helper()
	id, err := attributevalue.MarshalMap(map[string]string{"pk": "PRODUCT#acme", "sk": "tea"})
	require.NoError(t, err)
	_, err = client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(cacheTable), Key: id, UpdateExpression: aws.String("SET #name = :value"),
		ExpressionAttributeNames: map[string]string{"#name": name}, ExpressionAttributeValues: map[string]types.AttributeValue{":value": value},
	})
	require.NoError(t, err)
}

func TestWhatIsCachedExpires(t *testing.T) {
	t.Parallel()
	_, client := newTable(t)
	cache, tea := changes.NewCache(client, cacheTable), key("PRODUCT", "tea")
	_, err := changes.ReadThrough(t.Context(), cache, tea, at(1))
	require.NoError(t, err)
	value := item(t, client)["ttl"].(float64)
	change(t, client, "ttl", &types.AttributeValueMemberN{Value: "1"}) // and is not removed yet
	_, err = changes.ReadThrough(t.Context(), cache, tea, notAtAll)
	require.ErrorIs(t, err, errLoaded)

	require.NoError(t, cache.Invalidate(t.Context(), tea, 2))
	mark := item(t, client)["ttl"].(float64)
	require.Greater(t, mark-value, float64(15*60), "whoever has read what was cached last can store it no more when the mark is gone")
}

func TestWhatDoesNotFitIsLoaded(t *testing.T) {
	t.Parallel()
	_, client := newTable(t)
	cache, tea := changes.NewCache(client, cacheTable), key("PRODUCT", "tea")
	_, err := changes.ReadThrough(t.Context(), cache, tea, at(1))
	require.NoError(t, err)
	change(t, client, "value", &types.AttributeValueMemberS{Value: `{"Cents": "1.00"}`}) // of an earlier release
	got, err := changes.ReadThrough(t.Context(), cache, tea, at(1))
	require.NoError(t, err)
	require.Equal(t, price{100}, got)
	_, err = changes.ReadThrough(t.Context(), cache, tea, notAtAll)
	require.NoError(t, err)

	large := func(context.Context) (string, int64, error) { return strings.Repeat("x", 500<<10), 1, nil }
	for range 2 {
		got, err := changes.ReadThrough(t.Context(), cache, key("PRODUCT", "large"), large)
		require.NoError(t, err)
		require.Len(t, got, 500<<10)
	}
}

func TestTheCacheMeetsItsOwnWrites(t *testing.T) {
	t.Parallel()
	a, client := newTable(t)
	cache, tea := changes.NewCache(client, cacheTable), key("PRODUCT", "tea")
	a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer, Times: 1})
	require.NoError(t, cache.Invalidate(t.Context(), tea, 1))
	a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer, Times: 1})
	_, err := changes.ReadThrough(t.Context(), cache, tea, at(1))
	require.NoError(t, err)
	_, err = changes.ReadThrough(t.Context(), cache, tea, notAtAll)
	require.NoError(t, err)
}
