package eventbridge

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/path"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
)

// transformer builds a target's input from parts of the event.
type transformer struct {
	InputPathsMap map[string]string `json:",omitempty"`
	InputTemplate string
}

var placeholder = regexp.MustCompile(`<[A-Za-z0-9_.-]+>`)

func (t *target) checkInput() error {
	switch {
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return invalid("JSON syntax error in Input for target %s.", t.ID)
	case t.InputTransformer != nil && t.InputTransformer.InputTemplate == "":
		return invalid("InputTemplate for target %s is empty.", t.ID)
	}
	paths := map[string]string{}
	if t.InputPath != "" {
		paths["InputPath"] = t.InputPath
	}
	if t.InputTransformer != nil {
		maps.Copy(paths, t.InputTransformer.InputPathsMap)
	}
	for name, text := range paths {
		if _, err := path.Parse(text); err != nil {
			return invalid("InputPath %s for target %s is invalid: %v", name, t.ID, err)
		}
	}
	return nil
}

// input is what the target gets of an event.
func (t *target) input(r *rule, event []byte, now time.Time) (string, error) {
	switch {
	case t.Input != "":
		return t.Input, nil
	case t.InputPath == "" && t.InputTransformer == nil:
		return string(event), nil
	}
	document, err := pattern.Decode(event)
	if err != nil {
		return "", err
	}
	if t.InputPath != "" {
		value, ok := path.Find(document, t.InputPath)
		if !ok {
			return "", fmt.Errorf("the event has nothing at %s", t.InputPath)
		}
		return encode(value), nil
	}
	return t.InputTransformer.transform(document, event, r, now), nil
}

// transform fills in the placeholders: within a JSON string the text of a value,
// elsewhere its JSON. See
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
func (t *transformer) transform(document any, event []byte, r *rule, now time.Time) string {
	values := map[string]any{
		"aws.events.rule-arn":             r.arn,
		"aws.events.rule-name":            r.settings.Name,
		"aws.events.event.ingestion-time": now.UTC().Format(time.RFC3339),
		"aws.events.event":                document,
		"aws.events.event.json":           json.RawMessage(event),
	}
	for name, text := range t.InputPathsMap {
		if value, ok := path.Find(document, text); ok {
			values[name] = value
		}
	}
	var out strings.Builder
	rest, quoted := t.InputTemplate, false
	for {
		at := placeholder.FindStringIndex(rest)
		if at == nil {
			out.WriteString(rest)
			return out.String()
		}
		before := rest[:at[0]]
		out.WriteString(before)
		if strings.Count(strings.ReplaceAll(before, `\"`, ""), `"`)%2 == 1 {
			quoted = !quoted
		}
		out.WriteString(insert(values[rest[at[0]+1:at[1]-1]], quoted))
		rest = rest[at[1]:]
	}
}

func insert(value any, quoted bool) string {
	if !quoted {
		return encode(value)
	}
	text, ok := value.(string)
	if !ok && value != nil {
		text = encode(value)
	}
	if value == nil {
		return ""
	}
	inner := encode(text)
	return inner[1 : len(inner)-1]
}

func encode(value any) string {
	var document strings.Builder
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "null" // decoded JSON always encodes
	}
	return strings.TrimSuffix(document.String(), "\n")
}
