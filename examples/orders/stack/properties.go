package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// properties are those of a resource, of which each is to be asked for: what nobody
// asks for is not known here.
type properties struct {
	kind   string
	values map[string]any
	lines  map[string]int
	asked  map[string]bool
}

func (s *Stack) propertiesOf(ctx context.Context, kind string, node *yaml.Node) (*properties, error) {
	p := &properties{kind: kind, values: map[string]any{}, lines: map[string]int{}, asked: map[string]bool{}}
	for key, value := range pairs(node) {
		if ignored(kind + "." + key.Value) {
			continue
		}
		v, err := s.value(ctx, value)
		if err != nil {
			return p, err
		}
		p.values[key.Value], p.lines[key.Value] = v, key.Line
	}
	return p, nil
}

// unknown is the error for what nobody has asked for.
func (p *properties) unknown() error {
	for name, line := range p.lines {
		if !p.asked[name] {
			return fmt.Errorf("line %d: the property %s of %s is not known here", line, name, p.kind)
		}
	}
	return nil
}

// into decodes a property, if it is there. What v has no place for is an error.
func (p *properties) into(name string, v any) (bool, error) {
	p.asked[name] = true
	value, ok := p.values[name]
	if !ok {
		return false, nil
	}
	text, err := json.Marshal(value)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(v)
	}
	if err != nil {
		return true, fmt.Errorf("line %d: %s: %w", p.lines[name], name, err)
	}
	return true, nil
}

// text is a property as a text: "" where it is not there.
func (p *properties) text(name string) string {
	p.asked[name] = true
	if value, ok := p.values[name]; ok {
		return fmt.Sprint(value)
	}
	return ""
}

// json is a property as JSON: "" where it is not there.
func (p *properties) json(name string) (string, error) {
	var value any
	there, err := p.into(name, &value)
	if err != nil || !there {
		return "", err
	}
	text, err := json.Marshal(value)
	return string(text), err
}
