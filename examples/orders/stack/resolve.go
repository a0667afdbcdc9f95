package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value is what a node stands for, once its intrinsic functions are resolved: a
// string, number or bool, a list, or a map.
func (s *Stack) value(ctx context.Context, node *yaml.Node) (any, error) {
	switch node.Tag {
	case "!Ref", "!GetAtt", "!Sub":
		return s.text(ctx, node)
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		return nil, fmt.Errorf("line %d: %s is not known here", node.Line, node.Tag)
	}
	switch node.Kind {
	case yaml.MappingNode:
		all := map[string]any{}
		for key, one := range pairs(node) {
			if key.Value == "Ref" || strings.HasPrefix(key.Value, "Fn::") {
				return nil, fmt.Errorf("line %d: the long form %s is not known here", key.Line, key.Value)
			}
			v, err := s.value(ctx, one)
			if err != nil {
				return nil, err
			}
			all[key.Value] = v
		}
		return all, nil
	case yaml.SequenceNode:
		all := make([]any, len(node.Content))
		for i, one := range node.Content {
			v, err := s.value(ctx, one)
			if err != nil {
				return nil, err
			}
			all[i] = v
		}
		return all, nil
	default:
		var v any
		err := node.Decode(&v)
		return v, err
	}
}

// text is the text that a node stands for.
func (s *Stack) text(ctx context.Context, node *yaml.Node) (text string, err error) {
	switch {
	case node.Kind != yaml.ScalarNode:
		err = errors.New("a text is wanted here")
	case node.Tag == "!Ref":
		text, err = s.ref(ctx, node.Value)
	case node.Tag == "!GetAtt":
		text, err = s.getAtt(ctx, node.Value)
	case node.Tag == "!Sub":
		text, err = s.sub(ctx, node.Value)
	case strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!"):
		err = fmt.Errorf("%s is not known here", node.Tag)
	default:
		text = node.Value
	}
	if err != nil {
		err = fmt.Errorf("line %d: %w", node.Line, err)
	}
	return text, err
}

func (s *Stack) ref(ctx context.Context, id string) (string, error) {
	if value, ok := s.parameters[id]; ok {
		return value, nil
	}
	known, err := s.refer(ctx, id)
	if err != nil {
		return "", err
	}
	return known.ref, nil
}

func (s *Stack) getAtt(ctx context.Context, path string) (string, error) {
	id, attribute, _ := strings.Cut(path, ".")
	known, err := s.refer(ctx, id)
	if err != nil {
		return "", err
	}
	value := map[string]string{"Arn": known.arn, "StreamArn": known.stream}[attribute]
	if value == "" {
		return "", fmt.Errorf("%s has no %s", id, attribute)
	}
	return value, nil
}

// sub puts values in for ${Name} and ${Name.Attribute}.
func (s *Stack) sub(ctx context.Context, text string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", errors.New("${ without its }")
		}
		resolve := s.ref
		if strings.Contains(name, ".") {
			resolve = s.getAtt
		}
		value, err := resolve(ctx, name)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
		text = after
	}
}
