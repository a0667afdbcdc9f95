package dynamodb

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// apiError is an answer that the SDK turns into a typed error.
type apiError struct {
	code    string
	message string
	item    item                 // of a failed condition, where it was asked for
	reasons []cancellationReason // of a cancelled transaction
	whole   bool                 // of one action, it is the answer to the whole transaction
}

// cancellationReason says what became of one action of a transaction.
type cancellationReason struct {
	Code    string `json:"Code"`
	Message string `json:"Message,omitzero"`
	Item    item   `json:"Item,omitzero"`
}

const (
	codeValidation       = "ValidationException"
	codeConditionFailed  = "ConditionalCheckFailedException"
	codeNotFound         = "ResourceNotFoundException"
	codeInUse            = "ResourceInUseException"
	codeLimit            = "LimitExceededException"
	codeCancelled        = "TransactionCanceledException"
	codeConflict         = "TransactionConflictException"
	codeInProgress       = "TransactionInProgressException"
	codeMismatch         = "IdempotentParameterMismatchException"
	codeExpiredIterator  = "ExpiredIteratorException"
	codeTrimmed          = "TrimmedDataAccessException"
	codeUnknownOperation = "UnknownOperationException"
	codeSerialization    = "SerializationException"
	codeInternal         = "InternalServerError"
)

func (e *apiError) Error() string { return e.code + ": " + e.message }

// invalid is a ValidationException: the request can never succeed.
func invalid(format string, arguments ...any) *apiError {
	return &apiError{code: codeValidation, message: fmt.Sprintf(format, arguments...)}
}

func invalidParameter(format string, arguments ...any) *apiError {
	return invalid("One or more parameter values were invalid: "+format, arguments...)
}

// emptyKey is an error about a key attribute without a value.
func emptyKey(what, rest string, arguments ...any) *apiError {
	return invalid("One or more parameter values are not valid. "+what+
		"The AttributeValue for a key attribute cannot contain an empty "+rest, arguments...).ofAll()
}

func notFound(format string, arguments ...any) *apiError {
	return &apiError{code: codeNotFound, message: fmt.Sprintf(format, arguments...), whole: true}
}

func conditionFailed(old item) *apiError {
	return &apiError{code: codeConditionFailed, message: "The conditional request failed", item: old}
}

func cancelled(reasons []cancellationReason) *apiError {
	codes := make([]string, len(reasons))
	for i, reason := range reasons {
		codes[i] = reason.Code
	}
	return &apiError{
		code: codeCancelled,
		message: "Transaction cancelled, please refer cancellation reasons for specific reasons [" +
			strings.Join(codes, ", ") + "]",
		reasons: reasons,
	}
}

// ofAll has a transaction fail as one, without reasons.
func (e *apiError) ofAll() *apiError {
	e.whole = true
	return e
}

// reason is what the error, of one action, adds to a transaction's reasons.
func (e *apiError) reason() cancellationReason {
	reason := cancellationReason{Code: "ValidationError", Message: e.message, Item: e.item}
	switch e.code {
	case codeConditionFailed:
		reason.Code = "ConditionalCheckFailed"
	case codeConflict:
		reason.Code = "TransactionConflict"
	}
	return reason
}

func asAPIError(err error) *apiError {
	if failure, ok := errors.AsType[*apiError](err); ok {
		return failure
	}
	return &apiError{code: codeInternal, message: err.Error(), whole: true}
}

// errorBody is an error on the wire. SDKs read the last part of the type.
type errorBody struct {
	Type    string               `json:"__type"`
	Message string               `json:"message"`
	Item    item                 `json:"Item,omitzero"`
	Reasons []cancellationReason `json:"CancellationReasons,omitempty"`
}

func (e *apiError) body() errorBody {
	namespace := "com.amazonaws.dynamodb.v20120810#"
	switch e.code {
	case codeValidation:
		namespace = "com.amazon.coral.validate#"
	case codeUnknownOperation, codeSerialization:
		namespace = "com.amazon.coral.service#"
	}
	return errorBody{Type: namespace + e.code, Message: e.message, Item: e.item, Reasons: e.reasons}
}

func (e *apiError) status() int {
	if e.code == codeInternal {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
