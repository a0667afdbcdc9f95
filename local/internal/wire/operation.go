package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Operation answers one call, whose input is the JSON form of its parameters.
type Operation func(ctx context.Context, input []byte) (any, error)

// Operations maps the names of a service's operations.
type Operations map[string]Operation

// Typed is an operation on decoded parameters. A parameter that In does not have
// is refused by name: it is not supported here, and to ignore it would be a
// wrong success.
func Typed[In, Out any](f func(ctx context.Context, in *In) (Out, error)) Operation {
	return func(ctx context.Context, input []byte) (any, error) {
		in := new(In)
		if err := Decode(input, in); err != nil {
			return nil, err
		}
		return f(ctx, in)
	}
}

// Call answers the call of that name.
func (o Operations) Call(ctx context.Context, service, name string, input []byte) (any, error) {
	operation, ok := o[name]
	if !ok {
		return nil, &Error{
			Code:    "UnsupportedOperation",
			Message: fmt.Sprintf("the local runtime does not support the operation %s of %s", name, service),
		}
	}
	output, err := operation(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", service, name, err)
	}
	return output, nil
}

// Decode reads a document into v and refuses members that v does not have.
func Decode(document []byte, v any) error {
	if len(bytes.TrimSpace(document)) == 0 {
		document = []byte("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if err == nil {
		return nil
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return Invalid("UnsupportedParameter", "the local runtime does not support the parameter %s", name)
	}
	return Invalid("SerializationException", "%v", err)
}

// None is the output of an operation that has none.
type None struct{}
