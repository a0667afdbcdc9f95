package dynamodb

import (
	"strconv"
	"strings"
)

const (
	maxExpression = 4 << 10
	maxOperators  = 300
	maxOperands   = 100 // of IN
)

// parser reads one expression. Its first error ends it: from then on there is
// only the end to read.
type parser struct {
	name      string // of the request's parameter
	text      string
	bindings  *bindings
	tokens    []token
	at        int
	operators int
	names     map[string]bool // the attributes that paths begin with
	err       error
}

// parse reads the whole expression by a rule of its grammar.
func parse[T any](name string, text *string, b *bindings, rule func(*parser) T) (T, error) {
	var none T
	p := &parser{name: name, text: *text, bindings: b, names: map[string]bool{}}
	switch {
	case strings.TrimSpace(p.text) == "":
		return none, invalid("Invalid %s: The expression can not be empty;", name)
	case len(p.text) > maxExpression:
		return none, invalid("Invalid %s: Expression size has exceeded the maximum allowed size; expression size: %d", name, len(p.text))
	}
	p.tokens = lex(p.text)
	result := rule(p)
	if p.next().class != tokenEnd {
		p.syntaxError()
	}
	if p.err != nil {
		return none, p.err
	}
	return result, nil
}

func (p *parser) failf(format string, arguments ...any) {
	if p.err == nil {
		p.err = invalid("Invalid "+p.name+": "+format, arguments...)
	}
	p.tokens = []token{{}}
	p.at = 0
}

// syntaxError is about the next token.
func (p *parser) syntaxError() {
	t := p.next()
	text := t.text
	if t.class == tokenEnd {
		text = "<EOF>"
	}
	start, end := t.start, t.end
	if p.at > 0 {
		start = p.tokens[p.at-1].start
	}
	if p.at+1 < len(p.tokens) {
		end = p.tokens[p.at+1].end
	}
	p.failf(`Syntax error; token: "%s", near: "%s"`, text, p.text[start:end])
}

func (p *parser) next() token { return p.tokens[p.at] }

func (p *parser) take() token {
	t := p.next()
	if t.class != tokenEnd {
		p.at++
	}
	return t
}

// accept takes a symbol where it is next.
func (p *parser) accept(symbol string) bool {
	if t := p.next(); t.class != tokenSymbol || t.text != symbol {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(symbol string) {
	if !p.accept(symbol) {
		p.syntaxError()
	}
}

// keyword takes a word, in any case, where it is next.
func (p *parser) keyword(word string) bool {
	if t := p.next(); t.class != tokenName || !strings.EqualFold(t.text, word) {
		return false
	}
	p.at++
	return true
}

func (p *parser) operator() {
	if p.operators++; p.operators > maxOperators {
		p.failf("The expression contains too many operators; operator count: %d", p.operators)
	}
}

// isCall reports whether a function with arguments is next.
func (p *parser) isCall() bool {
	if p.next().class != tokenName {
		return false
	}
	after := p.tokens[p.at+1]
	return after.class == tokenSymbol && after.text == "("
}

// path reads a document path.
func (p *parser) path() path {
	result := path{{name: p.attribute(), index: -1}}
	p.names[result[0].name] = true
	for p.err == nil {
		switch {
		case p.accept("."):
			result = append(result, step{name: p.attribute(), index: -1})
		case p.accept("["):
			t := p.next()
			index, err := strconv.Atoi(t.text)
			if t.class != tokenNumber || err != nil {
				p.syntaxError()
			}
			p.take()
			p.expect("]")
			result = append(result, step{index: index})
		default:
			return result
		}
	}
	return result
}

// attribute reads one name of a path.
func (p *parser) attribute() string {
	switch t := p.next(); {
	case t.class == tokenName && isReserved(t.text):
		p.failf("Attribute name is a reserved keyword; reserved keyword: %s", t.text)
	case t.class == tokenName:
		return p.take().text
	case t.class == tokenAlias:
		p.take()
		name, ok := p.bindings.Names[t.text]
		if !ok {
			p.failf("An expression attribute name used in the document path is not defined; attribute name: %s", t.text)
		}
		p.bindings.used[t.text] = true
		return name
	default:
		p.syntaxError()
	}
	return ""
}

// value reads a :value.
func (p *parser) value() value {
	t := p.next()
	if t.class != tokenValue {
		p.syntaxError()
		return value{}
	}
	p.take()
	v, ok := p.bindings.Values[t.text]
	if !ok {
		p.failf("An expression attribute value used in expression is not defined; attribute value: %s", t.text)
	}
	p.bindings.used[t.text] = true
	return v
}

// arguments reads those of a call whose name is next.
func (p *parser) arguments(count int, argument func() operand) (function string, arguments []operand) {
	function = p.take().text
	p.expect("(")
	for p.err == nil {
		arguments = append(arguments, argument())
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	if p.err == nil && len(arguments) != count {
		p.failf("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d",
			function, len(arguments))
	}
	for len(arguments) < count { // p has failed; the caller goes on to the end
		arguments = append(arguments, literal{})
	}
	return function, arguments
}
