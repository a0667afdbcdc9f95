package body_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/body"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// foreign reads itself by json/v2's method, so no plan does.
type foreign struct{ value jsontext.Value }

func (f *foreign) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	f.value = value.Clone()
	return err
}

// holder has fields that no plan reads.
type holder struct {
	Foreign *foreign             `json:"foreign"`
	Keys    map[textType]int     `json:"keys"`
	Number  json.Number          `json:"number"`
	Numbers map[json.Number]bool `json:"numbers"`
	Wait    time.Duration        `json:"wait"`
	Inner   *holder              `json:"inner"`
}

// quotes has fields that come as strings.
type quotes struct {
	Int    int         `json:",string"`
	Uint   *uint8      `json:",string"`
	Float  float32     `json:",string"`
	Bool   bool        `json:",string"`
	Text   string      `json:",string"`
	Number json.Number `json:",string"`
	Own    jsonInt     `json:",string"`
	List   []int       `json:",string"` //nolint:staticcheck // it has no meaning
	Deep   **int       `json:",string"` //nolint:staticcheck // it has no meaning
}

var types = []reflect.Type{
	reflect.TypeFor[placed](), reflect.TypeFor[Embeds](), reflect.TypeFor[EmbedsHidden](), reflect.TypeFor[quotes](),
	reflect.TypeFor[any](), reflect.TypeFor[map[string]placed](), reflect.TypeFor[[]Base](), reflect.TypeFor[map[int8]string](),
	reflect.TypeFor[*placed](), reflect.TypeFor[[2][]byte](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[time.Time](),
}

var texts = []string{
	placedText, notificationText, `{}`, `[]`, `null`, ` null `, `"x"`, `1`, `true`, ``, `{`, `{"id":1}`, `{"ID":"x","kind":3,"both":true}`,
	`{"other":{"ID":5,"Both":"x","kind":2},"-":{"ID":"named"},"Never":1,"Odd":"12","Self":{"Self":null},"shown":"s"}`,
	`{"shown":"x"}`, `{"A":1}`, `{"A":1,"shown":null}`, `{"hidden":1,"secret":2,"stringKind":"x","Other":{},"Base":{}}`,
	`{"Int":"7","Uint":"255","Float":"1.5e3","Bool":"true","Text":"\"x\"","Number":"12","Own":"abc"}`,
	`{"Int":null,"Uint":null,"Float":null,"Bool":null,"Text":null,"Number":null,"Own":null,"List":null,"Deep":null}`,
	`{"Int":"null"}`, `{"Uint":"null"}`, `{"Bool":"null"}`, `{"Text":"null"}`, `{"Number":"null"}`, `{"Own":"null"}`, `{"Deep":"null"}`,
	`{"Int":7}`, `{"Int":""}`, `{"Int":" 7"}`, `{"Int":"7 "}`, `{"Int":"007"}`, `{"Int":"+7"}`, `{"Int":"0x7"}`, `{"Int":"1.0"}`, `{"Int":"\"7\""}`,
	`{"Int":"true"}`, `{"Uint":"256"}`, `{"Uint":"-1"}`, `{"Float":"x"}`, `{"Float":"1e39"}`, `{"Float":"07.5"}`, `{"Float":"."}`, `{"Float":"e1"}`,
	`{"Bool":true}`, `{"Bool":"TRUE"}`, `{"Bool":"tru"}`, `{"Bool":"1"}`, `{"Text":"x"}`, `{"Text":"\"x"}`, `{"Text":"7"}`, `{"Text":"\"\\u00e9\""}`,
	`{"Text":"\"x\" "}`, `{"Number":"1.50"}`, `{"Number":"x"}`, `{"Number":12}`, `{"Own":12}`, `{"Own":{}}`, `{"List":[1]}`, `{"List":"[1]"}`, `{"Deep":5}`, `{"Deep":"5"}`,
	`{"1":"a"}`, `{"01":"a"}`, `{"128":"a"}`, `{"x":"a"}`, `["AP8=","AA"]`, `["AP8=",[1,2,255]]`, `["AP8=",[256]]`, `[null,null]`, `["A\nA\r==","AB==",{}]`,
	`"2026-11-24T15:04:05Z"`, `"2026-11-24T15:04:05.123456789+09:00"`, `"2026-11-24T15:04:05\u005a"`, `"2026-11-24 15:04:05Z"`, `"2026-11-24T5:04:05Z"`,
	`{"k":{"id":"x","lines":null,"tags":[],"labels":{}}}`, `{"LINES":[{"sku":"x"}],"Tags":["a"],"total":1e400}`, `{"count":1.0}`, `{"count":9223372036854775808}`,
	`{"unknown":{"a":[1,{"b":null}]},"id":"x"}`, `{"unknown":{"a":1,"a":2}}`, `{"id":"a","ID":"b"}`, `{"x":1,"x":2}`, `{"id":"\ud800"}`, `{"x":"\udfff"}`, "{\"x\":\"\xff\"}",
	`[{"ID":"a"},{"ID":"b"}]`, `[1,"a",null,true,{"b":[]},1.5e3]`, `[1e999]`, `{"customer":{"name":null},"note":"n","placedAt":null}`,
}

func TestBodiesLikeEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, goType := range types {
		accepted := 0
		for _, text := range texts {
			if sameAsEncodingJSON(t, goType, text) {
				accepted++
			}
		}
		require.NotZero(t, accepted, goType)
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, goType := range types {
			sameAsEncodingJSON(t, goType, text)
		}
	})
}

