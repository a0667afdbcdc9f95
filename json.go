package cqrs

import "github.com/lambda-cqrs/cqrs/internal/body"

// DecodeJSON reads a JSON text into a new T as encoding/json does
// (case-insensitive names, durations as numbers), except that duplicate names
// and invalid UTF-8 are errors: two readers could take such a text for two
// different messages. So is nesting deeper than 64 levels. The error is a
// [*DecodeError], so it is permanent, and its text does not quote the JSON.
//
// Strings in the T share the memory of text; they may be kept.
func DecodeJSON[T any](text string) (T, error) {
	value := new(T)
	if err := body.Unmarshal(text, value); err != nil {
		return *value, &DecodeError{Stage: "body", Err: err}
	}
	return *value, nil
}
