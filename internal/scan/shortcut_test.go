package scan_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// sameShortcuts walks a text and compares, wherever one could be taken, each
// shortcut with the methods that it stands for.
func sameShortcuts(t require.TestingT, text string) {
	s := scan.New(text)
	shortcuts(t, &s, false)
}

func shortcuts(t require.TestingT, s *scan.Scanner, inObject bool) {
	if inObject {
		short, long := *s, *s
		text, last := short.LastText()
		want := long.Text()
		_, more := long.Field()
		sameState(t, &short, &long, last, !more && long.Err() == nil)
		if last {
			require.Equal(t, want, text)
		}
	}
	switch s.Kind() {
	case scan.Object:
		short, long := *s, *s
		name, ok := short.Enter()
		want, found := "", false
		if long.Object() {
			want, found = long.Field()
		}
		require.Equal(t, want, name)
		sameState(t, &short, &long, ok, found)
		s.Object()
		for member(t, s) {
			shortcuts(t, s, true)
		}
	case scan.Array:
		s.Array()
		for s.Element() {
			shortcuts(t, s, false)
		}
	default:
		s.Skip()
	}
}

// member moves to the next member of an object.
func member(t require.TestingT, s *scan.Scanner) bool {
	short, long := *s, *s
	name, tag, ok := short.Tagged()
	wantName, found := long.Field()
	wantTag := ""
	if found {
		wantTag, _ = long.Enter()
	}
	require.Equal(t, wantName, name)
	require.Equal(t, wantTag, tag)
	require.Equal(t, long.Err() == nil, short.Err() == nil)
	sameState(t, &short, &long, ok && long.Err() == nil, found && long.Err() == nil)

	if opening, simple := scan.Opening(wantName); found && simple {
		sameBeginning(t, s, opening, 0)
		sameBeginning(t, s, opening+`{"`+wantTag+`":`, 1)
	}

	short, long = *s, *s
	left := short.Leave()
	_, more := long.Field()
	if left != (!more && long.Err() == nil) {
		require.FailNow(t, "Leave and Field differ")
	}
	_, ok = s.Field()
	return ok
}

// sameBeginning compares Begins with Field and Enter, where it reads something.
func sameBeginning(t require.TestingT, s *scan.Scanner, part string, enters int) {
	short, long := *s, *s
	if !short.Begins(part, enters) {
		require.Equal(t, long, short, "it has read something")
		return
	}
	_, ok := long.Field()
	if enters > 0 {
		_, ok = long.Enter()
	}
	sameState(t, &short, &long, true, ok)
	short.Skip()
	long.Skip()
	sameState(t, &short, &long, short.Err() == nil, long.Err() == nil)
}

// sameState compares scanners that have read the same in two ways.
func sameState(t require.TestingT, short, long *scan.Scanner, ok, want bool) {
	require.Equal(t, want, ok)
	require.True(t, short.Err() == nil || long.Err() != nil, "only the shortcut fails: %v", short.Err())
	if ok {
		require.NoError(t, short.Err())
		require.NoError(t, long.Err())
		require.Equal(t, long.Pos(), short.Pos())
		require.Equal(t, long.Depth(), short.Depth())
	}
}

func TestShortcuts(t *testing.T) {
	t.Parallel()
	for _, text := range samples {
		sameShortcuts(t, text)
	}
	for _, text := range payloads(t) {
		sameShortcuts(t, text)
	}
	for _, text := range []string{
		`{"a":{}}`, `{"a":{"S":"x","N":"1"}}`, `{"a":{"S":"x"}`, `{"a":{"S":"x"`, `{"a":{"S":`, `{"a":{"S"`, `{"a":{"`, `{"a":{`, `{"a":`, `{"a"`, `{"a`, `{`,
		`{"a":{"BOOL":true},"b":{"\u0053":"x"}}`, `{"\u0061":{"S":"\n"}}`, `{"a":{"s":"ü"}}`, `{"ü":{"S":"x"}}`, `{"a":{"ü":"x"}}`, `{"a":{"":"x"}}`, `{"":{"S":""}}`,
		`{"a":{"S":"x"},}`, `{,"a":{"S":"x"}}`, `{"a":{,"S":"x"}}`, `{"a":{"S":"x",}}`, `{"a":{"S":"\ud800"}}`, "{\"a\":{\"S\":\"\xff\"}}", "{\"a\xff\":{\"S\":\"x\"}}",
		`{"a":{"S" :"x"}}`, `{"a": {"S":"x"} , "b":{ "S":"x"}, "c":{"S":"x" }}`, `{"a":{"S":"x"}]`, `{"a":[{"S":"x"}]}`, `{"a":{1:"x"}}`, `{"a":{"S"x"x"}}`, `{"a";{"S":"x"}}`,
	} {
		sameShortcuts(t, text)
	}
	rapid.Check(t, func(t *rapid.T) { sameShortcuts(t, jsonText(4).Draw(t, "text")) })
}

