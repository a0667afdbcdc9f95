package runtimeapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// functions are the functions that run in a process of their own, on
// aws-lambda-go's real loop.
func functions() map[string]func() {
	return map[string]func(){
		"echo":    func() { lambda.Start(raw(echo)) },
		"fail":    func() { lambda.Start(raw(fail)) },
		"large":   func() { lambda.Start(raw(large)) },
		"keep":    func() { lambda.Start(keepPayload()) },
		"context": func() { lambda.Start(describeContext) },
		"block":   func() { lambda.Start(raw(block)) },
		"meet":    func() { lambda.Start(meet()) },
		"stream":  func() { lambda.Start(stream) },
		"exit":    func() {},
		"sigterm": func() { lambda.StartWithOptions(raw(echo), lambda.WithEnableSIGTERM(leave)) },
		"stubborn": func() {
			lambda.StartWithOptions(raw(echo), lambda.WithEnableSIGTERM(func() { slog.Info("got SIGTERM") }))
		},
	}
}

// raw is a lambda.Handler: it gets the payload itself.
type raw func(ctx context.Context, payload []byte) ([]byte, error)

func (f raw) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }

func echo(_ context.Context, payload []byte) ([]byte, error) {
	return bytes.Clone(payload), nil
}

type orderError struct{ order string }

func (e *orderError) Error() string { return "no order " + e.order }

func fail(_ context.Context, payload []byte) ([]byte, error) {
	switch string(payload) {
	case "plain":
		return nil, errors.New("it broke")
	case "typed":
		return nil, &orderError{order: "7"}
	case "chosen":
		return nil, messages.InvokeResponse_Error{Type: "Orders.Unknown", Message: "no order 7"}
	case "panic":
		panic("at the disco")
	default:
		os.Exit(3)
		return nil, nil
	}
}

func large(_ context.Context, payload []byte) ([]byte, error) {
	surplus := 0
	if string(payload) == "over" {
		surplus = 1
	}
	return bytes.Repeat([]byte{'a'}, runtimeapi.MaxResponse+surplus), nil
}

// keepPayload answers whether the previous payload is still what it was.
func keepPayload() raw {
	var kept []byte
	var text string
	return func(_ context.Context, payload []byte) ([]byte, error) {
		answer := "intact"
		if string(kept) != text {
			answer = "overwritten"
		}
		kept, text = payload, string(payload)
		return []byte(answer), nil
	}
}

type description struct {
	RequestID, ARN, Tenant, Trace, Application, Identity string
	Function, Version                                    string
	Deadline                                             int64
}

func describeContext(ctx context.Context) (description, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	trace, _ := ctx.Value("x-amzn-trace-id").(string)
	return description{
		RequestID:   lc.AwsRequestID,
		ARN:         lc.InvokedFunctionArn,
		Tenant:      lc.TenantID,
		Trace:       trace,
		Application: lc.ClientContext.Client.AppTitle,
		Identity:    lc.Identity.CognitoIdentityID,
		Function:    lambdacontext.FunctionName,
		Version:     lambdacontext.FunctionVersion,
		Deadline:    deadline.UnixMilli(),
	}, nil
}

// block ignores its deadline.
func block(ctx context.Context, payload []byte) ([]byte, error) {
	if string(payload) == "block" {
		select {}
	}
	return echo(ctx, payload)
}

// meet answers when as many invocations run as the environment allows for.
func meet() raw {
	var everybody sync.WaitGroup
	everybody.Add(lambdacontext.MaxConcurrency())
	return func(_ context.Context, payload []byte) ([]byte, error) {
		everybody.Done()
		everybody.Wait()
		return bytes.Clone(payload), nil
	}
}

// stream fails when part of its answer is on the wire.
func stream(context.Context) (io.Reader, error) {
	return io.MultiReader(strings.NewReader("half an ans"), broken{}), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, &orderError{order: "8"} }

func leave() {
	slog.Info("leaving")
	os.Exit(0)
}
