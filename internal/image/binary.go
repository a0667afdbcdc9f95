package image

import (
	"encoding/base64"
	"errors"
)

var errBase64 = errors.New("binary data that is not canonical, padded base64")

// strict64 refuses what encodes the same bytes in a second way, but for line
// breaks, which it skips and checkBase64 refuses.
var strict64 = base64.StdEncoding.Strict()

// checkBase64 reports whether text is the one base64 text of its bytes.
func checkBase64(text string) error {
	n := len(text)
	if n%4 != 0 {
		return errBase64
	}
	if n == 0 {
		return nil
	}
	last := n
	for last > n-2 && text[last-1] == '=' {
		last--
	}
	for i := range last {
		if sextet(text[i]) < 0 {
			return errBase64
		}
	}
	// The bits of the last character that no byte takes must be zero.
	switch tail := sextet(text[last-1]); {
	case n-last == 1 && tail&0x03 != 0, n-last == 2 && tail&0x0f != 0:
		return errBase64
	}
	return nil
}

func sextet(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	default:
		return -1
	}
}

// decodeBase64 returns the bytes of a text that checkBase64 accepts, never nil.
func decodeBase64(text string) ([]byte, error) {
	if err := checkBase64(text); err != nil {
		return nil, err
	}
	return strict64.DecodeString(text)
}
