package cqrs

import "sync"

// scratch lends values of T to be decoded into, so that the one allocation of an
// event is the copy that its handlers get. It is safe for parallel use.
type scratch[T any] struct{ pool sync.Pool }

// event returns what decode has made of a zero T.
func (s *scratch[T]) event(decode func(*T) error) (Event, error) {
	value, ok := s.pool.Get().(*T)
	if !ok {
		value = new(T)
	}
	err := decode(value)
	var event Event
	if err == nil {
		event = *value
	}
	var none T
	*value = none // whatever it refers to is the event's alone
	s.pool.Put(value)
	return event, err
}
