package cqrs

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// tokenIn finds the token of a task in a message that nobody could decode.
func tokenIn(payload string) TaskToken {
	members, err := readMembers(payload, []string{"taskToken", "TaskToken"})
	if err != nil {
		return ""
	}
	for _, m := range members {
		if m.isText && m.text != "" {
			return TaskToken(m.text)
		}
	}
	return ""
}

// hideToken returns err with the token taken out of its text.
func hideToken(token TaskToken, err error) error {
	if token == "" {
		return err
	}
	return &hiddenError{err: err, token: token}
}

type hiddenError struct {
	err   error
	token TaskToken
}

func (e *hiddenError) Error() string { return withoutToken(e.token, e.err.Error()) }

func (e *hiddenError) Unwrap() error { return e.err }

// withoutToken takes a task token out of a text that is kept or shown. In JSON
// its punctuation may be escaped, in more than one way, so what it has of long
// words goes too.
func withoutToken(token TaskToken, text string) string {
	if token == "" || text == "" {
		return text
	}
	text = strings.ReplaceAll(text, string(token), redacted)
	for _, word := range strings.FieldsFunc(string(token), func(r rune) bool { return !isWord(r) }) {
		if len(word) >= longWord {
			text = strings.ReplaceAll(text, word, redacted)
		}
	}
	return text
}

// longWord is what does not stand in a text by chance.
const longWord = 20

func isWord(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// withoutReceipt is the record without the receipt handle of an SQS message:
// whoever has it can delete the message.
func withoutReceipt(m *Message) string {
	if m.Source != SourceSQS {
		return m.raw
	}
	return withoutMembers(m.raw, "receiptHandle")
}

// withoutMembers is the JSON object without the members of those names; empty
// where the text is no object.
func withoutMembers(text string, names ...string) string {
	out := []byte{'{'}
	s := scan.New(text)
	s.Object()
	for name, ok := s.Field(); ok; name, ok = s.Field() {
		value := s.Value()
		if slices.Contains(names, name) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, name) // the scanner lets only valid UTF-8 through
		out = append(append(out, ':'), value...)
	}
	if s.End() != nil {
		return ""
	}
	return string(append(out, '}'))
}
