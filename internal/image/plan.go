package image

import (
	"encoding"
	"reflect"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/field"
)

// op is how the values of a Go type are converted.
type op uint8

const (
	opNone     op = iota // no attribute stands for the type
	opForeign            // the type converts itself, by way of the SDK
	opUnixTime           // attributevalue.UnixTime
	opTime
	opPointer
	opInterface
	opString
	opBool
	opInt
	opUint
	opFloat
	opStruct
	opMap
	opSlice
	opArray
)

// plan is everything about a Go type that converting its values needs. It is
// complete before anybody else sees it, and immutable from then on.
type plan struct {
	op   op
	enc  op // the same for encoding: a type may have only one of the SDK's methods
	typ  reflect.Type
	elem *plan // of a pointer, slice, array or map

	number  bool // a string kind that stands for numbers, such as json.Number
	bytes   bool // a slice or array of bytes
	text    bool // a map whose keys are encoding.TextUnmarshaler
	named   bool // a map whose keys can be read from a name
	bits    int  // of a number
	members []member
	names   field.Index
	order   field.Order
	likely  kind // of the attributes of this type
	literal literal
}

// literal marks types that are set without going through reflect.
type literal uint8

const (
	literalNone literal = iota
	literalAny
	literalTime
	literalBytes
	literalStrings
	literalStringMap
	literalAnyMap
)

var (
	timeType = reflect.TypeFor[time.Time]()
	anyType  = reflect.TypeFor[any]()

	byteSlicesType = reflect.TypeFor[[][]byte]()

	numberInterface = reflect.TypeFor[interface {
		Float64() (float64, error)
		Int64() (int64, error)
		String() string
	}]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// literalOf knows the types that are set without going through reflect.
func literalOf(t reflect.Type) literal {
	switch t {
	case anyType:
		return literalAny
	case timeType:
		return literalTime
	case reflect.TypeFor[[]byte]():
		return literalBytes
	case reflect.TypeFor[[]string]():
		return literalStrings
	case reflect.TypeFor[map[string]string]():
		return literalStringMap
	case reflect.TypeFor[map[string]any]():
		return literalAnyMap
	default:
		return literalNone
	}
}

// plans are those of the types that were converted.
//
//nolint:gochecknoglobals // a cache
var plans field.Plans[plan]

type builder = field.Builder[plan]

func planOf(t reflect.Type) *plan { return plans.Of(t, fill) }

func fill(b builder, p *plan, t reflect.Type) {
	p.typ, p.likely, p.literal = t, likely(t, 0), literalOf(t)
	p.op = opOf(b, p, t)
	p.enc = p.op
	switch {
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Interface:
	case t.PkgPath() == sdkPackage && t.Name() == "UnixTime":
		p.op, p.enc = opUnixTime, opUnixTime
	default:
		if readsItself(t) {
			p.op = opForeign
		}
		if writesItself(t) {
			p.enc = opForeign
		}
	}
}

const sdkPackage = "github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

// readsItself and writesItself look for the SDK's methods by their names, since
// their types are the SDK's. The names are constants where they are used, or else
// the linker would have to keep every exported method of the program.
func readsItself(t reflect.Type) bool {
	_, ok := reflect.PointerTo(t).MethodByName("UnmarshalDynamoDBAttributeValue")
	return ok
}

func writesItself(t reflect.Type) bool {
	_, ok := reflect.PointerTo(t).MethodByName("MarshalDynamoDBAttributeValue")
	return ok
}

// opOf fills in what the plan of its kind needs.
func opOf(b builder, p *plan, t reflect.Type) op {
	switch t.Kind() {
	case reflect.Pointer:
		if endless(t) {
			return opNone
		}
		p.elem = b.Plan(t.Elem())
		return opPointer
	case reflect.Interface:
		return opInterface
	case reflect.String:
		p.number = t.Implements(numberInterface)
		return opString
	case reflect.Bool:
		return opBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.bits = t.Bits()
		return opInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.bits = t.Bits()
		return opUint
	case reflect.Float32, reflect.Float64:
		p.bits = t.Bits()
		return opFloat
	case reflect.Struct:
		if t.ConvertibleTo(timeType) {
			return opTime
		}
		fillStruct(b, p, t)
		return opStruct
	case reflect.Map:
		key := t.Key()
		p.text = key.Implements(textUnmarshaler) && key.Kind() != reflect.Interface ||
			reflect.PointerTo(key).Implements(textUnmarshaler)
		p.named = p.text || isName(key.Kind())
		p.elem = b.Plan(t.Elem())
		return opMap
	case reflect.Slice:
		p.bytes = t.Elem().Kind() == reflect.Uint8
		p.elem = b.Plan(t.Elem())
		return opSlice
	case reflect.Array:
		p.bytes = t.Elem().Kind() == reflect.Uint8
		p.elem = b.Plan(t.Elem())
		return opArray
	default:
		return opNone
	}
}

func fillStruct(b builder, p *plan, t reflect.Type) {
	fields := membersOf(t)
	names := make([]string, len(fields))
	p.members = make([]member, len(fields))
	for i, f := range fields {
		_, o, _ := parseTag(f.Tag)
		opening, k := openingOf(f.Name, f.Type, o)
		p.members[i] = member{name: f.Name, index: f.Index, plan: b.Plan(f.Type), options: o, opening: opening, kind: k}
		names[i] = f.Name
	}
	p.names = field.NewIndex(names)
	p.order = field.NewOrder(len(names))
}

// isName reports whether a name can be read as a value of that kind.
func isName(k reflect.Kind) bool {
	return k == reflect.String || k == reflect.Bool || k == reflect.Float32 || k == reflect.Float64 ||
		reflect.Int <= k && k <= reflect.Uint64
}

// endless reports whether pointers lead from t to nothing but pointers, as in
// type P *P.
func endless(t reflect.Type) bool {
	for range 64 {
		if t.Kind() != reflect.Pointer {
			return false
		}
		t = t.Elem()
	}
	return true
}

// base is the plan of what pointers lead to.
func (p *plan) base() *plan {
	for p.op == opPointer {
		p = p.elem
	}
	return p
}
