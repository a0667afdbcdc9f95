package lambdaevent

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// The methods of this file read one value each into to, which they leave alone
// where there is none, and report whether there was one.

func (r *reader) text(to *string) bool {
	if !r.is(scan.String) {
		return false
	}
	before := r.Scanner
	text := r.Text()
	if r.Err() != nil {
		r.retreat(before)
		return false
	}
	*to = text
	return true
}

// texts reads an object of strings and shows each to see. Where null stands for
// one it is "".
func (r *reader) texts(to *map[string]string, see func(name, text string)) {
	var all map[string]string
	if !r.lean {
		all = make(map[string]string, 8)
	}
	if r.object(func(name string) {
		text, null := "", r.Kind() == scan.Null
		if !r.text(&text) && !null {
			return
		}
		see(name, text)
		if all != nil {
			all[name] = text
		}
	}) {
		*to = all
	}
}

func (r *reader) list(to *[]string) {
	all := []string{}
	if r.array(func() {
		text := ""
		r.text(&text)
		all = append(all, text)
	}) {
		*to = all
	}
}

func (r *reader) bytes(to *[]byte) bool {
	text := ""
	if !r.text(&text) {
		return false
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		r.fail(errBase64)
		return false
	}
	*to = decoded
	return true
}

// integer takes what encoding/json takes for an int64: no fraction, no exponent.
func (r *reader) integer(to *int64) {
	if !r.is(scan.Number) {
		return
	}
	number := r.Number()
	if r.Err() != nil {
		return
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		r.fail(errInteger)
		return
	}
	*to = n
}

// time reads a time as time.Time reads it from JSON.
func (r *reader) time(to *time.Time) {
	text := ""
	if !r.text(&text) {
		return
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		r.fail(errTime)
		return
	}
	*to = t
}

// float reads a number that is a time in some unit.
func (r *reader) float() (float64, bool) {
	if !r.is(scan.Number) {
		return 0, false
	}
	number := r.Number()
	if r.Err() != nil {
		return 0, false
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.Abs(f) >= maxEpoch {
		r.fail(errEpoch)
		return 0, false
	}
	return f, true
}

// raw reads any value but null, and gives its text.
func (r *reader) raw(to *string) bool {
	if r.Kind() == scan.Null {
		r.Skip()
		return false
	}
	text := strings.Trim(r.Value(), space)
	if r.Err() != nil {
		return false
	}
	*to = text
	return true
}

// check reads any value as strictly as any does, and makes nothing of it.
func (r *reader) check() {
	switch r.Kind() {
	case scan.Object:
		r.object(func(string) { r.check() })
	case scan.Array:
		r.array(r.check)
	case scan.String:
		text := ""
		r.text(&text)
	default:
		r.Skip()
	}
}

// any reads any value as encoding/json reads it into an any, numbers as
// json.Number.
func (r *reader) any() any {
	switch r.Kind() {
	case scan.Object:
		all := map[string]any{}
		r.object(func(name string) { all[name] = r.any() })
		return all
	case scan.Array:
		all := []any{}
		r.array(func() { all = append(all, r.any()) })
		return all
	case scan.String:
		text := ""
		r.text(&text)
		return text
	case scan.Number:
		return json.Number(r.Number())
	case scan.True, scan.False:
		return r.Bool()
	default:
		r.Skip()
		return nil
	}
}
