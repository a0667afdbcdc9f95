package image_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/internal/image"
)

// theirUnmarshal is attributevalue's answer; a panic counts as an error.
func theirUnmarshal(members item, target any, tag string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return attributevalue.UnmarshalMapWithOptions(members, target, func(o *attributevalue.DecoderOptions) {
		o.TagKey = tag
		o.UseNumber = true
	})
}

// errPanicked: attributevalue has no answer, such as for a slice of a named byte
// type.
var errPanicked = errors.New("attributevalue panicked")

func theirMarshal(value any, tag string) (members item, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanicked, r)
		}
	}()
	return attributevalue.MarshalMapWithOptions(value, func(o *attributevalue.EncoderOptions) { o.TagKey = tag })
}

// sameUnmarshal decodes into two new values of a type, by either package.
func sameUnmarshal(t require.TestingT, goType reflect.Type, members item, text, tag string) {
	ours, theirs := reflect.New(goType), reflect.New(goType)
	ourErr := image.Unmarshal(text, ours.Interface())
	theirErr := theirUnmarshal(members, theirs.Interface(), tag)
	if (ourErr == nil) != (theirErr == nil) {
		require.FailNow(t, fmt.Sprintf("%s\ninto %s\nours:   %v\ntheirs: %v", text, goType, ourErr, theirErr))
	}
	if ourErr != nil {
		var e *image.Error
		require.ErrorAs(t, ourErr, &e)
		return
	}
	have, want := ours.Elem().Interface(), withPlainNumbers(theirs.Elem()).Interface()
	if !reflect.DeepEqual(have, want) && dump(have) != dump(want) {
		require.FailNow(t, fmt.Sprintf("%s\ninto %s\nours:   %#v\ntheirs: %#v", text, goType, have, want))
	}
}

// dump tells what DeepEqual does not: a NaN is equal to itself.
func dump(value any) string {
	text, err := json.Marshal(value)
	return fmt.Sprintf("%s %v %#v", text, err, value)
}

// withPlainNumbers replaces attributevalue's numbers in whatever interfaces v
// consists of.
func withPlainNumbers(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			v.Set(reflect.ValueOf(plain(v.Interface())))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			withPlainNumbers(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				withPlainNumbers(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			withPlainNumbers(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(v.MapIndex(key))
			v.SetMapIndex(key, withPlainNumbers(elem))
		}
	}
	return v
}

func TestUnmarshalLikeAttributevalue(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"dynamodbav", "json"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				goType := structOf(3, tag, slices.Concat(open, leaves)).Draw(t, "type")
				members := fittingItem(t, goType, 4)
				sameUnmarshal(t, goType, members, render(members), tag)
			})
		})
	}
}

func TestUnmarshalIntoMapsLikeAttributevalue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var goType reflect.Type
		if rapid.Bool().Draw(t, "any") {
			goType = reflect.TypeFor[any]()
		} else {
			elem := typeOf(2, "dynamodbav", slices.Concat(open, leaves)).Draw(t, "elem")
			goType = reflect.MapOf(rapid.SampledFrom(keys).Draw(t, "key"), elem)
		}
		members := fitting(t, goType, 4)
		if m, ok := members.(*types.AttributeValueMemberM); ok {
			sameUnmarshal(t, goType, m.Value, render(m.Value), "dynamodbav")
		}
	})
}

func TestUnmarshalDeepLikeAttributevalue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var value types.AttributeValue = attributeOf(0).Draw(t, "innermost")
		depth := rapid.IntRange(0, image.MaxDepth+2).Draw(t, "depth")
		for range depth {
			if rapid.Bool().Draw(t, "list") {
				value = &types.AttributeValueMemberL{Value: []types.AttributeValue{value}}
			} else {
				value = &types.AttributeValueMemberM{Value: item{"a": value}}
			}
		}
		members := item{"a": value}
		if depth <= image.MaxDepth {
			sameUnmarshal(t, reflect.TypeFor[any](), members, render(members), "dynamodbav")
			require.NoError(t, image.Check(render(members)))
			return
		}
		var target any
		require.ErrorContains(t, image.Unmarshal(render(members), &target), "nested deeper than 32 levels")
		require.ErrorContains(t, image.Unmarshal(render(members), &struct{}{}), "nested deeper than 32 levels")
		require.ErrorContains(t, image.Check(render(members)), "nested deeper than 32 levels")
		_, err := image.Canonical(render(members))
		require.ErrorContains(t, err, "nested deeper than 32 levels")
	})
}

// sameMarshal encodes a value by either package. What only ours refuses must be
// an item that the package's contract calls malformed.
func sameMarshal(t require.TestingT, value any, tag string) {
	text, ourErr := image.Marshal(value)
	theirs, theirErr := theirMarshal(value, tag)
	switch {
	case ourErr == nil && theirErr == nil:
		ours, err := parse(text)
		require.NoError(t, err, "%s", text)
		require.NoError(t, image.Check(text), "%s", text)
		if render(ours) != render(theirs) {
			require.FailNow(t, fmt.Sprintf("%#v\nours:   %s\ntheirs: %s", value, render(ours), render(theirs)))
		}
	case ourErr == nil && errors.Is(theirErr, errPanicked):
		require.NoError(t, image.Check(text), "%s", text)
	case ourErr == nil:
		require.FailNow(t, fmt.Sprintf("%#v\nours:   %s\ntheirs: %v", value, text, theirErr))
	case theirErr == nil:
		_, err := parse(render(theirs))
		require.Error(t, err, "%#v\nours:   %v\ntheirs: %s", value, ourErr, render(theirs))
	}
}

// TestBytesOfANamedType: attributevalue panics at them.
func TestBytesOfANamedType(t *testing.T) {
	t.Parallel()
	type blob struct {
		Data  []byteKind
		Fixed [2]byteKind
	}
	want := blob{Data: []byteKind{1, 2, 255}, Fixed: [2]byteKind{7, 8}}
	text, err := image.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, `{"Data":{"B":"AQL/"},"Fixed":{"B":"Bwg="}}`, text)
	var have blob
	require.NoError(t, image.Unmarshal(text, &have))
	require.Equal(t, want, have)
}

func TestMarshalLikeAttributevalue(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"dynamodbav", "json"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				goType := structOf(3, tag, append(leaves, reflect.TypeFor[map[string]any]())).Draw(t, "type")
				value := reflect.New(goType)
				fill(t, value.Elem(), 4)
				sameMarshal(t, value.Interface(), tag)
				sameMarshal(t, value.Elem().Interface(), tag)
			})
		})
	}
}

func TestMarshalMapsLikeAttributevalue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		elem := typeOf(2, "dynamodbav", leaves).Draw(t, "elem")
		value := reflect.New(reflect.MapOf(rapid.SampledFrom(keys).Draw(t, "key"), elem)).Elem()
		fill(t, value, 4)
		sameMarshal(t, value.Interface(), "dynamodbav")
	})
}
