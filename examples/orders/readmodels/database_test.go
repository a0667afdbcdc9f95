package readmodels_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
)

// The first who open a database make it, whoever of them that is.
func TestManyOpenAFileThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 6 {
		file := filepath.Join(dir, fmt.Sprint(i))
		failures := make([]error, 12)
		var group sync.WaitGroup
		for n := range failures {
			group.Go(func() {
				db, err := readmodels.Open(t.Context(), file)
				if err == nil {
					err = db.Close()
				}
				failures[n] = err
			})
		}
		group.Wait()
		for _, err := range failures {
			require.NoError(t, err)
		}
	}
}

const insertSale = `INSERT INTO sales (tenant, customer, orders, money) VALUES ('acme', $1, 1, 5)`

func openFile(t *testing.T) (db *sql.DB, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "shop.db")
	db, err := readmodels.Open(t.Context(), file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, file
}

func TestReadersAndTheWriterDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	db, _ := openFile(t)
	for _, customer := range []string{"ada", "bob"} {
		_, err := db.ExecContext(t.Context(), insertSale, customer)
		require.NoError(t, err)
	}
	rows, err := db.QueryContext(t.Context(), `SELECT customer FROM sales`)
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next(), "somebody reads")
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), insertSale, "eve")
	require.NoError(t, err)
	sales, err := readmodels.Sales(t.Context(), db)
	require.NoError(t, err)
	require.Len(t, sales, 2, "what was there before")
	require.NoError(t, tx.Commit())
	require.NoError(t, rows.Err())
}

// Whoever has begun may write, although he has only read so far: others wait.
func TestATransactionThatBeginsByReadingMayWrite(t *testing.T) {
	t.Parallel()
	db, file := openFile(t)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var n int
	require.NoError(t, tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM sales`).Scan(&n))

	impatient, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer func() { require.NoError(t, impatient.Close()) }()
	_, err = impatient.ExecContext(t.Context(), insertSale, "ada")
	require.ErrorContains(t, err, "locked")

	_, err = tx.ExecContext(t.Context(), insertSale, "ada")
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := readmodels.Open(ended, filepath.Join(t.TempDir(), "shop.db"))
	require.ErrorIs(t, err, context.Canceled)
}
