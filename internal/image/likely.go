package image

import (
	"reflect"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// likely returns the kind of nearly all attributes of a Go type, kindUnknown
// where nobody can tell.
func likely(t reflect.Type, o options) kind {
	if endless(t) {
		return kindUnknown
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch kind := t.Kind(); kind {
	case reflect.String:
		return kindS
	case reflect.Bool:
		return kindBOOL
	case reflect.Map:
		return kindM
	case reflect.Struct:
		switch {
		case o.has(asUnixTime) || t.PkgPath() == sdkPackage && t.Name() == "UnixTime":
			return kindN
		case t.ConvertibleTo(timeType):
			return kindS
		}
		return kindM
	case reflect.Slice, reflect.Array:
		switch {
		case o.has(asStringSet):
			return kindSS
		case o.has(asNumberSet):
			return kindNS
		case o.has(asBinarySet):
			return kindBS
		case t.Elem().Kind() == reflect.Uint8:
			return kindB
		}
		return kindL
	default:
		if kind < reflect.Int || kind > reflect.Float64 {
			return kindUnknown
		}
		if o.has(asString) {
			return kindS
		}
		return kindN
	}
}

// openingOf returns the text with which an attribute of that name begins where it
// is of the likeliest kind.
func openingOf(name string, t reflect.Type, o options) (string, kind) {
	k := likely(t, o)
	text, ok := scan.Opening(name)
	if !ok || k == kindUnknown {
		return "", kindUnknown
	}
	return text + k.opening(), k
}

// opening is the text with which an attribute of this kind begins.
func (k kind) opening() string { return `{"` + k.tag() + `":` }
