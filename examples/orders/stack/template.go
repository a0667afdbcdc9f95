package stack

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// template is a template, read and not yet understood.
type template struct {
	parameters map[string]parameter
	resources  []*resource
	outputs    map[string]*yaml.Node
}

type parameter struct {
	Default *string `yaml:"Default"`
}

// resource is one resource.
type resource struct {
	id, kind   string
	line       int
	properties *yaml.Node
	state      state
	attributes attributes
}

type state int

const (
	unmade state = iota
	inMaking
	made
)

func parse(text []byte) (*template, error) {
	var document yaml.Node
	var root struct {
		Parameters map[string]parameter `yaml:"Parameters"`
		Resources  yaml.Node            `yaml:"Resources"`
		Outputs    map[string]struct {
			Value yaml.Node `yaml:"Value"`
		} `yaml:"Outputs"`
	}
	err := yaml.Unmarshal(text, &document)
	if err == nil {
		err = document.Decode(&root)
	}
	if err != nil {
		return nil, fmt.Errorf("the template: %w", err)
	}
	if err := sections(&document); err != nil {
		return nil, err
	}
	t := &template{parameters: root.Parameters, outputs: map[string]*yaml.Node{}}
	for name, output := range root.Outputs {
		t.outputs[name] = &output.Value
	}
	for key, value := range pairs(&root.Resources) {
		r := &resource{id: key.Value, line: key.Line}
		for key, value := range pairs(value) {
			switch key.Value {
			case "Type":
				r.kind = value.Value
			case "Properties":
				r.properties = value
			case "DeletionPolicy", "UpdateReplacePolicy", "Metadata": // of deployments
			default:
				return nil, fmt.Errorf("template line %d: %s of %s is not known here", key.Line, key.Value, r.id)
			}
		}
		t.resources = append(t.resources, r)
	}
	return t, nil
}

// sections refuses those of which nothing is read.
func sections(document *yaml.Node) error {
	for _, root := range document.Content {
		for key := range pairs(root) {
			switch key.Value {
			case "Parameters", "Resources", "Outputs", "AWSTemplateFormatVersion", "Transform", "Description":
			default:
				return fmt.Errorf("template line %d: the section %s is not known here", key.Line, key.Value)
			}
		}
	}
	return nil
}

// values are the parameters, as given or by default.
func (t *template) values(given map[string]string) (map[string]string, error) {
	values := map[string]string{
		"AWS::Region": "us-east-1", "AWS::AccountId": "000000000000", "AWS::Partition": "aws",
	}
	for name, p := range t.parameters {
		value, ok := given[name]
		switch {
		case ok:
			values[name] = value
		case p.Default != nil:
			values[name] = *p.Default
		default:
			return nil, fmt.Errorf("the parameter %s is not given, and has no default", name)
		}
	}
	for name := range given {
		if _, ok := t.parameters[name]; !ok {
			return nil, fmt.Errorf("the template has no parameter %s", name)
		}
	}
	return values, nil
}

// pairs yields the keys and values of a mapping, in their order.
func pairs(node *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if node == nil || node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i], node.Content[i+1]) {
				return
			}
		}
	}
}
