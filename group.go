package cqrs

import "github.com/lambda-cqrs/cqrs/internal/image"

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
	last := ""
	for i, rest := 0, keys; ; i++ {
		var name, value string
		var ok bool
		switch {
		case i == 0 && len(rest) > 2 && rest[:2] == `{"`:
			rest = rest[2:]
		case i > 0 && len(rest) > 2 && rest[:2] == `,"`:
			rest = rest[2:]
		default:
			return i > 0 && rest == "}"
		}
		if name, rest, ok = plain(rest); !ok || i > 0 && name <= last {
			return false
		}
		last = name
		if len(rest) < len(`:{"S":"`) || rest[:3] != `:{"` || rest[4:7] != `":"` {
			return false
		}
		kind := rest[3]
		if value, rest, ok = plain(rest[7:]); !ok || kind != 'S' && (kind != 'N' || !isInteger(value)) {
			return false
		}
		if rest == "" || rest[0] != '}' {
			return false
		}
		rest = rest[1:]
	}
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
