package dynamodb

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// kind is the type of a value, spelled as on the wire.
type kind string

const (
	kindString    kind = "S"
	kindNumber    kind = "N"
	kindBinary    kind = "B"
	kindBool      kind = "BOOL"
	kindNull      kind = "NULL"
	kindList      kind = "L"
	kindMap       kind = "M"
	kindStringSet kind = "SS"
	kindNumberSet kind = "NS"
	kindBinarySet kind = "BS"
)

func isKind(name string) bool {
	return slices.Contains([]kind{
		kindString, kindNumber, kindBinary, kindBool, kindNull, kindList, kindMap, kindStringSet, kindNumberSet, kindBinarySet,
	}, kind(name))
}

func (k kind) scalar() bool { return k == kindString || k == kindNumber || k == kindBinary }

// element is the type of a set's elements, and "" for what is no set.
func (k kind) element() kind {
	if len(k) == 2 && k[1] == 'S' {
		return k[:1]
	}
	return ""
}

// name is the type as error messages call it.
func (k kind) name() string {
	switch k {
	case kindString:
		return "STRING"
	case kindNumber:
		return "NUMBER"
	case kindBinary:
		return "BINARY"
	case kindBool:
		return "BOOLEAN"
	case kindList:
		return "LIST"
	case kindMap:
		return "MAP"
	default:
		return string(k)
	}
}

// value is an attribute value. It is immutable: items, images and indexes share
// their values.
type value struct { //nolint:recvcheck // a value decodes in place
	kind    kind
	text    string   // S as it is, N in full, B as raw bytes
	truth   bool     // BOOL
	list    []value  // L
	members item     // M
	set     []string // the elements of SS, NS and BS as in text, in order
}

// item is the attributes of an item or the members of a map, by name.
type item map[string]value //nolint:recvcheck // attributes decode in place

const (
	maxItemSize = 400 << 10
	maxNesting  = 32
)

// size is what the value counts towards the limits and the consumed capacity.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func (v value) size() int {
	switch v.kind {
	case kindString, kindBinary:
		return len(v.text)
	case kindNumber:
		return numberSize(v.text)
	case kindBool, kindNull:
		return 1
	case kindList:
		size := 3
		for _, element := range v.list {
			size += 1 + element.size()
		}
		return size
	case kindMap:
		return 3 + len(v.members) + v.members.size()
	default:
		size := 0
		for _, element := range v.set {
			size += value{kind: v.kind.element(), text: element}.size()
		}
		return size
	}
}

// numberSize is a byte for two significant digits, one more, and one for a sign.
func numberSize(text string) int {
	digits := strings.Trim(strings.Replace(strings.TrimPrefix(text, "-"), ".", "", 1), "0")
	size := 1 + (len(digits)+1)/2
	if strings.HasPrefix(text, "-") {
		size++
	}
	return size
}

func (i item) size() int {
	size := 0
	for name, v := range i {
		size += len(name) + v.size()
	}
	return size
}

func (v value) equal(w value) bool {
	return v.kind == w.kind && v.text == w.text && v.truth == w.truth &&
		slices.Equal(v.set, w.set) && slices.EqualFunc(v.list, w.list, value.equal) && v.members.equal(w.members)
}

func (i item) equal(j item) bool {
	if len(i) != len(j) {
		return false
	}
	for name, v := range i {
		if w, ok := j[name]; !ok || !v.equal(w) {
			return false
		}
	}
	return true
}

// order is a text that sorts as the scalar values of one type do.
func (v value) order() string {
	if v.kind == kindNumber {
		return v.number().order()
	}
	return v.text
}

// number is the number of an N, whose text was checked when it came in.
func (v value) number() decimal {
	d, err := parseDecimal(v.text)
	if err != nil {
		panic("dynamodb: " + err.Error())
	}
	return d
}

// depth is how many lists and maps are nested in the value, itself included.
func (v value) depth() int {
	deepest := 0
	for _, element := range v.list {
		deepest = max(deepest, element.depth())
	}
	for _, member := range v.members {
		deepest = max(deepest, member.depth())
	}
	if v.kind == kindList || v.kind == kindMap {
		deepest++
	}
	return deepest
}

// newSet orders the elements, which must differ.
func newSet(k kind, elements []string) value {
	v := value{kind: k, set: elements}
	slices.SortFunc(v.set, func(a, b string) int {
		return cmp.Compare(value{kind: k.element(), text: a}.order(), value{kind: k.element(), text: b}.order())
	})
	return v
}

// UnmarshalJSONFrom reads a value and holds the rules that every value is under.
func (v *value) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	found := 0
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		*v = value{kind: kind(name.String())}
		if err := v.decode(d); err != nil {
			return err
		}
		found++
	}
	switch _, err := d.ReadToken(); {
	case err != nil:
		return err
	case found == 0:
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	case found > 1:
		return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	return nil
}

