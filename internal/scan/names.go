package scan

import "slices"

// Names finds duplicates among the names of one object. The zero value is
// empty; up to its size it allocates nothing.
type Names struct {
	few  [16]string
	n    int
	more map[string]struct{}
}

// Add reports whether the name is new.
func (s *Names) Add(name string) bool {
	if slices.Contains(s.few[:s.n], name) {
		return false
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	if _, known := s.more[name]; known {
		return false
	}
	if s.more == nil {
		s.more = map[string]struct{}{}
	}
	s.more[name] = struct{}{}
	return true
}
