package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/integration/servers"
	"github.com/lambda-cqrs/cqrs/redrive"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// Product is what the examples' read models show.
type Product struct {
	Title string   `json:"title"`
	Stock int64    `json:"stock"`
	Tags  []string `json:"tags,omitempty"`
}

const products = "prod-shop-product-command"

func product(version int64, title string, stock int64) cqrs.Command[Product] {
	return cqrs.Command[Product]{
		Key: cqrs.Key{PK: "PRODUCT#acme", SK: "tea"}, Version: version,
		Attributes: Product{Title: title, Stock: stock},
	}
}

func deletion(version int64) cqrs.Command[Product] {
	c := product(version, "", 0)
	c.Deleted = true
	return c
}

// database is a SQLite with the library's tables and the example's own.
func database(statements ...string) (db *sql.DB, done func()) {
	dir, err := os.MkdirTemp("", "example-")
	must(err)
	db, err = servers.OpenSQLite(filepath.Join(dir, "shop.db"))
	must(err)
	must(sqlstore.Create(context.Background(), db))
	for _, statement := range statements {
		_, err := db.ExecContext(context.Background(), statement)
		must(err)
	}
	return db, func() { must(errors.Join(db.Close(), os.RemoveAll(dir))) }
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// printRows prints what a query of two columns finds.
func printRows(db *sql.DB, text string) {
	rows, err := db.QueryContext(context.Background(), text)
	must(err)
	defer func() { must(errors.Join(rows.Err(), rows.Close())) }()
	for rows.Next() {
		var a, b string
		must(rows.Scan(&a, &b))
		fmt.Println(a, b)
	}
}

// The gate and the rows commit together: every version takes effect once, and none
// behind a newer one.
func ExampleProject() {
	ctx := context.Background()
	db, done := database(`CREATE TABLE products (id text PRIMARY KEY, title text, stock bigint)`)
	defer done()
	up := func(ctx context.Context, tx *sql.Tx, cmd cqrs.Command[Product]) error {
		fmt.Println("up", cmd.Version)
		_, err := tx.ExecContext(ctx, `INSERT INTO products (id, title, stock) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET title = excluded.title, stock = excluded.stock`,
			cmd.SK, cmd.Attributes.Title, cmd.Attributes.Stock)
		return err
	}
	down := func(ctx context.Context, tx *sql.Tx, cmd cqrs.Command[Product]) error {
		fmt.Println("down", cmd.Version)
		_, err := tx.ExecContext(ctx, `DELETE FROM products WHERE id = $1`, cmd.SK)
		return err
	}
	sync := cqrs.NewDataSync(products, sqlstore.NewSync(db), sqlstore.Project(db, "rds", up, down))

	for _, cmd := range []cqrs.Command[Product]{
		product(2, "Green tea", 5), product(1, "Tea", 7), product(2, "Green tea", 5), deletion(3), product(2, "Green tea", 5),
		product(4, "White tea", 1),
	} {
		must(sync.Apply(ctx, cmd))
	}
	printRows(db, `SELECT title, stock FROM products`)
	// Output:
	// up 2
	// down 3
	// up 4
	// White tea 1
}

// With Sequential every version is applied exactly in order, so a handler may add
// up. What is missing is read from the source.
func ExampleProject_sequential() {
	ctx := context.Background()
	db, done := database(`CREATE TABLE movements (number integer PRIMARY KEY, stock bigint)`)
	defer done()
	book := func(ctx context.Context, tx *sql.Tx, cmd cqrs.Command[Product]) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO movements (stock) VALUES ($1)`, cmd.Attributes.Stock)
		return err
	}
	commands := command.NewMemory()
	sync := cqrs.NewDataSync(products, sqlstore.NewSync(db), sqlstore.Project(db, "ledger", book, book, cqrs.Sequential()))
	service := command.New(command.Config[Product]{Store: commands, Sync: sync})
	key := product(0, "", 0).Key
	for version, stock := range []int64{7, 5, 3} {
		_, err := service.Publish(ctx, product(int64(version), "Tea", stock))
		must(err)
	}

	for _, version := range []int64{3, 1, 2} { // as the stream may bring them
		row, err := commands.GetCommand(ctx, key, version)
		must(err)
		must(sync.ApplyRow(ctx, row))
	}
	printRows(db, `SELECT number, stock FROM movements ORDER BY number`)
	// Output:
	// 1 7
	// 2 5
	// 3 3
}

// ProductRow is a row of the read model. Its table gets the gate's columns by
// UpsertSchema.
type ProductRow struct {
	ID    string   `db:"id"`
	Title string   `db:"title"`
	Stock *int64   `db:"stock"`
	Tags  []string `db:"tags,json"`
}

// One row an aggregate, one statement a version.
func ExampleUpsert() {
	ctx := context.Background()
	db, done := database(append([]string{`CREATE TABLE product_rows (id text NOT NULL, title text NOT NULL, stock bigint, tags text)`},
		sqlstore.UpsertSchema[ProductRow]("product_rows", "products")...)...)
	defer done()
	row := func(cmd cqrs.Command[Product]) (ProductRow, error) {
		if cmd.Deleted {
			return ProductRow{ID: cmd.SK}, nil // what stays in the tombstone
		}
		return ProductRow{ID: cmd.SK, Title: cmd.Attributes.Title, Stock: &cmd.Attributes.Stock, Tags: cmd.Attributes.Tags}, nil
	}
	sync := cqrs.NewDataSync(products, sqlstore.NewSync(db), sqlstore.Upsert(db, "rds", "product_rows", row))

	must(sync.Apply(ctx, product(2, "Green tea", 5)))
	must(sync.Apply(ctx, product(1, "Tea", 7)))
	printRows(db, `SELECT title, stock FROM products`)
	must(sync.Apply(ctx, deletion(3)))
	must(sync.Apply(ctx, product(2, "Green tea", 5)))
	printRows(db, `SELECT title, stock FROM products`)
	printRows(db, `SELECT id, cqrs_version FROM product_rows WHERE cqrs_deleted`)
	// Output:
	// Green tea 5
	// tea 3
}

func ExampleUpsertSchema() {
	for _, statement := range sqlstore.UpsertSchema[ProductRow]("product_rows", "products") {
		fmt.Println(statement)
	}
	// Output:
	// ALTER TABLE "product_rows" ADD COLUMN cqrs_pk text
	// ALTER TABLE "product_rows" ADD COLUMN cqrs_sk text
	// ALTER TABLE "product_rows" ADD COLUMN cqrs_version bigint NOT NULL DEFAULT 0
	// ALTER TABLE "product_rows" ADD COLUMN cqrs_hash text NOT NULL DEFAULT ''
	// ALTER TABLE "product_rows" ADD COLUMN cqrs_deleted boolean NOT NULL DEFAULT false
	// CREATE UNIQUE INDEX "product_rows_cqrs_key" ON "product_rows" (cqrs_pk, cqrs_sk)
	// CREATE VIEW "products" AS SELECT "id", "title", "stock", "tags" FROM "product_rows" WHERE NOT cqrs_deleted
}

// A target that has no gate of its own, such as a cache, leaves its progress to the
// SyncStore; what any target cannot take is parked there.
func ExampleNewSync() {
	ctx := context.Background()
	db, done := database()
	defer done()
	commands, cache := command.NewMemory(), &productCache{broken: true}
	sync := cqrs.NewDataSync(products, sqlstore.NewSync(db), cqrs.Target("cache", cache, cqrs.ParkAfter(1))).
		With(cqrs.SyncLogger(slog.New(slog.DiscardHandler)))
	service := command.New(command.Config[Product]{Store: commands, Sync: sync})

	_, err := service.PublishSync(ctx, product(0, "Tea", 7))
	must(err)
	printRows(db, `SELECT target, reason FROM cqrs_parked`)
	cache.broken = false
	freed, err := sync.Unpark(ctx, "cache")
	must(err)
	fmt.Println("freed", freed)
	printRows(db, `SELECT sk, version FROM cqrs_progress`)
	// Output:
	// cache connection refused
	// cached Tea
	// freed 1
	// tea 1
}

type productCache struct{ broken bool }

func (c *productCache) Up(_ context.Context, cmd cqrs.Command[Product]) error {
	if c.broken {
		return errors.New("connection refused")
	}
	fmt.Println("cached", cmd.Attributes.Title)
	return nil
}

func (c *productCache) Down(context.Context, cqrs.Command[Product]) error { return nil }

// Payment is an event whose effect has to happen exactly once.
type Payment struct {
	ID     string `json:"id"`
	Amount int64  `json:"amount"`
}

// paid delivers a message twice to a function.
func paid(registry *cqrs.Registry, policy cqrs.Policy) {
	mux := cqrs.NewMux()
	cqrs.OnSQS[Payment](mux, cqrs.Any())
	function, err := cqrs.New(cqrs.Config{Factory: mux, Registry: registry, Policy: policy})
	must(err)
	for range 2 {
		answer, err := function.Invoke(context.Background(), []byte(`{"Records":[{"messageId":"m-1","eventSource":"aws:sqs",
			"eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:payments","body":"{\"id\":\"p-1\",\"amount\":5}"}]}`))
		must(err)
		fmt.Println(string(answer))
	}
}

// What the handler writes through Tx commits together with the mark that it has.
func ExampleTransactional() {
	db, done := database(`CREATE TABLE accounts (id text PRIMARY KEY, balance bigint)`, `INSERT INTO accounts VALUES ('shop', 0)`)
	defer done()
	registry := cqrs.NewRegistry()
	book := func(ctx context.Context, p Payment) error {
		tx, _ := sqlstore.Tx(ctx)
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET balance = balance + $1 WHERE id = 'shop'`, p.Amount)
		return err
	}
	cqrs.RegisterFunc(registry, book, cqrs.KeyBy(func(p Payment) string { return p.ID }), cqrs.With(sqlstore.Transactional(db)))
	paid(registry, cqrs.Policy{})
	printRows(db, `SELECT id, balance FROM accounts`)
	// Output:
	// {"batchItemFailures":[]}
	// {"batchItemFailures":[]}
	// shop 5
}

