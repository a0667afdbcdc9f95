package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// InvokeAsync accepts an event. The function gets it at once and, where it
// fails, again after one minute and after two more, always under the same
// request id; an invocation that is throttled waits without counting. What has
// failed for good goes to the destination, if there is one. See
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func (f *Function) InvokeAsync(payload []byte) error {
	if len(payload) > maxAsyncPayload {
		return &wire.Error{Code: "RequestTooLargeException", Message: "the event is larger than 1 MiB", Status: 413}
	}
	in := Invocation{ID: runtimeapi.NewRequestID(), Payload: payload, Source: sourceOf(payload)}
	f.service.options.Tasks.Go(func(ctx context.Context) { f.runAsync(ctx, in) })
	return nil
}

// sourceOf is what an event says of its source, in words.
func sourceOf(payload []byte) string {
	var event struct {
		Records []struct {
			EventSource string `json:"eventSource"` // in any case: SNS writes it with a capital
		} `json:"Records"`
		DetailType string `json:"detail-type"`
	}
	switch err := json.Unmarshal(payload, &event); {
	case err == nil && len(event.Records) > 0:
		return event.Records[0].EventSource
	case err == nil && event.DetailType != "":
		return "aws:events"
	default:
		return "asynchronous"
	}
}

func (f *Function) runAsync(ctx context.Context, in Invocation) {
	c := f.service.options.Clock
	var result Result
	for attempt := 1; attempt <= f.config.AsyncTries; attempt++ {
		if attempt > 1 && clock.Sleep(ctx, c, time.Duration(attempt-1)*time.Minute) != nil {
			return
		}
		var err error
		for {
			var answer *wire.Error
			result, err = f.Invoke(ctx, in)
			if !errors.As(err, &answer) || answer.Code != "TooManyRequestsException" {
				break
			}
			if clock.Sleep(ctx, c, time.Second) != nil {
				return
			}
		}
		if err != nil || result.Error == nil {
			return
		}
	}
	f.fail(ctx, in, result)
}

// requestContext is the part that all records of failed invocations share.
type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	Attempts    int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

// fail sends the record of an invocation that has failed for good. See
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
func (f *Function) fail(ctx context.Context, in Invocation, result Result) {
	if f.config.OnFailure == "" {
		return
	}
	f.service.toDestination(ctx, f.config.OnFailure, map[string]any{
		"version":   "1.0",
		"timestamp": f.service.timestamp(),
		"requestContext": requestContext{
			RequestID: in.ID, FunctionARN: f.arn + ":$LATEST", Condition: "RetriesExhausted", Attempts: f.config.AsyncTries,
		},
		"requestPayload":  json.RawMessage(in.Payload),
		"responseContext": responseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"},
		"responsePayload": payloadOf(result),
	})
}

func payloadOf(result Result) json.RawMessage {
	if !json.Valid(result.Payload) {
		return json.RawMessage("null")
	}
	return result.Payload
}

func (s *Service) timestamp() string {
	return s.options.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z")
}

// toDestination delivers a record. One that cannot be delivered is dropped, as
// on AWS, where DestinationDeliveryFailures counts it.
func (s *Service) toDestination(ctx context.Context, target string, record any) {
	document, err := json.Marshal(record)
	if err != nil {
		return // an event that is not JSON cannot have been accepted
	}
	_ = s.options.Deliver(ctx, target, wire.Message{Body: string(document)}) // as above
}
