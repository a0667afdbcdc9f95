package readmodels

import (
	"context"
	"database/sql"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// productRow is a row of product_rows. The view products leaves out those that are
// deleted.
type productRow struct {
	Tenant string `db:"tenant"`
	SKU    string `db:"sku"`
	Name   string `db:"name"`
	Price  int64  `db:"price"`
	Stock  int64  `db:"stock"`
}

func productTables() []string {
	return []string{`CREATE TABLE IF NOT EXISTS product_rows (
	tenant text NOT NULL, sku text NOT NULL, name text NOT NULL, price bigint NOT NULL, stock bigint NOT NULL)`}
}

// Products is the target "sql" of products.
func Products(db *sql.DB) cqrs.SyncTarget[shop.Product] {
	return sqlstore.Upsert(db, "sql", "product_rows", func(c cqrs.Command[shop.Product]) (productRow, error) {
		p := c.Attributes
		return productRow{c.TenantCode, p.SKU, p.Name, p.Price, p.Stock}, nil
	})
}

// SQLProducts are the products of a tenant, by SKU.
func SQLProducts(ctx context.Context, db *sql.DB, tenant string) (map[string]shop.Product, error) {
	rows, err := db.QueryContext(ctx, `SELECT sku, name, price, stock FROM products WHERE tenant = $1`, tenant)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := map[string]shop.Product{}
	for rows.Next() {
		var p shop.Product
		if err := rows.Scan(&p.SKU, &p.Name, &p.Price, &p.Stock); err != nil {
			return nil, err
		}
		all[p.SKU] = p
	}
	return all, rows.Err()
}
