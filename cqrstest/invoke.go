package cqrstest

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Invoke hands the payload to the dispatcher, or to any other handler, and reads
// the answer as AWS does. As the real runtime, it gives the invocation a request
// id and a deadline, and afterwards overwrites the buffer that the payload was
// in: a handler that kept a part of it sees garbage.
func Invoke(t TB, h lambda.Handler, p Payload, opts ...InvokeOption) Answer {
	t.Helper()
	c := call{ctx: t.Context(), timeout: defaultTimeout}
	for _, opt := range opts {
		opt(&c)
	}
	return c.invoke(h, p)
}

// InvokeOption changes an invocation.
type InvokeOption func(*call)

// Timeout is the time that the function has; the default is 30 s.
func Timeout(d time.Duration) InvokeOption { return func(c *call) { c.timeout = d } }

// NoDeadline lets the function run for as long as it likes.
func NoDeadline() InvokeOption { return func(c *call) { c.timeout = noDeadline } }

// Context is what the context of the invocation is made of; the default is the
// test's own.
func Context(ctx context.Context) InvokeOption { return func(c *call) { c.ctx = ctx } }

const (
	defaultTimeout = 30 * time.Second
	noDeadline     = time.Duration(-1 << 63)
)

type call struct {
	ctx     context.Context //nolint:containedctx // it lives as long as the call
	timeout time.Duration
}

func (c call) invoke(h lambda.Handler, p Payload) Answer {
	ctx := c.ctx
	if c.timeout != noDeadline {
		limited, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		ctx = limited
	}
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID:       newID(),
		InvokedFunctionArn: newARN("lambda", "function:test"),
	})
	var journal journal
	ctx = context.WithValue(ctx, journalKey{}, &journal)
	buffer := p.JSON()
	text, err := h.Invoke(ctx, buffer)
	text = append([]byte(nil), text...) // it may be a part of the buffer
	for i := range buffer {
		buffer[i] = '#'
	}
	answer := newAnswer(p, text, err)
	answer.Ran, answer.Records = journal.allRuns(), journal.allRecords()
	return answer
}
