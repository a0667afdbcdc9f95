package field

import "sync/atomic"

// Order remembers which field of a struct came behind which the last time. The
// items of a table have their attributes in the same order, and so have the
// messages of a sender. It is a guess, and safe for parallel use.
type Order struct{ behind []atomic.Uint32 } // at 0 the first field, at i+1 the one behind field i

// NewOrder expects n fields in the order of their declaration.
func NewOrder(n int) Order {
	o := Order{behind: make([]atomic.Uint32, n+1)}
	for i := range n {
		o.behind[i].Store(uint32(i)) // a struct has fewer fields than that
	}
	return o
}

// Behind returns the field that is likely behind field i, or the first one for an
// i of -1.
func (o *Order) Behind(i int) int { return int(o.behind[i+1].Load()) }

// Learn notes that field next came behind field i.
func (o *Order) Learn(i, next int) {
	if at := &o.behind[i+1]; at.Load() != uint32(next) { // others may look at it
		at.Store(uint32(next))
	}
}
