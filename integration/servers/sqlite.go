package servers

import (
	"database/sql"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// OpenSQLite opens the database in a file, which need not exist. The caller closes
// it.
func OpenSQLite(file string) (*sql.DB, error) {
	const options = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate"
	return sql.Open("sqlite", "file:"+file+options)
}
