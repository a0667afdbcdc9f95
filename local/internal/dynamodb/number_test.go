package dynamodb_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

// numbers draws legal numbers, written in many ways.
func numbers() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		digits := rapid.StringMatching(`0{0,3}[0-9]{1,20}(\.[0-9]{0,18})?`).Draw(t, "digits")
		exponent := rapid.SampledFrom([]string{"", "", "e5", "E-7", "e+80", "E-80"}).Draw(t, "exponent")
		return rapid.SampledFrom([]string{"", "-", "+"}).Draw(t, "sign") + digits + exponent
	})
}

func rational(t require.TestingT, number string) *big.Rat {
	r, ok := new(big.Rat).SetString(number)
	require.True(t, ok, number)
	return r
}

func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := numbers().Draw(t, "a"), numbers().Draw(t, "b")
		canonical, err := dynamodb.Canonical(a)
		require.NoError(t, err)
		require.Zero(t, rational(t, a).Cmp(rational(t, canonical)), canonical)
		require.NotContains(t, canonical, "e")
		if strings.Contains(canonical, ".") {
			require.False(t, strings.HasSuffix(canonical, "0"), canonical)
		}
		x, err := dynamodb.Order(a)
		require.NoError(t, err)
		y, err := dynamodb.Order(b)
		require.NoError(t, err)
		require.Equal(t, rational(t, a).Cmp(rational(t, b)), strings.Compare(x, y))

		want := new(big.Rat).Add(rational(t, a), rational(t, b))
		if sum, err := dynamodb.Add(a, b); err == nil {
			require.Zero(t, want.Cmp(rational(t, sum)), sum)
		} else {
			require.ErrorContains(t, err, "38 significant digits")
			digits := strings.Trim(strings.Replace(want.FloatString(200), ".", "", 1), "-0")
			require.Greater(t, len(digits), 38, want.FloatString(200))
		}
	})
}

func TestNumbersHaveLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ number, want string }{
		{"0", "0"},
		{"-0.000", "0"},
		{".5", "0.5"},
		{"5.", "5"},
		{"1E-130", "0." + strings.Repeat("0", 129) + "1"},
		{"9.9999999999999999999999999999999999999E125", strings.Repeat("9", 38) + strings.Repeat("0", 88)},
		{"0E999999999999999999999", "0"},
		{"1E126", "overflow"},
		{"-1E126", "overflow"},
		{"1E-131", "underflow"},
		{"1E-99999999999999999999", "underflow"},
		{"123456789012345678901234567890123456789", "38 significant digits"},
		{"", "cannot be converted"},
		{"-", "cannot be converted"},
		{".", "cannot be converted"},
		{"1e", "cannot be converted"},
		{"1e+", "cannot be converted"},
		{"--1", "cannot be converted"},
		{" 1", "cannot be converted"},
		{"0x1", "cannot be converted"},
		{"Infinity", "cannot be converted"},
	} {
		got, err := dynamodb.Canonical(c.number)
		if err != nil {
			got = err.Error()
		}
		require.Contains(t, got, c.want, c.number)
	}
	_, err := dynamodb.Add("9E125", "9E125")
	require.ErrorContains(t, err, "overflow")
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"1", "-1.50e10", "0.0", "1E-130", "1e126", "+.5", "0000012"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, number string) {
		canonical, err := dynamodb.Canonical(number)
		if err != nil {
			return
		}
		again, err := dynamodb.Canonical(canonical)
		require.NoError(t, err)
		require.Equal(t, canonical, again)
		require.LessOrEqual(t, len(canonical), 200)
	})
}
