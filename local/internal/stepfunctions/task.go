package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/lambda"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// resource is what a Task calls.
type resource struct {
	text               string
	service, operation string // "activity" and "lambda" without an operation are ARNs
	arn                string
	callback           bool // .waitForTaskToken
}

func parseResource(text string) (resource, error) {
	r := resource{text: text}
	switch {
	case strings.HasPrefix(text, "arn:aws:lambda:"):
		r.service, r.arn = "lambda", text
		return r, nil
	case strings.HasPrefix(text, "arn:aws:states:") && strings.Contains(text, ":activity:"):
		r.service, r.arn = "activity", text
		return r, nil
	}
	name, ok := strings.CutPrefix(text, "arn:aws:states:::")
	if !ok {
		return r, fmt.Errorf("the local runtime does not support the Resource %q", text)
	}
	name, r.callback = strings.CutSuffix(name, ".waitForTaskToken")
	r.service, r.operation, _ = strings.Cut(name, ":")
	switch name {
	case "lambda:invoke", "sqs:sendMessage", "sns:publish", "events:putEvents",
		"dynamodb:putItem", "dynamodb:getItem", "dynamodb:updateItem", "dynamodb:deleteItem":
	default:
		return r, fmt.Errorf("the local runtime does not support the Resource %q", text)
	}
	if r.callback && r.service == "dynamodb" {
		return r, fmt.Errorf("DynamoDB does not call back: %q", text)
	}
	return r, nil
}

// kind is the prefix of the history's event types.
func (r resource) kind() string {
	switch {
	case r.service == "activity":
		return "Activity"
	case r.arn != "":
		return "LambdaFunction"
	default:
		return "Task"
	}
}

// runTask runs a Task once.
func (e *execution) runTask(ctx context.Context, st *state, s scope) (any, error) {
	r, err := parseResource(st.Resource)
	if err != nil {
		return nil, failed("States.Runtime", "%v", err)
	}
	var p *pending
	if r.callback || r.service == "activity" {
		p = e.server.newToken(e)
		defer e.server.close(p)
	}
	if r.callback {
		s.context = maps.Clone(s.context)
		s.context["Task"] = map[string]any{"Token": p.token}
	}
	if st.Parameters.set {
		if s.data, err = s.fill(st.Parameters.any); err != nil {
			return nil, err
		}
	}
	timeout, err := s.seconds(st.TimeoutSeconds, st.TimeoutSecondsPath)
	if err != nil {
		return nil, err
	}
	heartbeat, err := s.seconds(st.HeartbeatSeconds, st.HeartbeatSecondsPath)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if timeout > 0 {
		c := e.server.options.Clock
		defer c.At(c.Now().Add(timeout), func() { cancel(&failure{name: "States.Timeout"}) })()
	}
	details := map[string]any{"resource": r.operation, "resourceType": r.service}
	if r.arn != "" {
		details = map[string]any{"resource": r.arn}
	}
	e.record(r.kind()+"Scheduled", withDetail(details, "parameters", encode(s.data)))
	result, err := e.call(ctx, r, p, heartbeat, s.data)
	e.recordEnd(r, details, result, err)
	return result, err
}

func withDetail(details map[string]any, name, value string) map[string]any {
	details = maps.Clone(details)
	details[name] = value
	return details
}

func (e *execution) recordEnd(r resource, details map[string]any, result any, err error) {
	if err == nil {
		e.record(r.kind()+"Succeeded", withDetail(details, "output", encode(result)))
		return
	}
	f := asFailure(err)
	kind := r.kind() + "Failed"
	if f.name == "States.Timeout" || f.name == "States.HeartbeatTimeout" {
		kind = r.kind() + "TimedOut"
	}
	e.record(kind, withDetail(withDetail(details, "error", f.name), "cause", f.cause))
}

func (s scope) seconds(fixed *float64, path string) (time.Duration, error) {
	switch {
	case fixed != nil:
		return duration(*fixed), nil
	case path != "":
		seconds, err := s.number(path)
		return duration(seconds), err
	default:
		return 0, nil
	}
}

