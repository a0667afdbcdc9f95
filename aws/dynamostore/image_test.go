package dynamostore_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
)

func image(t *testing.T, text string) cqrs.Image {
	t.Helper()
	var i cqrs.Image
	require.NoError(t, json.Unmarshal([]byte(text), &i))
	return i
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	type order struct {
		Key   string            `dynamodbav:"pk"`
		Tags  Tags              `dynamodbav:"tags"`
		Sum   float64           `dynamodbav:"sum"`
		Blob  []byte            `dynamodbav:"blob"`
		Set   []string          `dynamodbav:"set,stringset"`
		Lines []map[string]int  `dynamodbav:"lines"`
		Gone  *string           `dynamodbav:"gone"`
		Paid  bool              `dynamodbav:"paid"`
		Other map[string]string `json:"sum"`
	}
	var got order
	require.NoError(t, dynamostore.Unmarshal(image(t, `{"pk":{"S":"ORDER#1"},"tags":{"S":"a,b"},"sum":{"N":"12.5"},"blob":{"B":"AAEC"},
		"set":{"SS":["x","y"]},"lines":{"L":[{"M":{"n":{"N":"3"}}}]},"gone":{"NULL":true},"paid":{"BOOL":true},"unknown":{"S":"x"}}`), &got))
	require.Equal(t, order{
		Key: "ORDER#1", Tags: Tags{"a", "b"}, Sum: 12.5, Blob: []byte{0, 1, 2}, Set: []string{"x", "y"},
		Lines: []map[string]int{{"n": 3}}, Paid: true,
	}, got)
}

func TestUnmarshalOfNoImage(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, dynamostore.Unmarshal(cqrs.Image{}, &struct{}{}), cqrs.ErrNoImage)
}

// What attributevalue takes and guesses at is refused, as it is by
// Image.Unmarshal.
func TestUnmarshalRefusesWhatIsMalformed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"two types":       `{"a":{"S":"x","N":"1"}}`,
		"no type":         `{"a":{}}`,
		"duplicate names": `{"a":{"S":"x"},"a":{"S":"y"}}`,
		"number":          `{"a":{"N":"1e999"}}`,
		"base64":          `{"a":{"B":"?"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var i cqrs.Image
			if err := json.Unmarshal([]byte(text), &i); err != nil {
				return // it does not even become an image
			}
			var v map[string]any
			require.ErrorIs(t, dynamostore.Unmarshal(i, &v), cqrs.ErrMalformed)
			require.Nil(t, v)
		})
	}
}

func TestUnmarshalDoesNotQuoteTheContent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"a":{"N":"314159265"}}`, `{"a":{"S":"314159265"}}`} {
		var v struct {
			A int8 `dynamodbav:"a"`
		}
		err := dynamostore.Unmarshal(image(t, text), &v)
		require.ErrorIs(t, err, cqrs.ErrMalformed)
		require.NotContains(t, err.Error(), "314159265")
		require.ErrorContains(t, err, "do not fit")
	}
}
