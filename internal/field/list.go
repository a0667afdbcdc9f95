package field

import (
	"reflect"
	"slices"
)

// Field is a field of a struct, or of a struct embedded in it.
type Field struct {
	Name  string // that of its members, from the tag or else of the field
	Type  reflect.Type
	Tag   reflect.StructTag
	Index []int // the way to it from the outermost struct

	tagged bool // the name is from the tag
}

// List returns the fields that members belong to, in the order of their
// declaration. Where several have one name, the least embedded one has it; among
// equals the only tagged one; else nobody.
//
// name returns the name in a field's tag, "" where there is none, and false for
// a field that takes no member. An embedded struct without a name stands for its
// fields. name is not asked about unexported fields that are no embedded
// structs.
func List(t reflect.Type, name func(reflect.StructField) (string, bool)) []Field {
	var out []Field
	taken := map[string]bool{}
	visited := map[reflect.Type]bool{}
	level := []embedded{{typ: t, times: 1}}
	for len(level) > 0 {
		var (
			candidates []Field
			next       []embedded
		)
		for _, parent := range level {
			if visited[parent.typ] {
				continue
			}
			visited[parent.typ] = true
			for i := range parent.typ.NumField() {
				f, inner, ok := parent.field(i, name)
				switch {
				case !ok:
				case inner != nil:
					next = addEmbedded(next, inner, f.Index)
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
	slices.SortFunc(out, func(a, b Field) int { return slices.Compare(a.Index, b.Index) })
	return out
}

// embedded is a struct whose fields count as those of the struct around it.
type embedded struct {
	typ   reflect.Type
	index []int
	times int // on its level
}

func addEmbedded(level []embedded, t reflect.Type, index []int) []embedded {
	for i := range level {
		if level[i].typ == t {
			level[i].times++
			return level
		}
	}
	return append(level, embedded{typ: t, index: index, times: 1})
}

// field returns a struct's i-th field, and the embedded struct whose fields
// stand for it, where it is one. It reports false for a field that takes no
// member.
func (e embedded) field(i int, nameOf func(reflect.StructField) (string, bool)) (f Field, inner reflect.Type, ok bool) {
	sf := e.typ.Field(i)
	base := sf.Type
	if base.Name() == "" && base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	if !sf.IsExported() && (!sf.Anonymous || base.Kind() != reflect.Struct) {
		return Field{}, nil, false
	}
	name, ok := nameOf(sf)
	if !ok {
		return Field{}, nil, false
	}
	f = Field{Name: sf.Name, Type: sf.Type, Tag: sf.Tag, Index: append(slices.Clone(e.index), i)}
	if sf.Anonymous && name == "" && base.Kind() == reflect.Struct {
		return f, base, true
	}
	if name != "" {
		f.Name, f.tagged = name, true
	}
	return f, nil, true
}

// dominant returns those of one level's fields that have their name for
// themselves, and marks all of their names as taken.
func dominant(candidates []Field, taken map[string]bool) []Field {
	type count struct{ all, tagged int }
	counts := map[string]count{}
	for _, f := range candidates {
		n := counts[f.Name]
		n.all++
		if f.tagged {
			n.tagged++
		}
		counts[f.Name] = n
	}
	var out []Field
	for _, f := range candidates {
		n := counts[f.Name]
		if !taken[f.Name] && (n.all == 1 || f.tagged && n.tagged == 1) {
			out = append(out, f)
		}
	}
	for name := range counts {
		taken[name] = true
	}
	return out
}
