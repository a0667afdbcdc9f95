package body_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"
)

type (
	stringKind string
	int8Kind   int8
	byteKind   uint8
	anyKind    any
	timeKind   time.Time

	// Base and Other are embedded, with fields of the same name.
	Base struct {
		ID   string
		Kind int `json:"kind"`
		Both bool
	}
	Other struct {
		Base
		ID   int `json:"ID,omitempty"`
		Both string
	}
	hidden struct {
		Shown  string `json:"shown"`
		Both   int
		secret string //nolint:unused // it takes no member
	}
	// Embeds has every kind of embedded field.
	Embeds struct {
		Base
		*Other `json:"other"`
		hidden
		stringKind      //nolint:unused // it takes no member
		Named      Base `json:"-,"` //nolint:staticcheck // its name is -
		Never      int  `json:"-"`
		Odd        int  `json:"a\"b,string"` //nolint:staticcheck // its name is Odd
		Self       *Embeds
	}
	// EmbedsHidden cannot be made by anybody else.
	EmbedsHidden struct {
		*hidden
		A int
	}
	// textType reads itself from text, with or without a value receiver's map.
	textType struct{ text string }
	// jsonType reads itself from JSON.
	jsonType struct{ text string }
	// jsonInt does, and is a number besides.
	jsonInt int
)

var errRefused = errors.New("refused")

func (t *textType) UnmarshalText(text []byte) error {
	if strings.HasPrefix(string(text), "x") {
		return errRefused
	}
	t.text = "<" + string(text) + ">"
	return nil
}

func (j *jsonType) UnmarshalJSON(text []byte) error {
	if string(text) == `"x"` {
		return errRefused
	}
	j.text = string(text)
	return nil
}

func (j *jsonInt) UnmarshalJSON(text []byte) error {
	*j = jsonInt(len(text))
	return nil
}

var leaves = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[stringKind](), reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8Kind](),
	reflect.TypeFor[int64](), reflect.TypeFor[uint8](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[time.Duration](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[timeKind](), reflect.TypeFor[[]byte](), reflect.TypeFor[[]byteKind](), reflect.TypeFor[[2]byte](),
	reflect.TypeFor[json.Number](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any](), reflect.TypeFor[anyKind](),
	reflect.TypeFor[map[string]any](), reflect.TypeFor[map[string]string](), reflect.TypeFor[[]string](), reflect.TypeFor[[]any](),
	reflect.TypeFor[Base](), reflect.TypeFor[Other](), reflect.TypeFor[Embeds](), reflect.TypeFor[EmbedsHidden](), reflect.TypeFor[struct{}](),
	reflect.TypeFor[textType](), reflect.TypeFor[jsonType](), reflect.TypeFor[jsonInt](), reflect.TypeFor[error](), reflect.TypeFor[chan int](),
	reflect.TypeFor[func()](),
}

var keys = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[stringKind](), reflect.TypeFor[int](), reflect.TypeFor[int8Kind](), reflect.TypeFor[uint16](),
	reflect.TypeFor[json.Number](), reflect.TypeFor[textType](),
}

var fieldNames = []string{"A", "B", "C", "Name", "Größe", "K", "Long"}

var tagNames = []string{"", "", "a", "b", "name", "NAME", "-", "-,", "größe", "ſ", "k", "with space", `odd\"quote`, "x.y/z", "ID", "long_name-with-dashes"}

// typeOf generates a Go type.
func typeOf(depth int) *rapid.Generator[reflect.Type] {
	return rapid.Custom(func(t *rapid.T) reflect.Type {
		if depth <= 0 {
			return rapid.SampledFrom(leaves).Draw(t, "leaf")
		}
		inner := typeOf(depth - 1)
		switch rapid.IntRange(0, 7).Draw(t, "type") {
		case 0:
			return reflect.PointerTo(inner.Draw(t, "pointer"))
		case 1:
			return reflect.SliceOf(inner.Draw(t, "slice"))
		case 2:
			return reflect.ArrayOf(rapid.IntRange(0, 3).Draw(t, "length"), inner.Draw(t, "array"))
		case 3:
			return reflect.MapOf(rapid.SampledFrom(keys).Draw(t, "key"), inner.Draw(t, "map"))
		case 4, 5, 6:
			return structOf(depth-1).Draw(t, "struct")
		default:
			return rapid.SampledFrom(leaves).Draw(t, "leaf")
		}
	})
}

