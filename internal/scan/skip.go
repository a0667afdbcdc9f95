package scan

// Value reads any value and returns its text, checked but not interpreted.
func (s *Scanner) Value() string {
	if s.err != nil {
		return ""
	}
	start := space(s.text, s.pos)
	if s.Skip(); s.err != nil {
		return ""
	}
	return s.text[start:s.pos]
}

// Skip reads any value, as strictly as if it were wanted, but for the
// encoding of its strings and for duplicate names.
func (s *Scanner) Skip() {
	if s.err != nil {
		return
	}
	if i := s.skip(s.pos); i >= 0 {
		s.pos = i
	}
}

// skip returns the offset behind the value that starts at i or behind white
// space, or -1.
func (s *Scanner) skip(i int) int {
	text := s.text
	if i = space(text, i); i >= len(text) {
		return s.unexpected(i)
	}
	switch c := text[i]; c {
	case '"':
		end, _ := stringEnd(text, i)
		if end < 0 {
			return s.badString(i)
		}
		return end
	case '{':
		return s.skipObject(i + 1)
	case '[':
		return s.skipArray(i + 1)
	case 't':
		return s.skipLiteral(i, "true")
	case 'f':
		return s.skipLiteral(i, "false")
	case 'n':
		return s.skipLiteral(i, "null")
	default:
		if c != '-' && !isDigit(c) {
			return s.unexpected(i)
		}
		end, ok := numberEnd(text, i)
		if !ok {
			return s.badNumber(i, end)
		}
		return end
	}
}

func (s *Scanner) skipLiteral(i int, word string) int {
	end := literalEnd(s.text, i, word)
	if end < 0 {
		return s.failAt(i, "an unknown word")
	}
	return end
}

// skipObject reads an object from behind its bracket.
func (s *Scanner) skipObject(i int) int {
	if s.depth++; s.depth > s.limit {
		return s.tooDeep(i)
	}
	text := s.text
	if i = space(text, i); i < len(text) && text[i] == '}' {
		s.depth--
		return i + 1
	}
	for {
		if i >= len(text) {
			return s.failAt(i, "the text ends inside a value")
		}
		if text[i] != '"' {
			return s.failAt(i, "a member's name is missing")
		}
		end, _ := stringEnd(text, i)
		if end < 0 {
			return s.badString(i)
		}
		if i = s.colon(end); i < 0 {
			return i
		}
		if i = s.skip(i); i < 0 {
			return i
		}
		var more bool
		if i, more = s.more(i, '}'); !more {
			return i
		}
		if i >= len(text) {
			return s.failAt(i, "a member's name is missing")
		}
	}
}

// skipArray reads an array from behind its bracket.
func (s *Scanner) skipArray(i int) int {
	if s.depth++; s.depth > s.limit {
		return s.tooDeep(i)
	}
	text := s.text
	if i = space(text, i); i < len(text) && text[i] == ']' {
		s.depth--
		return i + 1
	}
	if i >= len(text) {
		return s.failAt(i, "the text ends inside a value")
	}
	for {
		if i = s.skip(i); i < 0 {
			return i
		}
		var more bool
		if i, more = s.more(i, ']'); !more {
			return i
		}
	}
}

// more returns the offset of what follows the comma at i. It reports false
// where the closing bracket stands there instead, which it leaves behind, or
// neither.
func (s *Scanner) more(i int, closing byte) (int, bool) {
	text := s.text
	if i < len(text) && text[i] <= ' ' {
		i = space(text, i)
	}
	if i >= len(text) {
		return s.failAt(i, "the text ends inside a value"), false
	}
	switch text[i] {
	case closing:
		s.depth--
		return i + 1, false
	case ',':
		if i = space(text, i+1); i < len(text) && text[i] == closing {
			return s.failAt(i, "a comma before the closing bracket"), false
		}
		return i, true
	default:
		return s.failAt(i, "a comma or a closing bracket is missing"), false
	}
}

// Discard reads any value as if every part of it were wanted: its strings must
// be UTF-8 without lone surrogates, and no object may have two members of one
// name.
func (s *Scanner) Discard() {
	switch s.Kind() {
	case Object:
		s.discardObject()
	case Array:
		s.Array()
		for s.Element() {
			s.Discard()
		}
	case String:
		s.discardText()
	default:
		s.Skip()
	}
}

func (s *Scanner) discardObject() {
	s.Object()
	var seen Names
	for {
		at := s.pos
		name, ok := s.Field()
		if !ok {
			return
		}
		if !seen.Add(name) {
			s.failAt(at, "a duplicate name")
			return
		}
		s.Discard()
	}
}

// discardText is Text without its allocation for a string with escapes.
func (s *Scanner) discardText() {
	start := s.pos
	end, found := stringEnd(s.text, start)
	if end < 0 {
		s.badString(start)
		return
	}
	s.pos = end
	body := s.text[start+1 : end-1]
	if found&escaped != 0 && halfPair(body) {
		s.failAt(start, halfPairReason)
		return
	}
	s.checkEncoding(start, body, found)
}
