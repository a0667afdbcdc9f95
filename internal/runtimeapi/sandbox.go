package runtimeapi

// sandbox is one life of the function's process, from its start to its end.
// Whatever a process has taken fails when its sandbox ends, and a connection
// belongs to the sandbox in which it was accepted; so what a dead process still
// had on the wire takes no invocation away from its successor.
type sandbox struct {
	process *Process // nil where somebody else runs the function
	ended   chan struct{}
	failure func(requestID string) Response // written before ended is closed

	extended bool // an extension has registered; guarded by Server.mu
}

// sandboxKey is where the context of a connection has its sandbox.
type sandboxKey struct{}

func newSandbox(process *Process) *sandbox {
	return &sandbox{process: process, ended: make(chan struct{})}
}

func (s *sandbox) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (r *Server) currentSandbox() *sandbox {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sandbox
}

// enterSandbox makes s the one that invocations and connections belong to from
// now on.
func (r *Server) enterSandbox(s *sandbox) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	if r.sandbox.process != nil && !r.sandbox.process.hasExited() {
		return errProcessRuns
	}
	r.sandbox = s
	return nil
}

// endSandbox fails what is in flight in s, and every invocation that waits for
// it or comes before another sandbox is entered. Only the first end counts.
func (r *Server) endSandbox(s *sandbox, failure func(requestID string) Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.hasEnded() {
		return
	}
	s.failure = failure
	close(s.ended)
	for _, inv := range r.inFlight {
		if inv.sandbox == s {
			r.settleLocked(inv, failure(inv.id))
		}
	}
	if s.process == nil && r.sandbox == s {
		r.sandbox = newSandbox(nil) // whoever runs the function may start it again
	}
}
