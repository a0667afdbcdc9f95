package lambda

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// IsRequest reports whether a request is one of the API's, by the dates that its
// paths begin with.
func IsRequest(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/2015-03-31/") || strings.HasPrefix(r.URL.Path, "/2019-09-25/")
}

// Operation is the name of the operation that a request asks for, "" where it is
// not supported.
func Operation(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	kind := strings.Join(parts[1:], "/")
	if len(parts) > 2 {
		kind = parts[1] + "/*" + strings.Join(parts[3:], "/")
	}
	switch r.Method + " " + kind {
	case "POST functions":
		return "CreateFunction"
	case "GET functions":
		return "ListFunctions"
	case "GET functions/*":
		return "GetFunction"
	case "GET functions/*configuration":
		return "GetFunctionConfiguration"
	case "GET functions/*event-invoke-config":
		return "GetFunctionEventInvokeConfig"
	case "DELETE functions/*":
		return "DeleteFunction"
	case "POST functions/*invocations":
		return "Invoke"
	case "POST event-source-mappings":
		return "CreateEventSourceMapping"
	case "GET event-source-mappings":
		return "ListEventSourceMappings"
	case "GET event-source-mappings/*":
		return "GetEventSourceMapping"
	case "DELETE event-source-mappings/*":
		return "DeleteEventSourceMapping"
	default:
		return ""
	}
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := Operation(r)
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	name := ""
	if len(parts) > 2 {
		name = parts[2]
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, err)
		return
	}
	if operation == "Invoke" {
		s.serveInvoke(w, r, name, body)
		return
	}
	output, err := s.call(operation, name, body, r)
	if err != nil {
		fail(w, err)
		return
	}
	status := http.StatusOK
	switch operation {
	case "CreateFunction":
		status = http.StatusCreated
	case "CreateEventSourceMapping", "DeleteEventSourceMapping":
		status = http.StatusAccepted
	case "DeleteFunction":
		w.WriteHeader(http.StatusNoContent)
		return
	}
	wire.WriteJSON(w, "application/json", status, output)
}

func (s *Service) call(operation, name string, body []byte, r *http.Request) (any, error) {
	switch operation {
	case "CreateFunction":
		return s.createFunction(body)
	case "ListFunctions":
		return s.listFunctions(), nil
	case "GetFunction", "GetFunctionConfiguration", "GetFunctionEventInvokeConfig", "DeleteFunction":
		f, err := s.Find(name)
		if err != nil {
			return nil, err
		}
		switch operation {
		case "DeleteFunction":
			s.deleteFunction(f)
			return wire.None{}, nil
		case "GetFunctionEventInvokeConfig":
			return f.describeAsync(), nil
		case "GetFunction":
			return map[string]any{"Configuration": f.describe()}, nil
		}
		return f.describe(), nil
	case "CreateEventSourceMapping":
		return s.createMapping(body)
	case "ListEventSourceMappings":
		return s.listMappings(r.URL.Query().Get("EventSourceArn"), r.URL.Query().Get("FunctionName")), nil
	case "GetEventSourceMapping", "DeleteEventSourceMapping":
		m, err := s.findMapping(name)
		if err != nil {
			return nil, err
		}
		if operation == "DeleteEventSourceMapping" {
			s.deleteMapping(m)
			return m.describe("Deleting"), nil
		}
		return m.describe("Enabled"), nil
	default:
		return nil, wire.Invalid("UnsupportedOperation", "the local runtime does not support %s %s of lambda", r.Method, r.URL.Path)
	}
}

func fail(w http.ResponseWriter, err error) {
	answer := wire.AsError(err)
	w.Header().Set("X-Amzn-Errortype", answer.Code)
	wire.WriteJSON(w, "application/json", answer.Status, map[string]string{"Type": "User", "Message": answer.Message})
}

func (s *Service) serveInvoke(w http.ResponseWriter, r *http.Request, name string, payload []byte) {
	f, err := s.Find(name)
	if err != nil {
		fail(w, err)
		return
	}
	clientContext, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Client-Context"))
	if err != nil {
		fail(w, wire.Invalid("InvalidRequestContentException", "the client context is no base64: %v", err))
		return
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "Event":
		if err := f.InvokeAsync(payload); err != nil {
			fail(w, err)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	case "", "RequestResponse":
		result, err := f.Invoke(r.Context(), Invocation{Payload: payload, ClientContext: string(clientContext), Source: "API"})
		if err != nil {
			fail(w, err)
			return
		}
		if result.Error != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			if r.Header.Get("X-Amz-Log-Type") == "Tail" {
				w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(fmt.Appendln(nil, result.Error)))
			}
		}
		wire.Write(w, "application/json", http.StatusOK, result.Payload)
	default:
		fail(w, badParameter("unknown invocation type %q", kind))
	}
}
