package cqrs

import (
	"errors"
	"fmt"
)

// ErrNewerSchema says that a command was written by a newer release of the application.
var ErrNewerSchema = errors.New("cqrs: newer schema")

// Upcaster turns attributes of one schema version into those of the next. It is
// a pure function.
type Upcaster func(attributes Image) (Image, error)

// Schema says which schema version the application's types have, and how older
// attributes become such. Attributes that only gain fields need none of it. The
// zero Schema takes everything as it is.
type Schema struct {
	Version   int              // of what is written now; at least 1
	Upcasters map[int]Upcaster // by the version that they take
}

// Upcast brings the attributes of a row to the schema's version. A row without a
// version has the first one. The error for a newer one, in the time that a
// deployment takes, is [ErrNewerSchema].
func (s Schema) Upcast(row Command[Image]) (Command[Image], error) {
	if s.Version == 0 {
		return row, nil
	}
	have := max(row.Schema, 1)
	if have > s.Version {
		return row, Permanent(describe(ErrNewerSchema,
			"cqrs: %s %s version %d has schema %d, newer than %d: it can be read after the deployment",
			row.PK, row.SK, row.Version, have, s.Version))
	}
	for ; have < s.Version; have++ {
		up := s.Upcasters[have]
		if up == nil {
			return row, Permanent(fmt.Errorf("cqrs: no upcaster takes schema %d of %s", have, row.Type))
		}
		attributes, err := up(row.Attributes)
		if err != nil {
			return row, Permanent(fmt.Errorf("cqrs: upcast schema %d of %s: %w", have, row.Type, err))
		}
		row.Attributes = attributes
	}
	row.Schema = s.Version
	return row, nil
}
