package image

import "reflect"

// elements reads the elements of a list or set.
func (d *decoder) elements(k kind, v reflect.Value, p *plan) error {
	if k == kindL {
		if err := d.deeper(); err != nil {
			return err
		}
		defer func() { d.depth-- }()
	}
	switch p.op {
	case opSlice:
		if k == kindSS && p.literal == literalStrings {
			s, err := d.strings()
			*v.Addr().Interface().(*[]string) = s
			return err
		}
		return d.slice(k, v, p)
	case opArray:
		return d.array(k, v, p)
	default:
		return mismatch(k, p.typ)
	}
}

// slice replaces the slice v. It is empty rather than nil for an empty list.
func (d *decoder) slice(k kind, v reflect.Value, p *plan) error {
	if !d.Array() {
		return d.broken()
	}
	v.SetZero()
	n := 0
	for ; d.Element(); n++ {
		if n == v.Cap() {
			v.Grow(max(n, 4))
		}
		v.SetLen(n + 1)
		if err := d.element(k, v.Index(n), p.elem); err != nil {
			return withinElement(n, err)
		}
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(p.typ, 0, 0))
	}
	return d.broken()
}

// array sets as many elements as the array and the list have both.
func (d *decoder) array(k kind, v reflect.Value, p *plan) error {
	if !d.Array() {
		return d.broken()
	}
	for n := 0; d.Element(); n++ {
		var err error
		switch {
		case n < v.Len():
			err = d.element(k, v.Index(n), p.elem)
		case k == kindL:
			err = d.skip()
		default:
			_, err = d.scalar(k.element())
		}
		if err != nil {
			return withinElement(n, err)
		}
	}
	return d.broken()
}

// element reads an element of a list or set. The SDK hands a UnixTime the whole
// set, which that refuses.
func (d *decoder) element(k kind, v reflect.Value, p *plan) error {
	switch {
	case k == kindL:
		return d.attribute(v, p, 0)
	case p.base().op == opUnixTime:
		return mismatch(k, p.base().typ)
	}
	return d.value(k.element(), v, p, 0)
}

// strings reads the elements of a string set.
func (d *decoder) strings() ([]string, error) {
	var few [16]string
	all := few[:0]
	d.Array()
	for d.Element() {
		all = append(all, d.Text())
	}
	if err := d.broken(); err != nil {
		return nil, err
	}
	return d.slab.clone(all), nil
}
