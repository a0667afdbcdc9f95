package readmodels_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels/readmodelstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/local"
)

// noRetries leaves each failure to the sync.
func noRetries(o *s3.Options) { o.Retryer = aws.NopRetryer{} }

// newFacts is a sync of the analytics alone, with the versions that it may read again.
func newFacts(t *testing.T, c *cloud, bucket string, versions ...cqrs.Command[shop.Product]) *cqrs.DataSync[shop.Product] {
	t.Helper()
	source, err := readmodelstest.Source(t.Context(), versions)
	require.NoError(t, err)
	return cqrs.NewDataSync("product-command", cqrs.NewMemorySync(),
		readmodels.Analytics[shop.Product](c.s3(noRetries), bucket)).With(cqrs.SyncSource(source), quiet())
}

// published are versions of a product, each a day after the one before it.
func published(t *testing.T, versions int64) []cqrs.Command[shop.Product] {
	t.Helper()
	var all []cqrs.Command[shop.Product]
	for version := range versions {
		c := product(t, "tea/1", "Tea", version+1)
		c.UpdatedAt = time.Date(2026, 1, int(version)+1, 23, 59, 59, 999_999_999, time.UTC)
		all = append(all, c)
	}
	return all
}

func (c *cloud) objects(t *testing.T, bucket string) (keys []string) {
	t.Helper()
	list, err := c.s3().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	require.NoError(t, err)
	for _, object := range list.Contents {
		keys = append(keys, *object.Key)
	}
	return keys
}

func TestAnalyticsHaveEveryVersion(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	bucket, versions := c.newBucket(t), published(t, 3)
	versions[2] = deleted(versions[2])
	s := newFacts(t, c, bucket, versions...)
	require.NoError(t, s.Apply(t.Context(), versions[2]), "the newest comes first")
	for _, version := range slices.Concat(versions, versions) {
		require.NoError(t, s.Apply(t.Context(), version))
	}
	require.Equal(t, []string{
		"analytics/PRODUCT/dt=2026-01-01/tenant=acme/tea%2F1@1.json",
		"analytics/PRODUCT/dt=2026-01-02/tenant=acme/tea%2F1@2.json",
		"analytics/PRODUCT/dt=2026-01-03/tenant=acme/tea%2F1@3.json",
	}, c.objects(t, bucket))
	facts, err := readmodels.AnalyticsAll[shop.Product](t.Context(), c.s3(), bucket, shop.KindProduct)
	require.NoError(t, err)
	require.Len(t, facts, 3)
	require.Equal(t, readmodels.Fact[shop.Product]{
		Kind: "PRODUCT", Tenant: "acme", Key: "tea/1", Version: 3, Deleted: true,
		At:         time.Date(2026, 1, 3, 23, 59, 59, 999_000_000, time.UTC), // as rows have it
		Attributes: versions[2].Attributes,
	}, facts[versions[2].At(3)])
}

func TestAnalyticsAreParkedAtTheThirdAttemptAndTakenUp(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	bucket, versions := c.newBucket(t), published(t, 3)
	s := newFacts(t, c, bucket, versions...)
	outage := c.Inject(local.Fault{Service: "s3", Operation: "PutObject", Effect: local.InternalError, Times: 100})
	require.Error(t, s.Apply(t.Context(), versions[0]))
	require.Error(t, s.Apply(t.Context(), versions[0]))
	require.NoError(t, s.Apply(t.Context(), versions[0]), "parked")
	require.NoError(t, s.Apply(t.Context(), versions[1]), "parked behind it")
	require.Empty(t, c.objects(t, bucket))
	outage.Remove()

	freed, err := readmodels.NewCaretaker(cqrs.NewAlarms(new(alarms)), s).Handle(t.Context(), readmodels.TakeUp{})
	require.NoError(t, err)
	require.Equal(t, 1, freed)
	require.Len(t, c.objects(t, bucket), 2)
	require.NoError(t, s.Apply(t.Context(), versions[2]))
	require.Len(t, c.objects(t, bucket), 3)
}

func TestAVersionThatIsThereTwiceIsAnError(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	bucket, versions := c.newBucket(t), published(t, 1)
	require.NoError(t, newFacts(t, c, bucket, versions...).Apply(t.Context(), versions[0]))
	versions[0].UpdatedAt = versions[0].UpdatedAt.AddDate(0, 0, 1)
	require.NoError(t, newFacts(t, c, bucket, versions...).Apply(t.Context(), versions[0]))
	_, err := readmodels.AnalyticsAll[shop.Product](t.Context(), c.s3(), bucket, shop.KindProduct)
	require.ErrorContains(t, err, "twice")
}
