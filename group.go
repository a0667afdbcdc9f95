package cqrs

import (
	"strings"

	"github.com/lambda-cqrs/cqrs/internal/image"
)

// groupOf returns the unit of ordering of an item: the canonical text of its
// keys. AWS sends nearly all keys in this form, and those are not copied.
func groupOf(keys Image) (string, error) {
	if isCanonical(keys.text) {
		return keys.text, nil
	}
	group, err := image.Canonical(keys.text)
	if err != nil {
		return "", &DecodeError{Stage: "keys", Err: err}
	}
	return group, nil
}

// isCanonical reports whether keys are beyond doubt as [image.Canonical] writes
// them: plain names in order, strings of printable ASCII without escapes, numbers
// that are integers, and no white space.
func isCanonical(keys string) bool {
	const opening, between = '{', ','
	last := ""
	for i, rest := 0, keys; ; i++ {
		before := byte(between)
		if i == 0 {
			before = opening
		}
		if len(rest) < 2 || rest[0] != before || rest[1] != '"' {
			return i > 0 && rest == "}"
		}
		name, behind, ok := plain(rest[2:])
		if !ok || i > 0 && name <= last {
			return false
		}
		if rest, ok = canonicalScalar(behind); !ok {
			return false
		}
		last = name
	}
}

// canonicalScalar cuts off the colon and attribute behind a name.
func canonicalScalar(text string) (rest string, ok bool) {
	const start = `:{"S":"`
	if len(text) < len(start) || text[:3] != start[:3] || text[4:len(start)] != start[4:] {
		return "", false
	}
	kind := text[3]
	value, rest, ok := plain(text[len(start):])
	if !ok || kind != 'S' && (kind != 'N' || !isInteger(value)) {
		return "", false
	}
	return strings.CutPrefix(rest, "}")
}

// plain cuts a string off behind its opening quote. It reports false where the
// string is not spelled as it reads.
func plain(text string) (value, rest string, ok bool) {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			return text[:i], text[i+1:], true
		case c < ' ', c == '\\', c >= 0x7f:
			return "", "", false
		}
	}
	return "", "", false
}

// isInteger reports whether a number is written as DynamoDB writes an integer of
// up to 38 digits.
func isInteger(number string) bool {
	if number == "0" {
		return true
	}
	if number != "" && number[0] == '-' {
		number = number[1:]
	}
	if number == "" || len(number) > 38 || number[0] == '0' {
		return false
	}
	for _, c := range []byte(number) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
