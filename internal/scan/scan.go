// Package scan reads JSON text strictly, in one pass, in safe Go.
//
// A [Scanner] walks a string and cuts what it reads out of it, so a string
// without escapes costs no allocation and nothing that it returns aliases a
// buffer that somebody may reuse. It accepts what encoding/json accepts as
// valid JSON, with three exceptions: nesting deeper than [MaxDepth] is
// refused everywhere, and strings that are read (as opposed to skipped) must
// be valid UTF-8 without lone surrogates.
//
// Errors are sticky: after the first one every method returns its zero value,
// so a loop over members ends and the caller looks at [Scanner.Err] once.
package scan

import (
	"fmt"
	"unicode/utf8"
)

// MaxDepth is the number of arrays and objects that may be open at once, unless
// [NewDepth] says otherwise.
const MaxDepth = 64

// Kind is the type of a JSON value, as told by its first byte.
type Kind byte

// The kinds of JSON values. Invalid stands for anything else, the end of the
// text among it.
const (
	Invalid Kind = 0
	Object  Kind = '{'
	Array   Kind = '['
	String  Kind = '"'
	Number  Kind = '0'
	True    Kind = 't'
	False   Kind = 'f'
	Null    Kind = 'n'
)

// String names the kind as a sentence about JSON would.
func (k Kind) String() string {
	switch k {
	case Object:
		return "an object"
	case Array:
		return "an array"
	case String:
		return "a string"
	case Number:
		return "a number"
	case True, False:
		return "a boolean"
	case Null:
		return "null"
	default:
		return "no value"
	}
}

// SyntaxError says where and why a text is not JSON, or not the JSON that was
// asked for. It never quotes the text.
type SyntaxError struct {
	Offset int // in bytes from the start of the text
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// Scanner reads one JSON text. The zero value reads the empty text; a Scanner
// may be copied to look ahead. It is not safe for parallel use.
type Scanner struct {
	text  string
	pos   int
	depth int
	limit int
	fresh bool // directly behind an opening bracket
	err   error
}

// New returns a scanner at the start of text.
func New(text string) Scanner { return NewDepth(text, MaxDepth) }

// NewDepth is New with another limit than [MaxDepth]. It is for formats whose
// own nesting is bounded, but takes more brackets than that.
func NewDepth(text string, depth int) Scanner { return Scanner{text: text, limit: depth} }

// Valid reports whether text is one JSON value that is not nested too deeply.
func Valid(text string) error {
	s := New(text)
	s.Skip()
	return s.End()
}

// Err returns the first error, or nil.
func (s *Scanner) Err() error { return s.err }

// Pos returns the offset of the next byte to be read.
func (s *Scanner) Pos() int { return s.pos }

// End returns the first error, or one where anything but white space is left or
// an object or array has not been left.
func (s *Scanner) End() error {
	if s.err == nil {
		switch s.space(); {
		case s.depth > 0:
			s.fail("an object or array that is not read to its end")
		case s.pos < len(s.text):
			s.fail("text behind the value")
		}
	}
	return s.err
}

// Kind looks at the next value without reading it.
func (s *Scanner) Kind() Kind {
	if s.err != nil {
		return Invalid
	}
	s.space()
	if s.pos >= len(s.text) {
		return Invalid
	}
	switch c := s.text[s.pos]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return Kind(c)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number
	default:
		return Invalid
	}
}

// Object enters an object, whose members [Scanner.Field] then walks. It
// reports whether the next value is one; if not, that is an error.
func (s *Scanner) Object() bool { return s.open(Object) }

// Array enters an array, whose elements [Scanner.Element] then walks.
func (s *Scanner) Array() bool { return s.open(Array) }

func (s *Scanner) open(k Kind) bool {
	if !s.expect(k) {
		return false
	}
	s.pos++
	return s.deeper()
}

// Field moves to the next member of the object that was entered last and
// returns its name; the caller reads or skips the value before it calls Field
// again. It returns false behind the last member, and then the object is left.
func (s *Scanner) Field() (name string, ok bool) {
	if !s.next('}') {
		return "", false
	}
	if s.space(); s.pos >= len(s.text) || s.text[s.pos] != '"' {
		s.fail("a member's name is missing")
		return "", false
	}
	name = s.Text()
	if s.colon(); s.err != nil {
		return "", false
	}
	return name, true
}