// TestMutatedBodies damages bodies byte by byte. The seed is fixed.
func TestMutatedBodies(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 5))
	pieces := []string{`"`, `{`, `}`, `[`, `]`, `,`, `:`, `\`, `0`, `-`, `.`, `e9`, "\x00", "\xff", ` `, `null`, `true`, `"id":`, `\ud800`, `\u0041`}
	for range 20_000 {
		text := texts[random.IntN(len(texts))]
		for range 1 + random.IntN(3) {
			at := random.IntN(len(text) + 1)
			end := min(len(text), at+random.IntN(4))
			switch random.IntN(3) {
			case 0:
				text = text[:at] + pieces[random.IntN(len(pieces))] + text[end:]
			case 1:
				text = text[:at] + text[end:]
			default:
				text = text[:end] + text[at:]
			}
		}
		sameAsEncodingJSON(t, types[random.IntN(len(types))], text)
	}
}

// TestStricter lists what encoding/json takes and this package does not, on
// either path.
func TestStricter(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"inner":`, 65) + `{}` + strings.Repeat(`}`, 65)
	for _, text := range []string{
		`{"wait":1,"wait":2}`, `{"wait":1,"WAIT":2}`, `{"x":1,"x":2}`, `{"x":{"y":1,"y":2}}`, `{"numbers":{"1":true,"1":false}}`,
		"{\"x\":\"\xff\"}", `{"x":"\ud800"}`, `{"\ud800":1}`, deep,
	} {
		require.NoError(t, json.Unmarshal([]byte(text), new(holder)), "encoding/json takes %s", text)
		require.Error(t, body.Unmarshal(text, new(holder)), text)
		if strings.Contains(text, "WAIT") || text == deep {
			continue
		}
		require.Error(t, body.Unmarshal(text, new(foreign)), text)
		require.Error(t, body.Unmarshal(`{"foreign":`+text+`}`, new(holder)), text)
	}
	require.ErrorContains(t, body.Unmarshal(deep, new(holder)), "nested deeper than 64 levels")
	require.ErrorContains(t, body.Unmarshal(deep, new(foreign)), "nested deeper than 64 levels")
	require.ErrorContains(t, body.Unmarshal(`{"foreign":`+deep[9:], new(holder)), "nested deeper than 64 levels")
	for _, text := range []string{`{"Float":"0x1p-2"}`, `{"Float":"-Inf"}`, `{"Float":"-infinity"}`, `{"Number":"1x"}`, `{"Text":"\"\\'\""}`} {
		require.NoError(t, json.Unmarshal([]byte(text), new(quotes)), "encoding/json takes %s", text)
		require.Error(t, body.Unmarshal(text, new(quotes)), text)
	}
	require.NoError(t, json.Unmarshal([]byte(`{"1":"a","01":"b"}`), new(map[int]string)))
	require.ErrorContains(t, body.Unmarshal(`{"1":"a","01":"b"}`, new(map[int]string)), "duplicate")
}

