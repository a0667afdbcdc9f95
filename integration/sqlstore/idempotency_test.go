package sqlstore_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

func TestIdempotencyStore(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		cqrstest.IdempotencyStore(t, func(t *testing.T, now func() time.Time) cqrs.IdempotencyStore {
			t.Helper()
			return sqlstore.NewIdempotency(open(t), sqlstore.WithClock(now))
		})
	})
}
