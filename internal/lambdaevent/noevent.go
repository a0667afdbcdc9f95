package lambdaevent

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// NoEvent reports whether a payload is valid JSON and no event, beyond doubt:
// [Detect] would return an [*UnrecognisedError]. False says nothing. It is for
// functions that serve HTTP beside events: it allocates nothing, and for most
// events it looks no further than the first name.
func NoEvent(payload []byte) bool {
	return (&glance{text: payload}).noEvent() &&
		jsontext.Value(payload).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// glance walks over the top level of a text that may be anything. What it says
// only counts for one that is valid JSON.
type glance struct {
	text  []byte
	pos   int
	names [16][]byte
}

func (g *glance) noEvent() bool {
	if g.next() != '{' {
		return false
	}
	for n := 0; ; n++ {
		switch c := g.next(); {
		case c == '}' && n == 0:
			return true
		case c != '"' || n == len(g.names):
			return false
		}
		name, ok := g.name()
		if !ok || telling(name) {
			return false
		}
		for _, other := range g.names[:n] {
			if bytes.Equal(name, other) {
				return false
			}
		}
		g.names[n] = name
		if g.next() != ':' {
			return false
		}
		switch g.value() {
		case ',':
		case '}':
			return true
		default:
			return false
		}
	}
}

// telling are the names without which nothing is an event.
func telling(name []byte) bool {
	switch string(name) {
	case "Records", "detail-type", "Service", "taskToken", "context", "payload", "input":
		return true
	default:
		return false
	}
}

// next returns the next byte that is no white space, 0 at the end.
func (g *glance) next() byte {
	for g.pos < len(g.text) {
		c := g.text[g.pos]
		g.pos++
		if c > ' ' {
			return c
		}
	}
	return 0
}

// name reads a name behind its opening quote. Only plain ASCII is a name that
// can be compared as it stands.
func (g *glance) name() ([]byte, bool) {
	n := bytes.IndexByte(g.text[g.pos:], '"')
	if n < 0 {
		return nil, false
	}
	name := g.text[g.pos : g.pos+n]
	g.pos += n + 1
	for _, c := range name {
		if c == '\\' || c >= 0x80 {
			return nil, false
		}
	}
	return name, true
}

// value moves behind a value and returns the comma or bracket behind it.
func (g *glance) value() byte {
	for depth := 1; g.pos < len(g.text); {
		c := g.text[g.pos]
		g.pos++
		switch c {
		case '"':
			g.rest()
		case '{', '[':
			if depth++; depth > maxDepth {
				return 0
			}
		case '}', ']':
			if depth--; depth == 0 {
				return c
			}
		case ',':
			if depth == 1 {
				return c
			}
		}
	}
	return 0
}

// rest moves behind a string whose opening quote is read.
func (g *glance) rest() {
	for {
		n := bytes.IndexByte(g.text[g.pos:], '"')
		if n < 0 {
			g.pos = len(g.text)
			return
		}
		end := g.pos + n
		escapes := 0
		for end-escapes-1 >= g.pos && g.text[end-escapes-1] == '\\' {
			escapes++
		}
		g.pos = end + 1
		if escapes%2 == 0 {
			return
		}
	}
}
