package doctor_test

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/doctor"
)

// allowed reports whether a policy of that pattern allows what is done to the other.
func allowed(policy, call string) bool {
	code, d := healthy()
	code.Calls = []doctor.Call{doctor.Calls([]string{call}, "sqs:ReceiveMessage")}
	d.Function.Statements = []doctor.Statement{{Allow: true, Actions: []string{"sqs:ReceiveMessage"}, Resources: []string{policy}}}
	for _, f := range doctor.Check(code, d) {
		if f.Rule == "permission-missing" {
			return false
		}
	}
	return true
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"a", "a", true},
		{"a", "b", false},
		{"a", "", false},
		{"a*", "a", true},
		{"a?", "a", false},
		{"a?", "ab", true},
		{"*", "", true},
		{"a*b", "b*a", false},
		{"a*b", "*a*", true},
		{"arn:aws:x:*:y", "arn:*:x:1:?", true},
		{"*a", "*b", false},
		{"**", "?", true},
	} {
		require.Equal(t, test.want, allowed(test.a, test.b), "%q %q", test.a, test.b)
		require.Equal(t, test.want, allowed(test.b, test.a), "%q %q", test.b, test.a)
	}
	letters := rapid.StringMatching(`[ab]{0,6}`)
	rapid.Check(t, func(t *rapid.T) { // against the standard library's matcher
		pattern, text := rapid.StringMatching(`[ab*?]{0,6}`).Draw(t, "pattern"), letters.Draw(t, "text")
		want, err := path.Match(pattern, text)
		require.NoError(t, err)
		require.Equal(t, want, allowed(pattern, text), "%q %q", pattern, text)
		if want {
			require.True(t, allowed(pattern, strings.ReplaceAll(text, "a", "?")))
		}
	})
}
