package body

import (
	"encoding/json"
	"reflect"

	"github.com/lambda-cqrs/cqrs/internal/field"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// structure reads an object into the fields of a struct.
func (d *decoder) structure(v reflect.Value, p *plan) bool {
	if d.Kind() != scan.Object {
		return d.null()
	}
	if !d.Object() {
		return false
	}
	var (
		found field.Set
		seen  scan.Names // the names that fit no field
	)
	for {
		name, ok := d.Field()
		if !ok {
			return d.Err() == nil
		}
		i, _, known := p.names.Find(name)
		if !known {
			if !seen.Add(name) {
				return false
			}
			d.Discard()
			continue
		}
		if !found.Add(i) {
			return false
		}
		m := &p.members[i]
		target, ok := field.Locate(v, m.index)
		if !ok || !d.member(target, m) {
			return false
		}
	}
}

func (d *decoder) member(v reflect.Value, m *member) bool {
	if m.quoted {
		return d.quoted(v, m.plan)
	}
	return d.value(v, m.plan)
}

// quoted reads a string that holds the JSON of a string, number or boolean.
func (d *decoder) quoted(v reflect.Value, p *plan) bool {
	if d.Kind() != scan.String {
		return d.Kind() == scan.Null && d.value(v, p)
	}
	text := d.Text()
	if d.Err() != nil || text == "" {
		return false
	}
	if p.op == opPointer {
		if text == "null" {
			return true
		}
		v.Set(reflect.New(p.elem.typ))
		v, p = v.Elem(), p.elem
	}
	switch p.op {
	case opJSON:
		return v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON([]byte(text)) == nil
	case opInt, opUint, opFloat:
		return text == "null" || isDecimal(text) && setNumber(v, p, text)
	case opString, opBool, opNumber, opText:
		inner := decoder{scan.New(text)}
		return text[0] > ' ' && text[len(text)-1] > ' ' && inner.value(v, p) && inner.End() == nil
	default:
		return false
	}
}

// isDecimal refuses what strconv takes for a number and no JSON is near to:
// other bases, infinities, a plus in front.
func isDecimal(text string) bool {
	for _, c := range []byte(text) {
		if c-'0' > 9 && c != '-' && c != '+' && c != '.' && c|0x20 != 'e' {
			return false
		}
	}
	return text[0] != '+' && text[0] != '.'
}
