package stepfunctions

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs/local/internal/path"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// machine is a parsed definition, or one of its branches.
type machine struct {
	Comment         string
	StartAt         string
	States          map[string]*state
	Version         string
	TimeoutSeconds  *float64
	QueryLanguage   string
	ProcessorConfig *struct{ Mode string } // of a Map's processor
}

// state is any state; a member that its type does not have is not set.
type state struct {
	Type          string
	Comment       string
	QueryLanguage string
	Next          string
	End           bool

	InputPath, OutputPath, ResultPath pathField
	Parameters, ResultSelector        value

	Result value // Pass

	Resource                                 string // Task
	TimeoutSeconds, HeartbeatSeconds         *float64
	TimeoutSecondsPath, HeartbeatSecondsPath string
	Retry                                    []retrier
	Catch                                    []catcher

	Choices []choice // Choice
	Default string

	Seconds                    *float64 // Wait
	SecondsPath, TimestampPath string
	Timestamp                  string

	Branches []*machine // Parallel

	ItemsPath      string // Map
	ItemSelector   value
	ItemProcessor  *machine
	Iterator       *machine
	MaxConcurrency int

	Error, Cause, ErrorPath, CausePath string // Fail
}

// value is any JSON, with numbers as they are written. set is false where the
// member is missing.
type value struct {
	any
	set bool
}

// UnmarshalJSON keeps numbers exact.
func (v *value) UnmarshalJSON(document []byte) error {
	decoded, err := pattern.Decode(document)
	*v = value{decoded, true}
	return err
}

// pathField is a path, null, or missing, which is "$".
type pathField struct {
	text string
	null bool
}

// UnmarshalJSON tells null from a path.
func (p *pathField) UnmarshalJSON(document []byte) error {
	p.null = string(document) == "null"
	if err := json.Unmarshal(document, &p.text); err != nil {
		return fmt.Errorf("a path is a string or null: %w", err)
	}
	return nil
}

func (p pathField) whole() bool { return !p.null && (p.text == "" || p.text == "$") }

var jsonata = regexp.MustCompile(`"QueryLanguage"\s*:\s*"JSONata"`)

func invalidDefinition(format string, arguments ...any) error {
	return wire.Invalid("InvalidDefinition", "Invalid State Machine Definition: "+format, arguments...)
}

func parseDefinition(text string) (*machine, error) {
	if jsonata.MatchString(text) {
		return nil, invalidDefinition("the local runtime does not support the QueryLanguage JSONata; use JSONPath")
	}
	m := &machine{}
	if err := wire.Decode([]byte(text), m); err != nil {
		return nil, invalidDefinition("%s", wire.AsError(err).Message)
	}
	return m, m.check("")
}

func (m *machine) check(at string) error {
	if _, ok := m.States[m.StartAt]; !ok {
		return invalidDefinition("MISSING_TRANSITION_TARGET: StartAt %q is no state %s", m.StartAt, at)
	}
	if m.ProcessorConfig != nil && m.ProcessorConfig.Mode != "" && m.ProcessorConfig.Mode != "INLINE" {
		return invalidDefinition("the local runtime does not support a Map of the mode %s %s", m.ProcessorConfig.Mode, at)
	}
	for name, st := range m.States {
		at := "at /States/" + name
		if st == nil {
			return invalidDefinition("a state is an object %s", at)
		}
		if err := st.check(at); err != nil {
			return err
		}
		for _, next := range st.targets() {
			if _, ok := m.States[next]; !ok {
				return invalidDefinition("MISSING_TRANSITION_TARGET: %q is no state %s", next, at)
			}
		}
	}
	return nil
}

// targets are the states that may follow.
func (st *state) targets() []string {
	var targets []string
	for _, next := range []string{st.Next, st.Default} {
		if next != "" {
			targets = append(targets, next)
		}
	}
	for _, c := range st.Catch {
		targets = append(targets, c.Next)
	}
	for _, c := range st.Choices {
		targets = append(targets, c.next)
	}
	return targets
}

func (st *state) check(at string) error {
	for _, text := range []string{st.InputPath.text, st.OutputPath.text, st.ItemsPath} {
		if text == "" || strings.HasPrefix(text, "$$") {
			continue
		}
		if _, err := path.Parse(text); err != nil {
			return invalidDefinition("%v %s", err, at)
		}
	}
	if _, err := resultPath(st.ResultPath.text); err != nil {
		return invalidDefinition("%v %s", err, at)
	}
	terminal := st.Type == "Succeed" || st.Type == "Fail" || st.Type == "Choice"
	if !terminal && st.End == (st.Next != "") {
		return invalidDefinition("exactly one of Next and End is to be set %s", at)
	}
	return st.checkType(at)
}

func (st *state) checkType(at string) error {
	switch st.Type {
	case "Pass", "Succeed", "Fail":
	case "Task":
		if _, err := parseResource(st.Resource); err != nil {
			return invalidDefinition("%v %s", err, at)
		}
	case "Choice":
		if len(st.Choices) == 0 || slices.ContainsFunc(st.Choices, func(c choice) bool { return c.next == "" }) {
			return invalidDefinition("a Choice needs Choices, each with a Next %s", at)
		}
	case "Wait":
		if st.Seconds == nil && st.SecondsPath == "" && st.Timestamp == "" && st.TimestampPath == "" {
			return invalidDefinition("a Wait needs Seconds, SecondsPath, Timestamp or TimestampPath %s", at)
		}
	case "Parallel":
		if len(st.Branches) == 0 {
			return invalidDefinition("a Parallel needs Branches %s", at)
		}
		for _, branch := range st.Branches {
			if err := branch.check(at); err != nil {
				return err
			}
		}
	case "Map":
		if st.ItemProcessor == nil {
			st.ItemProcessor = st.Iterator // its former name
		}
		if st.ItemProcessor == nil {
			return invalidDefinition("a Map needs an ItemProcessor %s", at)
		}
		return st.ItemProcessor.check(at)
	default:
		return invalidDefinition("%q is no type of a state %s", st.Type, at)
	}
	return nil
}
