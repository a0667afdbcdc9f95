// Package s3 is Amazon S3 in memory: gofakes3, which keeps the objects, and the
// notifications of what happens to them.
package s3

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/eventbridge"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// Options are what a server needs.
type Options struct {
	wire.Owner
	Clock   clock.Clock
	Deliver wire.Deliver
	Buses   *eventbridge.Server
}

// Server serves the S3 API in path style. It is safe for parallel use.
type Server struct {
	options Options
	objects http.Handler

	// changes is held from a change to the number of its event, so that the
	// sequencers of a key are in the order of its changes.
	changes  sync.Mutex
	sequence uint64

	mu            sync.Mutex
	notifications map[string]configuration // by bucket
}

// New returns a server without buckets.
func New(options Options) *Server {
	source := timeSource{options.Clock}
	fake := gofakes3.New(s3mem.New(s3mem.WithTimeSource(source)), gofakes3.WithTimeSource(source), gofakes3.WithTimeSkewLimit(0))
	return &Server{options: options, objects: fake.Server(), notifications: make(map[string]configuration)}
}

// timeSource is the clock in gofakes3's form.
type timeSource struct{ clock clock.Clock }

// Now is the time of day in the zone whose name S3 writes.
func (t timeSource) Now() time.Time { return t.clock.Now().In(time.FixedZone("GMT", 0)) }

// Since is how long ago that was.
func (t timeSource) Since(at time.Time) time.Duration { return t.clock.Now().Sub(at) }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if unknown := unsupported(r); unknown != "" {
		message := "the local runtime does not support " + unknown
		fail(w, &wire.Error{Code: "NotImplemented", Message: message, Status: http.StatusNotImplemented})
		return
	}
	switch operation := Operation(r); operation {
	case "PutBucketNotificationConfiguration":
		s.putNotification(w, r)
	case "GetBucketNotificationConfiguration":
		s.getNotification(w, r)
	case "PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "DeleteObjects":
		s.change(operation, w, r)
	case "DeleteBucket":
		s.mu.Lock()
		delete(s.notifications, bucketOf(r))
		s.mu.Unlock()
		fallthrough
	default:
		s.objects.ServeHTTP(w, r)
	}
}

func fail(w http.ResponseWriter, err error) {
	answer := wire.AsError(err)
	body, encodeErr := xml.Marshal(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string   `xml:"Code"`
		Message string   `xml:"Message"`
	}{Code: answer.Code, Message: answer.Message})
	if encodeErr != nil {
		body = nil // strings always encode
	}
	wire.Write(w, "application/xml", answer.Status, body)
}

func bucketOf(r *http.Request) string {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket
}

func keyOf(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return key
}

// change lets a request change objects, and then tells of the changes.
func (s *Server) change(operation string, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, wire.Invalid("IncompleteBody", "%v", err))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	s.changes.Lock()
	targets := s.targets(operation, r, body)
	recorder := httptest.NewRecorder()
	s.objects.ServeHTTP(recorder, r)
	var events []event
	if recorder.Code/100 == 2 {
		events = s.events(operation, r, recorder, targets)
	}
	s.changes.Unlock()

	for _, e := range events {
		s.notify(r.Context(), bucketOf(r), e)
	}
	maps.Copy(w.Header(), recorder.Header())
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

// object is what a change is about. existed is false where there was none.
type object struct {
	key, version string
	existed      bool
}

// targets are the objects that a request is about, as they are before it.
func (s *Server) targets(operation string, r *http.Request, body []byte) []object {
	targets := []object{{key: keyOf(r), version: r.URL.Query().Get("versionId")}}
	if operation == "DeleteObjects" {
		var list struct {
			Objects []struct {
				Key       string `xml:"Key"`
				VersionID string `xml:"VersionId"`
			} `xml:"Object"`
		}
		if xml.Unmarshal(body, &list) != nil {
			return nil
		}
		targets = nil
		for _, o := range list.Objects {
			targets = append(targets, object{key: o.Key, version: o.VersionID})
		}
	}
	for i := range targets {
		targets[i].existed = s.head(bucketOf(r), targets[i]).Code == http.StatusOK
	}
	return targets
}

// head asks for an object as a client would.
func (s *Server) head(bucket string, o object) *httptest.ResponseRecorder {
	address := url.URL{Path: "/" + bucket + "/" + o.key}
	if o.version != "" {
		address.RawQuery = url.Values{"versionId": {o.version}}.Encode()
	}
	recorder := httptest.NewRecorder()
	request := &http.Request{Method: http.MethodHead, URL: &address, Header: make(http.Header), Body: http.NoBody, Host: "localhost"}
	s.objects.ServeHTTP(recorder, request)
	return recorder
}

// failedKeys are those that DeleteObjects could not delete.
func failedKeys(answer []byte) []string {
	var result struct {
		Errors []struct {
			Key string `xml:"Key"`
		} `xml:"Error"`
	}
	if xml.Unmarshal(answer, &result) != nil {
		return nil
	}
	keys := make([]string, len(result.Errors))
	for i, failure := range result.Errors {
		keys[i] = failure.Key
	}
	return slices.Compact(keys)
}
