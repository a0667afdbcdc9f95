package image

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"time"
)

var (
	errTime  = errors.New("a string that is not an RFC 3339 time")
	errWhole = errors.New("a number that is not whole")
)

// assign sets v from the checked text of a string, number or base64.
func (d *decoder) assign(k kind, text string, v reflect.Value, p *plan, o options) error {
	if p.op == opPointer {
		var err error
		if v, p, err = indirect(v, p); err != nil {
			return err
		}
	}
	switch p.op {
	case opString:
		if k != kindB {
			v.SetString(text)
			return nil
		}
	case opInterface:
		return d.assignInterface(k, text, v, p, o)
	case opForeign:
		return failf("the Go type %s %w", p.typ, errForeign)
	}
	switch {
	case k == kindB:
		return assignBytes(text, v, p)
	case k == kindN || o.has(asString):
		return assignNumber(k, text, v, p)
	default:
		return assignString(text, v, p)
	}
}

func (d *decoder) assignInterface(k kind, text string, v reflect.Value, p *plan, o options) error {
	if held, ok := target(v, k); ok {
		return d.follow(func() error { return d.assign(k, text, held, planOf(held.Type()), o) })
	}
	if p.typ.NumMethod() > 0 {
		return mismatch(k, p.typ)
	}
	if k == kindS && o.has(asString) {
		k = kindN
		if err := checkNumber(text); err != nil {
			return &Error{Err: err}
		}
	}
	value, err := anyScalar(k, text)
	if err != nil {
		return err
	}
	setInterface(v, p, value)
	return nil
}

func anyScalar(k kind, text string) (any, error) {
	switch k {
	case kindN:
		return json.Number(text), nil
	case kindB:
		b, err := decodeBase64(text)
		if err != nil {
			return nil, &Error{Err: err}
		}
		return b, nil
	default:
		return text, nil
	}
}

func assignString(text string, v reflect.Value, p *plan) error {
	if p.op != opTime {
		return mismatch(kindS, p.typ)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return &Error{Err: errTime}
	}
	setTime(v, p, t)
	return nil
}

// assignNumber sets v from the text of a number, or of a string that a tag says
// is one and that nobody has checked.
func assignNumber(k kind, text string, v reflect.Value, p *plan) error {
	switch p.op {
	case opInt:
		n, err := strconv.ParseInt(text, 10, p.bits)
		if err != nil {
			return numberError(err, p)
		}
		v.SetInt(n)
	case opUint:
		n, err := strconv.ParseUint(text, 10, p.bits)
		if err != nil {
			return numberError(err, p)
		}
		v.SetUint(n)
	case opFloat:
		n, err := parseFloat(text, p)
		if err != nil {
			return err
		}
		v.SetFloat(n)
	case opTime, opUnixTime:
		if p.op == opUnixTime && k != kindN {
			return mismatch(k, p.typ)
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return numberError(err, p)
		}
		setTime(v, p, time.Unix(n, 0))
	default:
		return mismatch(k, p.typ)
	}
	return nil
}

// parseFloat reads a float32 by way of a float64, as attributevalue does.
func parseFloat(text string, p *plan) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && p.typ.OverflowFloat(n) {
		err = strconv.ErrRange
	}
	if err != nil {
		return 0, numberError(err, p)
	}
	return n, nil
}

// numberError replaces an error of strconv, which quotes the number.
func numberError(err error, p *plan) error {
	if errors.Is(err, strconv.ErrRange) {
		return failf("a number that is too large for the Go type %s", p.typ)
	}
	if p.op == opFloat {
		return failf("a text that is no number, for the Go type %s", p.typ)
	}
	return failf("%w, for the Go type %s", errWhole, p.typ)
}

func setTime(v reflect.Value, p *plan, t time.Time) {
	if p.literal == literalTime {
		*v.Addr().Interface().(*time.Time) = t
		return
	}
	v.Set(reflect.ValueOf(t).Convert(p.typ))
}

func assignBytes(text string, v reflect.Value, p *plan) error {
	if !p.bytes {
		return mismatch(kindB, p.typ)
	}
	b, err := decodeBase64(text)
	if err != nil {
		return &Error{Err: err}
	}
	switch {
	case p.literal == literalBytes:
		*v.Addr().Interface().(*[]byte) = b
	case p.op == opSlice:
		s := reflect.MakeSlice(p.typ, len(b), len(b))
		for i, c := range b {
			s.Index(i).SetUint(uint64(c))
		}
		v.Set(s)
	case len(b) != v.Len():
		return failf("%d bytes for the Go type %s", len(b), p.typ)
	default:
		for i, c := range b {
			v.Index(i).SetUint(uint64(c))
		}
	}
	return nil
}