func TestTypesThatNoPlanReads(t *testing.T) {
	t.Parallel()
	var h holder
	require.NoError(t, body.Unmarshal(`{"foreign":{"a": 1},"keys":{"a":1},"number":1.50,"numbers":{"1":true},"wait":1000,"inner":{"foreign":null}}`, &h))
	require.Equal(t, holder{
		Foreign: &foreign{value: jsontext.Value(`{"a": 1}`)}, Keys: map[textType]int{{text: "<a>"}: 1},
		Number: "1.50", Numbers: map[json.Number]bool{"1": true}, Wait: 1000, Inner: &holder{},
	}, h)
	var f foreign
	require.NoError(t, body.Unmarshal(` [1] `, &f))
	require.Equal(t, "[1]", string(f.value))
	require.Error(t, body.Unmarshal(`{"keys":{"x":1}}`, &h))
	require.Zero(t, h)

	// json/v2 does not know encoding/json's Number by itself.
	for text, want := range map[string]json.Number{`12.50`: "12.50", `"12"`: "12", `null`: ""} {
		var number struct{ N json.Number }
		require.NoError(t, body.ByJSONv2(`{"N":`+text+`}`, &number))
		require.Equal(t, want, number.N)
	}
	for _, text := range []string{`""`, `"x"`, `true`, `[]`} {
		require.Error(t, body.ByJSONv2(`{"N":`+text+`}`, &struct{ N json.Number }{}), text)
	}
}

func TestUnmarshalStartsOver(t *testing.T) {
	t.Parallel()
	note := "old"
	v := placed{ID: "old", Tags: []string{"old"}, Labels: map[string]string{"old": "x"}, Note: &note}
	require.NoError(t, body.Unmarshal(`{"tags":["new"],"labels":{"new":"y"}}`, &v))
	require.Equal(t, placed{Tags: []string{"new"}, Labels: map[string]string{"new": "y"}}, v)
	require.Equal(t, "old", note)
	require.Error(t, body.Unmarshal(`{"id":"half","tags":7}`, &v))
	require.Zero(t, v)
}

func TestDecodeGoesOnBehindTheValue(t *testing.T) {
	t.Parallel()
	for value, fits := range map[string]bool{
		`{"id" : "x"}`: true, `null`: true, `{"id":7}`: false, `[1,[2]]`: false, `{"id":"a","id":"b"}`: false, `{"x":"\ud800"}`: false,
	} {
		s := scan.New(`{"payload":` + value + `,"next":1}`)
		s.Object()
		s.Field()
		var v placed
		err := body.Decode(&s, &v)
		require.Equal(t, fits, err == nil, "%s: %v", value, err)
		require.Equal(t, body.Unmarshal(value, new(placed)), err)
		name, _ := s.Field()
		require.Equal(t, "next", name)
		s.Skip()
		s.Field()
		require.NoError(t, s.End())
	}
	s := scan.New(`{"payload":[1`)
	s.Object()
	s.Field()
	var v placed
	require.ErrorContains(t, body.Decode(&s, &v), "invalid JSON at byte")
	require.Error(t, s.Err())

	s = scan.New(`[{"a":1},2]`)
	s.Array()
	s.Element()
	var f foreign
	require.NoError(t, body.Decode(&s, &f))
	require.JSONEq(t, `{"a":1}`, string(f.value))
	require.True(t, s.Element())
}

