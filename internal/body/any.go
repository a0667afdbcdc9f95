package body

import (
	"reflect"
	"strconv"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// anyValue reads a value into an interface without methods.
func (d *decoder) anyValue(v reflect.Value, p *plan) bool {
	value, ok := d.any()
	if !ok {
		return false
	}
	if target, plain := reflect.TypeAssert[*any](v.Addr()); plain {
		*target = value
	} else if value != nil {
		v.Set(reflect.ValueOf(value).Convert(p.typ))
	}
	return true
}

// any reads what encoding/json makes of a value that no type waits for.
func (d *decoder) any() (any, bool) {
	switch d.Kind() {
	case scan.Object:
		d.Object()
		return d.anyMap()
	case scan.Array:
		return d.anyList()
	case scan.String:
		text := d.Text()
		return text, d.Err() == nil
	case scan.Number:
		n, err := strconv.ParseFloat(d.Number(), 64)
		return n, err == nil
	case scan.True, scan.False:
		b := d.Bool()
		return b, d.Err() == nil
	default:
		return nil, d.null()
	}
}

// anyMap reads the members of an object that has been entered.
func (d *decoder) anyMap() (map[string]any, bool) {
	m := map[string]any{}
	for n := 1; ; n++ {
		name, ok := d.Field()
		if !ok {
			return m, d.Err() == nil
		}
		value, ok := d.any()
		if !ok {
			return nil, false
		}
		if m[name] = value; len(m) != n {
			return nil, false
		}
	}
}

func (d *decoder) anyList() ([]any, bool) {
	list := []any{}
	d.Array()
	for d.Element() {
		value, ok := d.any()
		if !ok {
			return nil, false
		}
		list = append(list, value)
	}
	return list, d.Err() == nil
}
