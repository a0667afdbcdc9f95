package scan

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// lexeme says what a string holds besides plain ASCII.
type lexeme uint8

const (
	escaped lexeme = 1 << iota
	beyondASCII
)

const whiteSpace = 1<<' ' | 1<<'\t' | 1<<'\n' | 1<<'\r'

// space returns the offset of the first byte from i on that is no white space.
func space(text string, i int) int {
	for i < len(text) && text[i] <= ' ' && whiteSpace>>text[i]&1 != 0 {
		i++
	}
	return i
}

// Each byte of a word of eight, as [stringEnd] compares them.
const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// load returns the eight bytes from i on, the first one lowest. The compiler
// makes one load of it.
func load(text string, i int) uint64 {
	b := text[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// special marks the quotes, backslashes and control characters among eight
// bytes in their highest bits. The lowest mark is right; those above it may be
// wrong.
func special(word uint64) uint64 { return unusual(word) &^ word & high }

// unusual is special for which bytes beyond ASCII count, too. A quote and a
// control character are what is less than '!' once the bit is flipped that a
// quote has and a space has not. Only the highest bits of the bytes mean anything.
func unusual(word uint64) uint64 {
	return ((word ^ low*('"'-' ')) - low*'!') | ((word ^ low*'\\') - low) | word
}

// plainEnd returns the offset of the first byte from i on, inside a string, that
// is not read over: a quote, a backslash, a control character, or the text's end.
// The bytes that were read over are joined in seen.
func plainEnd(text string, i int) (end int, seen uint64) {
	for i+8 <= len(text) {
		word := load(text, i)
		if marks := special(word); marks != 0 {
			return i + bits.TrailingZeros64(marks)/8, seen | word&(marks&-marks-1)
		}
		seen |= word
		i += 8
	}
	for ; i < len(text); i++ { // the last seven bytes
		c := text[i]
		if c == '"' || c == '\\' || c < ' ' {
			break
		}
		seen |= uint64(c)
	}
	return i, seen
}

// simpleEnd returns the offset of the quote that ends the string whose inside
// starts at i, or a negative one where it is more than ASCII without escapes.
func simpleEnd(text string, i int) int {
	for i+8 <= len(text) {
		marks := unusual(load(text, i)) & high
		if marks == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(marks) / 8; text[i] == '"' {
			return i
		}
		return -1
	}
	for ; i < len(text); i++ { // the last seven bytes
		switch c := text[i]; {
		case c == '"':
			return i
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			return -1
		}
	}
	return -1
}

// stringEnd returns the offset behind the string that starts at i, and what it
// holds; or a negative offset where it is no string.
func stringEnd(text string, i int) (end int, found lexeme) {
	i, seen := plainEnd(text, i+1)
	for i < len(text) && text[i] == '\\' {
		found |= escaped
		n := escapeLen(text[i:])
		if n == 0 {
			return -1, 0
		}
		var more uint64
		i, more = plainEnd(text, i+n)
		seen |= more
	}
	if i >= len(text) || text[i] != '"' {
		return -1, 0
	}
	if seen&high != 0 {
		found |= beyondASCII
	}
	return i + 1, found
}

// badString notes what is wrong with the string that starts at i.
func (s *Scanner) badString(i int) int {
	text := s.text
	for i++; i < len(text); {
		switch c := text[i]; {
		case c == '\\':
			n := escapeLen(text[i:])
			if n == 0 {
				return s.failAt(i, "an unknown escape in a string")
			}
			i += n
		case c < ' ':
			return s.failAt(i, "a control character in a string")
		default:
			i++
		}
	}
	return s.failAt(i, "the text ends inside a string")
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
		if len(text) >= 6 && hexRune(text[2:6]) >= 0 {
			return 6
		}
	}
	return 0
}

// unescaped resolves a string's escapes while it looks for its end. The inside
// starts at start, its first escape stands at i, and what is in front of that was
// seen. It returns the offset behind the string, and false where anything is
// wrong with it.
func unescaped(text string, start, i int, seen uint64) (read string, end int, ok bool) {
	var (
		chunk [2048]byte
		n     int             // bytes in chunk
		long  strings.Builder // what did not fit into it
	)
	if i-start <= len(chunk)/2 {
		n = copy(chunk[:], text[start:i])
	} else {
		long.WriteString(text[start:i])
	}
	for {
		if n > len(chunk)-8-utf8.UTFMax {
			long.Write(chunk[:n])
			n = 0
		}
		if i+8 <= len(text) {
			// All eight bytes are copied, and as many of them kept as are plain.
			word := load(text, i)
			binary.LittleEndian.PutUint64(chunk[n:n+8], word)
			marks := special(word)
			if marks == 0 {
				seen |= word
				i, n = i+8, n+8
				continue
			}
			plain := bits.TrailingZeros64(marks) / 8
			seen |= word & (marks&-marks - 1)
			i, n = i+plain, n+plain
		}
		if i >= len(text) {
			return "", 0, false
		}
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == '"': // nearly all of JSON in JSON
			chunk[n] = '"'
			i, n = i+2, n+1
		case c == '\\':
			r, length := escapeAt(text, i)
			switch {
			case length == 0:
				return "", 0, false
			case r < utf8.RuneSelf:
				chunk[n] = byte(r)
				n++
			default:
				n += utf8.EncodeRune(chunk[n:], r)
			}
			i += length
		case c == '"':
			if seen&high != 0 && !utf8.ValidString(text[start:i]) {
				return "", 0, false
			}
			if long.Len() == 0 {
				return string(chunk[:n]), i + 1, true
			}
			long.Write(chunk[:n])
			return long.String(), i + 1, true
		case c < ' ':
			return "", 0, false
		default: // one of the last seven bytes
			chunk[n] = c
			seen |= uint64(c)
			i, n = i+1, n+1
		}
	}
}

