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
	fields := fields{last: -1}
	for {
		i, ok := d.likely(p, fields.last)
		if !ok {
			name, more := d.Field()
			if !more {
				return d.Err() == nil
			}
			if i, _, ok = p.names.Find(name); !ok {
				if !fields.others.Add(name) {
					return false
				}
				d.Discard()
				continue
			}
			p.order.Learn(fields.last, i)
		}
		if !fields.found.Add(i) {
			return false
		}
		fields.last = i
		m := &p.members[i]
		target, ok := field.Locate(v, m.index)
		if !ok || !d.member(target, m) {
			return false
		}
	}
}

// fields are those of a struct that have been read.
type fields struct {
	found  field.Set
	others scan.Names // the names that fit no field
	last   int
}

// likely moves to the value of the field that came behind the last one in other
// objects, where it does so here.
func (d *decoder) likely(p *plan, last int) (i int, ok bool) {
	i = p.order.Behind(last)
	if i >= len(p.members) {
		return i, false
	}
	opening := p.members[i].opening
	return i, opening != "" && d.Begins(opening, 0)
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
