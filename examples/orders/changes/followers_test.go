package changes_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes/externaltest"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/local"
)

func productItem(version int64, deleted bool) *shop.Item[shop.Product] {
	return &shop.Item[shop.Product]{
		PK: "PRODUCT#acme", SK: "tea", Version: version, TenantCode: "acme", Deleted: deleted,
		Attributes: shop.Product{SKU: "tea", Name: "Tea", Price: 100 * version},
	}
}

func TestProductChanged(t *testing.T) {
	t.Parallel()
	type change = cqrs.Change[shop.Item[shop.Product]]
	tea := key("PRODUCT", "tea")
	state := func(version int64) externaltest.Document {
		body, err := json.Marshal(productItem(version, false).Attributes)
		require.NoError(t, err)
		return externaltest.Document{Version: version, Body: body}
	}
	for name, test := range map[string]struct {
		change change
		left   externaltest.Document
		oldest int64 // that may be cached from then on
	}{
		"insert":   {change{Op: cqrs.Inserted, New: productItem(1, false)}, state(1), 1},
		"modify":   {change{Op: cqrs.Modified, Old: productItem(1, false), New: productItem(3, false)}, state(3), 3},
		"deletion": {change{Op: cqrs.Modified, Old: productItem(1, false), New: productItem(2, true)}, externaltest.Document{Version: 2, Deleted: true}, 2},
		"removal":  {change{Op: cqrs.Removed, Old: productItem(2, false)}, externaltest.Document{Version: 2, Deleted: true}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newTable(t)
			cache := changes.NewCache(client, cacheTable)
			systems, external := newExternal(t)
			h := changes.NewProductChanged(cache, external)
			require.NoError(t, h.Handle(t.Context(), test.change))
			if err := h.Handle(t.Context(), test.change); err != nil { // it comes again
				require.True(t, cqrs.IsSkip(err), err)
			}
			require.Equal(t, map[cqrs.Key]externaltest.Document{tea: test.left}, systems.List())

			_, err := changes.ReadThrough(t.Context(), cache, tea, at(test.oldest-1))
			require.NoError(t, err)
			_, err = changes.ReadThrough(t.Context(), cache, tea, notAtAll)
			require.ErrorIs(t, err, errLoaded, "what was before is not cached")
			_, err = changes.ReadThrough(t.Context(), cache, tea, at(test.oldest))
			require.NoError(t, err)
			_, err = changes.ReadThrough(t.Context(), cache, tea, notAtAll)
			require.NoError(t, err)
		})
	}
}

// A removal of which the stream does not say what was removed cannot be followed.
func TestARemovalNeedsTheOldImage(t *testing.T) {
	t.Parallel()
	_, client := newTable(t)
	_, external := newExternal(t)
	err := changes.NewProductChanged(changes.NewCache(client, cacheTable), external).
		Handle(t.Context(), cqrs.Change[shop.Item[shop.Product]]{Op: cqrs.Removed, Key: key("PRODUCT", "tea")})
	require.True(t, cqrs.IsPermanent(err), err)
	require.ErrorIs(t, err, cqrs.ErrNoImage)
	require.ErrorContains(t, err, "NEW_AND_OLD_IMAGES")
}

// Whoever hears of a change from the systems outside, and asks the shop, must not be
// told from the cache what it was.
func TestTheCacheIsToldFirst(t *testing.T) {
	t.Parallel()
	a, client := newTable(t)
	systems, external := newExternal(t)
	h := changes.NewProductChanged(changes.NewCache(client, cacheTable), external)
	change := cqrs.Change[shop.Item[shop.Product]]{Op: cqrs.Inserted, New: productItem(1, false)}
	outage := a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.InternalError, Times: 100})
	require.Equal(t, "again", verdict(h.Handle(t.Context(), change)))
	require.Empty(t, systems.List())
	outage.Remove()
	require.NoError(t, h.Handle(t.Context(), change))
	require.Len(t, systems.List(), 1)
}

func TestOrderChanged(t *testing.T) {
	t.Parallel()
	_, client := newTable(t)
	systems, external := newExternal(t)
	h := changes.NewOrderChanged(changes.NewCache(client, cacheTable), external)
	placed := shop.Item[shop.Order]{PK: "ORDER#acme", SK: "1001", Version: 1, Attributes: shop.Order{Number: "1001", Status: shop.Placed}}
	paid := placed
	paid.Version, paid.Attributes.Status = 2, shop.Paid

	require.NoError(t, h.HandleCreated(t.Context(), fulfilment.OrderCreated(placed)))
	require.Equal(t, int64(1), systems.List()[key("ORDER", "1001")].Version)
	require.NoError(t, h.Handle(t.Context(), cqrs.Change[shop.Item[shop.Order]]{Op: cqrs.Modified, Old: &placed, New: &paid}))
	require.Equal(t, "skip", verdict(h.HandleCreated(t.Context(), fulfilment.OrderCreated(placed))), "it comes again")
	require.JSONEq(t, `{"number": "1001", "customer": "", "lines": null, "total": 0, "status": "PAID"}`,
		string(systems.List()[key("ORDER", "1001")].Body))
}

