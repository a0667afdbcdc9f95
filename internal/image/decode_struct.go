package image

import (
	"errors"
	"reflect"

	"github.com/lambda-cqrs/cqrs/internal/field"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

var errTwoNames = errors.New("two attributes fit the same field: give it the exact name of one in its tag")

// structure reads members into the fields of a struct.
func (d *decoder) structure(v reflect.Value, p *plan) error {
	if !d.Object() {
		return d.broken()
	}
	fields := fields{last: -1}
	for {
		i := p.order.Behind(fields.last)
		if i < len(p.members) && !fields.exactly.Has(i) && d.begins(&p.members[i]) {
			m := &p.members[i]
			fields.exactly.Add(i)
			fields.last = i
			if err := d.member(m.kind, v, m, fields.roughly.Has(i)); err != nil {
				return within(m.name, err)
			}
			continue
		}
		name, tag, ok := d.Tagged()
		if !ok {
			return d.broken()
		}
		if err := d.named(name, tag, v, p, &fields); err != nil {
			return within(name, err)
		}
	}
}

// begins opens the attribute of a field where it is the next one and of the kind
// that the field waits for.
func (d *decoder) begins(m *member) bool { return m.opening != "" && d.Begins(m.opening, 1) }

// fields are those of a struct that have been set, by the fit of the name.
type fields struct {
	exactly, roughly field.Set
	others           scan.Names // the names that no field has exactly
	last             int
}

// named reads an attribute that could be that of any field, or of none.
func (d *decoder) named(name, tag string, v reflect.Value, p *plan, fields *fields) error {
	k, err := d.kind(tag)
	if err != nil {
		return err
	}
	i, exact, known := p.names.Find(name)
	if exact && !fields.exactly.Add(i) || !exact && !fields.others.Add(name) {
		return &Error{Err: errDuplicate}
	}
	switch {
	case !known || !exact && fields.exactly.Has(i):
		return d.skipRest(k)
	case !exact && !fields.roughly.Add(i):
		return &Error{Err: errTwoNames}
	}
	p.order.Learn(fields.last, i)
	fields.last = i
	return d.member(k, v, &p.members[i], exact && fields.roughly.Has(i))
}

// member reads an attribute into a field, which starts over where it was set
// before from an attribute whose name fits less.
func (d *decoder) member(k kind, v reflect.Value, m *member, again bool) error {
	target, ok := field.Locate(v, m.index)
	if !ok {
		return &Error{Err: errUnsettable}
	}
	if k == kindS && m.plan.op == opString {
		text, last := d.LastText()
		if !last {
			return d.unclosed()
		}
		target.SetString(text)
		return nil
	}
	if k == kindN && m.plan.op == opInt && d.shortInt(target) {
		return nil
	}
	if again && target.CanSet() {
		target.SetZero()
	}
	return d.rest(k, target, m.plan, m.options)
}

// shortInt reads a number of at most 18 digits and the end of its attribute, as
// nearly all numbers are written. Where it reports false it has read nothing.
func (d *decoder) shortInt(v reflect.Value) bool {
	before := d.Scanner
	text, last := d.LastText()
	n, ok := parseShort(text)
	if !last || !ok || v.OverflowInt(n) {
		d.Scanner = before
		return false
	}
	v.SetInt(n)
	return true
}
