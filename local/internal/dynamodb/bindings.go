package dynamodb

import (
	"maps"
	"slices"
	"strings"
)

// bindings are what expressions call #name and :value.
type bindings struct {
	Names  map[string]string `json:"ExpressionAttributeNames"`
	Values item              `json:"ExpressionAttributeValues"`

	used map[string]bool
}

// check holds the rules for the bindings themselves. What uses them follows.
func (b *bindings) check() error {
	b.used = make(map[string]bool, len(b.Names)+len(b.Values))
	if b.Names != nil && len(b.Names) == 0 {
		return invalid("ExpressionAttributeNames must not be empty")
	}
	if b.Values != nil && len(b.Values) == 0 {
		return invalid("ExpressionAttributeValues must not be empty")
	}
	for _, alias := range slices.Sorted(maps.Keys(b.Names)) {
		if !isBinding(alias, '#') {
			return invalid("ExpressionAttributeNames contains invalid key: Syntax error; key: %q", alias)
		}
		if b.Names[alias] == "" {
			return invalid("ExpressionAttributeNames contains invalid value for key %s", alias)
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(b.Values)) {
		if !isBinding(alias, ':') {
			return invalid("ExpressionAttributeValues contains invalid key: Syntax error; key: %q", alias)
		}
	}
	return nil
}

func isBinding(alias string, prefix byte) bool {
	return len(alias) > 1 && alias[0] == prefix && wordLength(alias[1:]) == len(alias)-1
}

// checkUsed refuses what no expression used. expressions says whether there was
// one at all.
func (b *bindings) checkUsed(expressions bool) error {
	if !expressions && b.Names != nil {
		return invalid("ExpressionAttributeNames can only be specified when using expressions")
	}
	if !expressions && b.Values != nil {
		return invalid("ExpressionAttributeValues can only be specified when using expressions")
	}
	if unused := unusedOf(maps.Keys(b.Names), b.used); unused != "" {
		return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", unused)
	}
	if unused := unusedOf(maps.Keys(b.Values), b.used); unused != "" {
		return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", unused)
	}
	return nil
}

func unusedOf(aliases func(func(string) bool), used map[string]bool) string {
	var unused []string
	for alias := range aliases {
		if !used[alias] {
			unused = append(unused, alias)
		}
	}
	slices.Sort(unused)
	return strings.Join(unused, ", ")
}
