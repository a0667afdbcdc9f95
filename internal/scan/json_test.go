package scan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// samples hold every construct of JSON, mostly next to its neighbours in error.
var samples = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `-0.0e-0`, `12.5E+10`, `true`, `false`, `null`, ` [ ] `, `{"":""}`,
	`[0,-1,1.5,1e1,1E+2,1e-2,"a",true,false,null,[],{}]`,
	`{"a":{"b":[{"c":"d"},[1,2,[3]]],"e":null},"f":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`,
	"\r\n\t {\r\n\t \"a\"\t:\r1\n,\n\"b\" : [ 1 , 2 ] }\n",
	`{"pk":{"S":"ORDER#1"},"qty":{"N":"3"},"tags":{"SS":["x","y"]},"ok":{"BOOL":true}}`,
	`{"a":1,"a":2}`, "\"\xff\xfe\"", `"\ud800"`, `"ü漢😀"`, `["` + strings.Repeat("long ", 20) + `"]`,
	strings.Repeat(`[`, 64) + strings.Repeat(`]`, 64), strings.Repeat(`{"a":[`, 32) + strings.Repeat(`]}`, 32),
}

// sameAsValid compares with encoding/json, but for the depth.
func sameAsValid(t require.TestingT, text string) {
	valid := json.Valid([]byte(text))
	want := valid && depth(text) <= scan.MaxDepth
	err := scan.Valid(text)
	if want != (err == nil) {
		require.FailNow(t, fmt.Sprintf("%q: encoding/json says %t, scan says %v", text, valid, err))
	}
}

// depth is that of a valid text.
func depth(text string) int {
	deepest, depth := 0, 0
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// walk reads a value by the methods that callers use.
func walk(s *scan.Scanner) {
	switch s.Kind() {
	case scan.Object:
		s.Object()
		for {
			if _, ok := s.Field(); !ok {
				return
			}
			walk(s)
		}
	case scan.Array:
		s.Array()
		for s.Element() {
			walk(s)
		}
	case scan.Number:
		s.Number()
	case scan.True, scan.False:
		s.Bool()
	case scan.Null:
		s.Null()
	default:
		s.Value()
	}
}

// sameWalk compares walk with Skip, which takes names in any encoding.
func sameWalk(t require.TestingT, text string) {
	walker, skipper := scan.New(text), scan.New(text)
	walk(&walker)
	walked := walker.End()
	skipper.Skip()
	skipped := skipper.End()
	if walked != nil && skipped == nil {
		reason := walked.Error()
		if !strings.Contains(reason, "UTF-8") && !strings.Contains(reason, "surrogate") {
			require.FailNow(t, fmt.Sprintf("%q: only the walk fails: %v", text, walked))
		}
		return
	}
	if (walked == nil) != (skipped == nil) || walked == nil && walker.Pos() != skipper.Pos() {
		require.FailNow(t, fmt.Sprintf("%q: the walk says %v, Skip says %v", text, walked, skipped))
	}
}

func TestMutationsAgainstEncodingJSON(t *testing.T) {
	t.Parallel()
	mutations := 0
	try := func(parts ...[]byte) {
		text := string(bytes.Join(parts, nil))
		sameAsValid(t, text)
		sameWalk(t, text)
		mutations++
	}
	for _, sample := range samples {
		text := []byte(sample)
		try(text)
		for i := range text {
			try(text[:i])
			try(text[i:])
			try(text[:i], text[i+1:])
			try(text[:i], text[i:i+1], text[i:])
			for _, c := range alphabet {
				try(text[:i], []byte{c}, text[i+1:])
				try(text[:i], []byte{c}, text[i:])
			}
		}
	}
	require.Greater(t, mutations, 50_000)
}

// jsonText generates a valid text, with white space and escapes where they may be.
func jsonText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		space := func() string { return rapid.SampledFrom([]string{"", "", "", " ", "\n", "\t\r "}).Draw(t, "space") }
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return space() + rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "word") + space()
		case 1:
			return space() + rapid.StringMatching(`-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number") + space()
		case 2, 3:
			return space() + jsonString(t) + space()
		case 4:
			var members []string
			for range rapid.IntRange(0, 3).Draw(t, "members") {
				members = append(members, space()+jsonString(t)+space()+":"+jsonText(depth-1).Draw(t, "value"))
			}
			return space() + "{" + strings.Join(members, ",") + space() + "}" + space()
		default:
			elements := rapid.SliceOfN(jsonText(depth-1), 0, 3).Draw(t, "elements")
			return space() + "[" + strings.Join(elements, ",") + space() + "]" + space()
		}
	})
}

func jsonString(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.OneOf(
		rapid.StringMatching(`[ !#-\[\]-~]{0,8}`),
		rapid.SampledFrom([]string{`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u00E9`, `\uabcd`, `\ud83d\ude00`, `ü`, `漢`, `😀`}),
	), 0, 5).Draw(t, "string")
	return `"` + strings.Join(parts, "") + `"`
}

func TestGeneratedTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := jsonText(4).Draw(t, "text")
		require.NoError(t, scan.Valid(text), "%q", text)
		sameAsValid(t, text)
		sameWalk(t, text)
		for range 20 {
			mutated := []byte(text)
			i := rapid.IntRange(0, len(mutated)-1).Draw(t, "at")
			mutated[i] = rapid.SampledFrom([]byte("{}[]\",:\\u-+.0e1tfn x\x1f\xff")).Draw(t, "byte")
			sameAsValid(t, string(mutated))
			sameWalk(t, string(mutated))
		}
	})
}

// sameText compares a string that is read with encoding/json's, which replaces
// what it cannot decode.
func sameText(t require.TestingT, text string) {
	s := scan.New(text)
	have := s.Text()
	err := s.End()
	var want string
	if json.Unmarshal([]byte(text), &want) != nil {
		require.Error(t, err, "%q", text)
		return
	}
	first := scan.New(text)
	if first.Kind() != scan.String { // encoding/json reads null into a string
		require.Error(t, err, "%q", text)
		return
	}
	if !utf8.ValidString(text) || hasLoneSurrogate(text) {
		require.Error(t, err, "%q", text)
		return
	}
	require.NoError(t, err, "%q", text)
	require.Equal(t, want, have, "%q", text)
}

// hasLoneSurrogate reports whether an escape of a valid string is half a pair:
// then encoding/json turns it into one replacement character more than the text
// spells out.
func hasLoneSurrogate(text string) bool {
	var want string
	if json.Unmarshal([]byte(text), &want) != nil {
		return false
	}
	spelled := strings.Count(text, "\ufffd")
	lower := strings.ToLower(text)
	for i := 0; i+6 <= len(lower); i++ {
		if lower[i] != '\\' {
			continue
		}
		if lower[i:i+6] == `\ufffd` {
			spelled++
		}
		i++ // the escaped character
	}
	return strings.Count(want, "\ufffd") != spelled
}

func FuzzValid(f *testing.F) {
	for _, sample := range samples {
		f.Add(sample)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sameAsValid(t, text)
		sameWalk(t, text)
		if depth(text) <= scan.MaxDepth {
			sameVerdicts(t, []byte(text))
			sameShortcuts(t, text)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		`""`, `"a"`, `"\ud83d\ude00"`, `"\ud800"`, `"\ufffd"`, `"\\ufffd"`, `"\ud800\ufffd"`, `"�\udc00"`, "\"\xff\"", `"\u00e9ü"`, ` "x" `, `null`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { sameText(t, text) })
}
