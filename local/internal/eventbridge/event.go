package eventbridge

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// maxRequest is the largest PutEvents, in bytes.
const maxRequest = 1 << 20

// entry is an event as its publisher sends it.
type entry struct {
	Source       string
	DetailType   string
	Detail       string
	Resources    []string
	Time         *float64 // Unix seconds
	EventBusName string
	TraceHeader  string
}

type putEventsInput struct {
	Entries []entry
}

type putEventsResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

type putEventsOutput struct {
	FailedEntryCount int
	Entries          []putEventsResult
}

func (s *Server) putEvents(ctx context.Context, in *putEventsInput) (*putEventsOutput, error) {
	total := 0
	for i := range in.Entries {
		total += len(in.Entries[i].Detail) + len(in.Entries[i].Source) + len(in.Entries[i].DetailType)
	}
	switch {
	case len(in.Entries) < 1 || len(in.Entries) > 10:
		return nil, invalid("1 to 10 entries are allowed, not %d", len(in.Entries))
	case total > maxRequest:
		return nil, invalid("Total size of the entries in the request is over the limit.")
	}
	out := &putEventsOutput{Entries: make([]putEventsResult, len(in.Entries))}
	for i := range in.Entries {
		out.Entries[i] = s.putEntry(ctx, &in.Entries[i])
		if out.Entries[i].ErrorCode != "" {
			out.FailedEntryCount++
		}
	}
	return out, nil
}

func (s *Server) putEntry(ctx context.Context, e *entry) putEventsResult {
	missing := ""
	switch {
	case e.Source == "":
		missing = "Source"
	case e.DetailType == "":
		missing = "DetailType"
	case e.Detail == "":
		missing = "Detail"
	}
	switch {
	case missing != "":
		message := "Parameter " + missing + " is not valid. Reason: " + missing + " is a required argument."
		return putEventsResult{ErrorCode: "InvalidArgument", ErrorMessage: message}
	case strings.HasPrefix(e.Source, "aws."):
		return putEventsResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	case !json.Valid([]byte(e.Detail)) || !strings.HasPrefix(strings.TrimSpace(e.Detail), "{"):
		return putEventsResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	at := s.options.Clock.Now()
	if e.Time != nil {
		seconds, fraction := math.Modf(*e.Time)
		at = time.Unix(int64(seconds), int64(fraction*1e9))
	}
	id, err := s.Put(ctx, e.EventBusName, Event{e.Source, e.DetailType, at, e.Resources, json.RawMessage(e.Detail)})
	if err != nil {
		answer := wire.AsError(err)
		return putEventsResult{ErrorCode: answer.Code, ErrorMessage: answer.Message}
	}
	return putEventsResult{EventID: id}
}

// Event is what happened.
type Event struct {
	Source     string
	DetailType string
	Time       time.Time
	Resources  []string
	Detail     json.RawMessage
}

// Put takes an event to the targets of all rules of the bus that match it.
func (s *Server) Put(ctx context.Context, busName string, e Event) (id string, err error) {
	id = runtimeapi.NewRequestID()
	document := s.document(id, e)
	value, err := pattern.Decode(document)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	b, err := s.bus(busName)
	if err != nil {
		s.mu.Unlock()
		return "", err
	}
	type delivery struct {
		rule    *rule
		targets []target
	}
	var deliveries []delivery
	for _, r := range b.rules {
		if r.pattern != nil && r.settings.State == "ENABLED" && r.pattern.Match(value) {
			deliveries = append(deliveries, delivery{r, r.targets})
		}
	}
	s.mu.Unlock()
	for _, d := range deliveries {
		s.send(ctx, d.rule, d.targets, document)
	}
	return id, nil
}

// document is the event as targets get it. See
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
func (s *Server) document(id string, e Event) []byte {
	if e.Resources == nil {
		e.Resources = []string{}
	}
	return []byte(encode(struct {
		Version    string          `json:"version"`
		ID         string          `json:"id"`
		DetailType string          `json:"detail-type"`
		Source     string          `json:"source"`
		Account    string          `json:"account"`
		Time       string          `json:"time"`
		Region     string          `json:"region"`
		Resources  []string        `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
	}{"0", id, e.DetailType, e.Source, s.options.Account, e.Time.UTC().Format(time.RFC3339), s.options.Region, e.Resources, e.Detail}))
}

// send takes an event to targets. What a target does not take goes to its
// dead-letter queue, with the attributes that tell why.
func (s *Server) send(ctx context.Context, r *rule, targets []target, event []byte) {
	for _, t := range targets {
		body, err := t.input(r, event, s.options.Clock.Now())
		if err == nil {
			m := wire.Message{Body: body}
			if t.SQSParameters != nil {
				m.Group = t.SQSParameters.MessageGroupID
			}
			err = s.options.Deliver(ctx, t.ARN, m)
		}
		if err == nil || t.DeadLetterConfig == nil {
			continue
		}
		_ = s.options.Deliver(ctx, t.DeadLetterConfig.ARN, wire.Message{ // there is no further place to go to
			Body: string(event),
			Attributes: map[string]wire.Attribute{
				"RULE_ARN":      wire.Text(r.arn),
				"TARGET_ARN":    wire.Text(t.ARN),
				"ERROR_CODE":    wire.Text(wire.AsError(err).Code),
				"ERROR_MESSAGE": wire.Text(wire.AsError(err).Message),
			},
		})
	}
}

type testEventPatternInput struct {
	EventPattern string
	Event        string
}

type testEventPatternOutput struct {
	Result bool
}

func (s *Server) testEventPattern(_ context.Context, in *testEventPatternInput) (*testEventPatternOutput, error) {
	p, err := pattern.Parse([]byte(in.EventPattern))
	if err != nil {
		return nil, wire.Invalid("InvalidEventPatternException", "Event pattern is not valid. Reason: %v", err)
	}
	event, err := pattern.Decode([]byte(in.Event))
	if err != nil {
		return nil, invalid("Parameter Event is not valid: %v", err)
	}
	return &testEventPatternOutput{p.Match(event)}, nil
}
