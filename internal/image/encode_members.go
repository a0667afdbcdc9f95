package image

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

var (
	errEmptyName = errors.New("a map key whose name is empty")
	errSameName  = errors.New("two keys of a map with the same name")
)

// structure writes the members that a struct's fields are.
func (e *encoder) structure(v reflect.Value, p *plan) error {
	e.add(`{`)
	first := true
	for i := range p.members {
		f := &p.members[i]
		value, ok := existing(v, f.index)
		if !ok {
			continue
		}
		var err error
		if first, err = e.member(first, f.name, value, f.plan, f.options); err != nil {
			return err
		}
	}
	e.add(`}`)
	return nil
}

// existing finds a field, unless an embedded struct on the way to it is missing.
func existing(v reflect.Value, index []int) (reflect.Value, bool) {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// member writes one member, or nothing where its value is left out. It returns
// whether the next one is still the first.
func (e *encoder) member(first bool, name string, v reflect.Value, p *plan, o options) (bool, error) {
	start := len(e.text)
	if !first {
		e.add(`,`)
	}
	if err := validText(name); err != nil {
		return first, within(name, err)
	}
	e.text = appendText(e.text, name)
	e.add(`:`)
	written, err := e.attribute(v, p, o)
	if err != nil {
		return first, within(name, err)
	}
	if !written {
		e.text = e.text[:start]
		return first, nil
	}
	return false, nil
}

// mapping writes the members that a map's entries are, sorted by name.
func (e *encoder) mapping(v reflect.Value, p *plan, o options) error {
	type entry struct {
		name  string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for each := v.MapRange(); each.Next(); {
		name, err := nameOf(each.Key())
		if err != nil {
			return err
		}
		entries = append(entries, entry{name, each.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })

	e.add(`{`)
	first := true
	for i, one := range entries {
		if i > 0 && one.name == entries[i-1].name {
			return within(one.name, &Error{Err: errSameName})
		}
		var err error
		if first, err = e.member(first, one.name, one.value, p.elem, o.elem()); err != nil {
			return err
		}
	}
	e.add(`}`)
	return nil
}

// nameOf writes a map's key as the name of an attribute: as it marshals itself
// to text, else as fmt.Sprint prints it.
func nameOf(key reflect.Value) (string, error) {
	var name string
	switch k := key.Kind(); {
	case k == reflect.String && key.NumMethod() == 0:
		name = key.String()
	case k == reflect.Pointer && key.IsNil():
		return "", failf("a map key that is a nil %s", key.Type())
	default:
		if m, ok := reflect.TypeAssert[encoding.TextMarshaler](key); ok {
			text, err := m.MarshalText()
			if err != nil {
				return "", failf("a map key (%s): %w", key.Type(), err)
			}
			name = string(text)
		} else if isName(k) {
			name = fmt.Sprint(key.Interface())
		} else {
			return "", failf("a map whose keys are %s, which are no names", key.Type())
		}
	}
	if name == "" {
		return "", &Error{Err: errEmptyName}
	}
	return name, nil
}
