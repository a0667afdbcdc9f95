package image

import (
	"errors"
	"reflect"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

var errTwoNames = errors.New("two attributes fit the same field: give it the exact name of one in its tag")

// structure reads members into the fields of a struct.
func (d *decoder) structure(v reflect.Value, p *plan) error {
	if !d.Object() {
		return d.broken()
	}
	var (
		exactly, roughly bitset     // the fields that were set, by the fit of the name
		seen             scan.Names // the names that no field has exactly
		next             int
	)
	for {
		name, ok := d.Field()
		if !ok {
			return d.broken()
		}
		i, exact, known := p.find(name, next)
		if exact && !exactly.add(i) || !exact && !seen.Add(name) {
			return within(name, &Error{Err: errDuplicate})
		}
		var err error
		switch {
		case !known || !exact && exactly.has(i):
			err = d.skip()
		case !exact && !roughly.add(i):
			err = &Error{Err: errTwoNames}
		default:
			next = i + 1
			err = d.field(v, &p.fields[i], exact && roughly.has(i))
		}
		if err != nil {
			return within(name, err)
		}
	}
}

// field reads an attribute into a field, which starts over where it was set
// before from an attribute whose name fits less.
func (d *decoder) field(v reflect.Value, f *field, again bool) error {
	target, err := fieldByIndex(v, f.index)
	if err != nil {
		return err
	}
	if again && target.CanSet() {
		target.SetZero()
	}
	return d.attribute(target, f.plan, f.options)
}

// fieldByIndex finds a field, and makes the embedded structs on the way to it.
func fieldByIndex(v reflect.Value, index []int) (reflect.Value, error) {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, &Error{Err: errUnsettable}
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, nil
}

// bitset is a set of small numbers; those under 128 cost no allocation.
type bitset struct {
	low  [2]uint64
	high map[int]struct{}
}

func (s *bitset) has(i int) bool {
	if i < 128 {
		return s.low[i/64]&(1<<(i%64)) != 0
	}
	_, ok := s.high[i]
	return ok
}

// add reports whether the number is new.
func (s *bitset) add(i int) bool {
	if s.has(i) {
		return false
	}
	if i < 128 {
		s.low[i/64] |= 1 << (i % 64)
		return true
	}
	if s.high == nil {
		s.high = map[int]struct{}{}
	}
	s.high[i] = struct{}{}
	return true
}
