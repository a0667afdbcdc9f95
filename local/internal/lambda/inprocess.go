package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// inProcess runs a handler in this process.
type inProcess struct {
	handler lambda.Handler
}

// InProcess runs the function's invocations in this process, as many at once as
// there are.
func InProcess(handler lambda.Handler) Runner { return inProcess{handler} }

// Kill has no process to end.
func (inProcess) Kill() {}

// Close has no process to end.
func (inProcess) Close() {}

// Run answers as aws-lambda-go's loop does, except that a panic ends only its
// invocation.
func (r inProcess) Run(ctx context.Context, arn string, in Invocation) (result Result) {
	defer func() {
		if value := recover(); value != nil {
			result = panicked(in.ID, value)
		}
	}()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: in.ID, InvokedFunctionArn: arn})
	answer, err := r.handler.Invoke(ctx, bytes.Clone(in.Payload))
	switch {
	case err != nil:
		return reported(in.ID, err)
	case len(answer) > maxPayload:
		return failed(in.ID, "Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size (%d bytes) exceeded maximum allowed payload size (%d bytes).", len(answer), maxPayload))
	default:
		return Result{RequestID: in.ID, Payload: bytes.Clone(answer)}
	}
}

// reported is the failure that a handler returned.
func reported(id string, err error) Result {
	var named messages.InvokeResponse_Error
	if !errors.As(err, &named) {
		named = messages.InvokeResponse_Error{Type: typeName(err), Message: err.Error()}
	}
	document, encodeErr := json.Marshal(named)
	if encodeErr != nil {
		return failed(id, named.Type, named.Message)
	}
	return Result{RequestID: id, Payload: document, Error: &runtimeapi.FunctionError{Type: named.Type, Message: named.Message}}
}

func panicked(id string, value any) Result {
	result := failed(id, typeName(value), fmt.Sprint(value))
	result.Error.StackTrace = []runtimeapi.StackFrame{{Label: string(debug.Stack())}}
	return result
}

func typeName(value any) string {
	t := reflect.TypeOf(value)
	if t.Kind() == reflect.Pointer {
		return t.Elem().Name()
	}
	return t.Name()
}

// failed is a failure in the words of AWS.
func failed(id, name, message string) Result {
	document, err := json.Marshal(map[string]string{"errorMessage": message, "errorType": name})
	if err != nil {
		document = nil // strings always encode
	}
	return Result{RequestID: id, Payload: document, Error: &runtimeapi.FunctionError{Type: name, Message: message}}
}
