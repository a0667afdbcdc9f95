package stepfunctions

import (
	"encoding/json"
	"strings"
)

// call evaluates an intrinsic function, such as States.Format('{}', $.name),
// whose arguments may be calls themselves.
func (s scope) call(text string) (any, error) {
	p := &callParser{scope: s, rest: text}
	result, err := p.call()
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = p.complain()
	}
	return result, err
}

type callParser struct {
	scope scope
	rest  string
}

func (p *callParser) complain() error {
	return failed("States.Runtime", "this is no path and no intrinsic function, from here on: %s", p.rest)
}

func (p *callParser) skip(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *callParser) call() (any, error) {
	name, rest, ok := strings.Cut(p.rest, "(")
	name = strings.TrimSpace(name)
	if !ok || !strings.HasPrefix(name, "States.") {
		return nil, p.complain()
	}
	p.rest = rest
	var arguments []any
	if p.skip(")") {
		return apply(name, arguments)
	}
	for {
		argument, err := p.argument()
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, argument)
		switch {
		case p.skip(","):
		case p.skip(")"):
			return apply(name, arguments)
		default:
			return nil, p.complain()
		}
	}
}

func (p *callParser) argument() (any, error) {
	p.skip("")
	switch {
	case strings.HasPrefix(p.rest, "'"):
		return p.quoted()
	case strings.HasPrefix(p.rest, "States."):
		return p.call()
	}
	end := p.end()
	token := strings.TrimSpace(p.rest[:end])
	if token == "" {
		return nil, p.complain()
	}
	p.rest = p.rest[end:]
	switch {
	case strings.HasPrefix(token, "$"):
		return p.scope.find(token)
	case token == "null":
		return nil, nil
	case token == "true" || token == "false":
		return token == "true", nil
	case json.Valid([]byte(token)):
		return json.Number(token), nil
	default:
		return nil, p.complain()
	}
}

// end is where a path or a literal ends: at a comma or a bracket that belongs to
// the call.
func (p *callParser) end() int {
	depth, quoted := 0, false
	for i, r := range p.rest {
		switch {
		case r == '\'':
			quoted = !quoted
		case quoted:
		case r == '(' || r == '[':
			depth++
		case depth > 0 && (r == ')' || r == ']'):
			depth--
		case depth == 0 && (r == ',' || r == ')'):
			return i
		}
	}
	return len(p.rest)
}

// quoted reads a string in single quotes. \' and \\ lose their backslash; \{ and
// \} keep it, for States.Format.
func (p *callParser) quoted() (any, error) {
	var out strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\'':
			p.rest = p.rest[i+1:]
			return out.String(), nil
		case c == '\\' && i+1 < len(p.rest) && (p.rest[i+1] == '\'' || p.rest[i+1] == '\\'):
			i++
			out.WriteByte(p.rest[i])
		default:
			out.WriteByte(c)
		}
	}
	return nil, p.complain()
}
