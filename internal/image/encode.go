package image

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strconv"
	"time"
)

var (
	errForeignMarshal = errors.New("has the SDK's method MarshalDynamoDBAttributeValue, which cannot be called here: " +
		"use attributevalue for the whole item, or a type without it")
	errBothEmpty = errors.New("the tag options omitempty and nullempty exclude each other")
)

// Marshal encodes a struct or map as an item. Equal values give equal texts:
// fields stand in the order of their declaration, the keys of maps are sorted.
// The error is an [*Error].
func Marshal(v any) (string, error) {
	value := reflect.ValueOf(v)
	for hops := 0; value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface; hops++ {
		if hops > maxHops {
			return "", &Error{Err: errEndless}
		}
		if value.IsNil() {
			return "", failf("no item comes from %s", describe(value))
		}
		value = value.Elem()
	}
	if !value.IsValid() {
		return "", fail("no item comes from nil")
	}
	p := planOf(value.Type())
	e := encoder{}
	var err error
	switch p.enc {
	case opStruct:
		err = e.structure(value, p)
	case opMap:
		err = e.mapping(value, p, 0)
	case opForeign:
		err = failf("the Go type %s %w", p.typ, errForeignMarshal)
	default:
		err = failf("no item comes from the Go type %s", p.typ)
	}
	if err != nil {
		return "", err
	}
	return string(e.text), nil
}

// encoder writes Go values as attributes.
type encoder struct {
	text  []byte
	depth int
	hops  int // pointers and interfaces in a row
}

func (e *encoder) add(s string) { e.text = append(e.text, s...) }

// attribute writes v. It writes nothing, and reports false, where v is left out.
func (e *encoder) attribute(v reflect.Value, p *plan, o options) (written bool, err error) {
	if isZero(v) {
		switch {
		case o.has(omitEmpty) && o.has(nullEmpty):
			return false, &Error{Err: errBothEmpty}
		case o.has(omitEmpty):
			return false, nil
		case isNil(v) || o.has(nullEmpty):
			return true, e.null()
		}
	}
	if p.op == opPointer || p.op == opInterface {
		return e.indirect(v, p, o)
	}
	return e.value(v, p, o)
}

// indirect writes what a pointer or interface that is not nil leads to. As in
// attributevalue, a zero value behind one pointer is no reason to leave it out,
// and one behind two is.
func (e *encoder) indirect(v reflect.Value, p *plan, o options) (bool, error) {
	if e.hops++; e.hops > maxHops {
		return false, &Error{Err: errEndless}
	}
	defer func() { e.hops-- }()
	v, p = v.Elem(), e.inner(v, p)
	switch p.op {
	case opInterface:
		return e.attribute(v, p, o)
	case opPointer:
		if v.IsNil() {
			if o.has(omitEmpty) && o.has(omitEmptyElem) {
				return false, nil
			}
			return true, e.null()
		}
		return e.attribute(v.Elem(), e.inner(v, p), o)
	default:
		return e.value(v, p, o)
	}
}

func (e *encoder) inner(v reflect.Value, p *plan) *plan {
	if p.elem != nil {
		return p.elem
	}
	return planOf(v.Elem().Type())
}

// value writes v, which is neither a pointer nor an interface.
func (e *encoder) value(v reflect.Value, p *plan, o options) (bool, error) {
	switch p.enc {
	case opForeign:
		return false, failf("the Go type %s %w", p.typ, errForeignMarshal)
	case opNone:
		return false, nil
	case opStruct:
		return true, e.nested(kindM, func() error { return e.structure(v, p) })
	case opMap:
		return true, e.nested(kindM, func() error { return e.mapping(v, p, o) })
	case opSlice, opArray:
		return true, e.elements(v, p, o)
	default:
		k, text, err := scalarOf(v, p, o)
		if err != nil {
			return false, err
		}
		e.scalar(k, text)
		return true, nil
	}
}

func (e *encoder) null() error {
	e.add(`{"NULL":true}`)
	return nil
}

// nested writes a list or map, whose inside the function writes.
func (e *encoder) nested(k kind, inside func() error) error {
	if e.depth++; e.depth > MaxDepth {
		return &Error{Err: errDepth}
	}
	hops := e.hops
	e.hops = 0
	e.add(`{"` + k.tag() + `":`)
	err := inside()
	e.add(`}`)
	e.hops = hops
	e.depth--
	return err
}

// scalar writes an attribute that is a string, number, binary or boolean.
func (e *encoder) scalar(k kind, text string) {
	e.add(`{"` + k.tag() + `":`)
	if k == kindBOOL {
		e.add(text)
	} else {
		e.text = appendText(e.text, text)
	}
	e.add(`}`)
}

// scalarOf returns the attribute that v is, and its checked text.
func scalarOf(v reflect.Value, p *plan, o options) (kind, string, error) {
	number := func(text string) (kind, string, error) {
		if o.has(asString) {
			return kindS, text, validText(text)
		}
		if err := checkNumber(text); err != nil {
			return kindUnknown, "", &Error{Err: err}
		}
		return kindN, text, nil
	}
	switch p.enc {
	case opBool:
		return kindBOOL, strconv.FormatBool(v.Bool()), nil
	case opInt:
		return number(strconv.FormatInt(v.Int(), 10))
	case opUint:
		return number(strconv.FormatUint(v.Uint(), 10))
	case opFloat:
		return number(strconv.FormatFloat(v.Float(), 'f', -1, p.bits))
	case opString:
		if p.number {
			return number(v.String())
		}
		return kindS, v.String(), validText(v.String())
	default: // opTime, opUnixTime
		t := v.Convert(timeType).Interface().(time.Time)
		if p.enc == opUnixTime || o.has(asUnixTime) {
			return kindN, strconv.FormatInt(t.Unix(), 10), nil
		}
		return kindS, t.Format(time.RFC3339Nano), nil
	}
}

// isZero reports whether the options for empty values apply to v. A struct is
// never empty, nor is a map or slice that is not nil.
func isZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array:
		return v.Len() == 0
	case reflect.Struct:
		return false
	case reflect.Float32, reflect.Float64:
		return v.Float() == 0 // also -0
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	default:
		return v.IsZero()
	}
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.Interface, reflect.Pointer:
		return v.IsNil()
	default:
		return false
	}
}

func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
