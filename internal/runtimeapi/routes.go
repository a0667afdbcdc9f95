package runtimeapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// MaxResponse is the size in bytes of the largest answer that AWS takes from a
// function: 6 MiB and 100 bytes. Lambda's error message of a larger one states
// the number, and so does its Runtime Interface Emulator (MaxPayloadSize).
const MaxResponse = 6<<20 + 100

const (
	headerRequestID       = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline        = "Lambda-Runtime-Deadline-Ms"
	headerFunctionARN     = "Lambda-Runtime-Invoked-Function-Arn"
	headerTrace           = "Lambda-Runtime-Trace-Id"
	headerClientContext   = "Lambda-Runtime-Client-Context"
	headerCognitoIdentity = "Lambda-Runtime-Cognito-Identity"
	headerTenantID        = "Lambda-Runtime-Aws-Tenant-Id"
	headerErrorType       = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody      = "Lambda-Runtime-Function-Error-Body"
)

func (r *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", r.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", r.answer)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", r.report)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", r.reportInit)
	mux.HandleFunc("POST /2020-01-01/extension/register", r.registerExtension)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", r.nextExtensionEvent)
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if !r.enter() {
			refuse(w, http.StatusServiceUnavailable, "Closed", ErrClosed.Error())
			return
		}
		defer r.handlers.Done()
		mux.ServeHTTP(w, request)
	})
}

// next is the long poll. An invocation that cannot be written, because its
// poller has left, goes to another one.
func (r *Server) next(w http.ResponseWriter, request *http.Request) {
	sandbox := sandboxOf(request)
	for {
		select {
		case <-request.Context().Done():
			return
		case <-r.closing:
			refuse(w, http.StatusServiceUnavailable, "Closed", ErrClosed.Error())
			return
		case <-sandbox.ended:
			refuse(w, http.StatusForbidden, "InvalidStateTransition", "the execution environment of this process has ended")
			return
		case inv := <-r.queue:
			if !r.deliver(inv, sandbox) {
				continue
			}
			if request.Context().Err() == nil && r.send(w, inv) == nil {
				return
			}
			select {
			case r.queue <- inv:
			case <-inv.done:
			case <-r.closing:
			}
			return
		}
	}
}

func (r *Server) send(w http.ResponseWriter, inv *invocation) error {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(inv.payload)))
	header.Set(headerRequestID, inv.id)
	header.Set(headerDeadline, strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	header.Set(headerFunctionARN, r.FunctionARN())
	header.Set(headerTrace, inv.trace)
	for name, value := range map[string]string{
		headerClientContext:   inv.clientContext,
		headerCognitoIdentity: inv.cognitoIdentity,
		headerTenantID:        inv.tenant,
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	if _, err := w.Write(inv.payload); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// answer takes the function's result. A failure while the function was still
// writing it is told in the trailer.
func (r *Server) answer(w http.ResponseWriter, request *http.Request) {
	r.receive(w, request, func(id string, body []byte) Response {
		errorType := request.Trailer.Get(headerErrorType)
		if errorType == "" {
			return Response{RequestID: id, Payload: body}
		}
		document, err := base64.StdEncoding.DecodeString(request.Trailer.Get(trailerErrorBody))
		if err != nil {
			document = nil // the type alone has to do
		}
		return reported(id, errorType, document)
	})
}

// report takes the error of an invocation.
func (r *Server) report(w http.ResponseWriter, request *http.Request) {
	r.receive(w, request, func(id string, body []byte) Response {
		return reported(id, request.Header.Get(headerErrorType), body)
	})
}

func (r *Server) receive(w http.ResponseWriter, request *http.Request, response func(id string, body []byte) Response) {
	inv := r.find(request.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	body, size, err := readBody(request)
	if err != nil {
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return
	}
	if size > MaxResponse {
		r.settle(inv, tooLarge(inv.id, size))
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxResponse))
		return
	}
	if !r.settle(inv, response(inv.id, body)) {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	accept(w)
}

// reportInit takes the error of a process that cannot start. It fails whatever
// waits for that process.
func (r *Server) reportInit(w http.ResponseWriter, request *http.Request) {
	body, _, err := readBody(request)
	if err != nil {
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return
	}
	errorType := request.Header.Get(headerErrorType)
	r.endSandbox(sandboxOf(request), func(id string) Response { return reported(id, errorType, body) })
	accept(w)
}

// readBody reads up to MaxResponse bytes, and drops but counts the rest: a
// client that is still sending does not read why it is refused.
func readBody(request *http.Request) (body []byte, size int64, err error) {
	if body, err = io.ReadAll(io.LimitReader(request.Body, MaxResponse)); err != nil {
		return nil, 0, err
	}
	rest, err := io.Copy(io.Discard, request.Body)
	return body, int64(len(body)) + rest, err
}

func sandboxOf(request *http.Request) *sandbox {
	return request.Context().Value(sandboxKey{}).(*sandbox)
}

func accept(w http.ResponseWriter) {
	respond(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	respond(w, status, map[string]string{"errorType": errorType, "errorMessage": message})
}

func respond(w http.ResponseWriter, status int, document map[string]string) {
	body, err := json.Marshal(document)
	if err != nil {
		status = http.StatusInternalServerError // strings always encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has left reads no answer
}
