package image_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/image"
)

// money has the SDK's methods.
type money struct{ cents string }

func (m *money) UnmarshalDynamoDBAttributeValue(value types.AttributeValue) error {
	if n, ok := value.(*types.AttributeValueMemberN); ok {
		m.cents = n.Value
	}
	return nil
}

func (m *money) MarshalDynamoDBAttributeValue() (types.AttributeValue, error) {
	return &types.AttributeValueMemberN{Value: m.cents}, nil
}

type list struct {
	Next  *list
	Money []map[string]*money `dynamodbav:"money"`
}

func TestSupports(t *testing.T) {
	t.Parallel()
	for _, goType := range []reflect.Type{
		reflect.TypeFor[order](), reflect.TypeFor[everything](), reflect.TypeFor[any](), reflect.TypeFor[time.Time](),
		reflect.TypeFor[struct{ At attributevalue.UnixTime }](), reflect.TypeFor[map[string][]inner](),
		reflect.TypeFor[struct {
			Money money `dynamodbav:"-"`
		}](),
	} {
		require.NoError(t, image.Supports(goType), goType)
	}
	for goType, want := range map[reflect.Type]string{
		reflect.TypeFor[money]():                                 "the Go type image_test.money has the SDK's method UnmarshalDynamoDBAttributeValue",
		reflect.TypeFor[list]():                                  "attribute money[0][*]: the Go type image_test.money has",
		reflect.TypeFor[*list]():                                 "attribute money[0][*]: ",
		reflect.TypeFor[struct{ Inner struct{ Price money } }](): "attribute Inner.Price: ",
	} {
		require.ErrorContains(t, image.Supports(goType), want)
	}
	// What Supports says is what decoding says.
	var v list
	require.NoError(t, image.Unmarshal(`{"Next":{"M":{}}}`, &v))
	require.ErrorContains(t, image.Unmarshal(`{"money":{"L":[{"M":{"a":{"N":"1"}}}]}}`, &v), "attribute money[0].a: the Go type image_test.money has")
	_, err := image.Marshal(list{Money: []map[string]*money{{"a": {}}}})
	require.ErrorContains(t, err, "MarshalDynamoDBAttributeValue")
}
