// Package faults makes calls of real SDK clients fail where a test wants them to,
// by way of their middleware.
package faults

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// errLost is what a broken connection looks like.
var errLost = errors.New("connection reset by peer")

// Faults is what goes wrong with the next requests of a client, one after the
// other, and counts them all. It is safe for parallel use.
type Faults struct {
	mu    sync.Mutex
	next  []fault
	calls []string
}

type fault struct {
	err     error
	carried bool // the server has carried the request out
}

// LoseAnswer lets the server carry out the next request and loses what it says.
func (f *Faults) LoseAnswer() *Faults {
	return f.add(fault{&smithyhttp.RequestSendError{Err: errLost}, true})
}

// LoseRequest loses the next request on its way.
func (f *Faults) LoseRequest() *Faults {
	return f.add(fault{&smithyhttp.RequestSendError{Err: errLost}, false})
}

// Fail answers the next request, which the server does not get to see, with err
// and the HTTP status, by which the SDK retries some errors.
func (f *Faults) Fail(status int, err error) *Faults {
	response := &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: http.Header{}}}
	return f.add(fault{&smithyhttp.ResponseError{Response: response, Err: err}, false})
}

// Pass lets the next request through.
func (f *Faults) Pass() *Faults { return f.add(fault{}) }

func (f *Faults) add(next fault) *Faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = append(f.next, next)
	return f
}

// Take returns the operations that were requested since the last Take: one for each
// attempt of the SDK.
func (f *Faults) Take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// Install puts the faults into a client's stack, for aws.Config.APIOptions.
func (f *Faults) Install(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Faults", f.handle), middleware.Before)
}

func (f *Faults) handle(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	out middleware.DeserializeOutput, metadata middleware.Metadata, err error,
) {
	f.mu.Lock()
	f.calls = append(f.calls, middleware.GetOperationName(ctx))
	var now fault
	if len(f.next) > 0 {
		now, f.next = f.next[0], f.next[1:]
	}
	f.mu.Unlock()
	if now.err == nil || now.carried {
		out, metadata, err = next.HandleDeserialize(ctx, in)
	}
	if now.err != nil {
		return middleware.DeserializeOutput{}, metadata, now.err
	}
	return out, metadata, err
}
