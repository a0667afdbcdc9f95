package day

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels/readmodelstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// checkSQL compares the rows, and the sums, which no version may have changed twice.
func (w *world) checkSQL(ctx context.Context, s *State) (string, error) {
	products, err := readmodels.SQLProducts(ctx, w.shop.Database)
	if err != nil {
		return "", err
	}
	orders, err := readmodels.SQLOrders(ctx, w.shop.Database)
	if err != nil {
		return "", err
	}
	sales, err := readmodels.Sales(ctx, w.shop.Database)
	if err != nil {
		return "", err
	}
	var cents int64
	for _, turnover := range sales {
		cents += turnover.Money
	}
	placed := alive(shop.KindOrder, s.Orders)
	return fmt.Sprintf("%d products, %d orders, sales of %d.%02d", len(products), len(orders), cents/100, cents%100), errors.Join(
		same("products", products, alive(shop.KindProduct, s.Products)),
		same("orders", orders, placed), same("sales", sales, readmodelstest.Sales(placed)))
}

// checkSearch compares what is indexed, and finds each by its own text.
func (w *world) checkSearch(ctx context.Context, s *State) (string, error) {
	products, err := indexed(ctx, w, shop.KindProduct, s.Products, readmodels.ProductText)
	orders, err2 := indexed(ctx, w, shop.KindOrder, s.Orders, readmodels.OrderText)
	return fmt.Sprintf("%d products, %d orders", products, orders), errors.Join(err, err2)
}

func indexed[A any](
	ctx context.Context, w *world, kind string, all map[string]Versioned[A], text func(A) string,
) (int, error) {
	there, err := readmodels.SearchAll[A](ctx, w.shop.DynamoDB, w.shop.SearchTable, kind)
	if err != nil {
		return 0, err
	}
	if err := same(kind, there, alive(kind, all)); err != nil {
		return len(there), err
	}
	for key, one := range there {
		found, err := readmodels.Find[A](ctx, w.shop.DynamoDB, w.shop.SearchTable, kind, app.Tenant, text(one.Attributes))
		if _, ok := found[key]; err != nil || !ok {
			return len(there), errors.Join(err, fmt.Errorf("%s is not found by its text", key.SK))
		}
	}
	return len(there), nil
}

// checkAnalytics compares what the analysts have with every version that was published.
func (w *world) checkAnalytics(ctx context.Context, s *State) (string, error) {
	products, err := facts(ctx, w, w.shop.Products, shop.KindProduct, s.Products)
	orders, err2 := facts(ctx, w, w.shop.Orders, shop.KindOrder, s.Orders)
	return fmt.Sprintf("%d versions of products, %d of orders", products, orders), errors.Join(err, err2)
}

func facts[A any](
	ctx context.Context, w *world, service *command.Service[A], kind string, all map[string]Versioned[A],
) (int, error) {
	got, err := readmodels.AnalyticsAll[A](ctx, w.shop.S3, w.shop.Analytics, kind)
	if err != nil {
		return 0, err
	}
	want := map[cqrs.Key]readmodels.Fact[A]{}
	for sk, newest := range all {
		key := keyOf(kind, sk)
		for n := int64(1); n <= newest.Version; n++ {
			c, err := service.GetVersion(ctx, key, n)
			if err != nil {
				return 0, err
			}
			want[key.At(n)] = readmodels.Fact[A]{
				Kind: kind, Tenant: app.Tenant, Key: sk, Version: n, Deleted: c.Deleted,
				At: c.UpdatedAt.UTC().Truncate(time.Millisecond), Attributes: c.Attributes,
			}
		}
	}
	return len(got), same(kind, got, want)
}

// checkParked: nothing waits to be taken up.
func (w *world) checkParked(ctx context.Context, _ *State) (string, error) {
	n, err := w.parked(ctx)
	if n > 0 {
		err = errors.Join(err, fmt.Errorf("%d aggregates are parked", n))
	}
	return "nothing", err
}
