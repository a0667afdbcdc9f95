package dynamodb

import (
	"slices"
	"strconv"
	"strings"
)

// path leads from an item to a value within it.
type path []step

// step goes to a member of a map or, where index is not -1, an element of a list.
type step struct {
	name  string
	index int
}

func (p path) String() string {
	parts := make([]string, len(p))
	for i, s := range p {
		parts[i] = s.name
		if s.index >= 0 {
			parts[i] = "[" + strconv.Itoa(s.index) + "]"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// find is the value that the path leads to.
func (p path) find(i item) (value, bool) {
	v, ok := i[p[0].name]
	for _, s := range p[1:] {
		if !ok {
			return value{}, false
		}
		v, ok = s.from(v)
	}
	return v, ok
}

func (s step) from(v value) (value, bool) {
	if s.index < 0 {
		member, ok := v.members[s.name]
		return member, ok
	}
	if s.index < len(v.list) {
		return v.list[s.index], true
	}
	return value{}, false
}

// checkDistinct refuses paths of which one leads to, or through, another's end,
// or that take the same value for a list and for a map.
func (p *parser) checkDistinct(paths []path) {
	for i, a := range paths {
		for _, b := range paths[:i] {
			common := 0
			for common < min(len(a), len(b)) && a[common] == b[common] {
				common++
			}
			switch {
			case common == min(len(a), len(b)):
				p.failf("Two document paths overlap with each other; must remove or rewrite one of these paths; "+
					"path one: %s, path two: %s", b, a)
			case (a[common].index < 0) != (b[common].index < 0):
				p.failf("Two document paths conflict with each other; must remove or rewrite one of these paths; "+
					"path one: %s, path two: %s", b, a)
			}
		}
	}
}

// projection reads a ProjectionExpression.
func (p *parser) projection() []path {
	paths := []path{p.path()}
	for p.accept(",") {
		paths = append(paths, p.path())
	}
	p.checkDistinct(paths)
	return paths
}

// project copies what the paths lead to, with what is around it: of lists, the
// elements that were asked for, in their order.
func project(i item, paths []path) item {
	result := value{kind: kindMap, members: item{}}
	ordered := slices.SortedFunc(slices.Values(paths), func(a, b path) int {
		return slices.CompareFunc(a, b, func(s, t step) int { return s.index - t.index })
	})
	positions := map[string]int{}
	for _, p := range ordered {
		if v, ok := p.find(i); ok {
			result = graft(result, p, v, "", positions)
		}
	}
	return result.members
}

// graft adds v at p to what was projected so far. positions says where the
// elements of lists went, by their path.
func graft(projected value, p path, v value, at string, positions map[string]int) value {
	if len(p) == 0 {
		return v
	}
	s := p[0]
	if s.index < 0 {
		if projected.members == nil {
			projected = value{kind: kindMap, members: item{}}
		}
		at += "." + strconv.Quote(s.name)
		projected.members[s.name] = graft(projected.members[s.name], p[1:], v, at, positions)
		return projected
	}
	at += "[" + strconv.Itoa(s.index)
	position, ok := positions[at]
	if !ok {
		position = len(projected.list)
		positions[at] = position
		projected = value{kind: kindList, list: append(projected.list, value{})}
	}
	projected.list[position] = graft(projected.list[position], p[1:], v, at, positions)
	return projected
}
