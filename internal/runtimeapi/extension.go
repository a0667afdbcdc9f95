package runtimeapi

import (
	"encoding/json"
	"net/http"
)

const (
	headerExtensionName       = "Lambda-Extension-Name"
	headerExtensionIdentifier = "Lambda-Extension-Identifier"
)

// registerExtension serves extensions of the function's own process that want
// no events: what lambda.WithEnableSIGTERM registers. From then on the process
// gets a SIGTERM before it is killed.
func (r *Server) registerExtension(w http.ResponseWriter, request *http.Request) {
	if request.Header.Get(headerExtensionName) == "" {
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name")
		return
	}
	var registration struct {
		Events []string `json:"events"`
	}
	if err := json.NewDecoder(request.Body).Decode(&registration); err != nil {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", err.Error())
		return
	}
	if len(registration.Events) > 0 {
		refuse(w, http.StatusForbidden, "Extension.InvalidEventType",
			"this Runtime API delivers no events to extensions; register for none")
		return
	}
	r.mu.Lock()
	sandboxOf(request).extended = true
	r.mu.Unlock()
	w.Header().Set(headerExtensionIdentifier, NewRequestID())
	respond(w, http.StatusOK, map[string]string{
		"functionName":    r.name,
		"functionVersion": functionVersion,
		"handler":         functionHandler,
	})
}

// nextExtensionEvent waits for an event that never comes.
func (r *Server) nextExtensionEvent(w http.ResponseWriter, request *http.Request) {
	if request.Header.Get(headerExtensionIdentifier) == "" {
		refuse(w, http.StatusForbidden, "Extension.MissingHeader", "Missing Lambda-Extension-Identifier header")
		return
	}
	select {
	case <-request.Context().Done():
	case <-r.closing:
		refuse(w, http.StatusServiceUnavailable, "Closed", ErrClosed.Error())
	}
}
