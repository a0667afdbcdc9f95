package readmodels

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// Customer is whose sales are counted.
type Customer struct{ Tenant, Customer string }

// Turnover is what a customer has ordered and not cancelled.
type Turnover struct{ Orders, Money int64 } // money in cents

// sale is what one order counts for. The zero value counts for nothing.
type sale struct {
	Turnover
	customer string
}

func saleOf(customer string, total int64, status shop.Status) sale {
	if status == shop.Cancelled {
		return sale{}
	}
	return sale{Turnover{Orders: 1, Money: total}, customer}
}

// book adds the difference between two versions of an order. It is no write that may
// be repeated, which is why the gate is in its transaction. An order that has changed
// its customer touches two rows: always in the same order, so that no two
// transactions wait for each other.
func book(ctx context.Context, tx *sql.Tx, tenant string, before, after sale) error {
	difference := map[string]Turnover{}
	add := func(customer string, orders, money int64) {
		t := difference[customer]
		difference[customer] = Turnover{t.Orders + orders, t.Money + money}
	}
	add(before.customer, -before.Orders, -before.Money)
	add(after.customer, after.Orders, after.Money)
	for _, customer := range slices.Sorted(maps.Keys(difference)) {
		t := difference[customer]
		if t == (Turnover{}) {
			continue
		}
		_, err := tx.ExecContext(ctx, `
INSERT INTO sales (tenant, customer, orders, money) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, customer) DO UPDATE SET orders = sales.orders + excluded.orders, money = sales.money + excluded.money`,
			tenant, customer, t.Orders, t.Money)
		if err != nil {
			return err
		}
	}
	return nil
}

// Sales reads the turnover of all customers that have any.
func Sales(ctx context.Context, db *sql.DB) (map[Customer]Turnover, error) {
	rows, err := db.QueryContext(ctx, `SELECT tenant, customer, orders, money FROM sales WHERE orders <> 0 OR money <> 0`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	all := map[Customer]Turnover{}
	for rows.Next() {
		var c Customer
		var t Turnover
		if err := rows.Scan(&c.Tenant, &c.Customer, &t.Orders, &t.Money); err != nil {
			return nil, err
		}
		all[c] = t
	}
	return all, rows.Err()
}
