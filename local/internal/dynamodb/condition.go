package dynamodb

import (
	"slices"
	"strings"
)

// condition is a condition, filter or key condition, without aliases.
type condition interface {
	// holds decides on an item, nil where there is none.
	holds(i item) bool
}

type (
	both       struct{ left, right condition }
	either     struct{ left, right condition }
	opposite   struct{ condition condition }
	comparison struct {
		operator    string
		left, right operand
	}
	between    struct{ operand, lower, upper operand }
	membership struct {
		operand operand
		list    []operand
	}
	function struct {
		name      string
		arguments []operand
	}
)

func (c both) holds(i item) bool     { return c.left.holds(i) && c.right.holds(i) }
func (c either) holds(i item) bool   { return c.left.holds(i) || c.right.holds(i) }
func (c opposite) holds(i item) bool { return !c.condition.holds(i) }

func (c comparison) holds(i item) bool {
	left, leftOK := c.left.eval(i)
	right, rightOK := c.right.eval(i)
	return compare(c.operator, left, leftOK, right, rightOK)
}

func (c between) holds(i item) bool {
	v, ok := c.operand.eval(i)
	lower, lowerOK := c.lower.eval(i)
	upper, upperOK := c.upper.eval(i)
	return compare(">=", v, ok, lower, lowerOK) && compare("<=", v, ok, upper, upperOK)
}

func (c membership) holds(i item) bool {
	v, ok := c.operand.eval(i)
	return slices.ContainsFunc(c.list, func(o operand) bool {
		w, wOK := o.eval(i)
		return compare("=", v, ok, w, wOK)
	})
}

// compare is false where a value is missing or the types differ, except that
// they are unequal then.
func compare(operator string, left value, leftOK bool, right value, rightOK bool) bool {
	switch operator {
	case "=":
		return leftOK && rightOK && left.equal(right)
	case "<>":
		return !leftOK || !rightOK || !left.equal(right)
	}
	if !leftOK || !rightOK || left.kind != right.kind || !left.kind.scalar() {
		return false
	}
	order := strings.Compare(left.order(), right.order())
	switch operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

func (c function) holds(i item) bool {
	v, ok := c.arguments[0].eval(i)
	switch c.name {
	case "attribute_exists":
		return ok
	case "attribute_not_exists":
		return !ok
	}
	argument, argumentOK := c.arguments[1].eval(i)
	if !ok || !argumentOK {
		return false
	}
	switch c.name {
	case "attribute_type":
		return string(v.kind) == argument.text
	case "begins_with":
		return v.kind == argument.kind && (v.kind == kindString || v.kind == kindBinary) && strings.HasPrefix(v.text, argument.text)
	default:
		return contains(v, argument)
	}
}

func contains(v, part value) bool {
	switch {
	case v.kind == kindString || v.kind == kindBinary:
		return v.kind == part.kind && strings.Contains(v.text, part.text)
	case v.kind == kindList:
		return slices.ContainsFunc(v.list, part.equal)
	default:
		return v.kind.element() == part.kind && slices.Contains(v.set, part.text)
	}
}

// condition reads a ConditionExpression or a FilterExpression.
func (p *parser) condition() condition {
	left := p.conjunction()
	for p.keyword("OR") {
		p.operator()
		left = either{left, p.conjunction()}
	}
	return left
}

func (p *parser) conjunction() condition {
	left := p.negation()
	for p.keyword("AND") {
		p.operator()
		left = both{left, p.negation()}
	}
	return left
}

func (p *parser) negation() condition {
	if p.keyword("NOT") {
		p.operator()
		return opposite{p.negation()}
	}
	if p.accept("(") {
		inner := p.next()
		c := p.condition()
		if inner.text == "(" && p.at > 0 && p.tokens[p.at-1].text == ")" && p.wraps(inner) {
			p.failf("The expression has redundant parentheses;")
		}
		p.expect(")")
		return c
	}
	return p.predicate()
}

// wraps reports whether the parenthesis at open is closed by the last token read.
func (p *parser) wraps(open token) bool {
	depth := 0
	for _, t := range p.tokens[:p.at] {
		switch {
		case t.start < open.start:
		case t.class == tokenSymbol && t.text == "(":
			depth++
		case t.class == tokenSymbol && t.text == ")":
			if depth--; depth == 0 {
				return t == p.tokens[p.at-1]
			}
		}
	}
	return false
}

func (p *parser) predicate() condition {
	if p.isCall() && p.next().text != "size" {
		return p.function()
	}
	left := p.operand()
	switch t := p.next(); {
	case t.class == tokenSymbol && slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, t.text):
		p.operator()
		p.take()
		c := comparison{t.text, left, p.operand()}
		p.checkComparison(c)
		return c
	case p.keyword("BETWEEN"):
		p.operator()
		c := between{operand: left, lower: p.operand()}
		if !p.keyword("AND") {
			p.syntaxError()
		}
		c.upper = p.operand()
		p.checkBetween(c)
		return c
	case p.keyword("IN"):
		p.operator()
		return p.membership(left)
	default:
		p.syntaxError()
		return opposite{}
	}
}

func (p *parser) membership(left operand) condition {
	c := membership{operand: left}
	p.expect("(")
	for p.err == nil {
		c.list = append(c.list, p.operand())
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	if len(c.list) > maxOperands {
		p.failf("The IN operator is provided with too many operands; number of operands: %d", len(c.list))
	}
	return c
}

func (p *parser) function() condition {
	p.operator()
	count := 2
	switch name := p.next().text; name {
	case "attribute_exists", "attribute_not_exists":
		count = 1
	case "attribute_type", "begins_with", "contains":
	case "if_not_exists", "list_append":
		p.failf("The function is not allowed in a condition expression; function: %s", name)
	default:
		p.failf("Invalid function name; function: %s", name)
	}
	name, arguments := p.arguments(count, p.operand)
	p.checkFunction(name, arguments)
	return function{name, arguments}
}
