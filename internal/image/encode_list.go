package image

import (
	"errors"
	"reflect"
)

var errSetElement = errors.New("an element that the set cannot hold")

// elements writes a slice or array: bytes as binary data, a [][]byte and what
// the options say as a set, anything else as a list. An empty set, which
// DynamoDB does not know, is null.
func (e *encoder) elements(v reflect.Value, p *plan, o options) error {
	k := kindL
	switch {
	case p.bytes:
		b := make([]byte, v.Len())
		for i := range b {
			b[i] = byte(v.Index(i).Uint())
		}
		e.scalar(kindB, encodeBase64(b))
		return nil
	case o.has(asBinarySet) || p.typ == byteSlicesType:
		k = kindBS
	case o.has(asNumberSet):
		k = kindNS
	case o.has(asStringSet):
		k = kindSS
	}
	switch {
	case k == kindL:
		return e.nested(k, func() error { return e.list(v, p, o) })
	case v.Len() == 0:
		return e.null()
	default:
		return e.set(k, v, p, o)
	}
}

func (e *encoder) list(v reflect.Value, p *plan, o options) error {
	e.add(`[`)
	first := true
	for i := range v.Len() {
		start := len(e.text)
		if !first {
			e.add(`,`)
		}
		written, err := e.attribute(v.Index(i), p.elem, o.elem())
		if err != nil {
			return withinElement(i, err)
		}
		if !written {
			e.text = e.text[:start]
			continue
		}
		first = false
	}
	e.add(`]`)
	return nil
}

// set writes each element as an attribute first and keeps what is inside of it.
func (e *encoder) set(k kind, v reflect.Value, p *plan, o options) error {
	prefix := `{"` + k.element().tag() + `":`
	e.add(`{"` + k.tag() + `":[`)
	first := true
	for i := range v.Len() {
		start := len(e.text)
		written, err := e.attribute(v.Index(i), p.elem, o.elem())
		if err != nil {
			return withinElement(i, err)
		}
		if !written {
			continue
		}
		attribute := string(e.text[start:])
		if len(attribute) < len(prefix) || attribute[:len(prefix)] != prefix {
			return withinElement(i, &Error{Err: errSetElement})
		}
		e.text = e.text[:start]
		if !first {
			e.add(`,`)
		}
		e.add(attribute[len(prefix) : len(attribute)-1])
		first = false
	}
	e.add(`]}`)
	return nil
}
