package sqlstore_test

import (
	"database/sql"
	"testing"

	"github.com/lambda-cqrs/cqrs/redrive"
	"github.com/lambda-cqrs/cqrs/redrive/conformance"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		conformance.Run(t, func(t *testing.T) redrive.Store {
			t.Helper()
			return sqlstore.NewFailures(open(t))
		})
	})
}
