package cqrs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs/internal/image"
)

// hashPrefix names the normal form of [ContentHash]. Hashes of different forms
// cannot be compared and count as equal.
const hashPrefix = "1:"

// ContentHash identifies what a version says: id, code, name, type, tenant,
// deletion, seq and attributes, whoever wrote it when. Attributes that are null,
// empty, false or zero count as absent, and order, spelling of numbers and
// duplicates in sets do not matter, so that a row and the command that was
// decoded from it have the same hash, also after A got further fields.
func ContentHash[A any](cmd Command[A]) (string, error) {
	attributes, err := plainAttributes(cmd.Attributes)
	if err != nil {
		return "", err
	}
	content := map[string]any{
		"id": cmd.ID, "code": cmd.Code, "name": cmd.Name, "type": cmd.Type, "tenant": cmd.TenantCode,
		"deleted": cmd.Deleted, "seq": cmd.Seq, "attributes": attributes,
	}
	if cmd.TenantCode == "" {
		_, tenant, _ := cmd.CutTenant()
		content["tenant"] = tenant
	}
	pruned, _ := prune(content).(map[string]any)
	text, err := image.Marshal(pruned)
	if err == nil {
		text, err = image.Canonical(text)
	}
	if err != nil {
		return "", Permanent(fmt.Errorf("cqrs: hash command %s %s: %w", cmd.PK, cmd.SK, err))
	}
	return hashPrefix + hash(text), nil
}

// plainAttributes turns attributes of any type into maps, lists and scalars.
func plainAttributes(attributes any) (any, error) {
	item, ok := attributes.(Image)
	if !ok {
		var err error
		if item, err = NewImage(struct{ V any }{attributes}); err != nil {
			return nil, Permanent(err)
		}
	}
	if item.IsZero() {
		return nil, nil
	}
	var plain map[string]any
	if err := item.Unmarshal(&plain); err != nil {
		return nil, err
	}
	if ok {
		return plain, nil
	}
	return plain["V"], nil
}

// prune leaves out what is empty, and sorts sets. It returns nil for an empty
// value.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		kept := maps.Clone(v)
		maps.DeleteFunc(kept, func(name string, _ any) bool {
			kept[name] = prune(kept[name])
			return kept[name] == nil
		})
		if len(kept) == 0 {
			return nil
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, element := range v {
			kept[i] = prune(element) // elements keep their places
		}
		return orNil(kept)
	case []string:
		return orNil(slices.Sorted(slices.Values(v)))
	case []json.Number:
		return orNil(slices.SortedFunc(slices.Values(v), compareNumbers))
	case [][]byte:
		return orNil(slices.SortedFunc(slices.Values(v), slices.Compare[[]byte]))
	case []byte:
		return orNil(v)
	case json.Number:
		if strings.Trim(string(v), "-0.") == "" {
			return nil
		}
		return v
	case string, bool, int64:
		if v == "" || v == false || v == int64(0) {
			return nil
		}
		return v
	default:
		return v
	}
}

// compareNumbers puts numbers in an order; equal ones are spelled alike first.
func compareNumbers(a, b json.Number) int {
	return strings.Compare(canonicalNumber(a), canonicalNumber(b))
}

func canonicalNumber(n json.Number) string {
	text, err := image.Canonical(`{"n":{"N":"` + string(n) + `"}}`)
	if err != nil {
		return string(n)
	}
	return text
}

func orNil[E any](list []E) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

// sameContent compares the hashes of two contents. Unknown ones, and those of
// another normal form, count as equal: nothing can be said against them.
func sameContent(a, b string) bool {
	known := strings.HasPrefix(a, hashPrefix) && strings.HasPrefix(b, hashPrefix)
	return !known || a == b
}

// ItemHash identifies an item by all that is in it: the same whatever the order of
// its attributes and the spelling of its numbers.
func ItemHash(item Image) (string, error) {
	text, err := image.Canonical(item.text)
	if err != nil {
		return "", &DecodeError{Stage: "image", Err: err}
	}
	return hash(text), nil
}
