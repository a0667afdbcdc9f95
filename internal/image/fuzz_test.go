package image_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// everything has a field for each type of attribute.
type everything struct {
	Text    string         `dynamodbav:"s"`
	Number  int16          `dynamodbav:"n"`
	Float   float32        `dynamodbav:"f"`
	Exact   json38         `dynamodbav:"x"`
	Bytes   []byte         `dynamodbav:"b"`
	Bool    bool           `dynamodbav:"bool"`
	Pointer *uint8         `dynamodbav:"p"`
	Time    time.Time      `dynamodbav:"at"`
	Unix    time.Time      `dynamodbav:"ttl,unixtime"`
	Strings []string       `dynamodbav:"ss"`
	Numbers []int          `dynamodbav:"ns"`
	Blobs   [][]byte       `dynamodbav:"bs"`
	List    []inner        `dynamodbav:"l"`
	Map     map[string]any `dynamodbav:"m"`
	Any     any            `dynamodbav:"any"`
}

type json38 = attributevalue.Number

var items = []string{
	`{}`, orderText, flatText,
	`{"s":{"S":"x"},"n":{"N":"-7"},"f":{"N":"1.5e3"},"x":{"N":"12345678901234567890123456789012345678"},"b":{"B":"AP8="},` +
		`"bool":{"BOOL":true},"p":{"NULL":true},"at":{"S":"2026-11-24T15:00:00Z"},"ttl":{"N":"1796050000"},"ss":{"SS":["a","b"]},` +
		`"ns":{"NS":["1","2"]},"bs":{"BS":["AA==","AQ=="]},"l":{"L":[{"M":{"A":{"S":"a"},"name":{"N":"1"}}},{"NULL":true}]},` +
		`"m":{"M":{"k":{"L":[{"BOOL":false},{"N":"0"}]}}},"any":{"SS":[]}}`,
	` { "unknown" : { "M" : { "deep" : { "L" : [ { "NS" : [ "1" , "2" ] } ] } } } , "s" : { "S" : "\u00e9\ud83d\ude00\n" } } `,
	`{"S":{"S":"other case"},"l":{"L":[]},"m":{"M":{}},"ss":{"SS":[]}}`,
}

// sameAsReferee compares with the package's contract, written a second time, and
// with attributevalue where that is well-formed.
func sameAsReferee(t require.TestingT, text string) bool {
	members, err := parse(text)
	if ours := image.Check(text); (ours == nil) != (err == nil) {
		require.FailNow(t, "verdicts differ", "%q: Check says %v, the referee %v", text, ours, err)
	}
	s := scan.NewDepth(text, image.Brackets)
	var whole, part everything
	unmarshalErr := image.Unmarshal(text, &whole)
	decodeErr := image.Decode(&s, &part, &image.Slab{})
	if end := s.End(); end == nil {
		require.Equal(t, fmt.Sprint(unmarshalErr), fmt.Sprint(decodeErr), "%q", text)
	} else {
		require.Error(t, unmarshalErr, "%q", text)
	}
	if err != nil {
		require.Error(t, unmarshalErr, "%q", text)
		require.Empty(t, image.Text(text, "s"))
		return false
	}
	if !twoForOneField(members) {
		sameUnmarshal(t, reflect.TypeFor[everything](), members, text, "dynamodbav")
	}
	sameUnmarshal(t, reflect.TypeFor[map[string]any](), members, text, "dynamodbav")
	if unmarshalErr == nil {
		require.Equal(t, whole, part, "%q", text)
	}
	require.Equal(t, image.Text(text, "s"), image.Peek(text, "s"), "%q", text)
	return true
}

// twoForOneField reports whether two names differ in case alone, of which
// attributevalue takes either at random.
func twoForOneField(members item) bool {
	seen := map[string]bool{}
	for name := range members {
		folded := strings.ToLower(strings.ToUpper(name))
		if seen[folded] {
			return true
		}
		seen[folded] = true
	}
	return false
}

func FuzzUnmarshal(f *testing.F) {
	for _, text := range items {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { sameAsReferee(t, text) })
}

// TestMutatedItems damages items byte by byte. Nothing panics, and verdicts are
// the referee's. The seed is fixed.
func TestMutatedItems(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 11))
	pieces := []string{`"`, `{`, `}`, `[`, `]`, `,`, `:`, `\`, `S`, `N`, `B`, `BOOL`, `NULL`, `SS`, `0`, `-`, `.`, `e9`, `=`, "\x00", "\xff", ` `, `null`, `{"S":""}`, `\ud800`}
	for _, sample := range items {
		accepted := 0
		for range 4000 {
			text := sample
			for range 1 + random.IntN(3) {
				at := random.IntN(len(text) + 1)
				end := min(len(text), at+random.IntN(4))
				switch random.IntN(3) {
				case 0:
					text = text[:at] + pieces[random.IntN(len(pieces))] + text[end:]
				case 1:
					text = text[:at] + text[end:]
				default:
					text = text[:end] + text[at:]
				}
			}
			if sameAsReferee(t, text) {
				accepted++
			}
		}
		require.NotZero(t, accepted, sample)
	}
}

func TestTextAllocatesNothing(t *testing.T) {
	for _, find := range []func(text, name string) string{image.Text, image.Peek} {
		require.Zero(t, testing.AllocsPerRun(10, func() {
			if find(orderText, "status") != "PAID" {
				panic("not found")
			}
		}))
	}
}

func TestPeek(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":{"S":"x"}}`: "x", `{"b":{"L":[{"N":"1"}]},"a":{"S":"\u00e9"}}`: "é", `{"a":{"N":"1"}}`: "", `{"a":{"S":""}}`: "", `{}`: "", ``: "",
		`{"a":{"S":"first"},"a":{"S":"second"}}`: "first", `{"a":{"S":"x"},"b":`: "x", `{"b":{},"a":{"S":"x"}}`: "", `{"a":{"S":7}}`: "",
		`{"b":{"S":"y","N":"1"},"a":{"S":"x"}}`: "", `[{"a":{"S":"x"}}]`: "", `{"A":{"S":"x"}}`: "",
	} {
		require.Equal(t, want, image.Peek(text, "a"), text)
	}
}

func TestDecodeGoesOnBehindTheItem(t *testing.T) {
	t.Parallel()
	for item, wantErr := range map[string]string{
		flatText:                         "",
		`{"pk":{"S":7},"sk":{"S":"x"}}`:  "a number where a string belongs",
		`{"pk":{"S":"a","N":"1"}}`:       "more than one type",
		`{"version":{"S":"x"}}`:          "does not fit",
		`{"pk":{"S":"\ud800"}}`:          "surrogate",
		`{"version":{"N":"1e99999999"}}`: "exponent",
	} {
		s := scan.New(`{"Keys": ` + item + ` , "SizeBytes":12}`)
		s.Object()
		s.Field()
		var v flat
		err := image.Decode(&s, &v, nil)
		if wantErr == "" {
			require.NoError(t, err)
			require.Equal(t, "ORDER#acme", v.PK)
		} else {
			require.ErrorContains(t, err, wantErr)
		}
		name, _ := s.Field()
		require.Equal(t, "SizeBytes", name, item)
		require.Equal(t, "12", s.Number())
		s.Field()
		require.NoError(t, s.End())
	}
	s := scan.New(`{"a":{"S":`)
	require.Error(t, image.Decode(&s, &flat{}, nil))
	require.Error(t, s.Err(), "the scanner cannot go on")
	require.ErrorContains(t, image.Decode(&s, flat{}, nil), "pointer")
	require.ErrorContains(t, image.Decode(&s, (*flat)(nil), nil), "pointer")
}
