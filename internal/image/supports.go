package image

import "reflect"

// Supports returns an error where a value of type t, or one that is part of it,
// has a decoding method of the SDK that cannot be called here. Whoever knows the
// type at start-up can say so there, and not at the first item. The error is an
// [*Error] whose path has [0] for the elements of a list and [*] for those of a
// map.
func Supports(t reflect.Type) error {
	return supports(planOf(t), map[*plan]bool{})
}

func supports(p *plan, seen map[*plan]bool) error {
	if p.op == opForeign {
		return failf("the Go type %s %w", p.typ, errForeign)
	}
	if seen[p] {
		return nil
	}
	seen[p] = true
	for i := range p.members {
		m := &p.members[i]
		if err := supports(m.plan, seen); err != nil {
			return within(m.name, err)
		}
	}
	if p.elem == nil {
		return nil
	}
	err := supports(p.elem, seen)
	switch {
	case err == nil, p.op == opPointer:
		return err
	case p.op == opMap:
		return under("[*]", err)
	default:
		return withinElement(0, err)
	}
}
