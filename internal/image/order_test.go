package image_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/image"
)

// TestTheOrderIsAGuess decodes items whose attributes come in all orders, one
// after the other with the same type, so that each finds what the ones before it
// have taught.
func TestTheOrderIsAGuess(t *testing.T) {
	t.Parallel()
	type item struct {
		A string            `dynamodbav:"a"`
		B map[string]string `dynamodbav:"b"`
	}
	const (
		a, other = `"a":{"S":"x"}`, `"a":{"S":"y"}`
		b, rough = `"b":{"M":{"k":{"S":"v"}}}`, `"B":{"M":{"r":{"S":"s"}}}`
	)
	both := item{"x", map[string]string{"k": "v"}}
	for range 3 {
		for text, want := range map[string]item{
			a + "," + b:               both,
			b + "," + a:               both,
			a:                         {A: "x"},
			b:                         {B: both.B},
			a + "," + rough + "," + b: both, // the exact name starts over
			rough + "," + b + "," + a: both,
			b + "," + rough + "," + a: both,
		} {
			var got item
			require.NoError(t, image.Unmarshal("{"+text+"}", &got), text)
			require.Equal(t, want, got, text)
		}
		for _, text := range []string{
			a + "," + other, a + "," + b + "," + other, b + "," + a + "," + b, a + "," + a, b + "," + b,
			rough + "," + b + "," + rough, rough + "," + b + "," + b,
		} {
			var got item
			require.ErrorContains(t, image.Unmarshal("{"+text+"}", &got), "duplicate", text)
		}
	}
}
