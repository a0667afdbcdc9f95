package cqrstest

import (
	"encoding/json"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// EventBridge is an event as a rule sends it to a function, or to a queue: then
// it is the content of a [Body]. The detail must be JSON or encode to it.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
func EventBridge(source, detailType string, detail any, opts ...EventOption) Payload {
	event := record{
		"version":     "0",
		"id":          newID(),
		"detail-type": detailType,
		"source":      source,
		"account":     account,
		"time":        time.Now().UTC().Format(time.RFC3339),
		"region":      region,
		"resources":   []string{},
		"detail":      json.RawMessage(text(detail)),
	}
	for _, opt := range opts {
		opt(event)
	}
	return Payload{source: cqrs.SourceEventBridge, records: []record{event}}
}

// EventOption changes an EventBridge event.
type EventOption func(record)

// EventID is the event's id; the default is a new UUID.
func EventID(id string) EventOption { return func(r record) { r["id"] = id } }

// EventTime is when it happened, to the second; the default is now.
func EventTime(t time.Time) EventOption {
	return func(r record) { r["time"] = t.UTC().Format(time.RFC3339) }
}

// EventResources are the ARNs of what the event is about.
func EventResources(arns ...string) EventOption { return func(r record) { r["resources"] = arns } }
