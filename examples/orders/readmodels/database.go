// Package readmodels is what the shop reads: tables in SQL, a search index in
// DynamoDB, and files for the analysts in S3. Each is a target of the data syncs, and
// none is ever written in another way.
//
//	database.go   the SQL database
//	products.go   products in SQL: one row each, with the gate in the row
//	orders.go     orders in SQL: rows of several tables, in one transaction with the gate
//	search.go     the search index, whose own conditional write is the gate
//	analytics.go  the analysts' files, whose gate is kept in DynamoDB
//	caretaker.go  what was parked is taken up again
package readmodels

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of PostgreSQL
	_ "modernc.org/sqlite"             // the driver of SQLite

	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// connections of an execution environment, which runs one batch at a time, and up to
// four of its records.
const connections = 4

// Open opens a database and makes the tables that are missing: PostgreSQL for a URL
// postgres://…, else a file of SQLite, which several processes may have open.
func Open(ctx context.Context, location string) (*sql.DB, error) {
	driver, source, lock := "sqlite", sqliteSource(location), ""
	if strings.HasPrefix(location, "postgres://") {
		driver, source = "pgx", location
		lock = "SELECT pg_advisory_xact_lock(20260707)" // two that create one table would collide
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	if err := create(ctx, db, lock); err != nil {
		return nil, errors.Join(fmt.Errorf("its tables: %w", err), db.Close())
	}
	return db, nil
}

// sqliteSource has writers wait for each other, and begin as writers.
func sqliteSource(path string) string {
	return "file:" + path + "?" + url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)"}, "_txlock": {"immediate"},
	}.Encode()
}

// create makes the tables once: they are the first and only migration.
func create(ctx context.Context, db *sql.DB, lock string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if lock != "" {
		if _, err := tx.ExecContext(ctx, lock); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (version bigint PRIMARY KEY)`); err != nil {
		return err
	}
	done := 0
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM migrations`).Scan(&done); err != nil || done > 0 {
		return err
	}
	for _, statement := range slices.Concat(
		sqlstore.Schema(), productTables(), sqlstore.UpsertSchema[productRow]("product_rows", "products"), orderTables(),
		[]string{`INSERT INTO migrations (version) VALUES (1)`},
	) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w: %s", err, statement)
		}
	}
	return tx.Commit()
}