func (v *value) decode(d *jsontext.Decoder) (err error) {
	switch v.kind {
	case kindString, kindNumber, kindBinary:
		v.text, err = decodeScalar(d, v.kind)
	case kindBool, kindNull:
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		if k := token.Kind(); k != 't' && k != 'f' {
			return serialization("%s is to be a boolean", v.kind)
		}
		if v.truth = token.Bool(); v.kind == kindNull && !v.truth {
			return invalidParameter("Null attribute value types must have the value of true")
		}
	case kindList:
		v.list = []value{}
		return decodeArray(d, func() error {
			var element value
			err := element.UnmarshalJSONFrom(d)
			v.list = append(v.list, element)
			return err
		})
	case kindMap:
		v.members = item{}
		return v.members.UnmarshalJSONFrom(d)
	case kindStringSet, kindNumberSet, kindBinarySet:
		return v.decodeSet(d)
	default:
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	return err
}

// UnmarshalJSONFrom reads the attributes of an item.
func (i *item) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if token, err := d.ReadToken(); err != nil {
		return err
	} else if token.Kind() != '{' {
		return serialization("attributes are to be an object")
	}
	*i = item{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		attribute := name.String()
		var v value
		if err := v.UnmarshalJSONFrom(d); err != nil {
			return err
		}
		(*i)[attribute] = v
	}
	_, err := d.ReadToken()
	return err
}

func (v *value) decodeSet(d *jsontext.Decoder) error {
	elements := []string{}
	err := decodeArray(d, func() error {
		element, err := decodeScalar(d, v.kind.element())
		elements = append(elements, element)
		return err
	})
	if err != nil {
		return err
	}
	if len(elements) == 0 {
		switch v.kind {
		case kindStringSet:
			return invalidParameter("An string set  may not be empty")
		case kindNumberSet:
			return invalidParameter("An number set  may not be empty")
		default:
			return invalidParameter("Binary sets should not be empty")
		}
	}
	given := strings.Join(elements, ", ")
	*v = newSet(v.kind, elements)
	if len(slices.Compact(slices.Clone(v.set))) < len(v.set) {
		if v.kind == kindNumberSet {
			return invalid("Input collection contains duplicates")
		}
		return invalidParameter("Input collection [%s] contains duplicates.", given)
	}
	return nil
}

func decodeScalar(d *jsontext.Decoder, k kind) (string, error) {
	token, err := d.ReadToken()
	if err != nil {
		return "", err
	}
	if token.Kind() != '"' {
		return "", serialization("%s is to be a string", k)
	}
	text := token.String()
	switch k {
	case kindNumber:
		number, err := parseDecimal(text)
		return number.String(), err
	case kindBinary:
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", serialization("%s is to be in Base64", k)
		}
		return string(raw), nil
	default:
		return text, nil
	}
}

func decodeArray(d *jsontext.Decoder, element func() error) error {
	if token, err := d.ReadToken(); err != nil {
		return err
	} else if token.Kind() != '[' {
		return serialization("a list or a set is to be an array")
	}
	for d.PeekKind() != ']' {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// MarshalJSONTo writes the value as it came in, numbers in full.
func (v value) MarshalJSONTo(e *jsontext.Encoder) error {
	w := writer{encoder: e}
	w.value(v)
	return w.err
}

// writer writes tokens until one fails.
type writer struct {
	encoder *jsontext.Encoder
	err     error
}

func (w *writer) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.encoder.WriteToken(t)
	}
}

func (w *writer) scalar(k kind, text string) {
	if k == kindBinary {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	w.token(jsontext.String(text))
}

func (w *writer) value(v value) {
	w.token(jsontext.BeginObject)
	w.token(jsontext.String(string(v.kind)))
	switch v.kind {
	case kindString, kindNumber, kindBinary:
		w.scalar(v.kind, v.text)
	case kindBool, kindNull:
		w.token(jsontext.Bool(v.truth))
	case kindList:
		w.token(jsontext.BeginArray)
		for _, element := range v.list {
			w.value(element)
		}
		w.token(jsontext.EndArray)
	case kindMap:
		w.token(jsontext.BeginObject)
		for name, member := range v.members {
			w.token(jsontext.String(name))
			w.value(member)
		}
		w.token(jsontext.EndObject)
	default:
		w.token(jsontext.BeginArray)
		for _, element := range v.set {
			w.scalar(v.kind.element(), element)
		}
		w.token(jsontext.EndArray)
	}
	w.token(jsontext.EndObject)
}

func serialization(format string, arguments ...any) *apiError {
	failure := invalid(format, arguments...)
	failure.code = codeSerialization
	return failure
}

// runes is the length of a string in characters.
func runes(text string) int { return utf8.RuneCountInString(text) }
