package fault

import (
	"net/http"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// fail answers in the words and the protocol of the service.
func fail(service string, effect Effect, w http.ResponseWriter, r *http.Request) {
	failure := &wire.Error{Code: "InternalServerError", Message: "injected", Status: http.StatusInternalServerError}
	if effect == Throttle {
		failure = throttling(service)
	}
	switch {
	case service == "s3":
		wire.Write(w, "application/xml", failure.Status,
			[]byte("<Error><Code>"+failure.Code+"</Code><Message>"+failure.Message+"</Message></Error>"))
	case service == "sns":
		wire.Write(w, "text/xml", failure.Status,
			[]byte("<ErrorResponse><Error><Code>"+failure.Code+"</Code><Message>"+failure.Message+"</Message></Error></ErrorResponse>"))
	case service == "lambda":
		w.Header().Set("X-Amzn-Errortype", failure.Code)
		wire.WriteJSON(w, "application/json", failure.Status, map[string]string{"message": failure.Message})
	default:
		if service == "sqs" {
			w.Header().Set("X-Amzn-Query-Error", failure.Code+";Sender")
		}
		wire.WriteJSON(w, r.Header.Get("Content-Type"), failure.Status,
			map[string]string{"__type": failure.Code, "message": failure.Message})
	}
}

func throttling(service string) *wire.Error {
	failure := &wire.Error{Message: "Rate exceeded", Status: http.StatusBadRequest}
	switch service {
	case "dynamodb":
		failure.Code = "ProvisionedThroughputExceededException"
	case "streams.dynamodb":
		failure.Code = "LimitExceededException"
	case "sqs":
		failure.Code = "RequestThrottled"
	case "sns":
		failure.Code = "Throttled"
		failure.Status = http.StatusTooManyRequests
	case "lambda":
		failure.Code = "TooManyRequestsException"
		failure.Status = http.StatusTooManyRequests
	case "s3":
		failure.Code = "SlowDown"
		failure.Status = http.StatusServiceUnavailable
	default:
		failure.Code = "ThrottlingException"
	}
	return failure
}
