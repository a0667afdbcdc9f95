package cqrs

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// DecodeJSON reads a JSON text into a new T as encoding/json does
// (case-insensitive names, durations as numbers), except that duplicate names
// and invalid UTF-8 are errors: two readers could take such a text for two
// different messages. The error is a [*DecodeError], so it is permanent, and
// its text does not quote the JSON.
func DecodeJSON[T any](body string) (T, error) {
	var value T
	err := json.Unmarshal([]byte(body), &value, jsonv1.DefaultOptionsV1(),
		jsonv1.ReportErrorsWithLegacySemantics(false), jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false))
	if err != nil {
		var none T
		return none, &DecodeError{Stage: "body", Err: &jsonError{err: err, into: reflect.TypeFor[T]()}}
	}
	return value, nil
}

// jsonError says what json/v2 says, without the offending value, which may be
// anybody's name or number and does not belong into a log.
type jsonError struct {
	err  error
	into reflect.Type
}

func (e *jsonError) Unwrap() error { return e.err }

func (e *jsonError) Error() string {
	if semantic, ok := errors.AsType[*json.SemanticError](e.err); ok {
		text := fmt.Sprintf("JSON of kind %s does not fit %s", semantic.JSONKind, e.into)
		if semantic.JSONPointer != "" {
			text = fmt.Sprintf("JSON of kind %s at %s of %s does not fit %s",
				semantic.JSONKind, cut(string(semantic.JSONPointer), 128), e.into, semantic.GoType)
		}
		return text
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](e.err); ok {
		reason := "invalid JSON"
		if errors.Is(syntactic, jsontext.ErrDuplicateName) {
			reason = "a duplicate name"
		}
		return fmt.Sprintf("%s at byte %d", reason, syntactic.ByteOffset)
	}
	return fmt.Sprintf("JSON does not fit %s", e.into)
}
