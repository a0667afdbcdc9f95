package image

import (
	"errors"
	"reflect"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// Unmarshal decodes an item into what v points to: a struct, a map, an any, or
// a pointer to one. After an error the target may be partly filled. The error is
// an [*Error].
func Unmarshal(text string, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return failf("an item is decoded into a pointer that is not nil, and this is %s", describe(target))
	}
	target = target.Elem()
	d := decoder{reader: newReader(text)}
	d.depth = -1 // the item itself is no attribute
	if err := d.value(kindM, target, planOf(target.Type()), 0); err != nil {
		return err
	}
	return d.end()
}

// Decode is Unmarshal for an item that is the next value of a scanner, whose
// limit leaves room for an item (see [Brackets]). The scanner moves behind the
// item, also where that is malformed or does not fit and yet valid JSON. Where it
// is not, the error is the scanner's too. The slab may be nil.
func Decode(s *scan.Scanner, v any, slab *Slab) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return failf("an item is decoded into a pointer that is not nil, and this is %s", describe(target))
	}
	target = target.Elem()
	d := decoder{reader: reader{Scanner: *s}, slab: slab}
	d.depth = -1
	if err := d.value(kindM, target, planOf(target.Type()), 0); err != nil {
		s.Skip()
		return err
	}
	*s = d.Scanner
	return nil
}

func describe(v reflect.Value) string {
	if !v.IsValid() {
		return "nil"
	}
	if v.Kind() == reflect.Pointer {
		return "a nil " + v.Type().String()
	}
	return "of type " + v.Type().String()
}

var (
	errForeign = errors.New("has the SDK's method UnmarshalDynamoDBAttributeValue, which cannot be called here: " +
		"use attributevalue for the whole item, or a type without it")
	errEndless    = errors.New("pointers and interfaces that lead to nothing but each other")
	errUnsettable = errors.New("an embedded pointer to an unexported struct, which only its own package can set")
)

// decoder reads an item into Go values.
type decoder struct {
	reader
	hops int // pointers in interfaces that are being followed
	slab *Slab
}

// attribute reads an attribute into v.
func (d *decoder) attribute(v reflect.Value, p *plan, o options) error {
	k, err := d.open()
	if err != nil {
		return err
	}
	return d.rest(k, v, p, o)
}

// rest reads an attribute that has been opened.
func (d *decoder) rest(k kind, v reflect.Value, p *plan, o options) error {
	var err error
	if k == kindNULL {
		err = d.null(v, p)
	} else {
		err = d.value(k, v, p, o)
	}
	if err != nil {
		return err
	}
	return d.close()
}

// null reads the value of a NULL and clears v.
func (d *decoder) null(v reflect.Value, p *plan) error {
	if _, err := d.boolean(); err != nil {
		return err
	}
	switch p.op {
	case opForeign:
		return failf("the Go type %s %w", p.typ, errForeign)
	case opUnixTime:
		return mismatch(kindNULL, p.typ)
	}
	if v.CanSet() {
		v.SetZero()
	}
	return nil
}

// value reads the value of an attribute of kind k, which is not null, into v.
func (d *decoder) value(k kind, v reflect.Value, p *plan, o options) error {
	switch k {
	case kindS, kindN, kindB:
		text, err := d.scalar(k)
		if err != nil {
			return err
		}
		return d.assign(k, text, v, p, o)
	}
	v, p, err := indirect(v, p)
	if err != nil {
		return err
	}
	switch p.op {
	case opInterface:
		return d.valueInInterface(k, v, p, o)
	case opForeign:
		return failf("the Go type %s %w", p.typ, errForeign)
	}
	switch k {
	case kindBOOL:
		return d.bool(v, p)
	case kindM:
		return d.members(v, p)
	default:
		return d.elements(k, v, p)
	}
}

// indirect follows pointers to a value, and makes those that are missing.
func indirect(v reflect.Value, p *plan) (reflect.Value, *plan, error) {
	for p.op == opPointer {
		p = p.elem
		if v.IsNil() {
			if !v.CanSet() {
				return v, p, &Error{Err: errUnsettable}
			}
			v.Set(reflect.New(p.typ))
		}
		v = v.Elem()
	}
	return v, p, nil
}

func (d *decoder) bool(v reflect.Value, p *plan) error {
	b, err := d.boolean()
	if err != nil {
		return err
	}
	if p.op != opBool {
		return mismatch(kindBOOL, p.typ)
	}
	v.SetBool(b)
	return nil
}

// members reads the members of an item or map.
func (d *decoder) members(v reflect.Value, p *plan) error {
	if err := d.deeper(); err != nil {
		return err
	}
	var err error
	switch p.op {
	case opStruct:
		err = d.structure(v, p)
	case opMap:
		err = d.mapping(v, p)
	case opTime: // a struct without fields
		err = d.skipMembers()
	default:
		err = mismatch(kindM, p.typ)
	}
	d.depth--
	return err
}

// valueInInterface reads into the interface v: into what it points to, where it
// does, and into a new value elsewhere.
func (d *decoder) valueInInterface(k kind, v reflect.Value, p *plan, o options) error {
	if held, ok := target(v, k); ok {
		return d.follow(func() error { return d.value(k, held, planOf(held.Type()), o) })
	}
	if p.typ.NumMethod() > 0 {
		return mismatch(k, p.typ)
	}
	value, err := d.any(k)
	if err != nil {
		return err
	}
	setInterface(v, p, value)
	return nil
}

// target returns what an attribute of kind k is read into, where an interface
// already holds a pointer or, for members, a map.
func target(v reflect.Value, k kind) (reflect.Value, bool) {
	held := v.Elem()
	switch {
	case !held.IsValid():
	case held.Kind() == reflect.Pointer && !held.IsNil():
		return held.Elem(), true
	case held.Kind() == reflect.Map && !held.IsNil() && k == kindM:
		return held, true
	}
	return reflect.Value{}, false
}

// maxHops is far more than anybody means, and ends a ring of interfaces.
const maxHops = 100

func (d *decoder) follow(read func() error) error {
	if d.hops++; d.hops > maxHops {
		return &Error{Err: errEndless}
	}
	err := read()
	d.hops--
	return err
}

func setInterface(v reflect.Value, p *plan, value any) {
	if p.literal == literalAny {
		*v.Addr().Interface().(*any) = value
		return
	}
	v.Set(reflect.ValueOf(value))
}
