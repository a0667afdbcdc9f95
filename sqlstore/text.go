package sqlstore

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/lambda-cqrs/cqrs"
)

// storedText is text as PostgreSQL takes it: UTF-8 without NUL. The escape keeps
// different texts different.
func storedText(text string) string {
	if !strings.ContainsAny(text, "\x00\x1a") {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.ToValidUTF8(strings.NewReplacer("\x1a", "\x1a\x1a", "\x00", "\x1a0").Replace(text), "\uFFFD")
}

// loadedText is the text that storedText was given, if that was UTF-8.
func loadedText(text string) string {
	if !strings.Contains(text, "\x1a") {
		return text
	}
	return strings.NewReplacer("\x1a\x1a", "\x1a", "\x1a0", "\x00").Replace(text)
}

// checkText refuses keys that could not be told apart once they are stored.
func checkText(texts ...string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return cqrs.Permanent(errors.New("sqlstore: a key that is not UTF-8 cannot be kept"))
		}
	}
	return nil
}

// escaped scans what storedText made.
type escaped string

// Scan implements sql.Scanner.
func (t *escaped) Scan(value any) error {
	switch value := value.(type) {
	case string:
		*t = escaped(loadedText(value))
	case []byte:
		*t = escaped(loadedText(string(value)))
	default:
		return fmt.Errorf("sqlstore: a key is text, not %T", value)
	}
	return nil
}
