package image_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/image"
)

// TestShortNumbers has numbers on both sides of what is read in one go.
func TestShortNumbers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		number string
		want   int64
		ok     bool
	}{
		{"0", 0, true},
		{"-0", 0, true},
		{"7", 7, true},
		{"-128", -128, true},
		{"999999999999999999", 999999999999999999, true},
		{"-999999999999999999", -999999999999999999, true},
		{"1000000000000000000", 1000000000000000000, true},
		{"9223372036854775807", 9223372036854775807, true},
		{"-9223372036854775808", -9223372036854775808, true},
		{"9223372036854775808", 0, false},
		{"18446744073709551617", 0, false},
		{"007", 0, false},
		{"-01", 0, false},
		{"00", 0, false},
		{"-", 0, false},
		{"", 0, false},
		{"+1", 0, false},
		{"1.5", 0, false},
		{" 1", 0, false},
		{"1:", 0, false},
	} {
		var item struct{ N int64 }
		err := image.Unmarshal(`{"N":{"N":"`+test.number+`"}}`, &item)
		require.Equal(t, test.ok, err == nil, "%q: %v", test.number, err)
		require.Equal(t, test.want, item.N, "%q", test.number)

		var small struct{ N int8 }
		err = image.Unmarshal(`{"N":{"N":"`+test.number+`"}}`, &small)
		require.Equal(t, test.ok && test.want == int64(int8(test.want)), err == nil, "%q: %v", test.number, err)

		err = image.Unmarshal(`{"N":{"N":"`+test.number+`","S":"x"}}`, &item)
		require.Error(t, err, "%q", test.number)
	}
}
