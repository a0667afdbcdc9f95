package pattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
)

func isOperator(name string) bool {
	switch name {
	case "prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case", "wildcard", "cidr":
		return true
	default:
		return false
	}
}

func parseLeaf(path string, list []any) ([]matcher, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: an empty array matches nothing", path)
	}
	matchers := make([]matcher, len(list))
	for i, item := range list {
		var err error
		if matchers[i], err = parseMatcher(item); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return matchers, nil
}

func parseMatcher(item any) (matcher, error) {
	switch item := item.(type) {
	case map[string]any:
		if len(item) != 1 {
			return nil, errors.New("an operator is an object of one member")
		}
		for name, argument := range item {
			return parseOperator(name, argument)
		}
	case []any:
		return nil, errors.New("arrays cannot be nested")
	}
	return func(value any, present bool) bool { return present && equal(value, item) }, nil
}

func parseOperator(name string, argument any) (matcher, error) {
	switch name {
	case "exists":
		wanted, ok := argument.(bool)
		if !ok {
			return nil, errors.New("exists takes true or false")
		}
		return func(_ any, present bool) bool { return present == wanted }, nil
	case "numeric":
		return parseNumeric(argument)
	case "anything-but":
		return parseAnythingBut(argument)
	default:
		test, err := parseText(name, argument)
		if err != nil {
			return nil, err
		}
		return onText(test), nil
	}
}

func onText(test func(string) bool) matcher {
	return func(value any, present bool) bool {
		text, ok := value.(string)
		return present && ok && test(text)
	}
}

// parseText is an operator on strings.
func parseText(name string, argument any) (func(string) bool, error) {
	if fields, ok := argument.(map[string]any); ok && len(fields) == 1 && (name == "prefix" || name == "suffix") {
		argument, ok := fields["equals-ignore-case"].(string)
		if !ok {
			return nil, fmt.Errorf("%s takes a string or equals-ignore-case", name)
		}
		return parseFolded(name, argument), nil
	}
	text, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("%s takes a string", name)
	}
	switch name {
	case "prefix":
		return func(s string) bool { return strings.HasPrefix(s, text) }, nil
	case "suffix":
		return func(s string) bool { return strings.HasSuffix(s, text) }, nil
	case "equals-ignore-case":
		return func(s string) bool { return strings.EqualFold(s, text) }, nil
	case "wildcard":
		return Wildcard(text)
	case "cidr":
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("cidr: %w", err)
		}
		return func(s string) bool {
			address, err := netip.ParseAddr(s)
			return err == nil && network.Contains(address)
		}, nil
	default:
		return nil, fmt.Errorf("unrecognized match type %s", name)
	}
}

func parseFolded(name, text string) func(string) bool {
	text = strings.ToLower(text)
	if name == "prefix" {
		return func(s string) bool { return strings.HasPrefix(strings.ToLower(s), text) }
	}
	return func(s string) bool { return strings.HasSuffix(strings.ToLower(s), text) }
}

// Wildcard returns the test of a pattern, which takes * for any number of characters; \* and \\ are themselves.
func Wildcard(text string) (func(string) bool, error) {
	var parts []string // between the stars
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '\\'):
			i++
			part.WriteByte(text[i])
		case text[i] == '\\':
			return nil, errors.New("wildcard: invalid escape")
		case text[i] == '*' && i > 0 && text[i-1] == '*' && part.Len() == 0 && len(parts) > 0:
			return nil, errors.New("wildcard: consecutive * are not allowed")
		case text[i] == '*':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(text[i])
		}
	}
	parts = append(parts, part.String())
	return func(s string) bool { return matchParts(parts, s) }, nil
}

func matchParts(parts []string, s string) bool {
	if len(parts) == 1 {
		return s == parts[0]
	}
	last := len(parts) - 1
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return strings.HasSuffix(s, parts[last])
}

// parseAnythingBut accepts what is there and is, or is like, none of the
// arguments.
func parseAnythingBut(argument any) (matcher, error) {
	list, ok := argument.([]any)
	if !ok {
		list = []any{argument}
	}
	if fields, ok := argument.(map[string]any); ok {
		return parseTextBut(fields)
	}
	if len(list) == 0 {
		return nil, errors.New("anything-but takes at least one value")
	}
	for _, item := range list {
		switch item.(type) {
		case string, json.Number:
		default:
			return nil, errors.New("anything-but takes strings and numbers")
		}
	}
	return func(value any, present bool) bool {
		for _, item := range list {
			if equal(value, item) {
				return false
			}
		}
		return present
	}, nil
}

func parseTextBut(fields map[string]any) (matcher, error) {
	if len(fields) != 1 {
		return nil, errors.New("anything-but takes one operator")
	}
	var tests []func(string) bool
	for name, argument := range fields {
		list, ok := argument.([]any)
		if !ok {
			list = []any{argument}
		}
		for _, item := range list {
			test, err := parseText(name, item)
			if err != nil {
				return nil, fmt.Errorf("anything-but: %w", err)
			}
			tests = append(tests, test)
		}
	}
	return func(value any, present bool) bool {
		text, ok := value.(string)
		if !present || !ok {
			return false
		}
		for _, test := range tests {
			if test(text) {
				return false
			}
		}
		return true
	}, nil
}

// parseNumeric reads [operator, number, …].
func parseNumeric(argument any) (matcher, error) {
	list, ok := argument.([]any)
	if !ok || len(list) == 0 || len(list)%2 != 0 || len(list) > 4 {
		return nil, errors.New("numeric takes one or two pairs of operator and number")
	}
	tests := make([]func(int) bool, 0, 2)
	bounds := make([]*big.Float, 0, 2)
	for i := 0; i < len(list); i += 2 {
		test, err := comparison(list[i])
		if err != nil {
			return nil, err
		}
		bound, ok := Number(list[i+1])
		if !ok {
			return nil, errors.New("numeric takes numbers")
		}
		tests, bounds = append(tests, test), append(bounds, bound)
	}
	return func(value any, present bool) bool {
		n, ok := Number(value)
		if !present || !ok {
			return false
		}
		for i, test := range tests {
			if !test(n.Cmp(bounds[i])) {
				return false
			}
		}
		return true
	}, nil
}

func comparison(operator any) (func(order int) bool, error) {
	switch operator {
	case "=":
		return func(order int) bool { return order == 0 }, nil
	case "<":
		return func(order int) bool { return order < 0 }, nil
	case "<=":
		return func(order int) bool { return order <= 0 }, nil
	case ">":
		return func(order int) bool { return order > 0 }, nil
	case ">=":
		return func(order int) bool { return order >= 0 }, nil
	default:
		return nil, fmt.Errorf("numeric: unrecognized operator %v", operator)
	}
}

// Number is the number that JSON was decoded to. It is exact for everything that a double is.
func Number(value any) (*big.Float, bool) {
	text, ok := value.(json.Number)
	if !ok {
		return nil, false
	}
	n, _, err := big.ParseFloat(text.String(), 10, 256, big.ToNearestEven)
	return n, err == nil
}

func equal(a, b any) bool {
	left, ok := Number(a)
	right, also := Number(b)
	if ok && also {
		return left.Cmp(right) == 0
	}
	return a == b
}
