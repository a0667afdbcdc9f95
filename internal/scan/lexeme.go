package scan

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// string moves behind the string that starts at pos. It tells whether the
// string holds escapes and whether it is plain ASCII.
func (s *Scanner) string() (escaped, ascii bool) {
	if s.err != nil {
		return false, false
	}
	text, i := s.text, s.pos+1
	ascii = true
	for i < len(text) {
		switch c := text[i]; {
		case c == '"':
			s.pos = i + 1
			return escaped, ascii
		case c == '\\':
			escaped = true
			n := escapeLen(text[i:])
			if n == 0 {
				s.pos = i
				s.fail("an unknown escape in a string")
				return escaped, ascii
			}
			i += n
		case c < ' ':
			s.pos = i
			s.fail("a control character in a string")
			return escaped, ascii
		default:
			if c >= utf8.RuneSelf {
				ascii = false
			}
			i++
		}
	}
	s.pos = len(text)
	s.fail("the text ends inside a string")
	return escaped, ascii
}

// escapeLen returns the length of the escape that text starts with, or 0.
func escapeLen(text string) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(text) < 6 {
			return 0
		}
		for _, c := range []byte(text[2:6]) {
			if hexDigit(c) < 0 {
				return 0
			}
		}
		return 6
	}
	return 0
}

// unescape resolves the escapes of a string's inside that string has checked.
// It reports false for half a surrogate pair.
func unescape(body string) (string, bool) {
	var b strings.Builder
	b.Grow(len(body))
	for {
		i := strings.IndexByte(body, '\\')
		if i < 0 {
			b.WriteString(body)
			return b.String(), true
		}
		b.WriteString(body[:i])
		body = body[i:]
		switch c := body[1]; c {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r := hexRune(body[2:6])
			if utf16.IsSurrogate(r) {
				if len(body) < 12 || body[6] != '\\' || body[7] != 'u' {
					return "", false
				}
				if r = utf16.DecodeRune(r, hexRune(body[8:12])); r == utf8.RuneError {
					return "", false
				}
				body = body[6:]
			}
			b.WriteRune(r)
			body = body[6:]
			continue
		default:
			b.WriteByte(c)
		}
		body = body[2:]
	}
}

func hexRune(digits string) rune {
	var r rune
	for _, c := range []byte(digits) {
		r = r<<4 | rune(hexDigit(c))
	}
	return r
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// number moves behind the number that starts at pos.
func (s *Scanner) number() {
	if s.pos < len(s.text) && s.text[s.pos] == '-' {
		s.pos++
	}
	switch {
	case s.pos >= len(s.text):
		s.fail("the text ends inside a number")
		return
	case s.text[s.pos] == '0':
		s.pos++
	default:
		s.digits()
	}
	if s.pos < len(s.text) && s.text[s.pos] == '.' {
		s.pos++
		s.digits()
	}
	if s.pos < len(s.text) && s.text[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == '+' || s.text[s.pos] == '-') {
			s.pos++
		}
		s.digits()
	}
}

// digits moves behind at least one digit.
func (s *Scanner) digits() {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.fail("a digit is missing in a number")
	}
}

func (s *Scanner) literal(word string) {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		s.fail("an unknown word")
		return
	}
	s.pos += len(word)
}
