package wire

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// JSON serves a service of the protocols AWS JSON 1.0 and 1.1.
type JSON struct {
	Service    string
	Operations Operations
	// QueryError is the code of the older query protocol for an error, and nil
	// where the service never had one.
	QueryError func(code string) string
}

// Target is the operation that a request of AWS JSON names.
func Target(r *http.Request) (service, operation string) {
	service, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return service, operation
}

func (j *JSON) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	input, err := io.ReadAll(r.Body)
	if err != nil {
		j.fail(w, r, Invalid("SerializationException", "%v", err))
		return
	}
	_, operation := Target(r)
	output, err := j.Operations.Call(r.Context(), j.Service, operation, input)
	if err != nil {
		j.fail(w, r, err)
		return
	}
	WriteJSON(w, contentType(r), http.StatusOK, output)
}

func (j *JSON) fail(w http.ResponseWriter, r *http.Request, err error) {
	answer := AsError(err)
	if j.QueryError != nil {
		w.Header().Set("X-Amzn-Query-Error", j.QueryError(answer.Code)+";Sender")
	}
	WriteJSON(w, contentType(r), answer.Status, map[string]string{"__type": answer.Code, "message": answer.Message})
}

// contentType is that of the request: the two versions of the protocol differ
// in nothing else that matters here.
func contentType(r *http.Request) string {
	if contentType := r.Header.Get("Content-Type"); contentType != "" {
		return contentType
	}
	return "application/x-amz-json-1.0"
}

// WriteJSON answers with v in one write of known length.
func WriteJSON(w http.ResponseWriter, contentType string, status int, v any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		status = http.StatusInternalServerError
		body.Reset()
		body.WriteString(`{"__type":"InternalFailure"}`)
	}
	Write(w, contentType, status, body.Bytes())
}

// Write answers in one write of known length.
func Write(w http.ResponseWriter, contentType string, status int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
