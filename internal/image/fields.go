package image

import (
	"reflect"

	"github.com/lambda-cqrs/cqrs/internal/field"
)

// member is a field of a struct that an attribute belongs to.
type member struct {
	name    string
	index   []int
	plan    *plan
	options options
	// opening is the text with which an attribute of the likeliest kind begins, ""
	// where nobody can tell.
	opening string
	kind    kind
}

// membersOf lists what the attributes of an item belong to.
func membersOf(t reflect.Type) []field.Field {
	return field.List(t, func(f reflect.StructField) (string, bool) {
		if !f.IsExported() && f.Type.ConvertibleTo(timeType) {
			return "", false
		}
		name, _, ok := parseTag(f.Tag)
		return name, ok
	})
}
