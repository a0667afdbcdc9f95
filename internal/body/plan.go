package body

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
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

// plans caches the plan of each type that was read, as encoding/json does with
// its decoders. A plan follows from its type alone, so the cache only saves time;
// there are as many as the program has types.
//
//nolint:gochecknoglobals // a cache
var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	b := builder{}
	p := b.plan(t)
	for t, p := range b {
		plans.LoadOrStore(t, p)
	}
	return p
}

// builder holds the plans of a type and of all that it is made of, so that a
// type may be part of itself.
type builder map[reflect.Type]*plan

func (b builder) plan(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	if p, ok := b[t]; ok {
		return p
	}
	p := &plan{typ: t}
	b[t] = p
	p.op = b.fill(p, t)
	return p
}

func (b builder) fill(p *plan, t reflect.Type) op {
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
		b.fillStruct(p, t)
		return opStruct
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		p.elem = b.plan(t.Elem())
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

func (b builder) fillStruct(p *plan, t reflect.Type) {
	fields := field.List(t, func(f reflect.StructField) (string, bool) {
		name, _, ok := parseTag(f.Tag)
		return name, ok
	})
	names := make([]string, len(fields))
	p.members = make([]member, len(fields))
	for i, f := range fields {
		_, quoted, _ := parseTag(f.Tag)
		opening, _ := scan.Opening(f.Name)
		p.members[i] = member{index: f.Index, plan: b.plan(f.Type), quoted: quoted && isQuotable(f.Type), opening: opening}
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
