package field

// Set is a set of fields by their numbers. The zero value is empty; it
// allocates nothing for a struct of up to 128 fields.
type Set struct {
	low  [2]uint64
	high map[int]struct{}
}

// Has reports whether the field is in the set.
func (s *Set) Has(i int) bool {
	if i < 128 {
		return s.low[i/64]>>(i%64)&1 != 0
	}
	_, ok := s.high[i]
	return ok
}

// Add reports whether the field is new to the set.
func (s *Set) Add(i int) bool {
	if i >= 128 {
		return s.addHigh(i)
	}
	word, bit := &s.low[i/64], uint64(1)<<(i%64)
	isNew := *word&bit == 0
	*word |= bit
	return isNew
}

func (s *Set) addHigh(i int) bool {
	if s.Has(i) {
		return false
	}
	if s.high == nil {
		s.high = map[int]struct{}{}
	}
	s.high[i] = struct{}{}
	return true
}
