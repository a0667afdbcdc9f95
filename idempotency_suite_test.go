package cqrs_test

import (
	"testing"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// TestMemoryIdempotencyStore holds the reference against the suite that it is the
// reference of.
func TestMemoryIdempotencyStore(t *testing.T) {
	t.Parallel()
	cqrstest.IdempotencyStore(t, cqrs.NewMemoryIdempotency)
}