// TestErrorsQuoteNothing looks for a number that stands for a secret.
func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	const secret = "4111111111111111"
	for text, want := range map[string]string{
		`{"id":` + secret + `}`:                         "JSON of kind number at /id of body_test.placed does not fit string",
		`{"lines":[{},{"sku":` + secret + `}]}`:         "JSON of kind number at /lines/1/sku of body_test.placed does not fit string",
		`{"labels":{"` + secret + `":1}}`:               "JSON of kind number at /labels/* of body_test.placed does not fit string",
		`{"` + secret + `":1,"` + secret + `":2}`:       "a duplicate name at byte 22",
		`{"` + secret + `":{"x":1,"x":"` + secret + `"`: "a duplicate name at byte",
		`{"id":"` + secret + `"`:                        "invalid JSON at byte",
		`{"id":"` + secret + `\ud800"}`:                 "invalid JSON at byte",
		`"` + secret + `"`:                              "JSON of kind string does not fit body_test.placed",
		`{"placedAt":"` + secret + `"}`:                 "JSON of kind string at /placedAt of body_test.placed does not fit time.Time",
		`{"count":` + secret + secret + `}`:             "JSON of kind number at /count of body_test.placed does not fit int",
	} {
		err := body.Unmarshal(text, new(placed))
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), secret)
	}
}

// TestPlansCanBeSharedAndRecursive runs into the cache from all sides.
func TestPlansCanBeSharedAndRecursive(t *testing.T) {
	t.Parallel()
	type tree struct {
		Name     string
		Children []*tree
		ByName   map[string]tree
	}
	done := make(chan error)
	for range 8 {
		go func() {
			var v tree
			done <- body.Unmarshal(`{"Name":"a","Children":[{"Name":"b"},null],"ByName":{"c":{"Children":[{}]}}}`, &v)
		}()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
}

func TestMapsDoNotMixTheirValues(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"a":{"id":"x","tags":["t"]},"b":{},"c":null,"d":{"tags":[]}}`,
		`{"a":{"lines":[{"sku":"x","quantity":1},{}]},"b":{"lines":[{"price":1}]}}`,
	} {
		require.True(t, sameAsEncodingJSON(t, reflect.TypeFor[map[string]placed](), text))
		require.True(t, sameAsEncodingJSON(t, reflect.TypeFor[map[string]*placed](), text))
	}
}

func TestTimesOfAnyLength(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"2026-11-24T15:04:05.` + strings.Repeat("0", 100) + `Z"`, `"` + strings.Repeat("2", 100) + `"`, `"2026-11-24T24:00:00Z"`, `null`, `7`,
	} {
		sameAsEncodingJSON(t, reflect.TypeFor[time.Time](), text)
	}
}

// TestOddTags: json/v2 would refuse the type for its tag if it were as strict as
// it is about errors.
func TestOddTags(t *testing.T) {
	t.Parallel()
	type odd struct {
		Minus int `json:"-,"` //nolint:staticcheck // its name is -
	}
	var v map[textType]odd
	require.NoError(t, body.Unmarshal(`{"k":{"-":1}}`, &v))
	require.Equal(t, map[textType]odd{{text: "<k>"}: {Minus: 1}}, v)
}

func TestWhatNobodyCanSet(t *testing.T) {
	t.Parallel()
	type named struct {
		*hidden `json:"hidden"`
	}
	var v named
	require.False(t, body.ByPlan(`{"hidden":{"shown":"x"}}`, &v), "encoding/json panics")
	require.NoError(t, body.Unmarshal(`{"hidden":null}`, &v))
	require.Error(t, body.Unmarshal(`{"shown":"x"}`, &EmbedsHidden{}))
}

// TestUnnamedTypesReadThemselves differs from encoding/json, which asks whether a
// pointer leads to them.
func TestUnnamedTypesReadThemselves(t *testing.T) {
	t.Parallel()
	var v struct {
		Inner struct{ textType }
		At    *struct{ time.Time }
	}
	require.NoError(t, body.Unmarshal(`{"Inner":"a","At":"2026-11-24T15:04:05Z"}`, &v))
	require.Equal(t, "<a>", v.Inner.text)
	require.Equal(t, 2026, v.At.Year())
}