func structOf(depth int) *rapid.Generator[reflect.Type] {
	return rapid.Custom(func(t *rapid.T) reflect.Type {
		var fields []reflect.StructField
		if rapid.IntRange(0, 3).Draw(t, "embeds") == 0 {
			base := rapid.SampledFrom([]reflect.Type{
				reflect.TypeFor[Base](), reflect.TypeFor[*Base](), reflect.TypeFor[Other](), reflect.TypeFor[*Other](),
			}).Draw(t, "embedded")
			name := strings.TrimPrefix(base.String(), "*")
			fields = append(fields, reflect.StructField{Name: name[strings.IndexByte(name, '.')+1:], Type: base, Anonymous: true, Tag: tag(t)})
		}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(fieldNames), 1, 5, rapid.ID).Draw(t, "fields") {
			fields = append(fields, reflect.StructField{Name: name, Type: typeOf(depth).Draw(t, "field"), Tag: tag(t)})
		}
		return reflect.StructOf(fields)
	})
}

func tag(t *rapid.T) reflect.StructTag {
	if rapid.Bool().Draw(t, "untagged") {
		return ""
	}
	name := rapid.SampledFrom(tagNames).Draw(t, "tag")
	option := rapid.SampledFrom([]string{"", "", ",string", ",omitempty", ",omitempty,string", ",unknown"}).Draw(t, "option")
	return reflect.StructTag(`json:"` + name + option + `"`)
}

var words = []string{
	"", "x", "plain", "ünïcode 漢字 😀", "quote\" slash\\ line\n tab\t nul\x00", "7", "-7", "007", "1.5", "true", "null", "2026-11-24T15:00:00Z",
	"2026-11-24T15:00:00.123456789+09:00", "2026-13-24T15:00:00Z", "<&>\u2028", "AP8=", "AP8", "AP9=", "A\nP8=", `"in"`, `"7"`, " 7", "+1", "1e2", "1_0",
}

var numbers = []string{
	"0", "-0", "1", "-1", "7", "127", "128", "-128", "-129", "255", "256", "65536", "4294967296", "9007199254740993", "9223372036854775807",
	"9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1.5", "1.0", "-0.25", "1e3", "1E-3", "3.4e38",
	"3.5e38", "1e-400", "1e308", "1e309", "1000000000",
}

// writer generates JSON that a Go type may take, and now and then any.
type writer struct {
	t *rapid.T
	b strings.Builder
}

func textFor(t *rapid.T, goType reflect.Type) string {
	w := writer{t: t}
	w.value(goType, 4)
	return w.b.String()
}

func (w *writer) upTo(high int, label string) int {
	return rapid.IntRange(0, high).Draw(w.t, label)
}

func (w *writer) one(all []string, label string) string {
	return rapid.SampledFrom(all).Draw(w.t, label)
}

func (w *writer) space() { w.b.WriteString(w.one([]string{"", "", "", "", " ", "\n\t"}, "space")) }

func (w *writer) value(goType reflect.Type, depth int) {
	w.space()
	defer w.space()
	switch stray := w.upTo(19, "stray"); {
	case stray == 0:
		w.b.WriteString("null")
		return
	case stray == 1 || depth == 0:
		w.any(1)
		return
	}
	switch kind := goType.Kind(); {
	case goType == reflect.TypeFor[time.Time](), kind == reflect.String && goType != reflect.TypeFor[json.Number]():
		w.text(w.one(words, "word"))
	case reflect.Int <= kind && kind <= reflect.Float64, goType == reflect.TypeFor[json.Number]():
		w.b.WriteString(w.one(numbers, "number"))
	case kind == reflect.Bool:
		w.b.WriteString(w.one([]string{"true", "false"}, "bool"))
	case kind == reflect.Pointer:
		w.value(goType.Elem(), depth)
	case kind == reflect.Slice && goType.Elem().Kind() == reflect.Uint8 && w.upTo(3, "base64") > 0:
		w.text(base64.StdEncoding.EncodeToString([]byte(w.one(words, "bytes"))))
	case kind == reflect.Slice, kind == reflect.Array:
		w.list(func() { w.value(goType.Elem(), depth-1) })
	case kind == reflect.Map:
		w.object(nil, func(string) { w.value(goType.Elem(), depth-1) })
	case kind == reflect.Struct && goType != reflect.TypeFor[textType]():
		w.structure(goType, depth)
	default:
		w.any(2)
	}
}

