package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/integration/servers"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

var server = servers.SharedPostgreSQL()

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// closing stops the server before anybody looks for what is left behind.
type closing struct{ *testing.M }

func (c closing) Run() int {
	defer server.Close()
	return c.M.Run()
}

func postgres(t *testing.T) *sql.DB {
	t.Helper()
	return ready(t)(server.Get(t).Open(t.Context()))
}

func sqlite(t *testing.T) *sql.DB {
	t.Helper()
	return ready(t)(servers.OpenSQLite(filepath.Join(t.TempDir(), "test.db")))
}

// ready makes the tables and closes the database at the end of the test.
func ready(t *testing.T) func(*sql.DB, error) *sql.DB {
	t.Helper()
	return func(db *sql.DB, err error) *sql.DB {
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		require.NoError(t, sqlstore.Create(t.Context(), db))
		return db
	}
}

// onEach runs the test on each database that sqlstore is for.
func onEach(t *testing.T, test func(t *testing.T, open func(t *testing.T) *sql.DB)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) *sql.DB{"PostgreSQL": postgres, "SQLite": sqlite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}
