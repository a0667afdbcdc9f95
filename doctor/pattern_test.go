package doctor_test

import (
	"path"
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
		policy, call string
		want         bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a*", "a", true},
		{"a", "a*", false},
		{"a?", "a", false},
		{"a?", "ab", true},
		{"a?", "a*", false},
		{"a*", "a*", true},
		{"a*b", "a*b", true},
		{"*b", "a*b", true},
		{"a*b", "*b", false},
		{"*", "a*", true},
		{"files/in/*", "files/*", false},
		{"arn:aws:s3:::files/*", "arn:*:s3:::files/*", true},
		{"arn:aws:s3:::files/in/*", "arn:*:s3:::files/*", false},
		{"arn:aws:dynamodb:eu-west-1:1:table/a", "arn:*:dynamodb:*:*:table/a", true},
		{"arn:aws:dynamodb:eu-west-1:1:table/a", "arn:*:dynamodb:us-*:*:table/a", false},
		{"arn:aws:s3:::a", "arn:*:sqs:*:*:a", false},
	} {
		require.Equal(t, test.want, allowed(test.policy, test.call), "%q %q", test.policy, test.call)
	}
	rapid.Check(t, func(t *rapid.T) { // against the standard library's matcher
		pattern, text := rapid.StringMatching(`[ab*?]{0,6}`).Draw(t, "pattern"), rapid.StringMatching(`[ab]{1,6}`).Draw(t, "text")
		want, err := path.Match(pattern, text)
		require.NoError(t, err)
		require.Equal(t, want, allowed(pattern, text), "%q %q", pattern, text)
		require.True(t, allowed(pattern+"*", pattern+text))
	})
}

// TestDenials: what is denied of a part is not allowed as a whole.
func TestDenials(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		denied, call string
		want         bool
	}{
		{"files/in/*", "files/*", true},
		{"files/*", "files/in/x", true},
		{"a*b", "*c", false},
		{"a?", "ab", true},
		{"", "", true},
		{"**", "?", true},
		{"a*", "*b", true},
		{"ab", "a", false},
		{"a", "ab", false},
	} {
		code, d := healthy()
		code.Calls = []doctor.Call{doctor.Calls([]string{test.call}, "sqs:ReceiveMessage")}
		d.Function.Statements = []doctor.Statement{
			{Allow: true, Actions: []string{"sqs:ReceiveMessage"}, Resources: []string{"*"}},
			{Actions: []string{"sqs:ReceiveMessage"}, Resources: []string{test.denied}},
		}
		rules := map[string]bool{}
		for _, f := range doctor.Check(code, d) {
			rules[f.Rule] = true
		}
		require.Equal(t, test.want, rules["permission-denied"], "%q %q", test.denied, test.call)
		require.False(t, rules["permission-missing"])
	}
}
