package runtimeapi

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// The error types that AWS itself reports for an invocation.
const (
	typeExit          = "Runtime.ExitError"
	typeTimedOut      = "Sandbox.Timedout"
	typeResponseLarge = "Function.ResponseSizeTooLarge"
)

// Response is how an invocation ended.
type Response struct {
	RequestID string
	// Payload is what the function sent: its answer or, as in AWS's Invoke, the
	// JSON document of its error.
	Payload []byte
	Error   *FunctionError // nil where the function succeeded
}

// FunctionError is the failure of an invocation, as the function reported it
// or as AWS words it where the function could not.
type FunctionError struct {
	Type       string
	Message    string
	StackTrace []StackFrame // of a panic; nil where the runtime sends another form
}

// StackFrame is one call of a stack trace, in the form of aws-lambda-go.
type StackFrame struct {
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Label string `json:"label"`
}

func (e *FunctionError) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Type + ": " + e.Message
}

// reported is the failure that a function described. The type in the header
// takes precedence over that of the document; a document that is not of the
// usual form is kept whole as the message.
func reported(requestID, headerType string, document []byte) Response {
	var fields struct {
		Type       string          `json:"errorType"`
		Message    string          `json:"errorMessage"`
		StackTrace json.RawMessage `json:"stackTrace"`
	}
	failure := &FunctionError{}
	if err := json.Unmarshal(document, &fields); err != nil {
		failure.Message = string(document)
	} else {
		failure.Type, failure.Message = fields.Type, fields.Message
		if err := json.Unmarshal(fields.StackTrace, &failure.StackTrace); err != nil {
			failure.StackTrace = nil
		}
	}
	if headerType != "" {
		failure.Type = headerType
	}
	return Response{RequestID: requestID, Payload: document, Error: failure}
}

// failed is a failure that AWS describes on the function's behalf.
func failed(requestID, errorType, message string) Response {
	document, err := json.Marshal(map[string]string{"errorType": errorType, "errorMessage": message})
	if err != nil {
		document = nil // strings always encode
	}
	return Response{
		RequestID: requestID,
		Payload:   document,
		Error:     &FunctionError{Type: errorType, Message: message},
	}
}

func exited(requestID string, state *os.ProcessState) Response {
	reason := "Runtime exited without providing a reason"
	if state == nil || !state.Success() {
		reason = "Runtime exited with error: " + state.String()
	}
	return failed(requestID, typeExit, fmt.Sprintf("RequestId: %s Error: %s", requestID, reason))
}

func timedOut(requestID string, after time.Duration) Response {
	return failed(requestID, typeTimedOut,
		fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, after.Seconds()))
}

func tooLarge(requestID string, size int64) Response {
	return failed(requestID, typeResponseLarge,
		fmt.Sprintf("Response payload size (%d bytes) exceeded maximum allowed payload size (%d bytes).", size, MaxResponse))
}
