package sam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Properties are those of a resource, resolved. Who is to understand all of them
// asks for each, and then for what is left.
type Properties struct {
	kind   string
	values map[string]any
	lines  map[string]int
	asked  map[string]bool
}

// Properties resolves the properties of a resource of that kind, but for those that
// ignored reports, as AWS::SQS::Queue.Tags. A nil ignored reports none.
func (r *Resolver) Properties(kind string, node *yaml.Node, ignored func(property string) bool) (*Properties, error) {
	p := &Properties{kind: kind, values: map[string]any{}, lines: map[string]int{}, asked: map[string]bool{}}
	for key, value := range Pairs(node) {
		if ignored != nil && ignored(kind+"."+key.Value) {
			continue
		}
		v, err := r.Value(value)
		if err != nil {
			return p, err
		}
		p.values[key.Value], p.lines[key.Value] = v, key.Line
	}
	return p, nil
}

// Inherit takes what globals say besides: maps are joined, lists go behind those of the
// globals, and any other value that is there already stays.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
func (p *Properties) Inherit(globals *Properties) {
	for name, value := range globals.values {
		own, ok := p.values[name]
		if !ok {
			p.lines[name] = globals.lines[name]
			p.values[name] = value
			continue
		}
		p.values[name] = inherit(own, value)
	}
}

func inherit(own, global any) any {
	switch global := global.(type) {
	case map[string]any:
		all, ok := own.(map[string]any)
		if !ok {
			return own
		}
		joined := maps.Clone(global)
		for name, value := range all {
			if from, both := global[name]; both {
				value = inherit(value, from)
			}
			joined[name] = value
		}
		return joined
	case []any:
		if all, ok := own.([]any); ok {
			return slices.Concat(global, all)
		}
	}
	return own
}

// Unknown is an error for the first of those that nobody has asked for.
func (p *Properties) Unknown() error {
	var left []string
	for name := range p.lines {
		if !p.asked[name] {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	first := slices.MinFunc(left, func(a, b string) int { return p.lines[a] - p.lines[b] })
	return fmt.Errorf("line %d: the property %s of %s is not known here", p.lines[first], first, p.kind)
}

// Into decodes a property, and reports whether it is there. What v has no place for
// is left out.
func (p *Properties) Into(name string, v any) (bool, error) { return p.decode(name, v, false) }

// Exactly is Into, but what v has no place for is an error.
func (p *Properties) Exactly(name string, v any) (bool, error) { return p.decode(name, v, true) }

func (p *Properties) decode(name string, v any, exactly bool) (bool, error) {
	p.asked[name] = true
	value, ok := p.values[name]
	if !ok {
		return false, nil
	}
	text, err := json.Marshal(value)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		if exactly {
			decoder.DisallowUnknownFields()
		}
		err = decoder.Decode(v)
	}
	if err != nil {
		return true, fmt.Errorf("line %d: %s: %w", p.lines[name], name, err)
	}
	return true, nil
}

// Text is a property as a text: "" where it is not there.
func (p *Properties) Text(name string) string {
	p.asked[name] = true
	if value, ok := p.values[name]; ok {
		return fmt.Sprint(value)
	}
	return ""
}

// JSON is a property as JSON: "" where it is not there.
func (p *Properties) JSON(name string) (string, error) {
	var value any
	there, err := p.Into(name, &value)
	if err != nil || !there {
		return "", err
	}
	text, err := json.Marshal(value)
	return string(text), err
}
