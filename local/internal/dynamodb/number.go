package dynamodb

import (
	"fmt"
	"math/big"
	"strings"
)

// The limits of a number: 38 significant digits, from 1E-130 to 9.99…E+125.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const (
	maxDigits    = 38
	maxMagnitude = 125
	minMagnitude = -130
)

// decimal is the value ±0.digits × 10^point. The digits neither start nor end
// with a zero; zero has none, and no sign. So equal numbers are equal values.
type decimal struct {
	negative bool
	digits   string
	point    int
}

func parseDecimal(text string) (decimal, error) {
	bad := func() (decimal, error) {
		if text == "" {
			return decimal{}, invalid("The parameter cannot be converted to a numeric value")
		}
		return decimal{}, invalid("The parameter cannot be converted to a numeric value: %s", text)
	}
	rest, negative := strings.CutPrefix(text, "-")
	if !negative {
		rest = strings.TrimPrefix(rest, "+")
	}
	whole, rest := cutDigits(rest)
	fraction := ""
	if after, ok := strings.CutPrefix(rest, "."); ok {
		fraction, rest = cutDigits(after)
	}
	if whole == "" && fraction == "" {
		return bad()
	}
	exponent := 0
	if rest != "" {
		if rest[0]|0x20 != 'e' {
			return bad()
		}
		sign, digits := 1, rest[1:]
		if digits != "" && (digits[0] == '+' || digits[0] == '-') {
			if digits[0] == '-' {
				sign = -1
			}
			digits = digits[1:]
		}
		digits, rest = cutDigits(digits)
		if digits == "" || rest != "" {
			return bad()
		}
		for _, c := range []byte(digits) {
			exponent = min(exponent*10+int(c-'0'), 1<<20) // far beyond what is legal
		}
		exponent *= sign
	}
	return newDecimal(negative, whole+fraction, len(whole)+exponent)
}

func cutDigits(text string) (digits, rest string) {
	i := 0
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

// newDecimal trims the zeros and holds the limits.
func newDecimal(negative bool, digits string, point int) (decimal, error) {
	significant := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(significant)
	significant = strings.TrimRight(significant, "0")
	switch {
	case significant == "":
		return decimal{}, nil
	case len(significant) > maxDigits:
		return decimal{}, invalid("Attempting to store more than 38 significant digits in a Number")
	case point-1 > maxMagnitude:
		return decimal{}, invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case point-1 < minMagnitude:
		return decimal{}, invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	}
	return decimal{negative: negative, digits: significant, point: point}, nil
}

// String writes the number in full, without an exponent or a needless zero.
func (d decimal) String() string {
	sign := ""
	if d.negative {
		sign = "-"
	}
	switch {
	case d.digits == "":
		return "0"
	case d.point <= 0:
		return sign + "0." + strings.Repeat("0", -d.point) + d.digits
	case d.point >= len(d.digits):
		return sign + d.digits + strings.Repeat("0", d.point-len(d.digits))
	default:
		return sign + d.digits[:d.point] + "." + d.digits[d.point:]
	}
}

// order is a text that sorts, byte by byte, as the numbers do.
func (d decimal) order() string {
	if d.digits == "" {
		return "1"
	}
	text := fmt.Sprintf("%03d%s", d.point-minMagnitude, d.digits)
	if !d.negative {
		return "2" + text
	}
	complement := []byte(text)
	for i, c := range complement {
		complement[i] = '0' + '9' - c
	}
	return "0" + string(complement) + "~"
}

func (d decimal) negate() decimal {
	d.negative = !d.negative && d.digits != ""
	return d
}

// add is exact. A sum of more than 38 digits is an error.
func (d decimal) add(e decimal) (decimal, error) {
	scale := min(d.point-len(d.digits), e.point-len(e.digits))
	sum := new(big.Int).Add(d.scaled(scale), e.scaled(scale))
	digits := new(big.Int).Abs(sum).String()
	return newDecimal(sum.Sign() < 0, digits, len(digits)+scale)
}

// scaled is the number as a multiple of 10^scale.
func (d decimal) scaled(scale int) *big.Int {
	if d.digits == "" {
		return new(big.Int)
	}
	n, _ := new(big.Int).SetString(d.digits+strings.Repeat("0", d.point-len(d.digits)-scale), 10)
	if d.negative {
		n.Neg(n)
	}
	return n
}
