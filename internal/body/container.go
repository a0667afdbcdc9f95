package body

import (
	"reflect"
	"strconv"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// slice reads an array. An empty one is an empty slice, not nil.
func (d *decoder) slice(v reflect.Value, p *plan) bool {
	if d.Kind() != scan.Array {
		return d.null()
	}
	if !d.Array() {
		return false
	}
	n := 0
	for ; d.Element(); n++ {
		if n == v.Cap() {
			v.Grow(max(n, 4))
		}
		v.SetLen(n + 1)
		if !d.value(v.Index(n), p.elem) {
			return false
		}
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(p.typ, 0, 0))
	}
	return d.Err() == nil
}

// strings is slice for a []string.
func (d *decoder) strings(v reflect.Value) bool {
	if d.Kind() != scan.Array {
		return d.null()
	}
	if !d.Array() {
		return false
	}
	var few [16]string
	all := few[:0]
	for d.Element() {
		text := ""
		if d.Kind() == scan.String {
			text = d.Text()
		} else if !d.null() {
			return false
		}
		all = append(all, text)
	}
	*v.Addr().Interface().(*[]string) = append(make([]string, 0, len(all)), all...)
	return d.Err() == nil
}

// array reads as many elements as there are in both.
func (d *decoder) array(v reflect.Value, p *plan) bool {
	if d.Kind() != scan.Array {
		return d.null()
	}
	if !d.Array() {
		return false
	}
	for n := 0; d.Element(); n++ {
		if n >= v.Len() {
			d.Discard()
		} else if !d.value(v.Index(n), p.elem) {
			return false
		}
	}
	return d.Err() == nil
}

func (d *decoder) mapping(v reflect.Value, p *plan) bool {
	if d.Kind() != scan.Object {
		return d.null()
	}
	if !d.Object() {
		return false
	}
	switch p.op {
	case opAnyMap:
		m, ok := d.anyMap()
		*v.Addr().Interface().(*map[string]any) = m
		return ok
	case opStringMap:
		m, ok := d.stringMap()
		*v.Addr().Interface().(*map[string]string) = m
		return ok
	}
	m := reflect.MakeMap(p.typ)
	key, elem := reflect.New(p.typ.Key()).Elem(), reflect.New(p.elem.typ).Elem()
	for n := 1; ; n++ {
		name, ok := d.Field()
		if !ok {
			v.Set(m)
			return d.Err() == nil
		}
		elem.SetZero()
		if !setKey(key, name) || !d.value(elem, p.elem) {
			return false
		}
		if m.SetMapIndex(key, elem); m.Len() != n {
			return false // two names that are the same key
		}
	}
}

func setKey(key reflect.Value, name string) bool {
	switch {
	case key.Kind() == reflect.String:
		key.SetString(name)
		return true
	case key.CanInt():
		n, err := strconv.ParseInt(name, 10, key.Type().Bits())
		key.SetInt(n)
		return err == nil
	default:
		n, err := strconv.ParseUint(name, 10, key.Type().Bits())
		key.SetUint(n)
		return err == nil
	}
}

func (d *decoder) stringMap() (map[string]string, bool) {
	m := map[string]string{}
	for n := 1; ; n++ {
		name, ok := d.Field()
		if !ok {
			return m, d.Err() == nil
		}
		if d.Kind() == scan.String {
			m[name] = d.Text()
		} else if m[name] = ""; !d.null() {
			return nil, false
		}
		if len(m) != n {
			return nil, false
		}
	}
}
