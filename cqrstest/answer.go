package cqrstest

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/lambda-cqrs/cqrs"
)

// Answer is how an invocation ended, as AWS takes it.
type Answer struct {
	// JSON is what the function answered, to the byte; nil where it failed.
	JSON []byte
	// Err is the error of the invocation.
	Err error
	// ErrorType is the name under which AWS, and with it a state machine, knows
	// the error; "" where there is none.
	ErrorType string
	// Failed are the identifiers of the SQS messages or stream records that the
	// answer reports: all of the batch where the invocation failed or where AWS
	// reads the answer as the failure of the batch. It is never nil.
	Failed []string
	// Ran is what the handlers did, in the order in which they began. It needs
	// Recorder.Middleware.
	Ran []Run
	// Records is what became of each record, in the order in which they ended. It
	// needs Recorder.Observer.
	Records []Record
}

// Decode reads what the function answered, such as the result of a task, into
// what v points to. The test ends where the invocation failed.
func (a Answer) Decode(t TB, v any) {
	t.Helper()
	if a.Err != nil {
		t.Fatalf("cqrstest: the invocation failed, so there is no answer to decode: %v", a.Err)
	}
	if err := json.Unmarshal(a.JSON, v); err != nil {
		t.Fatalf("cqrstest: decode the answer into %T: %v; it is %s", v, err, a.JSON)
	}
}

// newAnswer reads an answer as AWS does.
func newAnswer(p Payload, text []byte, err error) Answer {
	a := Answer{Err: err, Failed: []string{}}
	if err != nil {
		a.ErrorType = errorType(err)
	} else {
		a.JSON = text
	}
	if !p.reportsItems() {
		return a
	}
	ids := p.IDs()
	if err != nil {
		a.Failed = append(a.Failed, ids...)
		return a
	}
	failed, whole := itemFailures(text)
	for _, id := range failed {
		whole = whole || !slices.Contains(ids, id)
	}
	if whole {
		failed = ids
	}
	a.Failed = append(a.Failed, failed...)
	return a
}

func (p Payload) reportsItems() bool {
	return p.source == cqrs.SourceSQS || p.source == cqrs.SourceDynamoDB || p.source == cqrs.SourceKinesis
}

// itemFailures reads a partial batch response by AWS's rules: what is null,
// empty or has no such member is a success, and what is not JSON, or has an item
// without an identifier, is the failure of the whole batch.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func itemFailures(text []byte) (ids []string, whole bool) {
	if len(text) == 0 {
		return nil, false
	}
	var response struct {
		Items []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(text, &response); err != nil {
		return nil, true
	}
	for _, item := range response.Items {
		if item.ID == nil || *item.ID == "" {
			return nil, true
		}
		if !slices.Contains(ids, *item.ID) {
			ids = append(ids, *item.ID)
		}
	}
	return ids, false
}

// errorType is the name that aws-lambda-go gives an error.
func errorType(err error) string {
	if named, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // aws-lambda-go looks at the outermost alone
		return named.Type
	}
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
