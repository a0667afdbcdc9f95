package cqrs

import "iter"

// errand is work that may end the goroutine that it runs in (runtime.Goexit).
type errand interface {
	proceed()
	// lost is called where proceed did not return, by the same goroutine.
	lost()
}

// aside runs an errand, and returns whatever becomes of its goroutine.
//
// That is a coroutine, since to start a goroutine and to be woken by its end costs
// more than half of all else that is done for a small batch: each of the two wakes
// another thread. What a coroutine cannot bear is to end with its thread locked:
// who calls runtime.LockOSThread in it must undo that. Nor may it be ended by
// Goexit where the caller's own thread is locked.
func aside(e errand) {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		deepen(0)
		returned := false
		defer func() {
			if !returned {
				e.lost()
				yield(struct{}{}) // or else next would end its goroutine, too
			}
		}()
		e.proceed()
		returned = true
	})
	if _, exiting := next(); exiting {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			stop() // lets the coroutine end, and then ends this goroutine like that one
		}()
		<-ended
	}
}

// deepen makes room on the stack of a new goroutine at once, while there is next to
// nothing on it to be copied.
//
//go:noinline
func deepen(i int) byte {
	var room [7 << 10]byte
	return room[i]
}
