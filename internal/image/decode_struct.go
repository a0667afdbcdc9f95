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
	var (
		exactly, roughly field.Set  // the fields that were set, by the fit of the name
		seen             scan.Names // the names that no field has exactly
		next             int
	)
	for {
		name, tag, ok := d.Tagged()
		if !ok {
			return d.broken()
		}
		k, err := d.kind(tag)
		if err != nil {
			return within(name, err)
		}
		i, exact, known := p.names.Find(name, next)
		if exact && !exactly.Add(i) || !exact && !seen.Add(name) {
			return within(name, &Error{Err: errDuplicate})
		}
		switch {
		case !known || !exact && exactly.Has(i):
			err = d.skipRest(k)
		case !exact && !roughly.Add(i):
			err = &Error{Err: errTwoNames}
		default:
			next = i + 1
			err = d.member(k, v, &p.members[i], exact && roughly.Has(i))
		}
		if err != nil {
			return within(name, err)
		}
	}
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
