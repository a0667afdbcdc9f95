package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/eventbridge"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// event is one change of one object.
type event struct {
	name      string // such as ObjectCreated:Put
	reason    string // the operation
	key       string
	version   string
	etag      string
	size      int64
	sequencer string
}

func (e *event) removed() bool { return strings.HasPrefix(e.name, "ObjectRemoved:") }

// events are what a change that succeeded has done. It is called while changes is
// held.
func (s *Server) events(operation string, r *http.Request, answer *httptest.ResponseRecorder, targets []object) []event {
	failed := failedKeys(answer.Body.Bytes())
	var events []event
	for _, target := range targets {
		e := event{reason: operation, key: target.key, version: answer.Header().Get("X-Amz-Version-Id")}
		switch operation {
		case "PutObject":
			e.name = "ObjectCreated:Put"
		case "CopyObject":
			e.name = "ObjectCreated:Copy"
		case "CompleteMultipartUpload":
			e.name = "ObjectCreated:CompleteMultipartUpload"
		default:
			if !target.existed || slices.Contains(failed, target.key) {
				continue
			}
			e.name, e.reason = "ObjectRemoved:Delete", "DeleteObject"
			if target.version == "" && s.versioned(bucketOf(r)) {
				e.name = "ObjectRemoved:DeleteMarkerCreated"
			}
			if e.version == "" {
				e.version = target.version
			}
		}
		if !e.removed() {
			head := s.head(bucketOf(r), target)
			e.etag = strings.Trim(head.Header().Get("ETag"), `"`)
			e.size, _ = strconv.ParseInt(head.Header().Get("Content-Length"), 10, 64)
		}
		s.sequence++
		e.sequencer = fmt.Sprintf("%018X", uint64(s.options.Clock.Now().Unix())<<16+s.sequence)
		events = append(events, e)
	}
	return events
}

func (s *Server) versioned(bucket string) bool {
	recorder := httptest.NewRecorder()
	s.objects.ServeHTTP(recorder, &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/" + bucket, RawQuery: "versioning"}, Header: make(http.Header), Body: http.NoBody,
	})
	return bytes.Contains(recorder.Body.Bytes(), []byte("<Status>Enabled</Status>"))
}

// notify tells the destinations of an event.
func (s *Server) notify(ctx context.Context, bucket string, e event) {
	s.mu.Lock()
	c := s.notifications[bucket]
	s.mu.Unlock()
	for _, d := range c.destinations() {
		if d.wants(e.name, e.key) {
			m := wire.Message{Body: s.record(bucket, d.ID, e), Subject: subject}
			_ = s.options.Deliver(ctx, d.arn(), m) // a destination that is gone hears nothing
		}
	}
	if c.EventBridge != nil {
		_, _ = s.options.Buses.Put(ctx, "default", s.busEvent(bucket, e)) // the default bus is always there
	}
}

// record is the event as queues, topics and functions get it. See
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func (s *Server) record(bucket, configurationID string, e event) string {
	changed := map[string]any{"key": escape(e.key), "sequencer": e.sequencer}
	if !e.removed() {
		changed["size"], changed["eTag"] = e.size, e.etag
	}
	if e.version != "" {
		changed["versionId"] = e.version
	}
	identity := map[string]string{"principalId": s.options.Account}
	return encode(map[string]any{"Records": []any{map[string]any{
		"eventVersion":      "2.1",
		"eventSource":       "aws:s3",
		"awsRegion":         s.options.Region,
		"eventTime":         s.now(),
		"eventName":         e.name,
		"userIdentity":      identity,
		"requestParameters": map[string]string{"sourceIPAddress": "127.0.0.1"},
		"responseElements":  map[string]string{"x-amz-request-id": runtimeapi.NewRequestID(), "x-amz-id-2": "local"},
		"s3": map[string]any{
			"s3SchemaVersion": "1.0",
			"configurationId": configurationID,
			"bucket":          map[string]any{"name": bucket, "ownerIdentity": identity, "arn": "arn:aws:s3:::" + bucket},
			"object":          changed,
		},
	}}})
}

// escape encodes a key as in a form, its slashes excepted.
func escape(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

// busEvent is the event as EventBridge gets it: the key as it is, the sequencer
// in lower case. See https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
func (s *Server) busEvent(bucket string, e event) eventbridge.Event {
	changed := map[string]any{"key": e.key, "sequencer": strings.ToLower(e.sequencer)}
	if e.version != "" {
		changed["version-id"] = e.version
	}
	detail := map[string]any{
		"version": "0", "bucket": map[string]string{"name": bucket}, "object": changed, "request-id": runtimeapi.NewRequestID(),
		"requester": s.options.Account, "source-ip-address": "127.0.0.1", "reason": e.reason,
	}
	kind := "Object Created"
	if e.removed() {
		kind = "Object Deleted"
		detail["deletion-type"] = "Permanently Deleted"
		if e.name == "ObjectRemoved:DeleteMarkerCreated" {
			detail["deletion-type"] = "Delete Marker Created"
		}
	} else {
		changed["size"], changed["etag"] = e.size, e.etag
	}
	return eventbridge.Event{
		Source: "aws.s3", DetailType: kind, Time: s.seconds(), Resources: []string{"arn:aws:s3:::" + bucket},
		Detail: json.RawMessage(encode(detail)),
	}
}

func encode(v any) string {
	document, err := json.Marshal(v)
	if err != nil {
		return "{}" // strings and numbers always encode
	}
	return string(document)
}
