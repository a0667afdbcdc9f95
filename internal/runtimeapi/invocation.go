package runtimeapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// InvokeOption adds to one invocation what AWS's callers may add.
type InvokeOption func(*invocation)

// TraceHeader is the X-Ray trace header. The default is a new, unsampled trace.
func TraceHeader(header string) InvokeOption {
	return func(inv *invocation) { inv.trace = header }
}

// ClientContext is the JSON document about the calling application.
func ClientContext(document string) InvokeOption {
	return func(inv *invocation) { inv.clientContext = document }
}

// CognitoIdentity is the JSON document about the calling Amazon Cognito
// identity.
func CognitoIdentity(document string) InvokeOption {
	return func(inv *invocation) { inv.cognitoIdentity = document }
}

// TenantID names the tenant of a function in tenant isolation mode.
func TenantID(id string) InvokeOption {
	return func(inv *invocation) { inv.tenant = id }
}

// invocation is one payload on its way to a poller, and its answer on the way
// back.
type invocation struct {
	id              string
	payload         []byte
	trace           string
	clientContext   string
	cognitoIdentity string
	tenant          string

	// Guarded by Server.mu from the first delivery on.
	deadline  time.Time     // the caller's; zero until the delivery where it has none
	allowance time.Duration // from the delivery to the deadline
	timer     *time.Timer   // expires the invocation
	sandbox   *sandbox
	settled   bool

	response Response // written before done is closed
	done     chan struct{}
}

// Invoke hands a copy of the payload to the next free poller and waits for the
// answer. The function's deadline is that of ctx, or else the function timeout
// from the moment of delivery.
//
// What becomes of the invocation is told by the Response, in AWS's words: the
// error that the function reports, Sandbox.Timedout,
// Function.ResponseSizeTooLarge, or Runtime.ExitError where its process ends or
// has ended. At the deadline a process that takes one invocation at a time is
// killed, as AWS does; one that takes more goes on.
//
// An error is returned only where there is nothing to tell: nobody polled
// before the deadline, ctx was cancelled, or the Server was closed. A
// function goes on with an invocation whose caller has left.
func (r *Server) Invoke(ctx context.Context, payload []byte, opts ...InvokeOption) (Response, error) {
	inv := &invocation{
		id:      NewRequestID(),
		payload: bytes.Clone(payload),
		trace:   newTraceHeader(time.Now()),
		done:    make(chan struct{}),
	}
	inv.deadline, _ = ctx.Deadline()
	for _, opt := range opts {
		opt(inv)
	}
	if err := r.enqueue(ctx, inv); err != nil {
		return Response{}, err
	}
	select {
	case <-inv.done:
	case <-r.closing:
		return Response{}, ErrClosed
	case <-ctx.Done():
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return Response{}, fmt.Errorf("runtime API: invocation %s goes on without its caller: %w", inv.id, context.Cause(ctx))
		}
		r.expire(inv)
		<-inv.done
	}
	return inv.response, nil
}

// enqueue returns when a poller has taken inv, or when the sandbox that it
// waited for has ended and inv with it.
func (r *Server) enqueue(ctx context.Context, inv *invocation) error {
	if r.isClosing() {
		return ErrClosed
	}
	patience := time.NewTimer(r.timeout)
	defer patience.Stop()
	if !inv.deadline.IsZero() {
		patience.Stop()
	}
	sandbox := r.currentSandbox()
	select {
	case r.queue <- inv:
		return nil
	case <-sandbox.ended:
		r.settle(inv, sandbox.failure(inv.id))
		return nil
	case <-r.closing:
		return ErrClosed
	case <-patience.C:
		return r.unpolled(context.DeadlineExceeded)
	case <-ctx.Done():
		return r.unpolled(context.Cause(ctx))
	}
}

func (r *Server) unpolled(cause error) error {
	return fmt.Errorf("runtime API: function %q did not ask for its invocation; is its process running, with AWS_LAMBDA_RUNTIME_API=%s? %w",
		r.name, r.Address(), cause)
}

// deliver makes inv the business of sandbox s, and starts its clock. It declines
// an invocation that is settled already, or that s did not live to take.
func (r *Server) deliver(inv *invocation, s *sandbox) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if inv.settled || r.isClosing() {
		return false
	}
	inv.sandbox = s
	r.inFlight[inv.id] = inv
	if inv.timer == nil { // else a poller has left with it before
		now := time.Now()
		if inv.deadline.IsZero() {
			inv.deadline = now.Add(r.timeout)
		}
		inv.allowance = inv.deadline.Sub(now)
		inv.timer = time.AfterFunc(inv.allowance, func() { r.expire(inv) })
	}
	if s.hasEnded() {
		r.settleLocked(inv, s.failure(inv.id))
		return false
	}
	return true
}

// find returns the invocation in flight of that id, or nil.
func (r *Server) find(id string) *invocation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inFlight[id]
}

// settle ends the invocation, and reports whether it was the one to do so.
func (r *Server) settle(inv *invocation, response Response) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settleLocked(inv, response)
}

func (r *Server) settleLocked(inv *invocation, response Response) bool {
	if inv.settled {
		return false
	}
	inv.settled = true
	delete(r.inFlight, inv.id)
	if inv.timer != nil {
		inv.timer.Stop()
	}
	inv.response = response
	close(inv.done)
	return true
}

// expire ends an invocation whose deadline has come.
func (r *Server) expire(inv *invocation) {
	r.mu.Lock()
	expired := r.settleLocked(inv, timedOut(inv.id, inv.allowance))
	process := inv.sandbox.process
	r.mu.Unlock()
	if expired && process != nil && r.concurrency == 1 {
		process.kill()
	}
}

// NewRequestID returns a random UUID, which is what AWS uses as request ids.
func NewRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func newTraceHeader(now time.Time) string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", uint32(now.Unix()), b[:12], b[12:])
}
