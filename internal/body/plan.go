package body

import (
	"encoding"
	"encoding/json"
	"reflect"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/lambda-cqrs/cqrs/internal/field"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// op is how the values of a Go type are read.
type op uint8

const (
	opNone    op = iota // takes null alone
	opForeign           // is read by json/v2
	opJSON              // reads itself: json.Unmarshaler
	opText              // reads itself: encoding.TextUnmarshaler
	opRaw
	opTime
	opNumber // json.Number
	opPointer
	opAny
	opString
	opBool
	opInt
	opUint
	opFloat
	opStruct
	opMap
	opAnyMap
	opStringMap
	opBytes
	opStrings
	opSlice
	opArray
)

// plan is everything about a Go type that reading its values needs. It is
// complete before anybody else sees it, and immutable from then on.
type plan struct {
	op      op
	typ     reflect.Type
	elem    *plan // of a pointer, slice, array or map
	bits    int   // of a number
	members []member
	names   field.Index
	order   field.Order
}

// member is a field of a struct.
type member struct {
	index  []int
	plan   *plan
	quoted bool // the tag option "string"
	// opening is what stands in front of the value, "" for a name that is not
	// spelled as it reads.
	opening string
}

// known is the op of a type that is read without looking into it.
func known(t reflect.Type) op {
	switch t {
	case reflect.TypeFor[time.Time]():
		return opTime
	case reflect.TypeFor[json.RawMessage]():
		return opRaw
	case reflect.TypeFor[json.Number]():
		return opNumber
	case reflect.TypeFor[any]():
		return opAny
	case reflect.TypeFor[map[string]any]():
		return opAnyMap
	case reflect.TypeFor[map[string]string]():
		return opStringMap
	case reflect.TypeFor[[]string]():
		return opStrings
	default:
		return opNone
	}
}

var (
	readsJSON2 = reflect.TypeFor[jsonv2.UnmarshalerFrom]()
	readsJSON  = reflect.TypeFor[json.Unmarshaler]()
	readsText  = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// plans are those of the types that were read.
//
//nolint:gochecknoglobals // a cache
var plans field.Plans[plan]

type builder = field.Builder[plan]

func planOf(t reflect.Type) *plan { return plans.Of(t, fill) }

func fill(b builder, p *plan, t reflect.Type) {
	p.typ = t
	p.op = opOf(b, p, t)
}

// opOf fills in what the plan of its kind needs.
func opOf(b builder, p *plan, t reflect.Type) op {
	if o := known(t); o != opNone {
		return o
	}
	if o := readsItself(t); o != opNone {
		return o
	}
	switch kind := t.Kind(); kind {
	case reflect.String:
		return opString
	case reflect.Bool:
		return opBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.bits = t.Bits()
		return opInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		p.bits = t.Bits()
		return opUint
	case reflect.Float32, reflect.Float64:
		p.bits = t.Bits()
		return opFloat
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return opAny
		}
		return opNone
	case reflect.Struct:
		fillStruct(b, p, t)
		return opStruct
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		p.elem = b.Plan(t.Elem())
		return container(t)
	default:
		return opNone
	}
}

// container is the op of a type with elements.
func container(t reflect.Type) op {
	switch t.Kind() {
	case reflect.Pointer:
		return opPointer
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return opBytes
		}
		return opSlice
	case reflect.Array:
		return opArray
	default:
		if !isKey(t.Key()) {
			return opForeign
		}
		return opMap
	}
}

// readsItself is the op of a type that has a decoding method, its own or that of
// an embedded type.
func readsItself(t reflect.Type) op {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return opNone
	}
	pointer := reflect.PointerTo(t)
	switch {
	case pointer.NumMethod() == 0:
		return opNone
	case pointer.Implements(readsJSON2):
		return opForeign
	case pointer.Implements(readsJSON):
		return opJSON
	case pointer.Implements(readsText):
		return opText
	}
	return opNone
}

// isKey reports whether a name is read as a map's key by its kind alone.
func isKey(t reflect.Type) bool {
	if pointer := reflect.PointerTo(t); pointer.Implements(readsText) || pointer.Implements(readsJSON2) {
		return false
	}
	k := t.Kind()
	return k == reflect.String || reflect.Int <= k && k <= reflect.Uintptr
}

func fillStruct(b builder, p *plan, t reflect.Type) {
	fields := field.List(t, func(f reflect.StructField) (string, bool) {
		name, _, ok := parseTag(f.Tag)
		return name, ok
	})
	names := make([]string, len(fields))
	p.members = make([]member, len(fields))
	for i, f := range fields {
		_, quoted, _ := parseTag(f.Tag)
		opening, _ := scan.Opening(f.Name)
		p.members[i] = member{index: f.Index, plan: b.Plan(f.Type), quoted: quoted && isQuotable(f.Type), opening: opening}
		names[i] = f.Name
	}
	p.names = field.NewIndex(names)
	p.order = field.NewOrder(len(names))
}

// isQuotable reports whether the tag option "string" has a meaning for a type.
func isQuotable(t reflect.Type) bool {
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := t.Kind()
	return k == reflect.String || reflect.Bool <= k && k <= reflect.Float64
}

// IsPlain reports whether a value of the type is read without calling methods
// that the type, or one of those that it is made of, has for it: nobody learns
// the address of the value. What pointers, slices and maps lead to does not
// count.
func IsPlain(t reflect.Type) bool { return planOf(t).isPlain() }

func (p *plan) isPlain() bool {
	switch p.op {
	case opForeign, opJSON, opText:
		return false
	case opArray:
		return p.elem.isPlain()
	case opStruct:
		for i := range p.members {
			if !p.members[i].plan.isPlain() {
				return false
			}
		}
	}
	return true
}
