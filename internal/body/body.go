package body

import (
	"reflect"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// Unmarshal reads a JSON text into what v points to, which starts over from its
// zero value. Strings in it share the text's memory. The error is an [*Error],
// and then the target is zero.
func Unmarshal(text string, v any) error {
	target := reflect.ValueOf(v).Elem()
	target.SetZero()
	p := planOf(target.Type())
	if p.op != opForeign {
		d := decoder{scan.New(text)}
		if d.value(target, p) && d.End() == nil {
			return nil
		}
	}
	return again(text, target)
}

// Decode is Unmarshal for the next value of a scanner, which moves behind it,
// also where the value is valid JSON that does not fit. Where it is not, that is
// the scanner's error too.
func Decode(s *scan.Scanner, v any) error {
	target := reflect.ValueOf(v).Elem()
	target.SetZero()
	p := planOf(target.Type())
	before := *s
	if p.op != opForeign {
		d := decoder{before}
		if d.value(target, p) && d.Err() == nil {
			*s = d.Scanner
			return nil
		}
	}
	text := s.Value()
	if err := s.Err(); err != nil {
		target.SetZero()
		return &Error{err: err, into: target.Type()}
	}
	return again(text, target)
}

// decoder reads JSON into Go values. Its methods report false at the first thing
// that is wrong.
type decoder struct{ scan.Scanner }

// value reads a value into v, which is zero.
func (d *decoder) value(v reflect.Value, p *plan) bool {
	switch p.op {
	case opString:
		if d.Kind() == scan.String {
			v.SetString(d.Text())
			return d.Err() == nil
		}
		return d.null()
	case opInt, opUint, opFloat:
		if d.Kind() == scan.Number {
			return setNumber(v, p, d.Number())
		}
		return d.null()
	case opBool:
		if kind := d.Kind(); kind == scan.True || kind == scan.False {
			v.SetBool(d.Bool())
			return d.Err() == nil
		}
		return d.null()
	case opStruct:
		return d.structure(v, p)
	case opPointer:
		return d.pointer(v, p)
	case opSlice:
		return d.slice(v, p)
	case opStrings:
		return d.strings(v)
	case opArray:
		return d.array(v, p)
	case opMap, opAnyMap, opStringMap:
		return d.mapping(v, p)
	case opAny:
		return d.anyValue(v, p)
	default:
		return d.special(v, p)
	}
}

// null reads null, which leaves zero what is zero.
func (d *decoder) null() bool {
	if d.Kind() != scan.Null {
		return false
	}
	d.Null()
	return d.Err() == nil
}

func (d *decoder) pointer(v reflect.Value, p *plan) bool {
	if d.Kind() == scan.Null {
		return d.null()
	}
	if !v.CanSet() { // an embedded pointer to an unexported struct, by its name
		return false
	}
	v.Set(reflect.New(p.elem.typ))
	return d.value(v.Elem(), p.elem)
}