func (e *execution) call(ctx context.Context, r resource, p *pending, heartbeat time.Duration, input any) (any, error) {
	if r.service == "activity" {
		if err := e.server.schedule(r.arn, p, encode(input)); err != nil {
			return nil, err
		}
		return e.server.await(ctx, p, heartbeat)
	}
	result, err := e.server.request(ctx, r, input)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	if !r.callback {
		return result, nil
	}
	return e.server.await(ctx, p, heartbeat)
}

// request makes the call of a Task.
func (s *Server) request(ctx context.Context, r resource, input any) (any, error) {
	if r.arn != "" {
		return s.invoke(ctx, r.arn, input)
	}
	fields, ok := input.(map[string]any)
	if !ok {
		return nil, failed("States.Runtime", "the Parameters of %s are an object", r.text)
	}
	if r.service == "lambda" {
		name, _ := fields["FunctionName"].(string)
		payload, err := s.invoke(ctx, name, fields["Payload"])
		return map[string]any{"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": json.Number("200")}, err
	}
	operation := strings.ToUpper(r.operation[:1]) + r.operation[1:]
	output, err := s.options.Call(ctx, r.service, operation, []byte(encode(texts(r.service, fields))))
	if err != nil {
		return nil, serviceFailure(r.service, err)
	}
	result, err := pattern.Decode(output)
	if err != nil {
		return nil, failed("States.Runtime", "%v", err)
	}
	if answer, ok := result.(map[string]any); ok && r.service == "events" && answer["FailedEntryCount"] != json.Number("0") {
		return nil, &failure{"EventBridge.FailedEntry", encode(result)}
	}
	return result, nil
}

// texts encodes what may be given as JSON and is sent as text.
func texts(service string, fields map[string]any) map[string]any {
	fields = maps.Clone(fields)
	member := map[string]string{"sqs": "MessageBody", "sns": "Message"}[service]
	if value, ok := fields[member]; ok {
		fields[member] = text(value)
	}
	if entries, ok := fields["Entries"].([]any); ok && service == "events" {
		changed := make([]any, len(entries))
		for i, item := range entries {
			entry, _ := item.(map[string]any)
			entry = maps.Clone(entry)
			if detail, ok := entry["Detail"]; ok {
				entry["Detail"] = text(detail)
			}
			changed[i] = entry
		}
		fields["Entries"] = changed
	}
	return fields
}

func text(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return encode(value)
}

func serviceFailure(service string, err error) *failure {
	answer := wire.AsError(err)
	prefix := map[string]string{"sqs": "SQS", "sns": "SNS", "events": "EventBridge", "dynamodb": "DynamoDB", "lambda": "Lambda"}[service]
	code := answer.Code
	if !strings.HasSuffix(code, "Exception") {
		code += "Exception"
	}
	return &failure{prefix + "." + code, answer.Message}
}

// invoke calls a function. Its error type is the error of the state.
func (s *Server) invoke(ctx context.Context, name string, payload any) (any, error) {
	f, err := s.options.Functions.Find(name)
	if err != nil {
		return nil, serviceFailure("lambda", err)
	}
	result, err := f.Invoke(ctx, lambda.Invocation{Payload: []byte(encode(payload)), Source: "aws:states"})
	var answer *wire.Error
	switch {
	case errors.As(err, &answer):
		return nil, serviceFailure("lambda", err)
	case err != nil:
		return nil, err
	case result.Error != nil:
		return nil, &failure{result.Error.Type, string(result.Payload)}
	case len(result.Payload) == 0:
		return nil, nil
	case len(result.Payload) > maxData:
		return nil, failed("States.DataLimitExceeded", "The function %s returned a result larger than %d bytes", name, maxData)
	}
	decoded, err := pattern.Decode(result.Payload)
	if err != nil {
		return nil, failed("States.Runtime", "the function %s returned no JSON", name)
	}
	return decoded, nil
}
