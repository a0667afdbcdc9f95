// Package externaltest stands in for the systems that follow the shop. It keeps their
// side of the contract of changes.External: the newest version of each aggregate, in
// memory.
package externaltest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/lambda-cqrs/cqrs"
)

// maxBody is the largest state that it takes, in bytes.
const maxBody = 1 << 20

// Document is what the systems have of an aggregate.
type Document struct {
	Version int64
	Deleted bool            // a tombstone
	Body    json.RawMessage // nil where it is deleted
}

// Server is the handler of
//
//	PUT, DELETE /<KIND>/<tenant>/<sk>?version=n
//
// It answers 204, and 409 to a PUT that is not newer than what it has and to a DELETE
// that is older. It is safe for parallel use.
type Server struct {
	mu   sync.Mutex
	have map[cqrs.Key]Document
}

// NewServer returns a server that has nothing yet.
func NewServer() *Server { return &Server{have: map[cqrs.Key]Document{}} }

// List returns what it has, with what is deleted.
func (s *Server) List() map[cqrs.Key]Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.have)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, ok := keyOf(r.URL)
	version, err := strconv.ParseInt(r.URL.Query().Get("version"), 10, 64)
	if !ok || err != nil || version < 1 {
		http.Error(w, "want /KIND/tenant/sk?version=n", http.StatusBadRequest)
		return
	}
	next := Document{Version: version}
	switch r.Method {
	case http.MethodPut:
		next.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil || !json.Valid(next.Body) {
			http.Error(w, "want JSON", http.StatusBadRequest)
			return
		}
	case http.MethodDelete:
		next.Deleted = true
	default:
		http.Error(w, "want PUT or DELETE", http.StatusMethodNotAllowed)
		return
	}
	if !s.take(key, next) {
		http.Error(w, "there is a newer version", http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) take(key cqrs.Key, next Document) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.have[key]
	if next.Version < have.Version || next.Version == have.Version && !next.Deleted {
		return false
	}
	s.have[key] = next
	return true
}

// keyOf reads the path as it was sent: a sort key may have slashes, which are escaped.
func keyOf(u *url.URL) (cqrs.Key, bool) {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if len(parts) != 3 {
		return cqrs.Key{}, false
	}
	for i := range parts {
		part, err := url.PathUnescape(parts[i])
		if err != nil || part == "" {
			return cqrs.Key{}, false
		}
		parts[i] = part
	}
	return cqrs.Key{PK: parts[0] + "#" + parts[1], SK: parts[2]}, true
}
