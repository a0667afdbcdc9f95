package body_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/internal/body"
)

// sameAsEncodingJSON reads a text into two new values of a type and reports
// whether it was accepted. What is stricter than encoding/json is what jsontext
// and json/v2 call a duplicate name or invalid UTF-8.
func sameAsEncodingJSON(t require.TestingT, goType reflect.Type, text string) bool {
	ours, theirs, second := reflect.New(goType), reflect.New(goType), reflect.New(goType)
	accepted := body.ByPlan(text, ours.Interface())
	theirErr := json.Unmarshal([]byte(text), theirs.Interface())
	secondErr := body.ByJSONv2(text, second.Interface())
	want := theirErr == nil && jsontext.Value(text).IsValid()
	if want && secondErr != nil {
		want = !strings.Contains(secondErr.Error(), "duplicate object member name") &&
			!strings.Contains(secondErr.Error(), "invalid escape sequence `\\'`") // in a string with the option "string"
	}
	if accepted != want {
		require.FailNow(t, "verdicts differ", "%s\ninto %s\nby plan: %t\nencoding/json: %v\njson/v2: %v",
			text, goType, accepted, theirErr, secondErr)
	}
	if accepted {
		equal(t, theirs.Elem().Interface(), ours.Elem().Interface(), text)
	}
	// Whoever calls sees the same, or an error and nothing else.
	err := body.Unmarshal(text, ours.Interface())
	require.Equal(t, want, err == nil, "%s: %v", text, err)
	if err != nil {
		var e *body.Error
		require.ErrorAs(t, err, &e)
		require.NotEmpty(t, err.Error())
		require.True(t, ours.Elem().IsZero(), "%s", text)
	} else {
		equal(t, theirs.Elem().Interface(), ours.Elem().Interface(), text)
	}
	return accepted
}

func equal(t require.TestingT, want, have any, text string) {
	if !reflect.DeepEqual(want, have) && fmt.Sprintf("%#v", want) != fmt.Sprintf("%#v", have) {
		require.FailNow(t, "values differ", "%s\ninto %T\nwant: %#v\nhave: %#v", text, want, want, have)
	}
}

func TestGeneratedTypesLikeEncodingJSON(t *testing.T) {
	t.Parallel()
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		goType := typeOf(3).Draw(t, "type")
		for range 10 {
			if sameAsEncodingJSON(t, goType, textFor(t, goType)) {
				accepted++
			}
		}
	})
	require.NotZero(t, accepted)
}
