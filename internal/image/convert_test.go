package image_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs/internal/image"
)

// item is what attributevalue converts.
type item = map[string]types.AttributeValue

var errMalformed = errors.New("malformed")

// parse turns DynamoDB's JSON into attribute values by encoding/json and the
// rules of the package's contract, written a second time.
func parse(text string) (item, error) {
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) || halfPair(text) {
		return nil, errMalformed
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	value, err := parseMembers(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errMalformed
	}
	return value, nil
}

// halfPair reports whether a valid JSON text escapes half a surrogate pair.
func halfPair(text string) bool {
	escapes := regexp.MustCompile(`\\u[0-9a-fA-F]{4}|\\.`)
	pair := regexp.MustCompile(`^\\u[dD][89abAB]..\\u[dD][c-fC-F]..`)
	surrogate := regexp.MustCompile(`^\\u[dD][89a-fA-F]`)
	for i := 0; i < len(text); {
		place := escapes.FindStringIndex(text[i:])
		if place == nil {
			return false
		}
		at := i + place[0]
		switch {
		case pair.MatchString(text[at:]):
			i = at + 12
		case surrogate.MatchString(text[at:]):
			return true
		default:
			i += place[1]
		}
	}
	return false
}

func parseMembers(d *json.Decoder, depth int) (item, error) {
	if token, _ := d.Token(); token != json.Delim('{') || depth > image.MaxDepth {
		return nil, errMalformed
	}
	out := item{}
	for d.More() {
		name, _ := d.Token()
		if _, twice := out[name.(string)]; twice {
			return nil, errMalformed
		}
		value, err := parseAttribute(d, depth)
		if err != nil {
			return nil, err
		}
		out[name.(string)] = value
	}
	_, err := d.Token()
	return out, err
}

func parseAttribute(d *json.Decoder, depth int) (types.AttributeValue, error) {
	if token, _ := d.Token(); token != json.Delim('{') || !d.More() {
		return nil, errMalformed
	}
	tag, _ := d.Token()
	value, err := parseValue(d, tag.(string), depth)
	if err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errMalformed
	}
	_, err = d.Token()
	return value, err
}

func parseValue(d *json.Decoder, tag string, depth int) (types.AttributeValue, error) {
	switch tag {
	case "S":
		s, err := parseText(d, plainText)
		return &types.AttributeValueMemberS{Value: s}, err
	case "N":
		n, err := parseText(d, numberText)
		return &types.AttributeValueMemberN{Value: n}, err
	case "B":
		b, err := parseText(d, binaryText)
		return &types.AttributeValueMemberB{Value: []byte(b)}, err
	case "BOOL", "NULL":
		token, _ := d.Token()
		b, ok := token.(bool)
		if !ok {
			return nil, errMalformed
		}
		if tag == "NULL" {
			return &types.AttributeValueMemberNULL{Value: b}, nil
		}
		return &types.AttributeValueMemberBOOL{Value: b}, nil
	case "M":
		m, err := parseMembers(d, depth+1)
		return &types.AttributeValueMemberM{Value: m}, err
	case "L":
		if depth >= image.MaxDepth {
			return nil, errMalformed
		}
		l, err := parseElements(d, func() (types.AttributeValue, error) { return parseAttribute(d, depth+1) })
		return &types.AttributeValueMemberL{Value: l}, err
	case "SS":
		ss, err := parseElements(d, func() (string, error) { return parseText(d, plainText) })
		return &types.AttributeValueMemberSS{Value: ss}, err
	case "NS":
		ns, err := parseElements(d, func() (string, error) { return parseText(d, numberText) })
		return &types.AttributeValueMemberNS{Value: ns}, err
	case "BS":
		bs, err := parseElements(d, func() ([]byte, error) {
			b, err := parseText(d, binaryText)
			return []byte(b), err
		})
		return &types.AttributeValueMemberBS{Value: bs}, err
	default:
		return nil, errMalformed
	}
}