// escapeAt returns the character of the escape at i and the length of what it
// read: 0 where it is none, or half a surrogate pair.
func escapeAt(text string, i int) (r rune, n int) {
	if i+1 >= len(text) {
		return 0, 0
	}
	switch c := text[i+1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		if escapeLen(text[i:]) != 0 {
			return escapedRune(text[i:])
		}
	}
	return 0, 0
}

// halfPair reports whether one of the escapes of a string's inside that
// stringEnd has checked is half a surrogate pair.
func halfPair(body string) bool {
	for {
		i := strings.IndexByte(body, '\\')
		if i < 0 {
			return false
		}
		n := 2
		if body = body[i:]; body[1] == 'u' {
			if _, n = escapedRune(body); n == 0 {
				return true
			}
		}
		body = body[n:]
	}
}

// escapedRune returns the character of the \u escape that body starts with, or
// of two where they are a surrogate pair, and the length of what it read: 0 for
// half a pair.
func escapedRune(body string) (r rune, n int) {
	r = hexRune(body[2:6])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(body) < 12 || body[6] != '\\' || body[7] != 'u' {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, hexRune(body[8:12])); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// hexRune returns the value of four hexadecimal digits, or a negative one.
func hexRune(digits string) rune {
	return hexDigit(digits[0])<<12 | hexDigit(digits[1])<<8 | hexDigit(digits[2])<<4 | hexDigit(digits[3])
}

func hexDigit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// numberEnd returns the offset behind the number that starts at i. It reports
// false where a digit is missing there.
func numberEnd(text string, i int) (end int, ok bool) {
	if text[i] == '-' {
		i++
	}
	if i < len(text) && text[i] == '0' {
		i++
	} else if i, ok = digitsEnd(text, i); !ok {
		return i, false
	}
	if i < len(text) && text[i] == '.' {
		if i, ok = digitsEnd(text, i+1); !ok {
			return i, false
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		return digitsEnd(text, i)
	}
	return i, true
}

// digitsEnd returns the offset behind at least one digit.
func digitsEnd(text string, i int) (end int, ok bool) {
	for end = i; end < len(text) && isDigit(text[end]); {
		end++
	}
	return end, end > i
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// badNumber notes that a digit is missing at i.
func (s *Scanner) badNumber(start, i int) int {
	if i == len(s.text) && i == start+1 {
		return s.failAt(i, "the text ends inside a number")
	}
	return s.failAt(i, "a digit is missing in a number")
}

// literalEnd returns the offset behind the word that stands at i, or a negative
// one.
func literalEnd(text string, i int, word string) int {
	if end := i + len(word); end <= len(text) && text[i:end] == word {
		return end
	}
	return -1
}
