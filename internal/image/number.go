package image

import (
	"errors"
	"strings"
)

const (
	maxDigits   = 38
	maxExponent = 130

	// longestNumber leaves room for every legal number written in full, and keeps
	// a text of millions of zeros from whoever parses the number next.
	longestNumber = 256
)

var (
	errNumberText  = errors.New("a number that is not written as a JSON number")
	errNumberLong  = errors.New("a number of more than 256 characters")
	errNumberDigit = errors.New("a number of more than 38 significant digits")
	errNumberRange = errors.New("a number whose exponent is beyond ±130")
)

// decimal is the value ±0.digits × 10^point. The digits neither start nor end
// with a zero; zero has none, and no sign.
type decimal struct {
	negative bool
	digits   string
	point    int
}

// checkNumber reports whether text is a number that DynamoDB can hold. It works
// on the text alone, in linear time.
func checkNumber(text string) error {
	if isShortNumber(text) {
		return nil
	}
	_, err := parseNumber(text)
	return err
}

// isShortNumber knows most numbers: those of at most 38 digits, point and sign
// among them, and no exponent, which are in range whatever they are.
func isShortNumber(text string) bool {
	i, n := 0, len(text)
	if n > maxDigits {
		return false
	}
	if n > 0 && text[0] == '-' {
		i = 1
	}
	if i == n || text[i] == '0' && i+1 < n && text[i+1] != '.' {
		return false
	}
	whole := i
	for i < n && text[i]-'0' <= 9 {
		i++
	}
	if i == whole || i == n {
		return i > whole
	}
	if text[i] != '.' {
		return false
	}
	fraction := i + 1
	for i = fraction; i < n && text[i]-'0' <= 9; {
		i++
	}
	return i == n && i > fraction
}

// parseShort reads a whole number of at most 18 digits, which every int64 can
// hold.
func parseShort(text string) (n int64, ok bool) {
	negative := text != "" && text[0] == '-'
	digits := text
	if negative {
		digits = text[1:]
	}
	if digits == "" || len(digits) > 18 || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	for i := range len(digits) {
		c := digits[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = 10*n + int64(c)
	}
	if negative {
		n = -n
	}
	return n, true
}

func parseNumber(text string) (decimal, error) {
	if len(text) > longestNumber {
		return decimal{}, errNumberLong
	}
	rest, negative := strings.CutPrefix(text, "-")
	whole, rest := cutDigits(rest)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return decimal{}, errNumberText
	}
	fraction := ""
	if after, ok := strings.CutPrefix(rest, "."); ok {
		if fraction, rest = cutDigits(after); fraction == "" {
			return decimal{}, errNumberText
		}
	}
	exponent, err := parseExponent(rest)
	if err != nil {
		return decimal{}, err
	}

	digits := strings.TrimRight(whole+fraction, "0")
	point := len(whole) + exponent
	significant := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(significant)
	if significant == "" {
		if exponent < -maxExponent || exponent > maxExponent {
			return decimal{}, errNumberRange
		}
		return decimal{}, nil
	}
	if len(significant) > maxDigits {
		return decimal{}, errNumberDigit
	}
	if point-1 < -maxExponent || point-1 > maxExponent {
		return decimal{}, errNumberRange
	}
	return decimal{negative: negative, digits: significant, point: point}, nil
}

// parseExponent reads what follows a number's digits. It stops counting far
// beyond what is legal, so it cannot overflow.
func parseExponent(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	if text[0]|0x20 != 'e' {
		return 0, errNumberText
	}
	text = text[1:]
	sign := 1
	if text != "" && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	digits, rest := cutDigits(text)
	if digits == "" || rest != "" {
		return 0, errNumberText
	}
	exponent := 0
	for _, c := range []byte(digits) {
		if exponent = exponent*10 + int(c-'0'); exponent > 10*longestNumber {
			return 0, errNumberRange
		}
	}
	return sign * exponent, nil
}

func cutDigits(text string) (digits, rest string) {
	i := 0
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

// appendTo writes the number in full, without an exponent or a needless zero.
// Equal numbers give equal texts.
func (n decimal) appendTo(b []byte) []byte {
	if n.digits == "" {
		return append(b, '0')
	}
	if n.negative {
		b = append(b, '-')
	}
	switch {
	case n.point <= 0:
		b = append(b, "0."...)
		b = appendZeros(b, -n.point)
		return append(b, n.digits...)
	case n.point >= len(n.digits):
		b = append(b, n.digits...)
		return appendZeros(b, n.point-len(n.digits))
	default:
		b = append(b, n.digits[:n.point]...)
		b = append(b, '.')
		return append(b, n.digits[n.point:]...)
	}
}

func appendZeros(b []byte, n int) []byte {
	for range n {
		b = append(b, '0')
	}
	return b
}
