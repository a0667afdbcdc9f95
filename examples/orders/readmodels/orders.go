package readmodels

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// orderTables are those of orders. sales is changed by what each version adds to the one before. A version that was
// applied twice, or left out, would show there.
func orderTables() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS orders (
		tenant text NOT NULL, number text NOT NULL, customer text NOT NULL, total bigint NOT NULL,
		status text NOT NULL, reason text NOT NULL, PRIMARY KEY (tenant, number))`,
		`CREATE TABLE IF NOT EXISTS order_lines (
		tenant text NOT NULL, number text NOT NULL, line bigint NOT NULL, sku text NOT NULL, quantity bigint NOT NULL,
		price bigint NOT NULL, PRIMARY KEY (tenant, number, line))`,
		`CREATE TABLE IF NOT EXISTS sales (
		tenant text NOT NULL, customer text NOT NULL, orders bigint NOT NULL, cents bigint NOT NULL,
		PRIMARY KEY (tenant, customer))`,
	}
}

// Orders is the target "sql" of orders.
func Orders(db *sql.DB) cqrs.SyncTarget[shop.Order] {
	return sqlstore.Project(db, "sql", orderUp, orderDown)
}

func orderUp(ctx context.Context, tx *sql.Tx, c cqrs.Command[shop.Order]) error {
	if err := orderDown(ctx, tx, c); err != nil {
		return err
	}
	o := c.Attributes
	_, err := tx.ExecContext(ctx, `INSERT INTO orders (tenant, number, customer, total, status, reason)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		c.TenantCode, o.Number, o.Customer, o.Total, string(o.Status), o.Reason)
	if err != nil {
		return err
	}
	for i, line := range o.Lines {
		_, err := tx.ExecContext(ctx, `INSERT INTO order_lines (tenant, number, line, sku, quantity, price)
			VALUES ($1, $2, $3, $4, $5, $6)`,
			c.TenantCode, o.Number, i, line.SKU, line.Quantity, line.Price)
		if err != nil {
			return err
		}
	}
	return book(ctx, tx, c.TenantCode, o.Customer, o.Status, +1, o.Total)
}

// orderDown takes away what the version before has put there.
func orderDown(ctx context.Context, tx *sql.Tx, c cqrs.Command[shop.Order]) error {
	var before shop.Order
	err := tx.QueryRowContext(ctx, `SELECT customer, total, status FROM orders WHERE tenant = $1 AND number = $2`, c.TenantCode, c.SK).
		Scan(&before.Customer, &before.Total, &before.Status)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM order_lines WHERE tenant = $1 AND number = $2`, `DELETE FROM orders WHERE tenant = $1 AND number = $2`,
	} {
		if _, err := tx.ExecContext(ctx, statement, c.TenantCode, c.SK); err != nil {
			return err
		}
	}
	return book(ctx, tx, c.TenantCode, before.Customer, before.Status, -1, -before.Total)
}

// book adds to a customer's sales what an order is worth. One that is cancelled is
// worth nothing.
func book(ctx context.Context, tx *sql.Tx, tenant, customer string, status shop.Status, orders, cents int64) error {
	if status == shop.Cancelled {
		orders, cents = 0, 0
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO sales (tenant, customer, orders, cents) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, customer) DO UPDATE SET orders = sales.orders + excluded.orders, cents = sales.cents + excluded.cents`,
		tenant, customer, orders, cents)
	return err
}

// SQLOrders are the orders of a tenant with their lines, by number.
func SQLOrders(ctx context.Context, db *sql.DB, tenant string) (map[string]shop.Order, error) {
	rows, err := db.QueryContext(ctx, `SELECT o.number, o.customer, o.total, o.status, o.reason, l.sku, l.quantity, l.price
		FROM orders o JOIN order_lines l ON l.tenant = o.tenant AND l.number = o.number
		WHERE o.tenant = $1 ORDER BY o.number, l.line`, tenant)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := map[string]shop.Order{}
	for rows.Next() {
		var o shop.Order
		var line shop.Line
		if err := rows.Scan(&o.Number, &o.Customer, &o.Total, &o.Status, &o.Reason, &line.SKU, &line.Quantity, &line.Price); err != nil {
			return nil, err
		}
		o.Lines = slices.Concat(all[o.Number].Lines, []shop.Line{line})
		all[o.Number] = o
	}
	return all, rows.Err()
}

// Sale is what a customer has bought.
type Sale struct{ Orders, Cents int64 }

// SQLSales are the sales of a tenant, by customer.
func SQLSales(ctx context.Context, db *sql.DB, tenant string) (map[string]Sale, error) {
	rows, err := db.QueryContext(ctx, `SELECT customer, orders, cents FROM sales WHERE tenant = $1 AND orders <> 0`, tenant)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := map[string]Sale{}
	for rows.Next() {
		var customer string
		var sale Sale
		if err := rows.Scan(&customer, &sale.Orders, &sale.Cents); err != nil {
			return nil, err
		}
		all[customer] = sale
	}
	return all, rows.Err()
}
