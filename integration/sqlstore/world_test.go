package sqlstore_test

import (
	"github.com/lambda-cqrs/cqrs"
)

// order is the aggregate of these tests.
type order struct {
	Total int64  `json:"total"`
	Note  string `json:"note,omitempty"`
}

const commandTable = "dev-shop-order-command"

func orderKey(sk string) cqrs.Key { return cqrs.Key{PK: "ORDER#acme", SK: sk} }
