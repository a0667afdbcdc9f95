package scan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

func TestKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]scan.Kind{
		`{}`: scan.Object, `[]`: scan.Array, `""`: scan.String, `0`: scan.Number, `-1`: scan.Number, `9`: scan.Number,
		`true`: scan.True, `false`: scan.False, `null`: scan.Null, " \t\r\n{": scan.Object,
		``: scan.Invalid, ` `: scan.Invalid, `+1`: scan.Invalid, `.5`: scan.Invalid, `'`: scan.Invalid, `NaN`: scan.Invalid,
		"\ufeff{}": scan.Invalid, "\v1": scan.Invalid, "\u00a01": scan.Invalid,
	} {
		s := scan.New(text)
		require.Equal(t, want, s.Kind(), "%q", text)
		require.NoError(t, s.Err(), "looking is no reading: %q", text)
	}
}

func TestValidRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, reason string
		offset       int
	}{
		{``, "the text ends where a value belongs", 0},
		{`  `, "the text ends where a value belongs", 2},
		{`x`, "no value starts here", 0},
		{`{} {}`, "text behind the value", 3},
		{`01`, "text behind the value", 1},
		{`-`, "the text ends inside a number", 1},
		{`-a`, "a digit is missing in a number", 1},
		{`1.`, "a digit is missing in a number", 2},
		{`1.e1`, "a digit is missing in a number", 2},
		{`1e`, "a digit is missing in a number", 2},
		{`1e+`, "a digit is missing in a number", 3},
		{`nul`, "an unknown word", 0},
		{`truE`, "an unknown word", 0},
		{`nullx`, "text behind the value", 4},
		{`"`, "the text ends inside a string", 1},
		{`"\`, "an unknown escape in a string", 1},
		{`"\x"`, "an unknown escape in a string", 1},
		{`"\u12"`, "an unknown escape in a string", 1},
		{`"\u12g4"`, "an unknown escape in a string", 1},
		{"\"a\nb\"", "a control character in a string", 2},
		{`{`, "the text ends inside a value", 1},
		{`{"a"`, "a colon is missing", 4},
		{`{"a" 1}`, "a colon is missing", 5},
		{`{"a":}`, "no value starts here", 5},
		{`{"a":1`, "the text ends inside a value", 6},
		{`{"a":1,}`, "a comma before the closing bracket", 7},
		{`{"a":1 "b":2}`, "a comma or a closing bracket is missing", 7},
		{`{,"a":1}`, "a member's name is missing", 1},
		{`{1:1}`, "a member's name is missing", 1},
		{`{"a":1]`, "a comma or a closing bracket is missing", 6},
		{`[1,]`, "a comma before the closing bracket", 3},
		{`[,1]`, "no value starts here", 1},
		{`[1 2]`, "a comma or a closing bracket is missing", 3},
		{`[1}`, "a comma or a closing bracket is missing", 2},
		{`[`, "the text ends inside a value", 1},
		{`[1,`, "the text ends where a value belongs", 3},
	} {
		err := scan.Valid(test.text)
		var syntax *scan.SyntaxError
		require.ErrorAs(t, err, &syntax, "%q", test.text)
		require.Equal(t, scan.SyntaxError{Offset: test.offset, Reason: test.reason}, *syntax, "%q", test.text)
	}
}

func TestSyntaxErrorNamesThePlaceAndNotTheText(t *testing.T) {
	t.Parallel()
	err := scan.Valid(`["secret" "secret"]`)
	require.EqualError(t, err, "invalid JSON at byte 10: a comma or a closing bracket is missing")
}

func TestDepth(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat(`[{"a":`, n/2) + `1` + strings.Repeat(`}]`, n/2) }
	require.NoError(t, scan.Valid(nested(scan.MaxDepth)))
	require.ErrorContains(t, scan.Valid(nested(scan.MaxDepth+2)), "nested deeper than 64 levels")
	require.ErrorContains(t, scan.Valid(strings.Repeat("[", 10_000_000)), "nested deeper than 64 levels")

	wide := "[" + strings.Repeat("[[]],", 100) + "0]"
	require.NoError(t, scan.Valid(wide), "closed brackets do not count")

	for depth, text := range map[int]string{0: `1`, 1: `[1]`, 2: `[{}]`, 66: nested(66)} {
		s := scan.NewDepth(text, depth)
		s.Skip()
		require.NoError(t, s.End(), "%d", depth)
		s = scan.NewDepth("["+text+"]", depth)
		s.Skip()
		require.ErrorContains(t, s.End(), "nested deeper than", "%d", depth)
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	s := scan.New(` { "a" : [ 1 , -2.5e+3 , [] ] , "b" : { "c" : true , "d" : false } , "\u0065" : null , "f" : "x\ty" } `)
	require.True(t, s.Object())
	name, ok := s.Field()
	require.True(t, ok)
	require.Equal(t, "a", name)
	require.True(t, s.Array())
	require.True(t, s.Element())
	require.Equal(t, "1", s.Number())
	require.True(t, s.Element())
	require.Equal(t, "-2.5e+3", s.Number())
	require.True(t, s.Element())
	require.Equal(t, "[]", s.Value())
	require.False(t, s.Element())
	name, _ = s.Field()
	require.Equal(t, "b", name)

	ahead := s // a copy looks ahead
	require.Equal(t, `{ "c" : true , "d" : false }`, ahead.Value())

	require.True(t, s.Object())
	_, ok = s.Field()
	require.True(t, ok)
	require.True(t, s.Bool())
	_, ok = s.Field()
	require.True(t, ok)
	require.False(t, s.Bool())
	_, ok = s.Field()
	require.False(t, ok)
	name, _ = s.Field()
	require.Equal(t, "e", name)
	s.Null()
	name, _ = s.Field()
	require.Equal(t, "f", name)
	require.Equal(t, "x\ty", s.Text())
	_, ok = s.Field()
	require.False(t, ok)
	require.NoError(t, s.End())
	require.Equal(t, 102, s.Pos(), "white space at the end is read")
}

func TestMismatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		read func(*scan.Scanner)
		want string
	}{
		{`[]`, func(s *scan.Scanner) { s.Object() }, "an array where an object belongs"},
		{`"x"`, func(s *scan.Scanner) { s.Array() }, "a string where an array belongs"},
		{`1`, func(s *scan.Scanner) { s.Text() }, "a number where a string belongs"},
		{`null`, func(s *scan.Scanner) { s.Number() }, "null where a number belongs"},
		{`{}`, func(s *scan.Scanner) { s.Bool() }, "an object where a boolean belongs"},
		{`false`, func(s *scan.Scanner) { s.Null() }, "a boolean where null belongs"},
		{``, func(s *scan.Scanner) { s.Bool() }, "the text ends where a value belongs"},
		{`}`, func(s *scan.Scanner) { s.Null() }, "no value starts here"},
		{`tru`, func(s *scan.Scanner) { s.Bool() }, "an unknown word"},
	} {
		s := scan.New(test.text)
		test.read(&s)
		require.ErrorContains(t, s.Err(), test.want, "%q", test.text)
	}
}

func TestErrorsAreSticky(t *testing.T) {
	t.Parallel()
	s := scan.New(`{"a":1,"b":[true]}`)
	require.False(t, s.Array())
	first := s.Err()
	require.Error(t, first)

	require.Equal(t, scan.Invalid, s.Kind())
	require.False(t, s.Object())
	_, ok := s.Field()
	require.False(t, ok)
	require.False(t, s.Array())
	require.False(t, s.Element())
	require.Empty(t, s.Text())
	require.Empty(t, s.Number())
	require.Empty(t, s.Value())
	require.False(t, s.Bool())
	s.Null()
	s.Skip()
	require.Same(t, first, s.End())
	require.Zero(t, s.Pos())
}

func TestEndFindsWhatIsLeftOpen(t *testing.T) {
	t.Parallel()
	s := scan.New(`{`)
	require.True(t, s.Object())
	require.ErrorContains(t, s.End(), "not read to its end")
}

func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`""`: "", `"plain"`: "plain", `"ünïcode 漢字 😀"`: "ünïcode 漢字 😀", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t",
		`"\u0000\u001F\u00e9\uFFFD"`: "\x00\x1f\u00e9\ufffd", `"a\ud83d\ude00b"`: "a😀b", `"\uDBFF\uDFFF"`: "\U0010ffff",
		"\"\x7f\"": "\x7f", `"\u0041\u0042"`: "AB", `"x\\u0041"`: `x\u0041`,
	} {
		s := scan.New(text)
		require.Equal(t, want, s.Text(), "%s", text)
		require.NoError(t, s.End(), "%s", text)
	}
	for text, want := range map[string]string{
		"\"\xff\"": "not valid UTF-8", "\"a\xed\xa0\x80\"": "not valid UTF-8", "\"\xc0\x80\"": "not valid UTF-8", "\"\xe2\x82": "ends inside",
		`"\ud800"`: "surrogate", `"\udc00"`: "surrogate", `"\udc00\ud800"`: "surrogate", `"\ud800x"`: "surrogate",
		`"\ud800\n"`: "surrogate", `"\ud800\u0041"`: "surrogate", `"\ud800\ud800\udc00"`: "surrogate", `"\ud83d\ude0"`: "unknown escape",
	} {
		s := scan.New(text)
		require.Empty(t, s.Text(), "%q", text)
		require.ErrorContains(t, s.Err(), want, "%q", text)
		if strings.HasSuffix(text, `"`) && want != "unknown escape" {
			require.NoError(t, scan.Valid(text), "Skip does not look at the encoding: %q", text)
		}
	}
}

func TestTextWithoutEscapesAllocatesNothing(t *testing.T) {
	text := `{"name":"a string of ordinary length","list":[1,2,3],"other":{"x":null,"ü":"ö"}}`
	require.Zero(t, testing.AllocsPerRun(10, func() {
		s := scan.New(text)
		s.Object()
		for {
			if _, ok := s.Field(); !ok {
				break
			}
			if s.Kind() == scan.String {
				s.Text()
			} else {
				s.Value()
			}
		}
		if s.End() != nil {
			panic(s.Err())
		}
	}))
}

// TestLongTextsWithEscapes covers strings that are unescaped piece by piece, with
// an escape, a character or the end at any place around a piece's end.
func TestLongTextsWithEscapes(t *testing.T) {
	t.Parallel()
	for _, part := range []string{`\"`, `\n`, `\u00e9`, `\ud83d\ude00`, `é`, `\ud83d`, "\xff", `\x`, "\n", `a`} {
		for _, first := range []string{`\\`, `a`, `a\\`, `ab\\`, `abc\\`, `abcd\\`, `abcde\\`, `abcdef\\`, `abcdefg\\`} {
			for n := 1000; n < 2070; n++ {
				if n == 1060 {
					n = 2015
				}
				plain := strings.Repeat("p", n)
				sameText(t, `"`+first+plain+part+`"`)
				sameText(t, `"`+first+plain+part+plain+part+`\"behind"`)
				sameText(t, `"`+plain+first+part+`"`)
			}
		}
	}
	sameText(t, `"`+strings.Repeat(`\"é\u00e9`, 5000)+`"`)
}
