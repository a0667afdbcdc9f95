package dynamodb

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// operand is what conditions and updates compute with.
type operand interface {
	eval(i item) (value, bool)
}

type literal struct{ value value }

func (l literal) eval(item) (value, bool) { return l.value, true }

func (p path) eval(i item) (value, bool) { return p.find(i) }

// length is the function size.
type length struct{ operand operand }

func (l length) eval(i item) (value, bool) {
	v, ok := l.operand.eval(i)
	if !ok {
		return value{}, false
	}
	var size int
	switch v.kind {
	case kindString:
		size = runes(v.text)
	case kindBinary:
		size = len(v.text)
	case kindList:
		size = len(v.list)
	case kindMap:
		size = len(v.members)
	case kindStringSet, kindNumberSet, kindBinarySet:
		size = len(v.set)
	default:
		return value{}, false
	}
	return value{kind: kindNumber, text: strconv.Itoa(size)}, true
}

// operand reads a path, a :value or a size.
func (p *parser) operand() operand {
	switch {
	case p.next().class == tokenValue:
		return literal{p.value()}
	case p.isCall() && p.next().text == "size":
		p.operator()
		_, arguments := p.arguments(1, p.operand)
		if l, ok := arguments[0].(literal); ok && p.err == nil && sizeless(l.value.kind) {
			p.incorrectOperand("operator or function: size", l.value.kind)
		}
		return length{arguments[0]}
	case p.isCall():
		if name := p.next().text; isFunction(name) {
			p.failf("The function is not allowed to be used this way in an expression; function: %s", name)
		} else {
			p.failf("Invalid function name; function: %s", name)
		}
		return literal{}
	default:
		return p.path()
	}
}

func isFunction(name string) bool {
	return slices.Contains([]string{
		"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "if_not_exists", "list_append", "size",
	}, name)
}

func sizeless(k kind) bool { return k == kindNumber || k == kindBool || k == kindNull }

func (p *parser) incorrectOperand(operator string, k kind) {
	p.failf("Incorrect operand type for operator or function; %s, operand type: %s", operator, k)
}

// checkComparison refuses what can be seen to be senseless without an item.
func (p *parser) checkComparison(c comparison) {
	if p.err != nil {
		return
	}
	p.checkDistinctOperands("operator: "+c.operator, c.left, c.right)
	if c.operator == "=" || c.operator == "<>" {
		return
	}
	for _, o := range []operand{c.left, c.right} {
		if l, ok := o.(literal); ok && !l.value.kind.scalar() {
			p.incorrectOperand("operator: "+c.operator, l.value.kind)
		}
	}
}

func (p *parser) checkDistinctOperands(operator string, left, right operand) {
	if from, ok := left.(path); ok && reflect.DeepEqual(left, right) {
		p.failf("The first operand must be distinct from the remaining operands for this operator or function; %s, first operand: %s",
			operator, from)
	}
}

func (p *parser) checkBetween(c between) {
	lower, lowerOK := c.lower.(literal)
	upper, upperOK := c.upper.(literal)
	for _, o := range []operand{c.operand, c.lower, c.upper} {
		if l, ok := o.(literal); ok && p.err == nil && !l.value.kind.scalar() {
			p.incorrectOperand("operator or function: BETWEEN", l.value.kind)
		}
	}
	if p.err != nil || !lowerOK || !upperOK {
		return
	}
	if lower.value.kind != upper.value.kind {
		p.failf("The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {%s:%s}, "+
			"upper bound operand: AttributeValue: {%s:%s}", lower.value.kind, lower.value.text, upper.value.kind, upper.value.text)
	} else if lower.value.order() > upper.value.order() {
		p.failf("The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "+
			"lower bound operand: AttributeValue: {%s:%s}, upper bound operand: AttributeValue: {%s:%s}",
			lower.value.kind, lower.value.text, upper.value.kind, upper.value.text)
	}
}

func (p *parser) checkFunction(name string, arguments []operand) {
	if p.err != nil {
		return
	}
	operator := "operator or function: " + name
	_, onPath := arguments[0].(path)
	if !onPath && strings.HasPrefix(name, "attribute_") {
		p.failf("Operator or function requires a document path; %s", operator)
		return
	}
	if len(arguments) == 1 {
		return
	}
	if name != "attribute_type" {
		p.checkDistinctOperands(operator, arguments[0], arguments[1])
	}
	l, isLiteral := arguments[1].(literal)
	switch k := l.value.kind; {
	case name == "attribute_type" && (!isLiteral || k != kindString):
		p.incorrectOperand(operator, k)
	case name == "attribute_type" && !isKind(l.value.text):
		p.failf("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", l.value.text)
	case name == "begins_with" && isLiteral && k != kindString && k != kindBinary:
		p.incorrectOperand(operator, k)
	}
}
