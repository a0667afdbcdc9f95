package lambdaevent_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

func TestLessSequence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`0{0,3}[0-9]{0,60}`)
		a, b := digits.Draw(t, "a"), digits.Draw(t, "b")
		if rapid.Bool().Draw(t, "alike") {
			b = a + rapid.StringMatching(`[0-9]?`).Draw(t, "more")
		}
		require.Equal(t, number(a).Cmp(number(b)) < 0, lambdaevent.LessSequence(a, b), "%s < %s", a, b)
		require.False(t, lambdaevent.LessSequence(a, a))
	})
}

func number(digits string) *big.Int {
	n, ok := new(big.Int).SetString("0"+digits, 10)
	if !ok {
		panic(digits)
	}
	return n
}

func TestCompareSequencers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"0A", "0a", 0},    // notifications and EventBridge spell them differently
		{"0a", "0F", -1},   // so case must not decide
		{"1", "1000", 0},   // the shorter one is extended by zeros
		{"1", "10001", -1}, // on its right
		{"2", "10", 1},
		{"", "0", 0},
		{"", "1", -1},
		{"005C1E", "005C1D9", 1},
	} {
		require.Equal(t, test.want, sign(lambdaevent.CompareSequencers(test.a, test.b)), "%s, %s", test.a, test.b)
	}
}

// The sequencers of a key are in one order, that of the numbers that they are
// once they are equally long.
func TestCompareSequencersLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hex := rapid.StringMatching(`[0-2a-bA-B]{0,5}`)
		a, b, c := hex.Draw(t, "a"), hex.Draw(t, "b"), hex.Draw(t, "c")
		ab, bc, ac := sign(lambdaevent.CompareSequencers(a, b)), sign(lambdaevent.CompareSequencers(b, c)), sign(lambdaevent.CompareSequencers(a, c))
		require.Equal(t, ab, -sign(lambdaevent.CompareSequencers(b, a)), "antisymmetric: %s, %s", a, b)
		require.Zero(t, lambdaevent.CompareSequencers(a, a))
		if ab <= 0 && bc <= 0 {
			require.LessOrEqual(t, ac, 0, "transitive: %s, %s, %s", a, b, c)
		}
		padded := func(s string) string { return strings.ToLower(s) + strings.Repeat("0", 5-len(s)) }
		require.Equal(t, strings.Compare(padded(a), padded(b)), ab, "%s, %s", a, b)
	})
}

func sign(n int) int { return min(max(n, -1), 1) }
