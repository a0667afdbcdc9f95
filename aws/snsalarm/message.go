package snsalarm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/clip"
)

// alarmJSON is the message. The order of the fields is that in which it is read.
type alarmJSON struct {
	Severity    string                     `json:"severity"`
	Source      string                     `json:"source"`
	Message     string                     `json:"message"`
	Details     map[string]json.RawMessage `json:"details,omitempty"`
	Error       *errorJSON                 `json:"error,omitempty"`
	Timestamp   string                     `json:"timestamp"`
	Environment string                     `json:"environment,omitempty"`
}

type errorJSON struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Stack   string `json:"stack,omitempty"`
}

// maxDetails is up to how many details each is cut, before all are dropped.
const maxDetails = 50

// message is the alarm as JSON of at most limit bytes.
func message(alarm cqrs.Alarm, limit int) string {
	m := &alarmJSON{
		Severity:    clip.Bytes(string(alarm.Severity), limit),
		Source:      clip.Bytes(alarm.Source, limit),
		Message:     clip.Bytes(alarm.Message, limit),
		Details:     details(alarm.Details),
		Error:       newErrorJSON(alarm, limit),
		Timestamp:   alarm.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		Environment: clip.Bytes(alarm.Environment, limit),
	}
	text := m.encode()
	for _, shorten := range m.cuts() {
		if len(text) <= limit {
			return text
		}
		shorten(len(text) - limit)
		text = m.encode()
	}
	return text
}

func (m *alarmJSON) encode() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil { // every part of it has been encoded before
		return fmt.Sprintf(`{"severity":%q,"message":"the alarm cannot be encoded"}`, cqrs.SeverityError)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// cuts are the ways to make the message shorter by so many bytes, the least
// painful first.
func (m *alarmJSON) cuts() []func(over int) {
	all := []func(int){}
	if m.Error != nil {
		all = append(all, func(over int) { shorten(&m.Error.Stack, over) })
	}
	names := slices.SortedFunc(maps.Keys(m.Details), func(a, b string) int {
		return cmp.Or(len(m.Details[b])-len(m.Details[a]), strings.Compare(a, b))
	})
	if len(names) <= maxDetails {
		for _, name := range names {
			all = append(all, func(over int) { m.Details[name] = shorter(m.Details[name], over) })
		}
	}
	if len(names) > 0 {
		all = append(all, func(int) { m.Details = map[string]json.RawMessage{"dropped": encoded(len(names))} })
	}
	if m.Error != nil {
		all = append(all, func(over int) { shorten(&m.Error.Message, over) }, func(over int) { shorten(&m.Error.Name, over) })
	}
	return append(all, func(over int) { shorten(&m.Message, over) }, func(over int) { shorten(&m.Source, over) },
		func(over int) { shorten(&m.Environment, over) }, func(over int) { shorten(&m.Severity, over) })
}

// shorten takes as many bytes off the JSON of text, or all.
func shorten(text *string, over int) { *text = fit(*text, len(encoded(*text))-over) }

// shorter takes as many bytes off a value by making it a text and cutting that.
func shorter(value json.RawMessage, over int) json.RawMessage {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	return encoded(fit(text, len(value)-over))
}

// fit cuts a text so that its JSON has at most limit bytes, or is "".
func fit(text string, limit int) string {
	const more = "…"
	size, end := len(`""`), 0 // end: of what leaves room for the mark
	for i, r := range text {
		if size+len(more) <= limit {
			end = i
		}
		if size += jsonSize(r); size <= limit {
			continue
		}
		if end == 0 {
			return ""
		}
		return strings.ToValidUTF8(text[:end], "\uFFFD") + more
	}
	return text
}

// jsonSize is how many bytes a character has in JSON.
func jsonSize(r rune) int {
	switch {
	case r == '"', r == '\\', r == '\n', r == '\r', r == '\t', r == '\b', r == '\f':
		return len(`\n`)
	case r < ' ', r == '\u2028', r == '\u2029', r == utf8.RuneError:
		return len(`\u2028`)
	default:
		return utf8.RuneLen(r)
	}
}

func newErrorJSON(alarm cqrs.Alarm, limit int) *errorJSON {
	if alarm.Err == nil {
		return nil
	}
	e := &errorJSON{Message: clip.Bytes(alarm.Err.Error(), limit)}
	if e.Name, _ = alarm.Details["errorName"].(string); e.Name == "" {
		e.Name = nameOf(alarm.Err)
	}
	if panicked, ok := errors.AsType[*cqrs.PanicError](alarm.Err); ok {
		e.Stack = clip.Bytes(string(panicked.Stack), limit)
	}
	return e
}

// nameOf is the type of the innermost error that has one of its own, else "Error".
func nameOf(err error) string {
	name := "Error"
	for ; err != nil; err = errors.Unwrap(err) {
		of := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
		if pkg, _, _ := strings.Cut(of, "."); pkg != "fmt" && pkg != "errors" && pkg != "cqrs" {
			name = of
		}
	}
	return name
}

func details(all map[string]any) map[string]json.RawMessage {
	if len(all) == 0 {
		return nil
	}
	encodedAll := make(map[string]json.RawMessage, len(all))
	for name, value := range all {
		encodedAll[name] = detail(value)
	}
	return encodedAll
}

// maxDepth is how deep the details are looked through.
const maxDepth = 16

// shown is what may be shown of a value, and what it says where JSON would say
// nothing.
func shown(value any, depth int) any {
	if depth == 0 {
		return "(nested too deep)"
	}
	switch v := value.(type) {
	case slog.LogValuer:
		return plain(slog.AnyValue(v).Resolve(), depth-1)
	case error:
		return v.Error()
	case map[string]any:
		all := make(map[string]any, len(v))
		for name, each := range v {
			all[name] = shown(each, depth-1)
		}
		return all
	case []any:
		all := make([]any, len(v))
		for i, each := range v {
			all[i] = shown(each, depth-1)
		}
		return all
	default:
		return value
	}
}

// plain turns a log value into what JSON knows, its groups into maps.
func plain(v slog.Value, depth int) any {
	if v.Kind() != slog.KindGroup {
		return shown(v.Any(), depth)
	}
	all := map[string]any{}
	for _, attr := range v.Group() {
		all[attr.Key] = plain(attr.Value.Resolve(), depth-1)
	}
	return all
}

// detail is the JSON of what may be shown of a value, whatever its methods do.
func detail(value any) (text json.RawMessage) {
	defer func() {
		if panicked := recover(); panicked != nil {
			text = encoded(fmt.Sprintf("(cannot be encoded: a %T panics)", value))
		}
	}()
	return encoded(shown(value, maxDepth))
}

// encoded is the JSON of a value, or of the reason why it has none.
func encoded(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return encoded("(cannot be encoded: " + err.Error() + ")")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
