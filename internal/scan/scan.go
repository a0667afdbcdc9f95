// Package scan reads JSON text strictly, in one pass, in safe Go.
//
// A [Scanner] walks a string and cuts what it reads out of it, so a string
// without escapes costs no allocation and nothing that it returns aliases a
// buffer that somebody may reuse. It accepts what encoding/json accepts as
// valid JSON, with these exceptions:
//
//   - Nesting deeper than [MaxDepth] is refused everywhere.
//   - Strings that are read must be valid UTF-8 without lone surrogates;
//     [Scanner.Skip] and [Scanner.Value] take any, [Scanner.Discard] does not.
//   - Two members of one name are the caller's to find, with [Names];
//     [Scanner.Discard] refuses them.
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

// Depth returns the number of arrays and objects that have been entered and not
// left.
func (s *Scanner) Depth() int { return s.depth }

// End returns the first error, or one where anything but white space is left or
// an object or array has not been left.
func (s *Scanner) End() error {
	if s.err == nil {
		s.pos = space(s.text, s.pos)
		switch {
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
	if s.err == nil && s.pos < len(s.text) && s.text[s.pos] > ' ' {
		return kindOf(s.text[s.pos])
	}
	return s.kindBehindSpace()
}

func (s *Scanner) kindBehindSpace() Kind {
	if s.err != nil {
		return Invalid
	}
	if s.pos = space(s.text, s.pos); s.pos >= len(s.text) {
		return Invalid
	}
	return kindOf(s.text[s.pos])
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
	if s.depth++; s.depth > s.limit {
		s.tooDeep(s.pos)
		return false
	}
	s.fresh = true
	return true
}

// Enter is Object and Field in one: it enters an object and returns the name of
// its first member. It returns false for an empty object, which is left.
func (s *Scanner) Enter() (name string, ok bool) {
	if text, i := s.text, s.pos; i+5 < len(text) && text[i] == '{' && text[i+1] == '"' && text[i+3] == '"' && text[i+4] == ':' &&
		plainTag(text[i+2]) && s.err == nil && s.depth < s.limit {
		s.depth++
		s.pos = i + 5
		return text[i+2 : i+3], true
	}
	if !s.Object() {
		return "", false
	}
	return s.Field()
}

// Begins reads over a part of the text at the beginning of a member or element,
// behind the comma in front of it, where it is written exactly so: see [Opening].
// The part enters so many objects and ends where a value belongs. Elsewhere Begins
// reads nothing.
func (s *Scanner) Begins(part string, enters int) bool {
	text, i := s.text, s.pos
	if !s.fresh {
		if i >= len(text) || text[i] != ',' {
			return false
		}
		i++
	}
	end := i + len(part)
	if end > len(text) || text[i:end] != part || s.err != nil || s.depth+enters > s.limit {
		return false
	}
	s.fresh = false
	s.depth += enters
	s.pos = end
	return true
}

// Opening returns the text with which a member of that name begins, in front of
// its value, and false for a name that is not spelled as it reads.
func Opening(name string) (text string, ok bool) {
	text = `"` + name + `":`
	if simpleEnd(text, 1) != len(text)-2 {
		return "", false
	}
	return text, true
}

// Tagged is Field and Enter in one, for members whose values say their type, as
// in "name":{"S":"text"}. It returns false where Field does, and an empty tag
// where Enter does.
func (s *Scanner) Tagged() (name, tag string, ok bool) {
	text, i := s.text, s.pos
	if i < len(text) && text[i] == ',' && !s.fresh {
		i++
	} else if !s.fresh {
		return s.tagged()
	}
	if i >= len(text) || text[i] != '"' || s.err != nil || s.depth >= s.limit {
		return s.tagged()
	}
	end := simpleEnd(text, i+1)
	if end < 0 || end+7 > len(text) || text[end+1:end+4] != `:{"` {
		return s.tagged()
	}
	behind := end + 5
	if text[behind] != '"' || !plainTag(text[end+4]) {
		if behind = simpleEnd(text, end+4); behind < 0 {
			return s.tagged()
		}
	}
	if behind+1 >= len(text) || text[behind+1] != ':' {
		return s.tagged()
	}
	s.fresh = false
	s.depth++
	s.pos = behind + 2
	return text[i+1 : end], text[end+4 : behind], true
}

// tagged is Tagged for a text that is written in another way.
func (s *Scanner) tagged() (name, tag string, ok bool) {
	if name, ok = s.Field(); !ok {
		return "", "", false
	}
	tag, _ = s.Enter()
	return name, tag, true
}

// plainTag tells the letters that are the whole of a member's name.
func plainTag(c byte) bool { return c-'A' < 26 }

// Leave leaves an object behind one of its members. It reports false where
// another member follows, or at an error.
func (s *Scanner) Leave() bool {
	if text, i := s.text, s.pos; i < len(text) && text[i] == '}' && !s.fresh && s.err == nil {
		s.depth--
		s.pos = i + 1
		return true
	}
	return !s.next('}') && s.err == nil
}

// LastText is Text and Leave in one: it reads a string, and leaves the object
// that it is the last member of. It reports false where another member follows,
// or at an error.
func (s *Scanner) LastText() (string, bool) {
	if text, i := s.text, s.pos; i < len(text) && text[i] == '"' && s.err == nil {
		if end := simpleEnd(text, i+1); end > 0 && end+1 < len(text) && text[end+1] == '}' {
			s.pos = end + 2
			s.depth--
			return text[i+1 : end], true
		}
	}
	read := s.Text()
	return read, s.Leave()
}

// Field moves to the next member of the object that was entered last and
// returns its name; the caller reads or skips the value before it calls Field
// again. It returns false behind the last member, and then the object is left.
func (s *Scanner) Field() (name string, ok bool) {
	// Most members follow a comma, and a space at most.
	text, i := s.text, s.pos
	if !s.fresh {
		if i >= len(text) || text[i] != ',' {
			return s.field()
		}
		if i++; i < len(text) && text[i] == ' ' {
			i++
		}
	}
	if i >= len(text) || text[i] != '"' || s.err != nil {
		return s.field()
	}
	end := simpleEnd(text, i+1)
	if end < 0 || end+1 >= len(text) || text[end+1] != ':' {
		return s.field()
	}
	s.fresh = false
	s.pos = end + 2
	return text[i+1 : end], true
}

// field is Field for a text that is written in another way.
func (s *Scanner) field() (name string, ok bool) {
	if !s.next('}') {
		return "", false
	}
	if s.pos >= len(s.text) || s.text[s.pos] != '"' {
		s.fail("a member's name is missing")
		return "", false
	}
	if name = s.Text(); s.err != nil {
		return "", false
	}
	if i := s.colon(s.pos); i > 0 {
		s.pos = i
		return name, true
	}
	return "", false
}

// Element moves to the next element of the array that was entered last, which
// the caller reads or skips. It returns false behind the last one, and then
// the array is left.
func (s *Scanner) Element() bool { return s.next(']') }

// next moves to the member behind a comma, or behind the closing bracket.
func (s *Scanner) next(closing byte) bool {
	if s.err != nil {
		return false
	}
	text, i := s.text, space(s.text, s.pos)
	if i >= len(text) {
		s.failAt(i, "the text ends inside a value")
		return false
	}
	fresh := s.fresh
	s.fresh = false
	switch c := text[i]; {
	case c == closing:
		s.pos = i + 1
		s.depth--
		return false
	case fresh:
		s.pos = i
		return true
	case c == ',':
		if i = space(text, i+1); i < len(text) && text[i] == closing {
			s.failAt(i, "a comma before the closing bracket")
			return false
		}
		s.pos = i
		return true
	default:
		s.failAt(i, "a comma or a closing bracket is missing")
		return false
	}
}

// Text reads a string and returns what it stands for: a part of the scanned
// text where it holds no escapes.
func (s *Scanner) Text() string {
	if (s.pos >= len(s.text) || s.text[s.pos] != '"' || s.err != nil) && !s.expect(String) {
		return ""
	}
	start := s.pos
	if end := simpleEnd(s.text, start+1); end > 0 {
		s.pos = end + 1
		return s.text[start+1 : end]
	}
	end, seen := plainEnd(s.text, start+1)
	if end < len(s.text) {
		switch s.text[end] {
		case '"':
			if seen&high == 0 {
				s.pos = end + 1
				return s.text[start+1 : end]
			}
		case '\\':
			if read, behind, ok := unescaped(s.text, start+1, end, seen); ok {
				s.pos = behind
				return read
			}
		}
	}
	return s.slowText(start)
}

// slowText is Text for a string that is not plain ASCII, or wrong.
func (s *Scanner) slowText(start int) string {
	end, found := stringEnd(s.text, start)
	if end < 0 {
		s.badString(start)
		return ""
	}
	s.pos = end
	body := s.text[start+1 : end-1]
	if !s.checkEncoding(start, body, found) {
		return ""
	}
	if found&escaped != 0 { // nothing else is wrong with it
		s.failAt(start, halfPairReason)
		return ""
	}
	return body
}

const halfPairReason = "a string with half a surrogate pair"

// checkEncoding reports whether the inside of a string is UTF-8.
func (s *Scanner) checkEncoding(start int, body string, found lexeme) bool {
	if found&beyondASCII != 0 && !utf8.ValidString(body) {
		s.failAt(start, "a string that is not valid UTF-8")
		return false
	}
	return true
}

// Number reads a number and returns its text, unconverted.
func (s *Scanner) Number() string {
	if (s.pos >= len(s.text) || !isDigit(s.text[s.pos]) || s.err != nil) && !s.expect(Number) {
		return ""
	}
	start := s.pos
	end, ok := numberEnd(s.text, start)
	if !ok {
		s.badNumber(start, end)
		return ""
	}
	s.pos = end
	return s.text[start:end]
}

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	switch s.Kind() {
	case True:
		return s.literal("true")
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

func (s *Scanner) literal(word string) bool {
	i := literalEnd(s.text, s.pos, word)
	if i < 0 {
		s.fail("an unknown word")
		return false
	}
	s.pos = i
	return true
}

// expect reports whether the next value is of kind k, and fails where not.
func (s *Scanner) expect(k Kind) bool {
	have := s.Kind()
	if have == k {
		return true
	}
	if have == Invalid {
		s.unexpected(s.pos)
	} else {
		s.fail(fmt.Sprintf("%s where %s belongs", have, k))
	}
	return false
}

// colon returns the offset behind the colon after a name, or -1.
func (s *Scanner) colon(i int) int {
	if i < len(s.text) && s.text[i] == ':' {
		return i + 1
	}
	if i = space(s.text, i); i < len(s.text) && s.text[i] == ':' {
		return i + 1
	}
	return s.failAt(i, "a colon is missing")
}

func (s *Scanner) unexpected(i int) int {
	if i >= len(s.text) {
		return s.failAt(i, "the text ends where a value belongs")
	}
	return s.failAt(i, "no value starts here")
}

func (s *Scanner) tooDeep(i int) int {
	if s.err == nil {
		s.pos = i
		s.err = &SyntaxError{Offset: i, Reason: fmt.Sprintf("nested deeper than %d levels", s.limit), TooDeep: true}
	}
	return -1
}

func (s *Scanner) fail(reason string) { s.failAt(s.pos, reason) }

// failAt notes the first error, and returns -1.
func (s *Scanner) failAt(i int, reason string) int {
	if s.err == nil {
		s.pos = i
		s.err = &SyntaxError{Offset: i, Reason: reason}
	}
	return -1
}
