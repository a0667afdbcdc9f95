package image_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"
)

// names are those of attributes, some of which differ in case alone.
var names = []string{"A", "B", "C", "D", "a", "b", "name", "Name", "1", "-7", "true", "2.5", "Größe", "GRÖẞE", "ſ", "K", "k", ""}

var numbers = []string{
	"0", "-0", "1", "-1", "7", "127", "128", "-128", "-129", "255", "256", "65536", "4294967296", "9007199254740993",
	"9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
	"1.5", "1.0", "-0.25", "1e3", "1E-3", "3.4e38", "3.5e38", "1e-130", "9.99e125", "12345678901234567890123456789012345678",
	"1700000000", "0.1000000000000000000000000000000000000",
}

var texts = []string{
	"", "x", "plain", "ünïcode 漢字 😀", "quote\" slash\\ line\n tab\t nul\x00", "7", "-7", "1.5", "true", "2026-11-24T15:00:00Z",
	"2026-11-24T15:00:00.123456789+09:00", "<&>\u2028",
}

// attributeOf generates an attribute with at most depth nested lists and maps.
func attributeOf(depth int) *rapid.Generator[types.AttributeValue] {
	number, text := rapid.SampledFrom(numbers), rapid.SampledFrom(texts)
	binary := rapid.SliceOfN(rapid.Byte(), 0, 6)
	return rapid.Custom(func(t *rapid.T) types.AttributeValue {
		kinds := 8
		if depth > 0 {
			kinds = 10
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return &types.AttributeValueMemberS{Value: text.Draw(t, "S")}
		case 1:
			return &types.AttributeValueMemberN{Value: number.Draw(t, "N")}
		case 2:
			return &types.AttributeValueMemberB{Value: binary.Draw(t, "B")}
		case 3:
			return &types.AttributeValueMemberBOOL{Value: rapid.Bool().Draw(t, "BOOL")}
		case 4:
			return &types.AttributeValueMemberNULL{Value: true}
		case 5:
			return &types.AttributeValueMemberSS{Value: rapid.SliceOfN(text, 0, 3).Draw(t, "SS")}
		case 6:
			return &types.AttributeValueMemberNS{Value: rapid.SliceOfN(number, 0, 3).Draw(t, "NS")}
		case 7:
			return &types.AttributeValueMemberBS{Value: rapid.SliceOfN(binary, 0, 3).Draw(t, "BS")}
		case 8:
			return &types.AttributeValueMemberL{Value: rapid.SliceOfN(attributeOf(depth-1), 0, 3).Draw(t, "L")}
		default:
			return &types.AttributeValueMemberM{Value: itemOf(depth-1).Draw(t, "M")}
		}
	})
}

// itemOf generates an item no two of whose names differ in case alone, since
// attributevalue takes either of them at random.
func itemOf(depth int) *rapid.Generator[item] {
	return rapid.Custom(func(t *rapid.T) item {
		out := item{}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 5).Draw(t, "names") {
			if !hasFold(out, name) {
				out[name] = attributeOf(depth).Draw(t, "attribute")
			}
		}
		return out
	})
}