func parseElements[T any](d *json.Decoder, element func() (T, error)) ([]T, error) {
	if token, _ := d.Token(); token != json.Delim('[') {
		return nil, errMalformed
	}
	out := []T{}
	for d.More() {
		value, err := element()
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	_, err := d.Token()
	return out, err
}

func parseText(d *json.Decoder, check func(string) (string, bool)) (string, error) {
	token, _ := d.Token()
	text, ok := token.(string)
	if !ok {
		return "", errMalformed
	}
	if text, ok = check(text); !ok {
		return "", errMalformed
	}
	return text, nil
}

func plainText(text string) (string, bool) { return text, true }

func binaryText(text string) (string, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	return string(b), err == nil && !strings.ContainsAny(text, "\r\n")
}

var (
	jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	exponent   = regexp.MustCompile(`[eE][+-]?0*([0-9]*)$`)
	smallest   = rational("1e-130")
	beyond     = rational("1e131")
)

func rational(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

func numberText(text string) (string, bool) {
	if len(text) > 256 || !jsonNumber.MatchString(text) {
		return text, false
	}
	if e := exponent.FindStringSubmatch(text); e != nil && len(e[1]) > 3 {
		return text, false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	digits := strings.Trim(strings.NewReplacer(".", "", "-", "").Replace(mantissa), "0")
	value := rational(text)
	if value.Sign() == 0 {
		power := rational("1" + strings.TrimPrefix(strings.ToLower(text), mantissa))
		return text, power.Cmp(smallest) >= 0 && power.Cmp(beyond) < 0
	}
	value.Abs(value)
	return text, len(digits) <= 38 && value.Cmp(smallest) >= 0 && value.Cmp(beyond) < 0
}

// render writes attribute values as DynamoDB's JSON, names sorted.
func render(members item) string {
	var b bytes.Buffer
	renderMembers(&b, members)
	return b.String()
}

func renderMembers(b *bytes.Buffer, members item) {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(name) + ":")
		renderAttribute(b, members[name])
	}
	b.WriteByte('}')
}

func renderAttribute(b *bytes.Buffer, value types.AttributeValue) {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		b.WriteString(`{"S":` + quote(v.Value) + `}`)
	case *types.AttributeValueMemberN:
		b.WriteString(`{"N":` + quote(v.Value) + `}`)
	case *types.AttributeValueMemberB:
		b.WriteString(`{"B":` + quote(base64.StdEncoding.EncodeToString(v.Value)) + `}`)
	case *types.AttributeValueMemberBOOL:
		fmt.Fprintf(b, `{"BOOL":%t}`, v.Value)
	case *types.AttributeValueMemberNULL:
		fmt.Fprintf(b, `{"NULL":%t}`, v.Value)
	case *types.AttributeValueMemberM:
		b.WriteString(`{"M":`)
		renderMembers(b, v.Value)
		b.WriteByte('}')
	case *types.AttributeValueMemberL:
		renderElements(b, "L", v.Value, func(e types.AttributeValue) { renderAttribute(b, e) })
	case *types.AttributeValueMemberSS:
		renderElements(b, "SS", v.Value, func(e string) { b.WriteString(quote(e)) })
	case *types.AttributeValueMemberNS:
		renderElements(b, "NS", v.Value, func(e string) { b.WriteString(quote(e)) })
	case *types.AttributeValueMemberBS:
		renderElements(b, "BS", v.Value, func(e []byte) { b.WriteString(quote(base64.StdEncoding.EncodeToString(e))) })
	default:
		panic(fmt.Sprintf("%T", value))
	}
}

func renderElements[T any](b *bytes.Buffer, tag string, elements []T, element func(T)) {
	b.WriteString(`{"` + tag + `":[`)
	for i, e := range elements {
		if i > 0 {
			b.WriteByte(',')
		}
		element(e)
	}
	b.WriteString(`]}`)
}

// quote escapes differently from the package, which must read either.
func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// plain replaces attributevalue's numbers in an any by those of this package.
func plain(value any) any {
	switch v := value.(type) {
	case attributevalue.Number:
		return json.Number(v)
	case []attributevalue.Number:
		out := []json.Number{}
		for _, n := range v {
			out = append(out, json.Number(n))
		}
		return out
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name])
		}
	}
	return value
}
