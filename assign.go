package cqrs

// via is a port that a middleware has chosen for its routes, in place of the one
// in Config. Its address tells the choices apart.
type via[P any] struct{ port P }

// assignedError is a failure that goes to a chosen port at the record's edge. The
// middleware cannot call the port itself: it may stand behind a Retry that tries
// again, or in a record of which another event fails as well.
type assignedError[P any] struct {
	error

	to *via[P]
}

// Unwrap returns the failure.
func (e *assignedError[P]) Unwrap() error { return e.error }

// assignment is what one port is told of a record.
type assignment[P any] struct {
	to       *via[P] // nil: nobody is to be told
	failures []deliveryFailure
}

// assign splits failures by the ports that are to be told of them. A failure
// that several middlewares have chosen a port for goes to each of them.
func assign[P any](failures []deliveryFailure, byDefault *via[P]) []assignment[P] {
	var all []assignment[P]
	add := func(to *via[P], f deliveryFailure) {
		for i := range all {
			if all[i].to == to {
				all[i].failures = append(all[i].failures, f)
				return
			}
		}
		all = append(all, assignment[P]{to: to, failures: []deliveryFailure{f}})
	}
	for _, f := range failures {
		chosen := false
		for e := f.err; e != nil; e = unwrapOne(e) {
			if assigned, ok := e.(*assignedError[P]); ok { //nolint:errorlint // one layer at a time
				chosen = true
				add(assigned.to, f)
			}
		}
		if !chosen {
			add(byDefault, f)
		}
	}
	return all
}