// Element moves to the next element of the array that was entered last, which
// the caller reads or skips. It returns false behind the last one, and then
// the array is left.
func (s *Scanner) Element() bool { return s.next(']') }

// next moves behind the comma before a member, or behind the closing bracket.
func (s *Scanner) next(closing byte) bool {
	if s.err != nil {
		return false
	}
	s.space()
	if s.pos >= len(s.text) {
		s.fail("the text ends inside a value")
		return false
	}
	fresh := s.fresh
	s.fresh = false
	switch c := s.text[s.pos]; {
	case c == closing:
		s.pos++
		s.depth--
		return false
	case fresh:
		return true
	case c == ',':
		s.pos++
		if s.space(); s.pos < len(s.text) && s.text[s.pos] == closing {
			s.fail("a comma before the closing bracket")
			return false
		}
		return true
	default:
		s.fail("a comma or a closing bracket is missing")
		return false
	}
}

// Text reads a string and returns what it stands for: a part of the scanned
// text where it holds no escapes.
func (s *Scanner) Text() string {
	if !s.expect(String) {
		return ""
	}
	start := s.pos
	escaped, ascii := s.string()
	if s.err != nil {
		return ""
	}
	body := s.text[start+1 : s.pos-1]
	if !ascii && !utf8.ValidString(body) {
		s.pos = start
		s.fail("a string that is not valid UTF-8")
		return ""
	}
	if !escaped {
		return body
	}
	text, ok := unescape(body)
	if !ok {
		s.pos = start
		s.fail("a string with half a surrogate pair")
		return ""
	}
	return text
}

// Number reads a number and returns its text, unconverted.
func (s *Scanner) Number() string {
	if !s.expect(Number) {
		return ""
	}
	start := s.pos
	s.number()
	if s.err != nil {
		return ""
	}
	return s.text[start:s.pos]
}

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	switch s.Kind() {
	case True:
		s.literal("true")
		return s.err == nil
	case False:
		s.literal("false")
	default:
		s.expect(True)
	}
	return false
}

// Null reads null.
func (s *Scanner) Null() {
	if s.expect(Null) {
		s.literal("null")
	}
}

// Value reads any value and returns its text, checked but not interpreted.
func (s *Scanner) Value() string {
	s.space()
	start := s.pos
	if s.Skip(); s.err != nil {
		return ""
	}
	return s.text[start:s.pos]
}

// Skip reads any value, as strictly as if it were wanted, but for the
// encoding of its strings and for duplicate names.
func (s *Scanner) Skip() {
	switch s.Kind() {
	case Object:
		s.skipObject()
	case Array:
		s.skipArray()
	case String:
		s.string()
	case Number:
		s.number()
	case True:
		s.literal("true")
	case False:
		s.literal("false")
	case Null:
		s.literal("null")
	default:
		s.unexpected()
	}
}

func (s *Scanner) skipObject() {
	s.pos++
	if !s.deeper() {
		return
	}
	for s.next('}') {
		if s.space(); s.pos >= len(s.text) || s.text[s.pos] != '"' {
			s.fail("a member's name is missing")
			return
		}
		if s.string(); s.err != nil {
			return
		}
		s.colon()
		s.Skip()
	}
}

func (s *Scanner) skipArray() {
	s.pos++
	if !s.deeper() {
		return
	}
	for s.next(']') {
		s.Skip()
	}
}

func (s *Scanner) deeper() bool {
	if s.depth++; s.depth > s.limit {
		s.fail(fmt.Sprintf("nested deeper than %d levels", s.limit))
		return false
	}
	s.fresh = true
	return true
}

func (s *Scanner) colon() {
	if s.err != nil {
		return
	}
	if s.space(); s.pos >= len(s.text) || s.text[s.pos] != ':' {
		s.fail("a colon is missing")
		return
	}
	s.pos++
}

func (s *Scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// expect reports whether the next value is of kind k, and fails where not.
func (s *Scanner) expect(k Kind) bool {
	have := s.Kind()
	if have == k {
		return true
	}
	if have == Invalid {
		s.unexpected()
	} else {
		s.fail(fmt.Sprintf("%s where %s belongs", have, k))
	}
	return false
}

func (s *Scanner) unexpected() {
	if s.pos >= len(s.text) {
		s.fail("the text ends where a value belongs")
	} else {
		s.fail("no value starts here")
	}
}

func (s *Scanner) fail(reason string) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: s.pos, Reason: reason}
	}
}
