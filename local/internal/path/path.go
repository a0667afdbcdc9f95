// Package path reads JSONPath as AWS's services take it: RFC 9535, and names with
// hyphens in the short form, such as $.detail-type.
package path

import (
	"fmt"
	"regexp"

	"github.com/theory/jsonpath"
)

// hyphenated is a name in the short form that the RFC wants in brackets. The
// alternative before it consumes quoted names and strings.
var hyphenated = regexp.MustCompile(`'[^']*'|"[^"]*"|\.([A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)+)`)

// Path is a parsed path. It is immutable.
type Path struct {
	path     *jsonpath.Path
	singular bool
}

// Parse reads a path, which begins with $.
func Parse(text string) (*Path, error) {
	text = hyphenated.ReplaceAllStringFunc(text, func(part string) string {
		if part[0] != '.' {
			return part
		}
		return "['" + part[1:] + "']"
	})
	parsed, err := jsonpath.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("path %s: %w", text, err)
	}
	return &Path{parsed, parsed.Query().Singular() != nil}, nil
}

// Find returns the value that a path to one place leads to, or the list of those
// that another path does; false where there is none of them.
func (p *Path) Find(document any) (value any, ok bool) {
	found := p.path.Select(document)
	switch {
	case !p.singular:
		return append([]any{}, found...), true
	case len(found) == 0:
		return nil, false
	default:
		return found[0], true
	}
}

// Find parses a path and follows it.
func Find(document any, text string) (value any, ok bool) {
	parsed, err := Parse(text)
	if err != nil {
		return nil, false
	}
	return parsed.Find(document)
}