func hasFold(members item, name string) bool {
	for other := range members {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

type (
	stringKind string
	intKind    int8
	timeKind   time.Time
	bytesKind  []byte
	byteKind   uint8
	anyKind    any
	inner      struct {
		A string
		N *int `dynamodbav:"name"`
	}
)

// leaves are types that a type is made of in the end.
var leaves = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[stringKind](), reflect.TypeFor[bool](),
	reflect.TypeFor[int](), reflect.TypeFor[intKind](), reflect.TypeFor[int16](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex128](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[timeKind](), reflect.TypeFor[attributevalue.UnixTime](),
	reflect.TypeFor[[]byte](), reflect.TypeFor[bytesKind](), reflect.TypeFor[[]byteKind](), reflect.TypeFor[[2]byte](),
	reflect.TypeFor[json.Number](), reflect.TypeFor[attributevalue.Number](), reflect.TypeFor[json.RawMessage](),
	reflect.TypeFor[inner](), reflect.TypeFor[[]string](), reflect.TypeFor[[][]byte](), reflect.TypeFor[struct{}](),
	reflect.TypeFor[map[string]string](),
}

// open are types whose values say what they are; numbers in them differ.
var open = []reflect.Type{reflect.TypeFor[any](), reflect.TypeFor[anyKind](), reflect.TypeFor[map[string]any]()}

var keys = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[stringKind](), reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[intKind](),
	reflect.TypeFor[uint16](), reflect.TypeFor[float64](), reflect.TypeFor[float32](), reflect.TypeFor[json.Number](), reflect.TypeFor[textKey](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[[1]string](), reflect.TypeFor[complex64](),
}

// textKey is a key that reads and writes itself.
type textKey struct{ text string }

func (k textKey) MarshalText() ([]byte, error) { return []byte("<" + k.text + ">"), nil }

func (k *textKey) UnmarshalText(text []byte) error {
	if len(text) > 3 {
		return fmt.Errorf("%d bytes", len(text))
	}
	k.text = string(text)
	return nil
}

var tagOptions = []string{
	"omitempty", "omitemptyelem", "nullempty", "nullemptyelem", "string", "binaryset", "numberset", "stringset", "unixtime", "other",
}

// typeOf generates a Go type whose struct tags have that key.
func typeOf(depth int, tag string, leaves []reflect.Type) *rapid.Generator[reflect.Type] {
	return rapid.Custom(func(t *rapid.T) reflect.Type {
		if depth == 0 {
			return rapid.SampledFrom(leaves).Draw(t, "leaf")
		}
		inner := typeOf(depth-1, tag, leaves)
		switch rapid.IntRange(0, 6).Draw(t, "type") {
		case 0:
			return reflect.PointerTo(inner.Draw(t, "pointer"))
		case 1:
			return reflect.SliceOf(inner.Draw(t, "slice"))
		case 2:
			return reflect.ArrayOf(rapid.IntRange(0, 3).Draw(t, "length"), inner.Draw(t, "array"))
		case 3:
			return reflect.MapOf(rapid.SampledFrom(keys).Draw(t, "key"), inner.Draw(t, "map"))
		case 4, 5:
			return structOf(depth-1, tag, leaves).Draw(t, "struct")
		default:
			return rapid.SampledFrom(leaves).Draw(t, "leaf")
		}
	})
}

func structOf(depth int, tag string, leaves []reflect.Type) *rapid.Generator[reflect.Type] {
	return rapid.Custom(func(t *rapid.T) reflect.Type {
		var fields []reflect.StructField
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C", "Name", "Größe", "Ꮝ", "K"}), 1, 5, rapid.ID).Draw(t, "fields") {
			field := reflect.StructField{Name: name, Type: typeOf(depth, tag, leaves).Draw(t, "field")}
			if rapid.Bool().Draw(t, "tagged") {
				word := rapid.SampledFrom([]string{"", "", "a", "b", "name", "K", "-", "größe", "ſ"}).Draw(t, "tag")
				options := rapid.SliceOfN(rapid.SampledFrom(tagOptions), 0, 2).Draw(t, "options")
				if isOpen(field.Type) {
					// A string that a tag takes for a number goes into their any unchecked.
					options = slices.DeleteFunc(options, func(option string) bool { return option == "string" })
				}
				field.Tag = reflect.StructTag(tag + `:"` + strings.Join(append([]string{word}, options...), ",") + `"`)
			}
			fields = append(fields, field)
		}
		return reflect.StructOf(fields)
	})
}

func isOpen(goType reflect.Type) bool {
	for goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	return goType.Kind() == reflect.Interface
}

// fitting generates an attribute that a Go type may take, and now and then any.
func fitting(t *rapid.T, goType reflect.Type, depth int) types.AttributeValue {
	if depth == 0 || rapid.IntRange(0, 9).Draw(t, "stray") == 0 {
		return attributeOf(1).Draw(t, "attribute")
	}
	number, text := rapid.SampledFrom(numbers), rapid.SampledFrom(texts)
	switch kind := goType.Kind(); {
	case goType.ConvertibleTo(reflect.TypeFor[time.Time]()):
		if rapid.Bool().Draw(t, "unix") {
			return &types.AttributeValueMemberN{Value: number.Draw(t, "N")}
		}
		return &types.AttributeValueMemberS{Value: text.Draw(t, "S")}
	case kind == reflect.Pointer:
		return fitting(t, goType.Elem(), depth)
	case kind == reflect.String && rapid.Bool().Draw(t, "text"):
		return &types.AttributeValueMemberS{Value: text.Draw(t, "S")}
	case reflect.Int <= kind && kind <= reflect.Float64, kind == reflect.String:
		if rapid.IntRange(0, 3).Draw(t, "string") == 0 {
			return &types.AttributeValueMemberS{Value: number.Draw(t, "S")}
		}
		return &types.AttributeValueMemberN{Value: number.Draw(t, "N")}
	case kind == reflect.Bool:
		return &types.AttributeValueMemberBOOL{Value: rapid.Bool().Draw(t, "BOOL")}
	case (kind == reflect.Slice || kind == reflect.Array) && goType.Elem().Kind() == reflect.Uint8:
		return &types.AttributeValueMemberB{Value: rapid.SliceOfN(rapid.Byte(), 2, 2).Draw(t, "B")}
	case kind == reflect.Slice, kind == reflect.Array:
		var list []types.AttributeValue
		for range rapid.IntRange(0, 4).Draw(t, "elements") {
			list = append(list, fitting(t, goType.Elem(), depth-1))
		}
		return asSet(t, list)
	case kind == reflect.Map:
		members := item{}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, strings.ToLower).Draw(t, "keys") {
			members[name] = fitting(t, goType.Elem(), depth-1)
		}
		return &types.AttributeValueMemberM{Value: members}
	case kind == reflect.Struct:
		return &types.AttributeValueMemberM{Value: fittingItem(t, goType, depth-1)}
	default:
		return attributeOf(depth).Draw(t, "attribute")
	}
}

