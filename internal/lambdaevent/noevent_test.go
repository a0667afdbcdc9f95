package lambdaevent_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// isNoEvent is what NoEvent says quickly.
func isNoEvent(t require.TestingT, text string) bool {
	quick := lambdaevent.NoEvent([]byte(text))
	if quick {
		_, err := lambdaevent.Detect(text)
		var unrecognised *lambdaevent.UnrecognisedError
		require.ErrorAs(t, err, &unrecognised, "%q", text)
	}
	return quick
}

func TestNoEvent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		http:                               true,
		`{"a":"\\"}`:                       true,
		`{}`:                               true,
		" {\n} ":                           true,
		`{"action":"ping","dry": true}`:    true,
		`{"a":"\"","b":"\\","c":"}\\\"{"}`: true,
		`{"a":{"Records":[]},"b":[{"taskToken":1},",","]"]}`: true,
		`{"type":"A"}`:               true,
		`{"source":"a","detail":{}}`: true,
		`{"a":` + strings.Repeat("[", 127) + strings.Repeat("]", 127) + `}`: true,
		`{"a":` + strings.Repeat("[", 128) + strings.Repeat("]", 128) + `}`: false, // Detect refuses it
		"{\"a\":\"\xff\"}": true,

		// Events, and what may be one.
		recordsOf(sqsRecord): false, eventBridge: false, s3Test: false, task: false,
		`{"Records":1}`: false, `{"\u0052ecords":[]}`: false, `{"taskToken":null}`: false,
		// Neither may go to a fallback.
		`{"a":1,"a":2}`: false, `{"a":1,"b":2,"a":3}`: false, "{\"\xff\":1}": false,
		``: false, `{`: false, `{"a":1,}`: false, `{"a":1]`: false, `{"a":1}}`: false, `{"a":01}`: false, `{"a":"x}`: false, `{"a"1}`: false, `{a:1}`: false,
		`null`: false, `[]`: false,
	} {
		require.Equal(t, want, isNoEvent(t, text), "%q", text)
	}
	var b strings.Builder
	for i := range 20 {
		b.WriteString(`,"` + string(rune('a'+i)) + `":1`)
	}
	require.True(t, isNoEvent(t, `{`+b.String()[1:16*6]+`}`))
	require.False(t, isNoEvent(t, `{`+b.String()[1:]+`}`), "more names than it keeps")
}

func TestNoEventAllocatesNothing(t *testing.T) {
	payload := []byte(http)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if !lambdaevent.NoEvent(payload) {
			panic("an event")
		}
	}))
}

func FuzzNoEvent(f *testing.F) {
	for _, payload := range payloads {
		f.Add(payload)
	}
	f.Add(`{"a":"\\","b":{"c":["\""]}}`)
	f.Fuzz(func(t *testing.T, text string) { isNoEvent(t, text) })
}
