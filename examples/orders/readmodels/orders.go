package readmodels

import (
	"context"
	"database/sql"
	"errors"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

func orderSchema() []string {
	return []string{
		`CREATE TABLE orders (
	tenant   text NOT NULL,
	number   text NOT NULL,
	customer text NOT NULL,
	total    bigint NOT NULL,
	status   text NOT NULL,
	reason   text NOT NULL,
	version  bigint NOT NULL,
	PRIMARY KEY (tenant, number)
)`,
		`CREATE TABLE order_lines (
	tenant   text NOT NULL,
	number   text NOT NULL,
	position bigint NOT NULL,
	sku      text NOT NULL,
	quantity bigint NOT NULL,
	price    bigint NOT NULL,
	PRIMARY KEY (tenant, number, position)
)`,
		`CREATE TABLE sales (
	tenant   text NOT NULL,
	customer text NOT NULL,
	orders   bigint NOT NULL,
	money    bigint NOT NULL,
	PRIMARY KEY (tenant, customer)
)`,
	}
}

// Orders keeps the tables orders, order_lines and sales. One transaction has the
// gate and all three, so a version is in all of them or in none, and what it changes
// about the sales is added once.
func Orders(db *sql.DB) cqrs.SyncTarget[shop.Order] {
	return sqlstore.Project(db, SQLTarget, putOrder, removeOrder)
}

func putOrder(ctx context.Context, tx *sql.Tx, o cqrs.Command[shop.Order]) error {
	_, tenant, err := cut(o.Key)
	if err != nil {
		return err
	}
	before, err := readSale(ctx, tx, tenant, o.SK)
	if err != nil {
		return err
	}
	a := o.Attributes
	_, err = tx.ExecContext(ctx, `
INSERT INTO orders (tenant, number, customer, total, status, reason, version) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant, number) DO UPDATE SET customer = excluded.customer, total = excluded.total,
	status = excluded.status, reason = excluded.reason, version = excluded.version`,
		tenant, o.SK, a.Customer, a.Total, string(a.Status), a.Reason, o.Version)
	if err != nil {
		return err
	}
	if err := putLines(ctx, tx, tenant, o.SK, a.Lines); err != nil {
		return err
	}
	return book(ctx, tx, tenant, before, saleOf(a.Customer, a.Total, a.Status))
}

// putLines takes the place of all lines that were there.
func putLines(ctx context.Context, tx *sql.Tx, tenant, number string, lines []shop.Line) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM order_lines WHERE tenant = $1 AND number = $2`, tenant, number); err != nil {
		return err
	}
	for i, line := range lines {
		_, err := tx.ExecContext(ctx, `
INSERT INTO order_lines (tenant, number, position, sku, quantity, price) VALUES ($1, $2, $3, $4, $5, $6)`,
			tenant, number, i+1, line.SKU, line.Quantity, line.Price)
		if err != nil {
			return err
		}
	}
	return nil
}

func removeOrder(ctx context.Context, tx *sql.Tx, o cqrs.Command[shop.Order]) error {
	_, tenant, err := cut(o.Key)
	if err != nil {
		return err
	}
	before, err := readSale(ctx, tx, tenant, o.SK)
	if err != nil {
		return err
	}
	if err := putLines(ctx, tx, tenant, o.SK, nil); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM orders WHERE tenant = $1 AND number = $2`, tenant, o.SK); err != nil {
		return err
	}
	return book(ctx, tx, tenant, before, sale{})
}

// SQLOrders reads all orders that are not deleted, with their lines.
func SQLOrders(ctx context.Context, db *sql.DB) (map[cqrs.Key]Stored[shop.Order], error) {
	rows, err := db.QueryContext(ctx, `
SELECT o.tenant, o.number, o.customer, o.total, o.status, o.reason, o.version, l.sku, l.quantity, l.price
FROM orders o LEFT JOIN order_lines l ON l.tenant = o.tenant AND l.number = o.number
ORDER BY o.tenant, o.number, l.position`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	all := map[cqrs.Key]Stored[shop.Order]{}
	for rows.Next() {
		var (
			tenant          string
			o               Stored[shop.Order]
			sku             sql.NullString
			quantity, price sql.NullInt64
		)
		a := &o.Attributes
		err := rows.Scan(&tenant, &a.Number, &a.Customer, &a.Total, &a.Status, &a.Reason, &o.Version, &sku, &quantity, &price)
		if err != nil {
			return nil, err
		}
		key, err := shop.OrderKey(tenant, a.Number)
		if err != nil {
			return nil, err
		}
		if before, ok := all[key]; ok {
			o = before
		}
		if sku.Valid {
			o.Attributes.Lines = append(o.Attributes.Lines, shop.Line{SKU: sku.String, Quantity: quantity.Int64, Price: price.Int64})
		}
		all[key] = o
	}
	return all, rows.Err()
}

// readSale is what the order counts for so far.
func readSale(ctx context.Context, tx *sql.Tx, tenant, number string) (sale, error) {
	var (
		customer string
		total    int64
		status   shop.Status
	)
	row := tx.QueryRowContext(ctx, `SELECT customer, total, status FROM orders WHERE tenant = $1 AND number = $2`, tenant, number)
	switch err := row.Scan(&customer, &total, &status); {
	case errors.Is(err, sql.ErrNoRows):
		return sale{}, nil
	case err != nil:
		return sale{}, err
	default:
		return saleOf(customer, total, status), nil
	}
}
