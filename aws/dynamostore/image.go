package dynamostore

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"github.com/lambda-cqrs/cqrs"
)

// Unmarshal decodes an image with the SDK's attributevalue, for types that decode
// themselves through attributevalue.Unmarshaler, which [cqrs.Image.Unmarshal]
// refuses. It is several times slower. The image is checked first, so what is
// malformed is the same error in both; the rest are attributevalue's rules: the
// tag `dynamodbav` alone names a field, and a number in an any is a float64.
func Unmarshal(image cqrs.Image, v any) error {
	if err := image.Unmarshal(&struct{}{}); err != nil {
		return err
	}
	item, err := attributevalue.UnmarshalMapJSON(image.Raw())
	if err == nil {
		err = attributevalue.UnmarshalMap(item, v)
	}
	if err != nil {
		return &cqrs.DecodeError{Stage: "image", Err: &mismatchError{err: err, into: fmt.Sprintf("%T", v)}}
	}
	return nil
}

// mismatchError leaves out what attributevalue says, since that quotes values.
type mismatchError struct {
	err  error
	into string
}

func (e *mismatchError) Error() string { return "dynamostore: attributes do not fit " + e.into }

func (e *mismatchError) Unwrap() error { return e.err }
