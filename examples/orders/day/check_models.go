package day

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// checkSQL compares the rows, and the sums, which no version may have changed twice.
func (w *world) checkSQL(ctx context.Context, s *State) (string, error) {
	products, err := readmodels.SQLProducts(ctx, w.shop.Database, app.Tenant)
	if err != nil {
		return "", err
	}
	orders, err := readmodels.SQLOrders(ctx, w.shop.Database, app.Tenant)
	if err != nil {
		return "", err
	}
	sales, err := readmodels.SQLSales(ctx, w.shop.Database, app.Tenant)
	if err != nil {
		return "", err
	}
	sold := map[string]readmodels.Sale{}
	var cents int64
	for _, o := range alive(s.Orders) {
		if o.Status == shop.Cancelled {
			continue
		}
		sale := sold[o.Customer]
		sold[o.Customer] = readmodels.Sale{Orders: sale.Orders + 1, Cents: sale.Cents + o.Total}
		cents += o.Total
	}
	return fmt.Sprintf("%d products, %d orders, sales of %d.%02d", len(products), len(orders), cents/100, cents%100), errors.Join(
		same("products", products, alive(s.Products)), same("orders", orders, alive(s.Orders)), same("sales", sales, sold))
}

// checkSearch compares what can be found.
func (w *world) checkSearch(ctx context.Context, s *State) (string, error) {
	products, err := indexed(ctx, w, shop.KindProduct, s.Products)
	orders, err2 := indexed(ctx, w, shop.KindOrder, s.Orders)
	return fmt.Sprintf("%d products, %d orders", products, orders), errors.Join(err, err2)
}

func indexed[A readmodels.Searchable](ctx context.Context, w *world, kind string, all map[string]Versioned[A]) (int, error) {
	found, err := readmodels.Find(ctx, w.shop.DynamoDB, w.shop.SearchTable, shop.Partition(kind, app.Tenant), "")
	if err != nil {
		return 0, err
	}
	got, want := map[string]string{}, map[string]string{}
	for key, entry := range found {
		got[key] = fmt.Sprint(entry.Version, " ", entry.Text)
	}
	for key, one := range all {
		if !one.Deleted {
			want[key] = fmt.Sprint(one.Version, " ", strings.ToLower(one.Attributes.SearchText()))
		}
	}
	return len(got), same(kind, got, want)
}

// checkAnalytics compares the analysts' files.
func (w *world) checkAnalytics(ctx context.Context, s *State) (string, error) {
	products, err := filed(ctx, w, shop.KindProduct, s.Products)
	orders, err2 := filed(ctx, w, shop.KindOrder, s.Orders)
	return fmt.Sprintf("%d products, %d orders", products, orders), errors.Join(err, err2)
}

func filed[A any](ctx context.Context, w *world, kind string, all map[string]Versioned[A]) (int, error) {
	files, err := readmodels.ReadAnalytics[A](ctx, w.shop.S3, w.shop.Analytics, shop.Partition(kind, app.Tenant))
	if err != nil {
		return 0, err
	}
	got, want := map[string]Versioned[A]{}, map[string]Versioned[A]{}
	for key, file := range files {
		got[key] = Versioned[A]{file.Version, false, file.Attributes}
	}
	for key, one := range all {
		if !one.Deleted {
			want[key] = one
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
