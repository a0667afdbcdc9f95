// Package externaltest is a system outside of the shop, for tests and for a day of
// the example: it keeps the newest version of each thing it is told of.
package externaltest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
)

// Thing is what the system knows of one thing.
type Thing struct {
	Version int64
	Gone    bool
	Value   json.RawMessage
}

// Server is the system. It is safe for parallel use.
type Server struct {
	mu     sync.Mutex
	things map[string]Thing // by <kind>/<tenant>/<key>
}

// NewServer returns a system that knows nothing.
func NewServer() *Server { return &Server{things: map[string]Thing{}} }

// ServeHTTP takes a version, unless a newer one is known.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version, err := strconv.ParseInt(r.URL.Query().Get("version"), 10, 64)
	if err != nil || r.Method != http.MethodPut && r.Method != http.MethodDelete {
		http.Error(w, "PUT or DELETE, with a version", http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.things[r.URL.Path].Version > version {
		http.Error(w, "a newer version is known", http.StatusConflict)
		return
	}
	s.things[r.URL.Path] = Thing{version, r.Method == http.MethodDelete, body}
}

// Things are all that the system knows, by their path: /<kind>/<tenant>/<key>.
func (s *Server) Things() map[string]Thing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.things)
}