func ExampleNewIdempotency() {
	db, done := database()
	defer done()
	registry := cqrs.NewRegistry()
	charge := func(_ context.Context, p Payment) error {
		fmt.Println("charge", p.Amount)
		return nil
	}
	cqrs.RegisterFunc(registry, charge, cqrs.KeyBy(func(p Payment) string { return p.ID }))
	paid(registry, cqrs.Policy{Idempotency: sqlstore.NewIdempotency(db)})
	// Output:
	// charge 5
	// {"batchItemFailures":[]}
	// {"batchItemFailures":[]}
}

// Failures are rows, which package redrive finds, sends again and keeps an audit of.
func ExampleNewFailures() {
	ctx := context.Background()
	db, done := database()
	defer done()
	store := sqlstore.NewFailures(db)
	letter := cqrs.DeadLetter{
		ID: "f-1", Route: "payments.Payment", ErrorName: "NoSuchAccount", Error: "account 7 is closed", At: time.Unix(1, 0),
	}
	letter.Message.ARN = "arn:aws:sqs:eu-west-1:123456789012:payments"
	for range 2 { // the queue brings it twice
		news, err := store.SaveFailure(ctx, letter)
		must(err)
		fmt.Println("news:", news)
	}
	must(store.Change(ctx, redrive.Change{ID: "f-1", From: redrive.Open, To: redrive.Discarded, By: "ada", At: time.Unix(2, 0)}))
	for entry, err := range store.Audit(ctx, "f-1") {
		must(err)
		fmt.Printf("%q to %q by %q\n", entry.From, entry.To, entry.By)
	}
	printRows(db, `SELECT status, error_message FROM cqrs_failures`)
	// Output:
	// news: true
	// news: false
	// "" to "OPEN" by ""
	// "OPEN" to "DISCARDED" by "ada"
	// DISCARDED account 7 is closed
}
