package readmodels

import (
	"context"
	"database/sql"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// productRow is a row of the table product_rows and, without what is deleted, of
// the view products.
type productRow struct {
	Tenant  string `db:"tenant"`
	SKU     string `db:"sku"`
	Name    string `db:"name"`
	Price   int64  `db:"price"` // in cents
	Stock   int64  `db:"stock"`
	Version int64  `db:"version"`
}

func productSchema() []string {
	table := `CREATE TABLE product_rows (
	tenant  text NOT NULL,
	sku     text NOT NULL,
	name    text NOT NULL,
	price   bigint NOT NULL,
	stock   bigint NOT NULL,
	version bigint NOT NULL
)`
	return append([]string{table}, sqlstore.UpsertSchema[productRow]("product_rows", "products")...)
}

// Products keeps one row a product, gate included: one statement a version.
func Products(db *sql.DB) cqrs.SyncTarget[shop.Product] {
	return sqlstore.Upsert(db, SQLTarget, "product_rows", rowOfProduct)
}

func rowOfProduct(p cqrs.Command[shop.Product]) (productRow, error) {
	_, tenant, err := cut(p.Key)
	if err != nil {
		return productRow{}, err
	}
	row := productRow{Tenant: tenant, SKU: p.SK, Version: p.Version}
	if !p.Deleted {
		row.Name, row.Price, row.Stock = p.Attributes.Name, p.Attributes.Price, p.Attributes.Stock
	}
	return row, nil
}

// SQLProducts reads all products that are not deleted.
func SQLProducts(ctx context.Context, db *sql.DB) (map[cqrs.Key]Stored[shop.Product], error) {
	rows, err := db.QueryContext(ctx, `SELECT tenant, sku, name, price, stock, version FROM products`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	all := map[cqrs.Key]Stored[shop.Product]{}
	for rows.Next() {
		var tenant string
		var p Stored[shop.Product]
		a := &p.Attributes
		if err := rows.Scan(&tenant, &a.SKU, &a.Name, &a.Price, &a.Stock, &p.Version); err != nil {
			return nil, err
		}
		key, err := shop.ProductKey(tenant, a.SKU)
		if err != nil {
			return nil, err
		}
		all[key] = p
	}
	return all, rows.Err()
}