// asSet turns a list of scalars of one kind into a set, sometimes.
func asSet(t *rapid.T, list []types.AttributeValue) types.AttributeValue {
	var (
		strings, numbers []string
		binaries         [][]byte
	)
	for _, value := range list {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			strings = append(strings, v.Value)
		case *types.AttributeValueMemberN:
			numbers = append(numbers, v.Value)
		case *types.AttributeValueMemberB:
			binaries = append(binaries, v.Value)
		}
	}
	switch n := len(list); {
	case rapid.Bool().Draw(t, "list"):
	case len(strings) == n:
		return &types.AttributeValueMemberSS{Value: strings}
	case len(numbers) == n:
		return &types.AttributeValueMemberNS{Value: numbers}
	case len(binaries) == n:
		return &types.AttributeValueMemberBS{Value: binaries}
	}
	return &types.AttributeValueMemberL{Value: list}
}

// fittingItem generates attributes for the fields of a struct, some of whose
// names fit in another case only, and some for nobody.
func fittingItem(t *rapid.T, goType reflect.Type, depth int) item {
	members := item{}
	add := func(name string, value types.AttributeValue) {
		if !hasFold(members, name) {
			members[name] = value
		}
	}
	for field := range goType.Fields() {
		name := field.Name
		for _, key := range []string{"dynamodbav", "json"} {
			if word, _, _ := strings.Cut(field.Tag.Get(key), ","); word != "" {
				name = word
			}
		}
		switch rapid.IntRange(0, 5).Draw(t, "case") {
		case 0:
			name = strings.ToUpper(name)
		case 1:
			name = strings.ToLower(name)
		case 2:
			continue
		}
		add(name, fitting(t, field.Type, depth))
	}
	for _, name := range rapid.SliceOfN(rapid.SampledFrom(slices.Concat(names, []string{"other", "unknown"})), 0, 2).Draw(t, "others") {
		add(name, attributeOf(1).Draw(t, "other"))
	}
	return members
}

// fill sets a value of any type to something that its kind can hold.
func fill(t *rapid.T, v reflect.Value, depth int) {
	if rapid.IntRange(0, 5).Draw(t, "zero") == 0 {
		return
	}
	switch kind := v.Kind(); {
	case v.Type().ConvertibleTo(reflect.TypeFor[time.Time]()):
		moment := time.Unix(rapid.Int64Range(-1e9, 1e10).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds")).UTC()
		v.Set(reflect.ValueOf(moment).Convert(v.Type()))
	case kind == reflect.String:
		v.SetString(rapid.SampledFrom(slices.Concat(texts, numbers)).Draw(t, "text"))
	case kind == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(rapid.Int64().Draw(t, "int") >> (64 - v.Type().Bits()))
	case v.CanUint():
		v.SetUint(rapid.Uint64().Draw(t, "uint") >> (64 - v.Type().Bits()))
	case kind == reflect.Float32:
		v.SetFloat(float64(rapid.Float32().Draw(t, "float32")))
	case kind == reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(t, "float64"))
	case kind == reflect.Complex128, kind == reflect.Complex64:
		v.SetComplex(1)
	case kind == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), depth)
	case kind == reflect.Interface:
		inner := reflect.New(typeOf(max(0, min(depth, 1)), "dynamodbav", leaves).Draw(t, "dynamic")).Elem()
		fill(t, inner, depth-1)
		v.Set(inner)
	case kind == reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fill(t, field, depth-1)
			}
		}
	case kind == reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		fallthrough
	case kind == reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), depth-1)
		}
	case kind == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, depth-1)
			fill(t, elem, depth-1)
			v.SetMapIndex(key, elem)
		}
	}
}
