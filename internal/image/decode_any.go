package image

import "encoding/json"

// any reads a value that no Go type waits for.
func (d *decoder) any(k kind) (any, error) {
	switch k {
	case kindBOOL:
		return d.boolean()
	case kindM:
		if err := d.deeper(); err != nil {
			return nil, err
		}
		m, err := d.anyMap()
		d.depth--
		return m, err
	case kindL:
		if err := d.deeper(); err != nil {
			return nil, err
		}
		list, err := d.anyList()
		d.depth--
		return list, err
	case kindSS:
		return d.strings()
	case kindNS:
		return set(d, k, func(text string) (json.Number, error) { return json.Number(text), nil })
	case kindBS:
		return set(d, k, decodeBase64)
	default:
		text, err := d.scalar(k)
		if err != nil {
			return nil, err
		}
		return anyScalar(k, text)
	}
}

// anyAttribute reads an attribute; null is nil.
func (d *decoder) anyAttribute() (any, error) {
	k, err := d.open()
	if err != nil {
		return nil, err
	}
	var value any
	if k == kindNULL {
		_, err = d.boolean()
	} else {
		value, err = d.any(k)
	}
	if err != nil {
		return nil, err
	}
	return value, d.close()
}

func (d *decoder) anyMap() (map[string]any, error) {
	m := map[string]any{}
	if !d.Object() {
		return m, d.broken()
	}
	for n := 1; ; n++ {
		name, ok := d.Field()
		if !ok {
			return m, d.broken()
		}
		value, err := d.anyAttribute()
		if err != nil {
			return m, within(name, err)
		}
		if m[name] = value; len(m) != n {
			return m, within(name, &Error{Err: errDuplicate})
		}
	}
}

func (d *decoder) anyList() ([]any, error) {
	list := []any{}
	d.Array()
	for d.Element() {
		value, err := d.anyAttribute()
		if err != nil {
			return nil, withinElement(len(list), err)
		}
		list = append(list, value)
	}
	return list, d.broken()
}

// set reads the elements of a set.
func set[T any](d *decoder, k kind, convert func(text string) (T, error)) ([]T, error) {
	all := []T{}
	d.Array()
	for d.Element() {
		text, err := d.scalar(k.element())
		if err != nil {
			return nil, withinElement(len(all), err)
		}
		value, err := convert(text)
		if err != nil {
			return nil, withinElement(len(all), err)
		}
		all = append(all, value)
	}
	return all, d.broken()
}
