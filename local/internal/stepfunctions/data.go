package stepfunctions

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs/local/internal/path"
)

// failure is the error of a state, as Retry and Catch see it.
type failure struct {
	name, cause string
}

func (f *failure) Error() string { return f.name + ": " + f.cause }

func failed(name, format string, arguments ...any) *failure {
	return &failure{name, fmt.Sprintf(format, arguments...)}
}

// scope is what paths of a state see: its data, and the context object.
type scope struct {
	data    any
	context map[string]any
}

// with is the scope on other data.
func (s scope) with(data any) scope { return scope{data, s.context} }

// find follows a path; $$ begins in the context object.
func (s scope) find(text string) (any, error) {
	document, inside := s.data, text
	if rest, ok := strings.CutPrefix(text, "$$"); ok {
		document, inside = any(s.context), "$"+rest
	}
	found, ok := path.Find(document, inside)
	if !ok {
		return nil, failed("States.ParameterPathFailure", "The JSONPath '%s' could not be found in the input '%s'", text, encode(document))
	}
	return found, nil
}

// selected applies InputPath or OutputPath.
func (s scope) selected(p pathField) (any, error) {
	switch {
	case p.null:
		return map[string]any{}, nil
	case p.whole():
		return s.data, nil
	}
	found, err := s.find(p.text)
	if err != nil {
		return nil, failed("States.Runtime", "Invalid path '%s': %v", p.text, err)
	}
	return found, nil
}

// fill is a payload template with its values: members whose names end in .$ hold
// paths and intrinsic functions.
func (s scope) fill(template any) (any, error) {
	switch template := template.(type) {
	case map[string]any:
		filled := make(map[string]any, len(template))
		for name, member := range template {
			short, dynamic := strings.CutSuffix(name, ".$")
			var err error
			if !dynamic {
				filled[name], err = s.fill(member)
			} else if text, ok := member.(string); ok {
				filled[short], err = s.evaluate(text)
			} else {
				err = failed("States.Runtime", "The value for the field '%s' must be a path or an intrinsic function", name)
			}
			if err != nil {
				return nil, err
			}
		}
		return filled, nil
	case []any:
		filled := make([]any, len(template))
		for i, item := range template {
			var err error
			if filled[i], err = s.fill(item); err != nil {
				return nil, err
			}
		}
		return filled, nil
	default:
		return template, nil
	}
}

// evaluate is the value of a path or an intrinsic function.
func (s scope) evaluate(text string) (any, error) {
	if strings.HasPrefix(text, "$") {
		return s.find(text)
	}
	return s.call(text)
}

var (
	referencePath = regexp.MustCompile(`^\$(?:\.[^.\[\]'"*?@()$]+|\['[^']+'\])*$`)
	referenceStep = regexp.MustCompile(`\.([^.\[\]]+)|\['([^']+)'\]`)
)

// resultPath splits a reference path into its names.
func resultPath(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if !referencePath.MatchString(text) {
		return nil, fmt.Errorf("the local runtime takes a ResultPath of names only, not %s", text)
	}
	var names []string
	for _, step := range referenceStep.FindAllStringSubmatch(text, -1) {
		names = append(names, step[1]+step[2])
	}
	return names, nil
}

// place puts a result into the input, which it leaves as it was.
func place(input, result any, at pathField) (any, error) {
	if at.null {
		return input, nil
	}
	names, err := resultPath(at.text)
	if err != nil {
		return nil, failed("States.Runtime", "%v", err)
	}
	return placeAt(input, result, names)
}

func placeAt(input, result any, names []string) (any, error) {
	if len(names) == 0 {
		return result, nil
	}
	fields, ok := input.(map[string]any)
	if !ok && input != nil {
		return nil, failed("States.ResultPathMatchFailure", "Unable to apply ResultPath to input %s", encode(input))
	}
	changed := maps.Clone(fields)
	if changed == nil {
		changed = make(map[string]any)
	}
	inner, err := placeAt(changed[names[0]], result, names[1:])
	if err != nil {
		return nil, err
	}
	changed[names[0]] = inner
	return changed, nil
}

func encode(v any) string {
	var document strings.Builder
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "null" // decoded JSON always encodes
	}
	return strings.TrimSuffix(document.String(), "\n")
}

// retrier and catcher are the entries of Retry and Catch.
type retrier struct {
	ErrorEquals     []string
	IntervalSeconds *float64
	MaxAttempts     *int
	BackoffRate     *float64
	MaxDelaySeconds *float64
	JitterStrategy  string
	Comment         string
}

type catcher struct {
	ErrorEquals []string
	Next        string
	ResultPath  pathField
	Comment     string
}

// matches applies ErrorEquals. See
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
func (f *failure) matches(names []string) bool {
	timeout := f.name == "States.Timeout" || f.name == "States.HeartbeatTimeout"
	final := f.name == "States.DataLimitExceeded" || f.name == "States.Runtime"
	return slices.ContainsFunc(names, func(name string) bool {
		switch name {
		case f.name:
			return true
		case "States.ALL":
			return !final
		case "States.TaskFailed":
			return !timeout && !final
		case "States.Timeout":
			return timeout
		default:
			return false
		}
	})
}
