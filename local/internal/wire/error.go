package wire

import (
	"errors"
	"fmt"
	"net/http"
)

// Error is an answer that the SDKs turn into their typed errors.
type Error struct {
	Code    string // as the service's clients know it
	Message string
	Status  int // 400 where it is 0
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Invalid is an answer of status 400.
func Invalid(code, format string, arguments ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

// AsError is the answer for err: the one that it wraps, else an internal failure.
func AsError(err error) *Error {
	answer := &Error{}
	if errors.As(err, &answer) {
		if answer.Status == 0 {
			return &Error{Code: answer.Code, Message: answer.Message, Status: http.StatusBadRequest}
		}
		return answer
	}
	return &Error{Code: "InternalFailure", Message: err.Error(), Status: http.StatusInternalServerError}
}
