package sam

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Reference is what Ref gives for a resource, and GetAtt by the attribute's name.
type Reference struct {
	Ref        string
	Attributes map[string]string
}

// Resolver knows what the intrinsic functions of a template stand for.
type Resolver struct {
	parameters map[string]string
	refer      func(id string) (Reference, error)
}

// Resolver makes a resolver. Parameters that are not given have their defaults; one
// without a default, and one that the template does not have, is an error. The
// pseudo parameters AWS::Region, AWS::AccountId and their like may be given, too.
// refer is asked for the resources that are referred to.
func (t *Template) Resolver(given map[string]string, refer func(id string) (Reference, error)) (*Resolver, error) {
	values, err := t.values(given)
	if err != nil {
		return nil, err
	}
	return &Resolver{parameters: values, refer: refer}, nil
}

// Parameter is the value of a parameter, "" where there is none.
func (r *Resolver) Parameter(name string) string { return r.parameters[name] }

// Value is what a node stands for: a string, number or bool, a []any, or a
// map[string]any.
func (r *Resolver) Value(node *yaml.Node) (any, error) {
	if name, argument, ok := function(node); ok {
		return r.call(name, argument)
	}
	switch node.Kind {
	case yaml.MappingNode:
		all := map[string]any{}
		for key, one := range Pairs(node) {
			v, err := r.Value(one)
			if err != nil {
				return nil, err
			}
			all[key.Value] = v
		}
		return all, nil
	case yaml.SequenceNode:
		all := make([]any, len(node.Content))
		for i, one := range node.Content {
			v, err := r.Value(one)
			if err != nil {
				return nil, err
			}
			all[i] = v
		}
		return all, nil
	case yaml.AliasNode:
		return r.Value(node.Alias)
	default:
		var v any
		err := node.Decode(&v)
		return v, err
	}
}

// Text is the text that a node stands for.
func (r *Resolver) Text(node *yaml.Node) (string, error) {
	v, err := r.Value(node)
	switch v := v.(type) {
	case map[string]any, []any:
		return "", fmt.Errorf("line %d: a text is wanted here", node.Line)
	case nil:
		return "", err
	default:
		return fmt.Sprint(v), err
	}
}

// function tells whether a node calls an intrinsic function, by a tag (!Sub) or as a
// map of one member (Fn::Sub).
func function(node *yaml.Node) (name string, argument *yaml.Node, ok bool) {
	if tag, found := strings.CutPrefix(node.Tag, "!"); found && !strings.HasPrefix(tag, "!") {
		return tag, node, true
	}
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return "", nil, false
	}
	name, found := strings.CutPrefix(node.Content[0].Value, "Fn::")
	return name, node.Content[1], found || name == "Ref"
}

func (r *Resolver) call(name string, node *yaml.Node) (text string, err error) {
	switch {
	case name == "Join":
		text, err = r.join(node)
	case name == "GetAtt" && node.Kind == yaml.SequenceNode && len(node.Content) == 2:
		text, err = r.attribute(node.Content[0].Value + "." + node.Content[1].Value)
	case node.Kind != yaml.ScalarNode:
		err = fmt.Errorf("this form of %s is not known here", name)
	case name == "Ref":
		text, err = r.ref(node.Value)
	case name == "GetAtt":
		text, err = r.attribute(node.Value)
	case name == "Sub":
		text, err = r.substitute(node.Value)
	default:
		err = fmt.Errorf("%s is not known here", name)
	}
	if err != nil {
		err = fmt.Errorf("line %d: %w", node.Line, err)
	}
	return text, err
}

func (r *Resolver) join(node *yaml.Node) (string, error) {
	if node.Kind != yaml.SequenceNode || len(node.Content) != 2 || node.Content[1].Kind != yaml.SequenceNode {
		return "", errors.New("the function Join needs a delimiter and a list")
	}
	var parts []string
	for _, one := range node.Content[1].Content {
		part, err := r.Text(one)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, node.Content[0].Value), nil
}

func (r *Resolver) ref(id string) (string, error) {
	if value, ok := r.parameters[id]; ok {
		return value, nil
	}
	known, err := r.refer(id)
	return known.Ref, err
}

func (r *Resolver) attribute(path string) (string, error) {
	id, attribute, _ := strings.Cut(path, ".")
	known, err := r.refer(id)
	if err != nil {
		return "", err
	}
	value := known.Attributes[attribute]
	if value == "" {
		return "", fmt.Errorf("%s has no %s", id, attribute)
	}
	return value, nil
}

// substitute puts values in for ${Name} and ${Name.Attribute}; ${!Name} is ${Name}.
func (r *Resolver) substitute(text string) (string, error) {
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
		text = after
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			out.WriteString("${" + literal + "}")
			continue
		}
		resolve := r.ref
		if strings.Contains(name, ".") {
			resolve = r.attribute
		}
		value, err := resolve(name)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
	}
}