func TestShortcutsKeepTheDepth(t *testing.T) {
	t.Parallel()
	for depth := range 3 {
		s := scan.NewDepth(`{"a":{"S":"x"}}`, depth)
		if s.Object() {
			s.Tagged()
		}
		require.Equal(t, depth < 2, s.Err() != nil, "%d", depth)
		s = scan.NewDepth(`{"S":"x"}`, depth)
		s.Enter()
		require.Equal(t, depth < 1, s.Err() != nil, "%d", depth)
	}
	s := scan.New(`{"a":{"S":"x"},"b":{"S":"y"}}`)
	s.Object()
	for range 2 {
		_, tag, ok := s.Tagged()
		require.True(t, ok)
		require.Equal(t, "S", tag)
		require.Equal(t, 2, s.Depth())
		_, ok = s.LastText()
		require.True(t, ok)
		require.Equal(t, 1, s.Depth())
	}
	require.True(t, s.Leave())
	require.NoError(t, s.End())
}

func TestBegins(t *testing.T) {
	t.Parallel()
	const part = `"a":{"S":`
	for depth := range 3 {
		s := scan.NewDepth(`{"a":{"S":"x"},"a":{"S":"y"}}`, depth)
		if s.Object() {
			require.False(t, s.Begins(`"b":{"S":`, 1))
			require.Equal(t, depth == 2, s.Begins(part, 1))
		}
		if depth < 2 {
			continue
		}
		require.Equal(t, 2, s.Depth())
		require.Equal(t, "x", s.Text())
		require.True(t, s.Leave())
		require.True(t, s.Begins(part, 1), "behind a comma")
		require.Equal(t, "y", s.Text())
		require.True(t, s.Leave())
		require.False(t, s.Begins(part, 1), "at the end")
		require.True(t, s.Leave())
		require.NoError(t, s.End())
	}
}

func TestOpening(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"a": true, "": true, `a"`: false, `a\`: false, "a\n": false, "\xff": false} {
		text, ok := scan.Opening(name)
		require.Equal(t, want, ok, "%q", name)
		if ok {
			require.Equal(t, `"`+name+`":`, text)
		}
	}
}

func TestLeaveAnEmptyObject(t *testing.T) {
	t.Parallel()
	s := scan.New(`[{},1]`)
	s.Array()
	s.Element()
	s.Object()
	require.True(t, s.Leave())
	require.True(t, s.Element())
	require.Equal(t, "1", s.Number())
	require.False(t, s.Element())
	require.NoError(t, s.End())
}

func TestNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var names scan.Names
		seen := map[string]bool{}
		for _, name := range rapid.SliceOfN(rapid.StringMatching(`[ab]{0,5}`), 0, 60).Draw(t, "names") {
			require.Equal(t, !seen[name], names.Add(name), name)
			seen[name] = true
		}
	})
}

func TestNamesBeyondTheFirst(t *testing.T) {
	t.Parallel()
	var names scan.Names
	for i := range 40 {
		require.True(t, names.Add(string(rune('a'+i))))
	}
	for i := range 40 {
		require.False(t, names.Add(string(rune('a'+i))), "%d", i)
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":1,"b":[{"a":1},{"a":2}],"c":{"a":{}}}`:          "",
		`["\ud83d\ude00","\u00e9\n\\","ü",1,true,null,[],{}]`: "",
		`{"a":1,"a":2}`:                 "a duplicate name",
		`{"a":1,"\u0061":2}`:            "a duplicate name",
		`[[{"b":{"a":1,"x":2,"a":3}}]]`: "a duplicate name",
		`["\ud800"]`:                    "surrogate",
		`["\\\udc00"]`:                  "surrogate",
		`{"\ud800x":1}`:                 "surrogate",
		"[\"\xff\"]":                    "UTF-8",
		"[\"\\n\xff\"]":                 "UTF-8",
		`["\x"]`:                        "escape",
		`[1,]`:                          "comma",
		`["a`:                           "ends inside",
	} {
		s := scan.New(text)
		s.Discard()
		if err := s.End(); want == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, want, text)
		}
	}
}

func TestTooDeepSaysSo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{`[[1]]`: true, `{"a":{}}`: true, `[1`: false, `[1 2]`: false} {
		for _, read := range []func(*scan.Scanner){(*scan.Scanner).Skip, (*scan.Scanner).Discard} {
			s := scan.NewDepth(text, 1)
			read(&s)
			var syntax *scan.SyntaxError
			require.ErrorAs(t, s.End(), &syntax)
			require.Equal(t, want, syntax.TooDeep, text)
		}
	}
}
