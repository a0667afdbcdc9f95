package orders_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/examples/orders/day"
)

// TestDayOnPostgreSQL plays the day with its read models and failures in PostgreSQL.
func TestDayOnPostgreSQL(t *testing.T) {
	t.Parallel()
	address, err := server.Get(t).Create(t.Context())
	require.NoError(t, err)
	template, err := os.ReadFile(filepath.Join("..", "..", "examples", "orders", "template.yaml"))
	require.NoError(t, err)
	var shown bytes.Buffer
	_, err = day.Play(t.Context(), &shown, day.Options{Template: template, Fast: true, Database: address})
	require.NoError(t, err, "%s", &shown)
}
