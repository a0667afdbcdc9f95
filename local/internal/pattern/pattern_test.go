package pattern_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, pattern string
		yes, no       []string
	}{
		{"exact", `{"a":["x",3,true,null]}`, []string{`{"a":"x"}`, `{"a":3.0}`, `{"a":true}`, `{"a":null}`, `{"a":["y","x"]}`}, []string{`{}`, `{"a":"X"}`, `{"a":"3"}`, `{"a":{"x":1}}`, `{"a":[]}`}},
		{"nested and", `{"a":{"b":["x"]},"c":[1]}`, []string{`{"a":{"b":"x"},"c":1}`}, []string{`{"a":{"b":"x"}}`, `{"a":"x","c":1}`, `[]`}},
		{"array of objects", `{"a":{"b":["x"],"c":["y"]}}`, []string{`{"a":[{"b":"x","c":"y"}]}`}, []string{`{"a":[{"b":"x"},{"c":"y"}]}`}},
		{"prefix", `{"a":[{"prefix":"x-"}]}`, []string{`{"a":"x-1"}`}, []string{`{"a":"1x-"}`, `{"a":1}`}},
		{"prefix folded", `{"a":[{"prefix":{"equals-ignore-case":"X-"}}]}`, []string{`{"a":"x-1"}`}, []string{`{"a":"y"}`}},
		{"suffix", `{"a":[{"suffix":".csv"}]}`, []string{`{"a":"b.csv"}`}, []string{`{"a":"b.csv.gz"}`}},
		{"folded", `{"a":[{"equals-ignore-case":"ab"}]}`, []string{`{"a":"AB"}`}, []string{`{"a":"ABC"}`}},
		{"wildcard", `{"a":[{"wildcard":"x*y\\**"}]}`, []string{`{"a":"x1y*"}`, `{"a":"xy*z"}`}, []string{`{"a":"xy"}`, `{"a":"1xy*"}`}},
		{"wildcard overlap", `{"a":[{"wildcard":"ab*ba"}]}`, []string{`{"a":"abba"}`}, []string{`{"a":"aba"}`}},
		{"numeric", `{"a":[{"numeric":[">",0,"<=",5]}]}`, []string{`{"a":5}`, `{"a":0.1}`, `{"a":5e0}`}, []string{`{"a":0}`, `{"a":5.1}`, `{"a":"3"}`}},
		{"numeric exact", `{"a":[9007199254740993]}`, []string{`{"a":9007199254740993}`}, []string{`{"a":9007199254740992}`}},
		{"anything but", `{"a":[{"anything-but":["x",1]}]}`, []string{`{"a":"y"}`, `{"a":2}`, `{"a":["x","y"]}`}, []string{`{"a":"x"}`, `{"a":1}`, `{}`}},
		{"anything but prefix", `{"a":[{"anything-but":{"prefix":"x"}}]}`, []string{`{"a":"y"}`}, []string{`{"a":"xy"}`, `{"a":1}`, `{}`}},
		{"exists", `{"a":[{"exists":true}]}`, []string{`{"a":null}`, `{"a":0}`}, []string{`{}`, `{"a":{"b":1}}`}},
		{"not exists", `{"a":{"b":[{"exists":false}]}}`, []string{`{}`, `{"a":{}}`, `{"a":1}`}, []string{`{"a":{"b":1}}`}},
		{"or", `{"$or":[{"a":[1]},{"b":[2]}],"c":[3]}`, []string{`{"a":1,"c":3}`, `{"b":2,"c":3}`}, []string{`{"a":1}`, `{"c":3}`}},
		{"cidr", `{"a":[{"cidr":"10.0.0.0/24"}]}`, []string{`{"a":"10.0.0.7"}`}, []string{`{"a":"10.0.1.7"}`, `{"a":"x"}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, err := pattern.Parse([]byte(test.pattern))
			require.NoError(t, err)
			for _, document := range test.yes {
				value, err := pattern.Decode([]byte(document))
				require.NoError(t, err)
				require.True(t, p.Match(value), document)
			}
			for _, document := range test.no {
				value, err := pattern.Decode([]byte(document))
				require.NoError(t, err)
				require.False(t, p.Match(value), document)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		``, `[]`, `{}`, `{"a":"x"}`, `{"a":[]}`, `{"a":{}}`, `{"a":[["x"]]}`, `{"a":[{"like":"x"}]}`, `{"a":[{"prefix":1}]}`,
		`{"a":[{"numeric":["~",1]}]}`, `{"a":[{"numeric":[">"]}]}`, `{"a":[{"exists":"yes"}]}`, `{"a":[{"anything-but":[]}]}`,
		`{"a":[{"wildcard":"**"}]}`, `{"a":[{"wildcard":"\\x"}]}`, `{"a":[{"cidr":"x"}]}`, `{"a":[1]} {}`, `{"a":[{"prefix":"x","suffix":"y"}]}`,
	} {
		_, err := pattern.Parse([]byte(document))
		require.Error(t, err, document)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[{"numeric":[">",0,"<=",5]}],"$or":[{"b":["x"]},{"c":[{"wildcard":"a*b"}]}]}`), []byte(`{"a":3,"b":"x"}`))
	f.Fuzz(func(t *testing.T, document, event []byte) {
		p, err := pattern.Parse(document)
		if err != nil {
			return
		}
		if value, err := pattern.Decode(event); err == nil {
			require.Equal(t, p.Match(value), p.Match([]any{value}), "an array of one is its element")
		}
	})
}
