package readmodels

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"modernc.org/sqlite"               // and the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A function needs as many connections as it handles records at once, which is its
// Config.Concurrency. Every environment has a pool of its own, so more of them would
// use up the database's.
const connections = 4

// Open opens the database of the read models and brings its tables up to date. The
// address is a URL, postgres://…, or the name of a file for SQLite, which need not
// exist. Any number of processes may do so at once. The caller closes it.
func Open(ctx context.Context, address string) (*sql.DB, error) {
	postgres := strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
	driver, source := "sqlite", sqliteSource(address)
	if postgres {
		driver, source = "pgx", address
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("readmodels: open the database: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(time.Minute) // an environment that slept longer finds them closed by the other side
	if !postgres {
		err = useWAL(ctx, db)
	}
	if err == nil {
		err = migrate(ctx, db, postgres)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("readmodels: bring the tables up to date: %w", err), db.Close())
	}
	return db, nil
}

// patience is how long SQLite waits for others to finish with the file.
const patience = 10 * time.Second

// sqliteSource has writers wait for each other from the beginning of a transaction on
// (IMMEDIATE): one that has begun by reading could not.
func sqliteSource(file string) string {
	path := url.URL{Path: file}
	return fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&_txlock=immediate", path.EscapedPath(), patience.Milliseconds())
}

// useWAL has readers not wait for the writer. It is noted in the file, once. It is the
// one statement that does not wait for others by itself.
// https://www.sqlite.org/wal.html
func useWAL(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := db.ExecContext(ctx, `PRAGMA journal_mode = WAL`)
		refused, ok := errors.AsType[*sqlite.Error](err)
		if !ok || refused.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}
