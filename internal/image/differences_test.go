package image_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/image"
)

// cases has names that differ in case alone, and others.
type cases struct {
	Exact string `dynamodbav:"exact"`
	Count *int   `dynamodbav:"count"`
	Float float32
	Map   map[string]string
	List  []inner
	Time  time.Time
	Fixed [2]int
	Bytes [2]byte
	Err   error
}

// TestStricterThanAttributevalue goes through the differences of the package's
// documentation.
func TestStricterThanAttributevalue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"exact":{"S":"a"},"exact":{"S":"b"}}`:       "attribute exact: a duplicate attribute name",
		`{"other":{"S":"a"},"other":{"S":"b"}}`:       "attribute other: a duplicate attribute name",
		`{"EXACT":{"S":"a"},"EXACT":{"S":"b"}}`:       "attribute EXACT: a duplicate attribute name",
		`{"EXACT":{"S":"a"},"Exact":{"S":"b"}}`:       "attribute Exact: two attributes fit the same field",
		`{"x":{"M":{"y":{"S":"a"},"y":{"S":"b"}}}}`:   "attribute x.y: a duplicate attribute name",
		`{"Map":{"M":{"y":{"S":"a"},"y":{"S":"b"}}}}`: "attribute Map.y: a duplicate attribute name",
		`{"exact":{}}`:                                       "attribute exact: an attribute without a type",
		`{"other":{}}`:                                       "attribute other: an attribute without a type",
		`{"exact":{"S":"a","N":"1"}}`:                        "attribute exact: an attribute of more than one type",
		`{"other":{"S":"a","S":"a"}}`:                        "attribute other: an attribute of more than one type",
		`{"exact":{"s":"a"}}`:                                "attribute exact: an attribute of an unknown type",
		`{"exact":{"":"a"}}`:                                 "attribute exact: ",
		`{"exact":{"B":"AA=="}}`:                             "binary data (B) does not fit the Go type string",
		`{"count":{"N":"9223372036854775808"}}`:              "a number that is too large for the Go type int",
		`{"count":{"N":"1.0"}}`:                              "a number that is not whole",
		`{"Float":{"N":"3.5e38"}}`:                           "a number that is too large for the Go type float32",
		`{"other":{"N":"` + strings.Repeat("9", 39) + `"}}`:  "more than 38 significant digits",
		`{"other":{"N":"1e131"}}`:                            "exponent is beyond",
		`{"other":{"N":"1e999999999999"}}`:                   "exponent is beyond",
		`{"other":{"N":"01"}}`:                               "not written as a JSON number",
		`{"other":{"N":"1."}}`:                               "not written as a JSON number",
		`{"other":{"N":"-"}}`:                                "not written as a JSON number",
		`{"other":{"N":""}}`:                                 "not written as a JSON number",
		`{"other":{"N":"` + strings.Repeat("0", 300) + `"}}`: "more than 256 characters",
		`{"other":{"B":"AA"}}`:                               "base64",
		`{"other":{"B":"AB=="}}`:                             "base64",
		`{"Bytes":{"B":"AA=="}}`:                             "1 bytes for the Go type [2]uint8",
		`{"Err":{"S":"x"}}`:                                  "does not fit the Go type error",
		`{"Map":{"M":{"a":{"L":[]}}}}`:                       "attribute Map.a: a list (L) does not fit the Go type string",
		`{"Time":{"S":"yesterday"}}`:                         "attribute Time: a string that is not an RFC 3339 time",
		`{"List":{"L":[{"M":{}},{"M":{"name":{"S":"x"}}}]}}`: "attribute List[1].name: a string (S) does not fit the Go type int",
	} {
		err := image.Unmarshal(text, &cases{})
		require.ErrorContains(t, err, want, text)
	}
}

func TestExactNamesWin(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"EXACT":{"S":"rough"},"exact":{"S":"x"},"COUNT":{"N":"1"},"count":{"NULL":true}}`,
		`{"exact":{"S":"x"},"EXACT":{"S":"rough"},"Exact":{"N":"1"},"count":{"NULL":true},"Count":{"N":"1"}}`,
		`{"EXACT":{"S":"rough"},"exact":{"S":"x"},"MAP":{"M":{"rough":{"S":"x"}}},"Map":{"NULL":true}}`,
	} {
		var v cases
		require.NoError(t, image.Unmarshal(text, &v))
		require.Equal(t, cases{Exact: "x"}, v)
	}
}

func TestExactNamesStartOver(t *testing.T) {
	t.Parallel()
	var v cases
	require.NoError(t, image.Unmarshal(`{"MAP":{"M":{"rough":{"S":"x"}}},"Map":{"M":{"exact":{"S":"y"}}}}`, &v))
	require.Equal(t, map[string]string{"exact": "y"}, v.Map)
}

func TestValuesOfMaps(t *testing.T) {
	t.Parallel()
	var v cases
	require.NoError(t, image.Unmarshal(`{"Map":{"M":{"a":{"S":"x"},"b":{"N":"1.50"},"c":{"NULL":true},"d":{"N":"2"}}},"Fixed":{"L":[{"N":"1"},{"N":"2"},{"N":"3"}]}}`, &v))
	require.Equal(t, cases{Map: map[string]string{"a": "x", "b": "1.50", "c": "", "d": "2"}, Fixed: [2]int{1, 2}}, v)
	var all map[string]any
	require.NoError(t, image.Unmarshal(`{"n":{"N":"12345678901234567890123456789012345678"},"ns":{"NS":["1"]}}`, &all))
	require.Equal(t, map[string]any{"n": json.Number("12345678901234567890123456789012345678"), "ns": []json.Number{"1"}}, all)
}
