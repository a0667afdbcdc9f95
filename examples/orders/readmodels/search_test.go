package readmodels_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/local"
)

// catalogue is a search index of products, alone.
type catalogue struct {
	*testing.T

	client   *dynamodb.Client
	table    string
	sync     *cqrs.DataSync[shop.Product]
	outcomes []cqrs.SyncOutcome
}

func newCatalogue(t *testing.T, c *cloud) *catalogue {
	t.Helper()
	s := &catalogue{T: t, client: c.dynamodb(), table: c.newTable(t)}
	s.sync = cqrs.NewDataSync("product-command", cqrs.NewMemorySync(),
		readmodels.Search(s.client, s.table, readmodels.ProductText),
	).With(quiet(), cqrs.OnSync(func(_ context.Context, r cqrs.SyncResult) { s.outcomes = append(s.outcomes, r.Outcome) }))
	return s
}

func product(t require.TestingT, sku, name string, version int64) cqrs.Command[shop.Product] {
	key, err := shop.ProductKey("acme", sku)
	require.NoError(t, err)
	return cqrs.Command[shop.Product]{
		Key: key, TenantCode: "acme", Version: version, Attributes: shop.Product{SKU: sku, Name: name, Price: 100 * version},
	}
}

func deleted[A any](c cqrs.Command[A]) cqrs.Command[A] {
	c.Deleted = true
	return c
}

// finds returns the SKUs that a query finds.
func (s *catalogue) finds(tenant, query string) []string {
	s.Helper()
	found, err := readmodels.Find[shop.Product](s.Context(), s.client, s.table, shop.KindProduct, tenant, query)
	require.NoError(s, err)
	var skus []string
	for _, p := range found {
		skus = append(skus, p.Attributes.SKU)
	}
	return slices.Sorted(slices.Values(skus))
}

func TestFind(t *testing.T) {
	t.Parallel()
	s := newCatalogue(t, newCloud(t))
	other := product(t, "tea-9", "Green tea", 1)
	other.PK, other.TenantCode = "PRODUCT#other", "other"
	for _, c := range []cqrs.Command[shop.Product]{
		product(t, "tea-1", "Green tea, Uji", 1), product(t, "tea-2", "Black TEA", 1), product(t, "cup-1", "Cup (green)", 1), other,
		product(t, "tea-2", "Oolong", 2), deleted(product(t, "tea-3", "Green tea", 1)), product(t, "ö-1", "Öl", 1),
	} {
		require.NoError(t, s.sync.Apply(t.Context(), c))
	}
	for query, want := range map[string][]string{
		"green":     {"cup-1", "tea-1"},
		"TEA Green": {"tea-1"},
		"tea-1":     {"tea-1"},
		"black":     nil, // what tea-2 was
		"oolong":    {"tea-2"},
		"gree":      nil, // words, and no parts of them
		"ÖL":        {"ö-1"},
	} {
		require.Equal(t, want, s.finds("acme", query), query)
	}
	require.Equal(t, []string{"tea-9"}, s.finds("other", "green tea"))
	_, err := readmodels.Find[shop.Product](t.Context(), s.client, s.table, shop.KindProduct, "acme", " – ")
	require.True(t, cqrs.IsPermanent(err), err)
}

func TestOrdersAreFoundByNumberCustomerStatusAndProduct(t *testing.T) {
	t.Parallel()
	text := readmodels.OrderText(shop.Order{
		Number: "1001", Customer: "ada@example.com", Status: shop.Paid, Lines: []shop.Line{{SKU: "tea-1"}, {SKU: "cup-2"}},
	})
	require.Equal(t, "1001 ada@example.com PAID tea-1 cup-2", text)
}

