package image

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// appendText writes a JSON string with no more escapes than JSON asks for, so
// that equal strings give equal texts.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func validText(s string) error {
	if !utf8.ValidString(s) {
		return fail("a string that is not valid UTF-8")
	}
	return nil
}
