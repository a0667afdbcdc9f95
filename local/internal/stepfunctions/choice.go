package stepfunctions

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// choice is a rule of a Choice state.
type choice struct {
	next     string
	variable string
	operator string // such as NumericLessThan; "" for a combination
	operand  any    // a path where operator ends in Path
	all, any []choice
	not      *choice
}

// UnmarshalJSON finds the one operator of a rule.
func (c *choice) UnmarshalJSON(document []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(document, &fields); err != nil {
		return fmt.Errorf("a choice is an object: %w", err)
	}
	for name, field := range fields {
		var err error
		switch name {
		case "Comment":
		case "Next":
			err = json.Unmarshal(field, &c.next)
		case "Variable":
			err = json.Unmarshal(field, &c.variable)
		case "And":
			err = json.Unmarshal(field, &c.all)
		case "Or":
			err = json.Unmarshal(field, &c.any)
		case "Not":
			err = json.Unmarshal(field, &c.not)
		default:
			if !known(name) || c.operator != "" {
				return wire.Invalid("UnsupportedParameter", "the local runtime does not support the choice operator %s here", name)
			}
			c.operator = name
			c.operand, err = pattern.Decode(field)
		}
		if err != nil {
			return fmt.Errorf("choice %s: %w", name, err)
		}
	}
	if (c.operator == "") == (c.all == nil && c.any == nil && c.not == nil) {
		return wire.Invalid("InvalidDefinition", "a choice has one operator")
	}
	return nil
}

func known(operator string) bool {
	switch operator {
	case "IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp", "StringMatches", "BooleanEquals", "BooleanEqualsPath":
		return true
	}
	kind, comparison := split(operator)
	switch comparison {
	case "Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals":
		return kind != ""
	default:
		return false
	}
}

// split takes an operator of comparison apart.
func split(operator string) (kind, comparison string) {
	operator = strings.TrimSuffix(operator, "Path")
	for _, kind := range []string{"String", "Numeric", "Timestamp"} {
		if comparison, ok := strings.CutPrefix(operator, kind); ok {
			return kind, comparison
		}
	}
	return "", ""
}

func (c *choice) holds(s scope) (bool, error) {
	switch {
	case c.not != nil:
		holds, err := c.not.holds(s)
		return !holds, err
	case c.all != nil:
		for i := range c.all {
			if holds, err := c.all[i].holds(s); !holds || err != nil {
				return false, err
			}
		}
		return true, nil
	case c.any != nil:
		for i := range c.any {
			if holds, err := c.any[i].holds(s); holds || err != nil {
				return holds, err
			}
		}
		return false, nil
	}
	variable, err := s.find(c.variable)
	if c.operator == "IsPresent" {
		return (err == nil) == (c.operand == true), nil
	}
	if err != nil {
		return false, failed("States.Runtime", "Invalid path '%s': the choice references nothing", c.variable)
	}
	if wanted, test := isType(c.operator, variable); test {
		return wanted == (c.operand == true), nil
	}
	operand := c.operand
	if strings.HasSuffix(c.operator, "Path") {
		text, _ := operand.(string)
		if operand, err = s.find(text); err != nil {
			return false, failed("States.Runtime", "Invalid path '%s'", text)
		}
	}
	return compare(c.operator, variable, operand), nil
}

func isType(operator string, variable any) (is, test bool) {
	switch operator {
	case "IsNull":
		return variable == nil, true
	case "IsNumeric":
		_, is = variable.(json.Number)
		return is, true
	case "IsString":
		_, is = variable.(string)
		return is, true
	case "IsBoolean":
		_, is = variable.(bool)
		return is, true
	case "IsTimestamp":
		_, is = timestamp(variable)
		return is, true
	default:
		return false, false
	}
}

func timestamp(v any) (time.Time, bool) {
	text, _ := v.(string)
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

// compare is false for values of other types.
func compare(operator string, variable, operand any) bool {
	switch operator {
	case "BooleanEquals", "BooleanEqualsPath":
		_, ok := variable.(bool)
		return ok && variable == operand
	case "StringMatches":
		text, ok := variable.(string)
		wanted, _ := operand.(string)
		return ok && matchText(wanted, text)
	}
	kind, comparison := split(operator)
	order, ok := ordered(kind, variable, operand)
	if !ok {
		return false
	}
	switch comparison {
	case "Equals":
		return order == 0
	case "LessThan":
		return order < 0
	case "LessThanEquals":
		return order <= 0
	case "GreaterThan":
		return order > 0
	default:
		return order >= 0
	}
}

func ordered(kind string, a, b any) (order int, ok bool) {
	switch kind {
	case "String":
		left, ok := a.(string)
		right, also := b.(string)
		return strings.Compare(left, right), ok && also
	case "Timestamp":
		left, ok := timestamp(a)
		right, also := timestamp(b)
		return left.Compare(right), ok && also
	default:
		left, ok := pattern.Number(a)
		right, also := pattern.Number(b)
		if !ok || !also {
			return 0, false
		}
		return left.Cmp(right), true
	}
}

// matchText takes * for any characters.
func matchText(wanted, text string) bool {
	matcher, err := pattern.Wildcard(wanted)
	return err == nil && matcher(text)
}
