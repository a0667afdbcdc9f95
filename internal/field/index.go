package field

import (
	"unicode"
	"unicode/utf8"
)

// Index finds fields by their names. It is immutable.
type Index struct {
	names  []string
	table  []uint16 // the number of a name, from 1 on, at its hash or behind it
	folded map[string]int
}

// NewIndex returns the index of the fields' names, which are distinct.
func NewIndex(names []string) Index {
	size := 8
	for size < 4*len(names) {
		size *= 2
	}
	x := Index{names: names, table: make([]uint16, size), folded: make(map[string]int, len(names))}
	for i, name := range names {
		at := x.slot(name)
		for x.table[at] != 0 {
			at = (at + 1) % size
		}
		x.table[at] = uint16(i + 1) // a struct has fewer fields than that
		fold := string(Fold(nil, name))
		if _, taken := x.folded[fold]; !taken {
			x.folded[fold] = i
		}
	}
	return x
}

// Name returns the name of a field.
func (x *Index) Name(i int) string { return x.names[i] }

// slot is where a name is looked for first. The table holds names of a
// program's fields alone, so nobody outside can make it slow.
func (x *Index) slot(name string) int {
	n := len(name)
	if n == 0 {
		return 0
	}
	return (7*n + 31*int(name[0]) + 5*int(name[n/2]) + int(name[n-1])) & (len(x.table) - 1)
}

// Find returns the number of the field that has this name, or else of the first
// one whose name differs in case alone, and whether it fits exactly.
func (x *Index) Find(name string) (i int, exact, ok bool) {
	for at := x.slot(name); x.table[at] != 0; at = (at + 1) & (len(x.table) - 1) {
		if i := int(x.table[at]) - 1; x.names[i] == name {
			return i, true, true
		}
	}
	var buffer [64]byte
	i, ok = x.folded[string(Fold(buffer[:0], name))]
	return i, false, ok
}

// Fold appends a form of name that is equal for names that strings.EqualFold
// takes for equal: every letter as the smallest one of its case orbit.
func Fold(b []byte, name string) []byte {
	for _, r := range name {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			b = append(b, byte(r))
			continue
		}
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				r = next
				break
			}
			r = next
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}
