package readmodels

import (
	"fmt"

	"github.com/lambda-cqrs/cqrs"
)

// The names of the targets. They stand in the gates: a target of another name
// starts from nothing.
const (
	SQLTarget       = "sql"
	SearchTarget    = "search"
	AnalyticsTarget = "analytics"
)

// Stored is what a read model has of an aggregate.
type Stored[A any] struct {
	Version    int64
	Attributes A
}

// cut takes the kind and the tenant out of a key. What is no KIND#tenant never will
// be one.
func cut(k cqrs.Key) (kind, tenant string, err error) {
	kind, tenant, ok := k.CutTenant()
	if !ok {
		return "", "", cqrs.Permanent(fmt.Errorf("readmodels: the partition key %q is not of the form KIND#tenant", k.PK))
	}
	return kind, tenant, nil
}
