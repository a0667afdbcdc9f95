package image

import (
	"encoding"
	"errors"
	"reflect"
	"strconv"
)

var errKey = errors.New("a name that the map's key type cannot hold")

// mapping reads members into a map, and adds to those that it holds.
func (d *decoder) mapping(v reflect.Value, p *plan) error {
	switch {
	case p.literal == literalStringMap && v.IsNil() && v.CanAddr():
		m, err := d.stringMap(p.elem)
		*v.Addr().Interface().(*map[string]string) = m
		return err
	case p.literal == literalAnyMap && v.IsNil() && v.CanAddr():
		m, err := d.anyMap()
		*v.Addr().Interface().(*map[string]any) = m
		return err
	}
	if !p.named {
		return mismatch(kindM, p.typ)
	}
	fresh := reflect.MakeMap(p.typ)
	if err := d.fill(fresh, p); err != nil {
		return err
	}
	if v.IsNil() {
		v.Set(fresh)
		return nil
	}
	for entries := fresh.MapRange(); entries.Next(); {
		v.SetMapIndex(entries.Key(), entries.Value())
	}
	return nil
}

// fill reads members into an empty map. Two that have the same key are an error.
func (d *decoder) fill(m reflect.Value, p *plan) error {
	if !d.Object() {
		return d.broken()
	}
	key := reflect.New(p.typ.Key()).Elem()
	elem := reflect.New(p.elem.typ).Elem()
	for n := 1; ; n++ {
		name, ok := d.Field()
		if !ok {
			return d.broken()
		}
		err := setKey(key, name, p)
		if err == nil {
			elem.SetZero()
			err = d.attribute(elem, p.elem, 0)
		}
		if err != nil {
			return within(name, err)
		}
		if m.SetMapIndex(key, elem); m.Len() != n {
			return within(name, &Error{Err: errDuplicate})
		}
	}
}

func setKey(key reflect.Value, name string, p *plan) error {
	key.SetZero()
	if p.text {
		return setTextKey(key, name)
	}
	var err error
	switch key.Kind() {
	case reflect.String:
		key.SetString(name)
	case reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(name)
		key.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var n int64
		n, err = strconv.ParseInt(name, 10, key.Type().Bits())
		key.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var n uint64
		n, err = strconv.ParseUint(name, 10, key.Type().Bits())
		key.SetUint(n)
	default:
		var n float64
		if n, err = strconv.ParseFloat(name, 64); err == nil && key.OverflowFloat(n) {
			err = strconv.ErrRange
		}
		key.SetFloat(n)
	}
	if err != nil {
		return failf("%w (%s)", errKey, key.Type())
	}
	return nil
}

// setTextKey sets a key that reads itself from a text, or a pointer to one.
func setTextKey(key reflect.Value, name string) error {
	for key.Kind() == reflect.Pointer {
		key.Set(reflect.New(key.Type().Elem()))
		key = key.Elem()
	}
	reader, ok := reflect.TypeAssert[encoding.TextUnmarshaler](key.Addr())
	if !ok {
		return failf("%w (%s)", errKey, key.Type())
	}
	if err := reader.UnmarshalText([]byte(name)); err != nil {
		return failf("%w (%s): %w", errKey, key.Type(), err)
	}
	return nil
}

func (d *decoder) stringMap(elem *plan) (map[string]string, error) {
	m := map[string]string{}
	if !d.Object() {
		return m, d.broken()
	}
	var other reflect.Value // for what is no string
	for n := 1; ; n++ {
		name, tag, ok := d.Tagged()
		if !ok {
			return m, d.broken()
		}
		k, err := d.kind(tag)
		text := ""
		switch {
		case err != nil:
		case k == kindS:
			text = d.Text()
			err = d.close()
		default:
			if !other.IsValid() {
				other = reflect.New(elem.typ).Elem()
			}
			other.SetZero()
			err = d.rest(k, other, elem, 0)
			text = other.String()
		}
		if err != nil {
			return m, within(name, err)
		}
		if m[name] = text; len(m) != n {
			return m, within(name, &Error{Err: errDuplicate})
		}
	}
}
