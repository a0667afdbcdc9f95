package dynamostore_test

import (
	"testing"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func TestIdempotencySuite(t *testing.T) {
	t.Parallel()
	cqrstest.IdempotencyStore(t, func(t *testing.T) cqrs.IdempotencyStore {
		t.Helper()
		c, _ := client(t)
		return dynamostore.NewIdempotency(c, table(t, c, "id"))
	})
}