func TestUserChanged(t *testing.T) {
	t.Parallel()
	_, client := newTable(t)
	systems, external := newExternal(t)
	h := changes.NewUserChanged(changes.NewCache(client, cacheTable), external)
	ada := shop.User{PK: "USER#acme", SK: "ada", Name: "Ada", Mail: "ada@example.com", Version: 1}
	require.NoError(t, h.Handle(t.Context(), cqrs.Change[shop.User]{Op: cqrs.Inserted, New: &ada}))
	require.Equal(t, map[cqrs.Key]externaltest.Document{
		key("USER", "ada"): {Version: 1, Body: json.RawMessage(`{"name":"Ada","mail":"ada@example.com"}`)},
	}, systems.List())
	require.NoError(t, h.Handle(t.Context(), cqrs.Change[shop.User]{Op: cqrs.Removed, Old: &ada}))
	require.Equal(t, map[cqrs.Key]externaltest.Document{key("USER", "ada"): {Version: 1, Deleted: true}}, systems.List())
}

// newService are aggregates that are kept in memory, and their data table's sync.
func newService[A any](table string) (*command.Service[A], *cqrs.DataSync[A]) {
	store := command.NewMemory()
	data := cqrs.NewDataSync(table, cqrs.NewMemorySync(), command.Target[A](store))
	return command.New(command.Config[A]{Store: store, Sync: data}), data
}

func TestSyncRequests(t *testing.T) {
	t.Parallel()
	products, data := newService[shop.Product]("product-command")
	orders, _ := newService[shop.Order]("order-command")
	systems, external := newExternal(t)
	h := changes.NewRequests(products, orders, external)
	for _, sku := range []string{"tea", "gone"} {
		_, err := products.PublishSync(t.Context(), cqrs.Command[shop.Product]{Key: key("PRODUCT", sku), Attributes: shop.Product{SKU: sku, Price: 1}})
		require.NoError(t, err)
	}
	deletion, err := products.Delete(t.Context(), key("PRODUCT", "gone"), command.Latest)
	require.NoError(t, err)
	require.NoError(t, data.Apply(t.Context(), deletion))
	_, err = orders.PublishSync(t.Context(), cqrs.Command[shop.Order]{Key: key("ORDER", "1001"), Attributes: shop.Order{Number: "1001"}})
	require.NoError(t, err)

	for _, test := range []struct{ kind, tenant, sk, means string }{
		{"PRODUCT", "acme", "tea", "done"},
		{"PRODUCT", "acme", "tea", "skip"}, // they have it
		{"PRODUCT", "acme", "gone", "done"},
		{"ORDER", "acme", "1001", "done"},
		{"ORDER", "acme", "1002", "permanent"},
		{"ORDER", "other", "1001", "permanent"},
		{"USER", "acme", "ada", "permanent"},
		{"PRODUCT", "", "tea", "permanent"},
		{"", "", "", "permanent"},
	} {
		err := h.Handle(t.Context(), changes.SyncRequest{Kind: test.kind, Tenant: test.tenant, SK: test.sk})
		require.Equal(t, test.means, verdict(err), "%v: %v", test, err)
	}
	require.Equal(t, "acme", changes.SyncRequest{Tenant: "acme"}.EventTenant())
	got := systems.List()
	require.Len(t, got, 3)
	require.Equal(t, int64(1), got[key("ORDER", "1001")].Version)
	require.JSONEq(t, `{"sku": "tea", "name": "", "price": 1, "stock": 0}`, string(got[key("PRODUCT", "tea")].Body))
	require.True(t, got[key("PRODUCT", "gone")].Deleted)
}

// A store that does not answer is no reason to give a request up.
func TestASyncRequestSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	orders, _ := newService[shop.Order]("order-command")
	broken := command.New(command.Config[shop.Product]{Store: unreachable{command.NewMemory()}})
	_, external := newExternal(t)
	err := changes.NewRequests(broken, orders, external).
		Handle(t.Context(), changes.SyncRequest{Kind: shop.KindProduct, Tenant: "acme", SK: "tea"})
	require.Equal(t, "again", verdict(err), err)
}

// unreachable is a store whose data cannot be read.
type unreachable struct{ command.Store }

func (unreachable) Get(context.Context, cqrs.Key) (command.Row, error) {
	return command.Row{}, errors.New("the table does not answer")
}