func TestTheSearchIndexIsItsOwnGate(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	at := func(version int64) cqrs.Command[shop.Product] { return product(t, "tea-1", "Tea", version) }
	for name, test := range map[string]struct {
		there, comes cqrs.Command[shop.Product]
		outcome      cqrs.SyncOutcome
		left         int64 // the version that is there afterwards, 0 for a tombstone
	}{
		"newer":                     {at(1), at(3), cqrs.SyncApplied, 3},
		"again":                     {at(2), at(2), cqrs.SyncStale, 2},
		"older":                     {at(3), at(2), cqrs.SyncStale, 3},
		"deletion":                  {at(1), deleted(at(2)), cqrs.SyncApplied, 0},
		"older than a deletion":     {deleted(at(2)), at(1), cqrs.SyncStale, 0},
		"newer than a deletion":     {deleted(at(2)), at(3), cqrs.SyncApplied, 3},
		"older deletion":            {at(3), deleted(at(2)), cqrs.SyncStale, 3},
		"deletion again":            {deleted(at(2)), deleted(at(2)), cqrs.SyncStale, 0},
		"equal with other content":  {at(2), product(t, "tea-1", "Coffee", 2), cqrs.SyncDiverged, 2},
		"equal, and one is deleted": {at(2), deleted(at(2)), cqrs.SyncDiverged, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newCatalogue(t, c)
			require.NoError(t, s.sync.Apply(t.Context(), test.there))
			err := s.sync.Apply(t.Context(), test.comes)
			if test.outcome == cqrs.SyncDiverged {
				require.ErrorIs(t, err, cqrs.ErrDiverged)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, []cqrs.SyncOutcome{cqrs.SyncApplied, test.outcome}, s.outcomes)
			all, err := readmodels.SearchAll[shop.Product](t.Context(), s.client, s.table, shop.KindProduct)
			require.NoError(t, err)
			require.Equal(t, test.left, all[test.there.Key].Version)
			require.Len(t, all, min(int(test.left), 1))
		})
	}
}

// An answer that is lost makes the SDK write again, and meet what it wrote itself.
func TestTheSearchIndexMeetsItsOwnWrite(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	s := newCatalogue(t, c)
	c.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer, Times: 1})
	require.NoError(t, s.sync.Apply(t.Context(), product(t, "tea-1", "Tea", 1)))
	require.Equal(t, []string{"tea-1"}, s.finds("acme", "tea"))
}

// What is wrong with the index is found and mended: what it lacks, what it should not
// have, and what it has in another form.
func TestTheSearchIndexIsVerified(t *testing.T) {
	t.Parallel()
	s := newCatalogue(t, newCloud(t))
	store := command.NewMemory()
	data := cqrs.NewDataSync("product-command", cqrs.NewMemorySync(),
		command.Target[shop.Product](store), readmodels.Search(s.client, s.table, readmodels.ProductText)).With(quiet())
	products := command.New(command.Config[shop.Product]{Store: store, Sync: data})
	for _, sku := range []string{"fine", "gone", "other", "dropped"} {
		c := product(t, sku, "Tea", 0)
		if sku == "gone" || sku == "other" {
			require.NoError(t, s.sync.Apply(t.Context(), product(t, sku, "Coffee", 1)))
			c.Attributes.Name = "Coffee"
			c.Attributes.Price = 100
		}
		if sku == "gone" {
			continue
		}
		if sku == "other" {
			c.Attributes.Name = "Cocoa"
		}
		_, _ = products.PublishSync(t.Context(), c) // other has diverged
	}
	deletion, err := products.Delete(t.Context(), product(t, "dropped", "", 0).Key, command.Latest)
	require.NoError(t, err)
	require.NoError(t, data.Apply(t.Context(), deletion, command.TargetData))

	drifts := map[string]command.DriftKind{}
	for drift, err := range products.Verify(t.Context(), readmodels.SearchTarget) {
		require.NoError(t, err)
		drifts[drift.Key.SK] = drift.Kind
		if drift.Kind != command.DriftExtra {
			require.NoError(t, products.Repair(t.Context(), drift, true))
		}
	}
	require.Equal(t, map[string]command.DriftKind{
		"gone": command.DriftExtra, "other": command.DriftDiverged, "dropped": command.DriftStale,
	}, drifts)
	require.Equal(t, []string{"other"}, s.finds("acme", "cocoa"))

	all, err := readmodels.SearchAll[shop.Product](t.Context(), s.client, s.table, shop.KindProduct)
	require.NoError(t, err)
	require.Len(t, slices.Collect(maps.Keys(all)), 3, "fine, gone and other")
	orders, err := readmodels.SearchAll[shop.Order](t.Context(), s.client, s.table, shop.KindOrder)
	require.NoError(t, err)
	require.Empty(t, orders)
}

func TestTheSearchIndexIsWrittenByItsSync(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	target := readmodels.Search(c.dynamodb(), "table", readmodels.ProductText)
	err := target.Handler().Up(t.Context(), product(t, "tea-1", "Tea", 1))
	require.True(t, cqrs.IsPermanent(err), err)
	require.ErrorContains(t, err, "data sync")
}
