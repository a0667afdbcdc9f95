// Package console is the page on which people watch the local AWS: what waits
// where, what runs, and how it ended. It shows no message and no item.
package console

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
	"github.com/lambda-cqrs/cqrs/local/internal/lambda"
	"github.com/lambda-cqrs/cqrs/local/internal/sqs"
	"github.com/lambda-cqrs/cqrs/local/internal/stepfunctions"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// Path is where the page is. No bucket can have that name.
const Path = "/_console/"

//go:embed page
var page embed.FS

// State is what the page shows.
type State struct {
	Now             time.Time                `json:"now"`
	Endpoint        string                   `json:"endpoint"`
	Region          string                   `json:"region"`
	Queues          []sqs.Overview           `json:"queues"`
	Tables          []dynamodb.Overview      `json:"tables"`
	Functions       []lambda.Overview        `json:"functions"`
	Executions      []stepfunctions.Overview `json:"executions"` // the latest
	ExecutionsTotal int                      `json:"executionsTotal"`
	Deliveries      []lambda.Delivery        `json:"deliveries"` // the latest
}

// Options are what the page needs.
type Options struct {
	State func() State
	// Redrive moves the messages of a dead-letter queue, given by its ARN, back to
	// where they are from.
	Redrive func(ctx context.Context, queue string) error
}

// New returns the handler of all that is below [Path]. Pages of other origins can
// change nothing.
func New(options Options) http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(fmt.Sprintf("console: %v", err)) // the directory is compiled in
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, http.StripPrefix(Path, http.FileServerFS(files)))
	mux.HandleFunc("GET "+Path+"state", func(w http.ResponseWriter, _ *http.Request) {
		wire.WriteJSON(w, "application/json", http.StatusOK, options.State())
	})
	mux.HandleFunc("POST "+Path+"redrive", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Queue string `json:"queue"`
		}
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&in)
		if err == nil {
			err = options.Redrive(r.Context(), in.Queue)
		}
		if err != nil {
			wire.WriteJSON(w, "application/json", http.StatusBadRequest, map[string]string{"error": wire.AsError(err).Message})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	protected := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		protected.ServeHTTP(w, r)
	})
}
