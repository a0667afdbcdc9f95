// Package readmodelstest makes what the tests of the read models deliver to them, and
// what they are to come to.
package readmodelstest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// Tenant is whose everything is.
const Tenant = "acme"

// Pick returns a number of [0, n): of a random generator, or drawn by a property.
type Pick = func(n int) int

// Orders makes histories of up to n orders: customers who change, lines that come and
// go, cancellations, deletions and what comes back after one.
func Orders(pick Pick, n int) []cqrs.Command[shop.Order] {
	statuses := []shop.Status{shop.Placed, shop.Paid, shop.Shipped, shop.Cancelled}
	var all []cqrs.Command[shop.Order]
	for i := range 1 + pick(n) {
		number := fmt.Sprintf("%04d/%d", 1000+i, i) // a key that has to be escaped in paths
		for version := range int64(1 + pick(4)) {
			customer := fmt.Sprintf("customer-%d@example.com", pick(2))
			order := shop.Order{Number: number, Customer: customer, Status: statuses[pick(len(statuses))]}
			for position := range 1 + pick(3) {
				line := shop.Line{SKU: fmt.Sprintf("sku-%d", position), Quantity: int64(1 + pick(3)), Price: int64(100 + pick(100))}
				order.Lines = append(order.Lines, line)
				order.Total += line.Quantity * line.Price
			}
			all = append(all, of(shop.KindOrder, number, version+1, pick(5) == 0, order))
		}
	}
	return all
}

// Products makes histories of up to n products.
func Products(pick Pick, n int) []cqrs.Command[shop.Product] {
	var all []cqrs.Command[shop.Product]
	for i := range 1 + pick(n) {
		sku := fmt.Sprintf("sku-%d", i)
		for version := range int64(1 + pick(4)) {
			name := fmt.Sprintf("Tea No %d", pick(3))
			product := shop.Product{SKU: sku, Name: name, Price: int64(100 + pick(100)), Stock: int64(pick(10))}
			all = append(all, of(shop.KindProduct, sku, version+1, pick(5) == 0, product))
		}
	}
	return all
}

// of is a version, published half a day after the one before it.
func of[A any](kind, sk string, version int64, deleted bool, attributes A) cqrs.Command[A] {
	return cqrs.Command[A]{
		Key: cqrs.Key{PK: kind + "#" + Tenant, SK: sk}, TenantCode: Tenant, Version: version, Deleted: deleted, Attributes: attributes,
		UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC).Add(time.Duration(version) * 12 * time.Hour),
	}
}

// Deliveries brings everything at least once, some of it twice, in any order.
func Deliveries[A any](pick Pick, commands []cqrs.Command[A]) []cqrs.Command[A] {
	all := slices.Clone(commands)
	for range pick(len(commands) + 1) {
		all = append(all, commands[pick(len(commands))])
	}
	for i := len(all) - 1; i > 0; i-- {
		j := pick(i + 1)
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// Source is where the commands can be read again.
func Source[A any](ctx context.Context, commands []cqrs.Command[A]) (cqrs.CommandSource, error) {
	store := command.NewMemory()
	for _, c := range commands {
		row, err := cqrs.RowOf(c)
		if err != nil {
			return nil, err
		}
		if err := store.Append(ctx, row); err != nil {
			return nil, err
		}
	}
	return store, nil
}

// Newest is what a read model of the newest versions is to have.
func Newest[A any](commands []cqrs.Command[A]) map[cqrs.Key]readmodels.Stored[A] {
	all := map[cqrs.Key]readmodels.Stored[A]{}
	for _, c := range commands { // in the order of their versions
		all[c.Key] = readmodels.Stored[A]{Version: c.Version, Attributes: c.Attributes}
		if c.Deleted {
			delete(all, c.Key)
		}
	}
	return all
}

// Turnover is what the sales of all customers are to be.
func Turnover(commands []cqrs.Command[shop.Order]) map[readmodels.Customer]readmodels.Turnover {
	return Sales(Newest(commands))
}

// Sales is what orders that are not deleted come to. It has nothing to do with how the
// read model counts them.
func Sales(orders map[cqrs.Key]readmodels.Stored[shop.Order]) map[readmodels.Customer]readmodels.Turnover {
	all := map[readmodels.Customer]readmodels.Turnover{}
	for key, o := range orders {
		if o.Attributes.Status == shop.Cancelled {
			continue
		}
		_, tenant, _ := key.CutTenant()
		customer := readmodels.Customer{Tenant: tenant, Customer: o.Attributes.Customer}
		all[customer] = readmodels.Turnover{Orders: all[customer].Orders + 1, Money: all[customer].Money + o.Attributes.Total}
	}
	return all
}

// Facts is what the analytics are to have: every version.
func Facts[A any](kind string, commands []cqrs.Command[A]) map[cqrs.Key]readmodels.Fact[A] {
	all := map[cqrs.Key]readmodels.Fact[A]{}
	for _, c := range commands {
		all[c.At(c.Version)] = readmodels.Fact[A]{
			Kind: kind, Tenant: Tenant, Key: c.SK, Version: c.Version, Deleted: c.Deleted, At: c.UpdatedAt, Attributes: c.Attributes,
		}
	}
	return all
}
