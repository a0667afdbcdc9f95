package image

import (
	"reflect"
	"slices"
	"unicode"
	"unicode/utf8"
)

// field is a field of a struct, or of a struct embedded in it.
type field struct {
	name    string
	tagged  bool // the name is from a tag
	index   []int
	typ     reflect.Type
	plan    *plan
	options options
}

// fieldsOf lists the fields that the attributes of an item belong to, in the
// order of their declaration. Where several have one name, the least embedded
// one has it; among equals the only tagged one; else nobody.
func fieldsOf(t reflect.Type) []field {
	var out []field
	taken := map[string]bool{}
	visited := map[reflect.Type]bool{}
	level := []embedded{{typ: t, times: 1}}
	for len(level) > 0 {
		var (
			candidates []field
			next       []embedded
		)
		for _, parent := range level {
			if visited[parent.typ] {
				continue
			}
			visited[parent.typ] = true
			for i := range parent.typ.NumField() {
				f, inner, ok := fieldOf(parent, i)
				switch {
				case !ok:
				case inner:
					next = addEmbedded(next, f)
				default:
					candidates = append(candidates, f)
					if parent.times > 1 {
						candidates = append(candidates, f)
					}
				}
			}
		}
		out = append(out, dominant(candidates, taken)...)
		level = next
	}
	slices.SortFunc(out, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return out
}

// embedded is a struct whose fields count as those of the struct around it.
type embedded struct {
	typ   reflect.Type
	index []int
	times int // on its level
}

func addEmbedded(level []embedded, f field) []embedded {
	for i := range level {
		if level[i].typ == f.typ {
			level[i].times++
			return level
		}
	}
	return append(level, embedded{typ: f.typ, index: f.index, times: 1})
}

// fieldOf returns a struct's i-th field. It reports inner where the field is an
// embedded struct, of the field's typ, whose fields stand for it, and false for
// a field that takes no attribute.
func fieldOf(parent embedded, i int) (f field, inner, ok bool) {
	sf := parent.typ.Field(i)
	base := sf.Type
	if base.Name() == "" && base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	if !sf.IsExported() && (!sf.Anonymous || base.Kind() != reflect.Struct || base.ConvertibleTo(timeType)) {
		return field{}, false, false
	}
	name, o, ok := parseTag(sf.Tag)
	if !ok {
		return field{}, false, false
	}
	f = field{
		name:    sf.Name,
		index:   append(slices.Clone(parent.index), i),
		typ:     sf.Type,
		options: o,
	}
	if sf.Anonymous && name == "" && base.Kind() == reflect.Struct {
		f.typ = base
		return f, true, true
	}
	if name != "" {
		f.name, f.tagged = name, true
	}
	return f, false, true
}

// dominant returns those of one level's fields that have their name for
// themselves, and marks all of their names as taken.
func dominant(candidates []field, taken map[string]bool) []field {
	type count struct{ all, tagged int }
	counts := map[string]count{}
	for _, f := range candidates {
		n := counts[f.name]
		n.all++
		if f.tagged {
			n.tagged++
		}
		counts[f.name] = n
	}
	var out []field
	for _, f := range candidates {
		n := counts[f.name]
		if !taken[f.name] && (n.all == 1 || f.tagged && n.tagged == 1) {
			out = append(out, f)
		}
	}
	for name := range counts {
		taken[name] = true
	}
	return out
}

// fold appends a form of name that is equal for names that strings.EqualFold
// takes for equal: every letter as the smallest one of its case orbit.
func fold(b []byte, name string) []byte {
	for _, r := range name {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			b = append(b, byte(r))
			continue
		}
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				r = next
				break
			}
			r = next
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}
