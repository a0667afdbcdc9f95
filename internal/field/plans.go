package field

import (
	"reflect"
	"sync"
)

// Plans keeps what is made once of each Go type, as encoding/json keeps its
// decoders. It follows from the type alone, so to keep it only saves time; there is
// as much as the program has types. The zero Plans is ready, and safe for parallel
// use.
type Plans[P any] struct{ made sync.Map } // reflect.Type → *P

// Of returns the plan of a type. What is not there yet is made by fill, which asks
// the builder for the plans of all that the type is made of.
func (p *Plans[P]) Of(t reflect.Type, fill func(b Builder[P], plan *P, t reflect.Type)) *P {
	if made, ok := p.made.Load(t); ok {
		return made.(*P)
	}
	b := Builder[P]{made: &p.made, begun: map[reflect.Type]*P{}, fill: fill}
	plan := b.Plan(t)
	for t, plan := range b.begun {
		p.made.LoadOrStore(t, plan)
	}
	return plan
}

// Builder makes the plan of a type and of all that it is made of.
type Builder[P any] struct {
	made  *sync.Map
	begun map[reflect.Type]*P
	fill  func(b Builder[P], plan *P, t reflect.Type)
}

// Plan returns the plan of a type, which may not be filled yet: a type may be part
// of itself.
func (b Builder[P]) Plan(t reflect.Type) *P {
	if made, ok := b.made.Load(t); ok {
		return made.(*P)
	}
	if begun, ok := b.begun[t]; ok {
		return begun
	}
	plan := new(P)
	b.begun[t] = plan
	b.fill(b, plan, t)
	return plan
}
