package runtimeapi

import (
	"context"
	"net/http"
	"time"
)

// SetGrace changes the time between SIGTERM and SIGKILL.
func (r *Server) SetGrace(grace time.Duration) { r.grace = grace }

// Next serves one poll on a connection of the present sandbox.
func (r *Server) Next(w http.ResponseWriter, request *http.Request) {
	r.next(w, request.WithContext(context.WithValue(request.Context(), sandboxKey{}, r.currentSandbox())))
}
