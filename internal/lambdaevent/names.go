package lambdaevent

import "slices"

// names are the names that an object has had so far. The zero value has none.
type names struct {
	filter uint64 // a bit for each name's hash: most names are new
	count  int
	few    [16]string
	many   map[string]struct{} // the names that few has no room for
}

// again adds a name and reports whether it was there. Its cost is linear over an
// object of any size.
func (n *names) again(name string) bool {
	bit := uint64(1) << (hash(name) & 63)
	if n.filter&bit != 0 && n.has(name) {
		return true
	}
	n.filter |= bit
	if n.count < len(n.few) {
		n.few[n.count] = name
	} else {
		if n.many == nil {
			n.many = map[string]struct{}{}
		}
		n.many[name] = struct{}{}
	}
	n.count++
	return false
}

func (n *names) has(name string) bool {
	if slices.Contains(n.list(), name) {
		return true
	}
	_, seen := n.many[name]
	return seen
}

// list returns the first names.
func (n *names) list() []string { return n.few[:min(n.count, len(n.few))] }

// hash need only tell apart the names that AWS puts into one object.
func hash(name string) int {
	if name == "" {
		return 0
	}
	return 7*len(name) + 5*int(name[0]) + 3*int(name[len(name)/2]) + int(name[len(name)-1])
}
