package lambdaevent_test

import (
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// agree holds a decoder against encoding/json on texts on which both must say
// the same: names in AWS's own spelling, none of them twice, valid UTF-8.
func agree(t require.TestingT, d decoder, raw string) {
	have, err := d.decode(raw)
	if d.oracle == nil || !sameRules(d, raw) {
		return
	}
	want, wantErr := d.oracle(raw)
	switch {
	case err == nil:
		require.NoError(t, wantErr, "%s %q", d.name, raw)
		if r, ok := have.(*events.KinesisEventRecord); ok && r.Kinesis.ApproximateArrivalTimestamp.IsZero() {
			r.Kinesis.ApproximateArrivalTimestamp.Time = time.Time{}
			want.(*events.KinesisEventRecord).Kinesis.ApproximateArrivalTimestamp.Time = time.Time{} // aws-lambda-go takes null for 1970
		}
		require.Equal(t, want, have, "%s %q", d.name, raw)
	case wantErr == nil:
		var field *lambdaevent.FieldError
		require.ErrorAs(t, err, &field, "%s %q", d.name, raw)
		reason := field.Unwrap().Error()
		require.Contains(t, []string{"missing", "a number that is no time", `not "Notification"`}, reason, "%s %q: %v", d.name, raw, err)
	}
}

var halfPair = regexp.MustCompile(`(?i)\\ud[89a-f]`)

// sameRules reports whether encoding/json and the decoders follow the same rules
// for a text.
func sameRules(d decoder, raw string) bool {
	if !json.Valid([]byte(raw)) || !utf8.ValidString(raw) || halfPair.MatchString(raw) {
		return false
	}
	tokens := json.NewDecoder(strings.NewReader(raw))
	tokens.UseNumber()
	var open []map[string]bool // the names of each object that is open; nil for an array
	name := false              // the next string is one
	for {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return true
		}
		switch token {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		default:
			if text, ok := token.(string); ok && name {
				if open[len(open)-1][text] || otherSpelling(d, text) {
					return false
				}
				open[len(open)-1][text] = true
				name = false
				continue
			}
		}
		if len(open) > 100 {
			return false
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}

// otherSpelling reports whether encoding/json takes a name for one that the
// decoder does not.
func otherSpelling(d decoder, name string) bool {
	if strings.Contains(d.record+`"SigningCertURL""UnsubscribeURL"`, `"`+name+`"`) {
		return false
	}
	return strings.Contains(strings.ToLower(d.record), `"`+strings.ToLower(name)+`"`) || !isASCII(name)
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func fuzz(f *testing.F, name string) {
	f.Helper()
	for _, d := range decoders() {
		if d.name != name {
			continue
		}
		f.Add(d.record)
		f.Add(`{}`)
		f.Add(`null`)
		f.Add(strings.ReplaceAll(d.record, `"`, `1`))
		for _, bad := range []string{`null`, `1`, `"x"`, `[]`, `{}`, `"\ud800"`} {
			f.Add(regexp.MustCompile(`:"[^"]*"`).ReplaceAllString(d.record, ":"+bad))
			f.Add(strings.Replace(d.record, `":`, `":`+bad+`,"`, 1))
		}
		f.Fuzz(func(t *testing.T, raw string) { agree(t, d, raw) })
		return
	}
	f.Fatal("no decoder of this name")
}

func FuzzDecodeSQS(f *testing.F)           { fuzz(f, "SQS") }
func FuzzDecodeSNS(f *testing.F)           { fuzz(f, "SNS") }
func FuzzDecodeNotification(f *testing.F)  { fuzz(f, "notification") }
func FuzzDecodeDynamoDB(f *testing.F)      { fuzz(f, "DynamoDB") }
func FuzzDecodeKinesis(f *testing.F)       { fuzz(f, "Kinesis") }
func FuzzDecodeS3(f *testing.F)            { fuzz(f, "S3") }
func FuzzDecodeEventBridge(f *testing.F)   { fuzz(f, "EventBridge") }
func FuzzDecodeStepFunctions(f *testing.F) { fuzz(f, "Step Functions") }
