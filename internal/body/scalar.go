package body

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// setNumber sets a number from its text, "" for one that could not be read.
func setNumber(v reflect.Value, p *plan, text string) bool {
	switch p.op {
	case opInt:
		n, err := strconv.ParseInt(text, 10, p.bits)
		v.SetInt(n)
		return err == nil
	case opUint:
		n, err := strconv.ParseUint(text, 10, p.bits)
		v.SetUint(n)
		return err == nil
	default:
		n, err := strconv.ParseFloat(text, p.bits)
		v.SetFloat(n)
		return err == nil
	}
}

// special reads a value into a type that is no plain container or scalar.
func (d *decoder) special(v reflect.Value, p *plan) bool {
	if !v.CanSet() { // an unexported embedded struct, by its name
		return false
	}
	switch p.op {
	case opTime:
		return d.time(v)
	case opNumber:
		return d.number(v)
	case opRaw:
		text, ok := d.raw()
		*v.Addr().Interface().(*json.RawMessage) = json.RawMessage(text)
		return ok
	case opBytes:
		return d.bytes(v, p)
	case opText:
		return d.text(v)
	case opJSON:
		text, ok := d.raw()
		return ok && v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON([]byte(text)) == nil
	case opForeign:
		text, ok := d.raw()
		return ok && unmarshal(text, v.Addr().Interface()) == nil
	default:
		return d.null()
	}
}

// raw reads any value as strictly as if its parts were wanted.
func (d *decoder) raw() (string, bool) {
	d.Kind()
	checked := d.Scanner
	checked.Discard()
	if checked.Err() != nil {
		return "", false
	}
	return d.Value(), true
}

// time reads a time as time.Time does, which takes no escapes.
func (d *decoder) time(v reflect.Value) bool {
	if d.Kind() != scan.String {
		return d.null()
	}
	quoted := d.Value()
	if d.Err() != nil {
		return false
	}
	var buffer [64]byte // most times fit
	text := append(buffer[:0], quoted[1:len(quoted)-1]...)
	return v.Addr().Interface().(*time.Time).UnmarshalText(text) == nil
}

func (d *decoder) text(v reflect.Value) bool {
	if d.Kind() != scan.String {
		return d.null()
	}
	text := d.Text()
	return d.Err() == nil && v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) == nil
}

// number reads a number, or a string that holds one.
func (d *decoder) number(v reflect.Value) bool {
	switch d.Kind() {
	case scan.Number:
		v.SetString(d.Number())
		return d.Err() == nil
	case scan.String:
		text := d.Text()
		inner := scan.New(text)
		v.SetString(text)
		return d.Err() == nil && inner.Number() == text && text != ""
	default:
		return d.null()
	}
}

// bytes reads base64, or an array of numbers.
func (d *decoder) bytes(v reflect.Value, p *plan) bool {
	if d.Kind() != scan.String {
		return d.slice(v, p)
	}
	text := d.Text()
	if d.Err() != nil {
		return false
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	v.SetBytes(decoded)
	return true
}
