package image

// slabSize is the number of texts that are allocated together.
const slabSize = 64

// Slab holds the string sets of several items, which are then not allocated one
// by one. Who keeps one of them keeps the slab, and with it the texts of the other
// items: use one for items of the same payload, whose texts are kept anyway. The
// zero value is empty; a nil Slab allocates each set by itself. It is not safe for
// parallel use.
type Slab struct{ free []string }

// clone returns a copy that shares no element with any other.
func (s *Slab) clone(texts []string) []string {
	n := len(texts)
	if s == nil || n == 0 || n > slabSize/4 {
		return append(make([]string, 0, n), texts...)
	}
	if n > len(s.free) {
		s.free = make([]string, slabSize)
	}
	own := s.free[:n:n]
	s.free = s.free[n:]
	copy(own, texts)
	return own
}
