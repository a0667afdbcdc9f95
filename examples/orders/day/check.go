package day

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// checkCommands reads what everything else is compared with. Each order has gone its
// whole way, in as many versions as that takes.
func (w *world) checkCommands(ctx context.Context, s *State) (_ string, err error) {
	if s.Products, err = newest(ctx, w.shop.Products, shop.KindProduct); err != nil {
		return "", err
	}
	if s.Orders, err = newest(ctx, w.shop.Orders, shop.KindOrder); err != nil {
		return "", err
	}
	versions := int64(0)
	for sku, p := range s.Products {
		versions += p.Version
		if want := productVersions(sku); p.Version != want {
			err = errors.Join(err, fmt.Errorf("product %s has %d versions, not %d", sku, p.Version, want))
		}
	}
	for number, o := range s.Orders {
		versions += o.Version
		if want := orderVersions(o.Attributes.Status); o.Version != want {
			err = errors.Join(err, fmt.Errorf("order %s is %s in %d versions, not %d", number, o.Attributes.Status, o.Version, want))
		}
	}
	return fmt.Sprintf("%d products and %d orders, in %d versions", len(s.Products), len(s.Orders), versions), err
}

// productVersions is how many versions the day makes of a product: imported, and
// then changed or discontinued.
func productVersions(of string) int64 {
	for n := range 5 {
		if of == sku(n) {
			return 2
		}
	}
	if of == sku(listedProducts-1) {
		return 2
	}
	return 1
}

// orderVersions is in how many versions an order gets to a status.
func orderVersions(status shop.Status) int64 {
	return map[shop.Status]int64{shop.Placed: 1, shop.Paid: 2, shop.Shipped: 3, shop.Cancelled: 2}[status]
}

// checkData has the library compare every target with its source.
func (w *world) checkData(ctx context.Context, _ *State) (string, error) {
	products, err := drifts(ctx, w.shop.Products, w.shop.ProductSync)
	orders, err2 := drifts(ctx, w.shop.Orders, w.shop.OrderSync)
	return fmt.Sprintf("and all targets verified: %d", products+orders), errors.Join(err, err2)
}

func drifts[A any](ctx context.Context, s *command.Service[A], sync *cqrs.DataSync[A]) (targets int, err error) {
	for _, target := range sync.Targets() {
		targets++
		for drift, failure := range s.Verify(ctx, target) {
			if failure != nil {
				err = errors.Join(err, failure)
				break
			}
			err = errors.Join(err, fmt.Errorf("%s: %s of %s is %s: version %d, not %d",
				sync.Table(), drift.Key.SK, target, drift.Kind, drift.Applied, drift.Source))
		}
	}
	return targets, err
}

// same compares what a read model has with what it should have, and names the
// differences.
func same[K comparable, V any](what string, got, want map[K]V) error {
	var different []string
	for key, wanted := range want {
		have, ok := got[key]
		switch {
		case !ok:
			different = append(different, fmt.Sprintf("%v is missing", key))
		case !reflect.DeepEqual(have, wanted):
			different = append(different, fmt.Sprintf("%v is %+v, not %+v", key, have, wanted))
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			different = append(different, fmt.Sprintf("%v should not be there", key))
		}
	}
	if len(different) == 0 {
		return nil
	}
	slices.Sort(different)
	return fmt.Errorf("%s: %d differ: %s", what, len(different), clip(fmt.Sprint(different), 300))
}

// alive leaves out what is deleted: read models show the rest.
func alive[A any](kind string, all map[string]Versioned[A]) map[cqrs.Key]readmodels.Stored[A] {
	there := map[cqrs.Key]readmodels.Stored[A]{}
	for sk, one := range all {
		if !one.Deleted {
			there[keyOf(kind, sk)] = readmodels.Stored[A]{Version: one.Version, Attributes: one.Attributes}
		}
	}
	return there
}

// keyOf is the key of what the shop has under a sort key.
func keyOf(kind, sk string) cqrs.Key { return cqrs.Key{PK: shop.Partition(kind, app.Tenant), SK: sk} }
