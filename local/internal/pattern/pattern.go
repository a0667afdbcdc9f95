// Package pattern matches JSON documents against event patterns: those of
// EventBridge rules, of SNS filter policies and of the filters of event source
// mappings, which agree in what is here. See
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Pattern decides about documents. It is immutable.
type Pattern struct {
	root object
}

// object is a conjunction over the members of an object.
type object struct {
	leaves  map[string][]matcher
	objects map[string]object
	anyOf   [][]object // each list is the alternatives of one $or
}

// matcher decides about one value, which is a string, json.Number, bool or nil.
// present is false where the member is missing or is an object.
type matcher func(value any, present bool) bool

// Parse compiles a pattern. The error says what is wrong with it.
func Parse(document []byte) (*Pattern, error) {
	value, err := Decode(document)
	if err != nil {
		return nil, fmt.Errorf("the pattern is no JSON: %w", err)
	}
	fields, ok := value.(map[string]any)
	if !ok || len(fields) == 0 {
		return nil, errors.New("the pattern must be an object that is not empty")
	}
	root, err := parseObject("", fields)
	if err != nil {
		return nil, err
	}
	return &Pattern{root}, nil
}

// Decode reads a document as Match takes it, with numbers as they are written.
func Decode(document []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("JSON: more than one value")
	}
	return value, nil
}

// Match reports whether the decoded document has everything that the pattern
// asks for. Of an array, one element that does is enough.
func (p *Pattern) Match(document any) bool { return p.root.match(document) }

func parseObject(path string, fields map[string]any) (object, error) {
	o := object{leaves: make(map[string][]matcher), objects: make(map[string]object)}
	for name, value := range fields {
		path := path + "/" + name
		var err error
		switch value := value.(type) {
		case map[string]any:
			if len(value) == 0 {
				return o, fmt.Errorf("%s: an empty object matches nothing", path)
			}
			o.objects[name], err = parseObject(path, value)
		case []any:
			if alternatives, ok := orOf(name, value); ok {
				err = o.parseOr(path, alternatives)
			} else {
				o.leaves[name], err = parseLeaf(path, value)
			}
		default:
			err = fmt.Errorf("%s: must be an object or an array", path)
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// orOf tells a $or from a member of that name: it has at least two objects,
// whose own names are no operators.
func orOf(name string, list []any) ([]map[string]any, bool) {
	if name != "$or" || len(list) < 2 {
		return nil, false
	}
	alternatives := make([]map[string]any, len(list))
	for i, item := range list {
		fields, ok := item.(map[string]any)
		if !ok || len(fields) == 0 {
			return nil, false
		}
		for name := range fields {
			if isOperator(name) {
				return nil, false
			}
		}
		alternatives[i] = fields
	}
	return alternatives, true
}

func (o *object) parseOr(path string, alternatives []map[string]any) error {
	parsed := make([]object, len(alternatives))
	for i, fields := range alternatives {
		var err error
		if parsed[i], err = parseObject(path, fields); err != nil {
			return err
		}
	}
	o.anyOf = append(o.anyOf, parsed)
	return nil
}

func (o *object) match(value any) bool {
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, o.match) || len(list) == 0 && o.match(nil)
	}
	fields, _ := value.(map[string]any)
	for name, matchers := range o.leaves {
		value, present := fields[name]
		if !matchLeaf(matchers, value, present) {
			return false
		}
	}
	for name, child := range o.objects {
		if !child.match(fields[name]) {
			return false
		}
	}
	for _, alternatives := range o.anyOf {
		if !matchAny(alternatives, value) {
			return false
		}
	}
	return true
}

func matchAny(alternatives []object, value any) bool {
	for _, alternative := range alternatives {
		if alternative.match(value) {
			return true
		}
	}
	return false
}

// matchLeaf takes an array as its elements. What is no leaf is missing.
func matchLeaf(matchers []matcher, value any, present bool) bool {
	if list, ok := value.([]any); ok && len(list) > 0 {
		for _, item := range list {
			if matchLeaf(matchers, item, true) {
				return true
			}
		}
		return false
	}
	switch value.(type) {
	case map[string]any, []any:
		value, present = nil, false
	}
	for _, matches := range matchers {
		if matches(value, present) {
			return true
		}
	}
	return false
}
