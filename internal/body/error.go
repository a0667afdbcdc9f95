package body

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// again reads a text by json/v2: a type that is foreign, or a text that the plan
// has refused, for what json/v2 has to say about it.
func again(text string, target reflect.Value) error {
	refused := planOf(target.Type()).op != opForeign
	target.SetZero()
	fail := func(err error) error {
		target.SetZero()
		return &Error{err: err, into: target.Type()}
	}
	s := scan.New(text)
	s.Skip()
	var syntax *scan.SyntaxError
	if errors.As(s.End(), &syntax) && syntax.TooDeep {
		return fail(syntax)
	}
	if err := unmarshal(text, target.Addr().Interface()); err != nil {
		return fail(err)
	}
	if refused {
		return fail(errMisfit)
	}
	return nil
}

var errMisfit = errors.New("a value that does not fit")

// unmarshal is json/v2 with the rules of the package. It reads whatever tags
// encoding/json puts up with, and is strict about them only to say what is wrong
// with a text that does not fit.
func unmarshal(text string, v any) error {
	legacy := unmarshalWith(text, v, jsonv1.ReportErrorsWithLegacySemantics(true))
	if legacy == nil {
		return nil
	}
	target := reflect.New(reflect.TypeOf(v).Elem()).Interface()
	if err := unmarshalWith(text, target, jsonv1.ReportErrorsWithLegacySemantics(false)); err != nil {
		return err
	}
	return errMisfit
}

func unmarshalWith(text string, v any, errors jsonv2.Options) error {
	return jsonv2.Unmarshal([]byte(text), v, jsonv1.DefaultOptionsV1(), errors,
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false),
		jsonv2.WithUnmarshalers(jsonv2.UnmarshalFromFunc(unmarshalNumber)))
}

// unmarshalNumber reads encoding/json's Number, of which json/v2 knows only its
// own. As the key of a map it is any name.
func unmarshalNumber(d *jsontext.Decoder, to *json.Number) error {
	kind, before := d.StackIndex(d.StackDepth())
	isName := kind == '{' && before%2 == 0
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	inner, target := decoder{scan.New(string(value))}, reflect.ValueOf(to).Elem()
	if isName {
		target.SetString(inner.Text())
	} else if !inner.number(target) {
		return errMisfit
	}
	return nil
}

// Error says where a text is not JSON, or not that of a Go type, and why. It
// does not quote the text, which may be anybody's name or number and does not
// belong into a log.
type Error struct {
	err  error
	into reflect.Type
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.err }

func (e *Error) Error() string {
	if semantic, ok := errors.AsType[*jsonv2.SemanticError](e.err); ok {
		place := pathOf(semantic.JSONPointer, e.into)
		if place == "" {
			return fmt.Sprintf("JSON of kind %s does not fit %s", semantic.JSONKind, e.into)
		}
		return fmt.Sprintf("JSON of kind %s at %s of %s does not fit %s", semantic.JSONKind, place, e.into, semantic.GoType)
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](e.err); ok {
		reason := "invalid JSON"
		if errors.Is(syntactic, jsontext.ErrDuplicateName) {
			reason = "a duplicate name"
		}
		return fmt.Sprintf("%s at byte %d", reason, syntactic.ByteOffset)
	}
	if syntax, ok := errors.AsType[*scan.SyntaxError](e.err); ok {
		return syntax.Error()
	}
	return fmt.Sprintf("JSON does not fit %s", e.into)
}

// pathOf writes a pointer with the names of Go fields and the places in lists
// alone: the keys of maps are the sender's.
func pathOf(pointer jsontext.Pointer, t reflect.Type) string {
	var b strings.Builder
	for token := range pointer.Tokens() {
		for t != nil && t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		var next reflect.Type
		name := "*"
		switch {
		case t == nil:
		case t.Kind() == reflect.Struct:
			if p := planOf(t); p.op == opStruct {
				if i, _, ok := p.names.Find(token); ok {
					name, next = p.names.Name(i), p.members[i].plan.typ
				}
			}
		case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
			name, next = token, t.Elem()
		case t.Kind() == reflect.Map:
			next = t.Elem()
		}
		b.WriteString("/" + name)
		t = next
	}
	return b.String()
}