// structure writes members for some fields, some of whose names fit in another
// case only, and some for nobody.
func (w *writer) structure(goType reflect.Type, depth int) {
	types := map[string]reflect.Type{}
	var names []string
	for _, f := range reflect.VisibleFields(goType) {
		name := f.Name
		if word, _, _ := strings.Cut(f.Tag.Get("json"), ","); word != "" {
			name = word
		}
		goType := f.Type
		if strings.Contains(f.Tag.Get("json"), ",string") && w.upTo(3, "quoted") > 0 {
			goType = nil
		}
		switch w.upTo(5, "case") {
		case 0:
			name = strings.ToUpper(name)
		case 1:
			name = strings.ToLower(name)
		case 2:
			continue
		}
		types[name] = goType
		names = append(names, name)
	}
	w.object(names, func(name string) {
		switch goType, known := types[name]; {
		case !known:
			w.any(2)
		case goType == nil:
			w.text(w.one(slices.Concat(words, numbers, []string{"true", "false", "null"}), "quoted"))
		default:
			w.value(goType, depth-1)
		}
	})
}

// object writes an object with these members and a few others, rarely with one
// of them twice.
func (w *writer) object(names []string, value func(name string)) {
	others := rapid.SliceOfN(rapid.SampledFrom([]string{"A", "b", "other", "1", "-7", "01", "300", "ключ", "", "x"}), 0, 2).Draw(w.t, "others")
	seen := map[string]bool{}
	w.b.WriteByte('{')
	for _, name := range slices.Concat(names, others) {
		if seen[name] && w.upTo(9, "twice") > 0 {
			continue
		}
		if len(seen) > 0 {
			w.b.WriteByte(',')
		}
		seen[name] = true
		w.space()
		w.text(name)
		w.space()
		w.b.WriteByte(':')
		value(name)
	}
	w.b.WriteByte('}')
}

func (w *writer) list(value func()) {
	w.b.WriteByte('[')
	for i := range w.upTo(4, "elements") {
		if i > 0 {
			w.b.WriteByte(',')
		}
		value()
	}
	w.b.WriteByte(']')
}

func (w *writer) any(depth int) {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	w.space()
	switch w.upTo(kinds-1, "kind") {
	case 0:
		w.b.WriteString(w.one([]string{"true", "false", "null"}, "literal"))
	case 1, 2:
		w.b.WriteString(w.one(numbers, "number"))
	case 3, 4:
		w.text(w.one(words, "word"))
	case 5:
		w.list(func() { w.any(depth - 1) })
	default:
		w.object(nil, func(string) { w.any(depth - 1) })
	}
	w.space()
}

// text writes a string, with needless escapes now and then, and sometimes with
// half a surrogate pair or a byte that is no UTF-8.
func (w *writer) text(text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	body := string(quoted[1 : len(quoted)-1])
	switch w.upTo(39, "spelling") {
	case 0:
		body += `\ud800`
	case 1:
		body += "\xff"
	case 2, 3, 4:
		if text != "" && text[0] < 0x80 && quoted[1] == text[0] {
			body = fmt.Sprintf(`\u%04x`, text[0]) + body[1:]
		}
	case 5:
		body = strconv.QuoteToASCII(text)
		body = strings.ReplaceAll(body[1:len(body)-1], `\x`, `\u00`)
		body = strings.ReplaceAll(body, `\U0001f600`, `\ud83d\ude00`)
	}
	w.b.WriteString(`"` + body + `"`)
}
