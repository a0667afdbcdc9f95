// Package sam reads AWS SAM and CloudFormation templates: their resources, and
// what the intrinsic functions in them stand for.
//
// It knows Ref, Fn::GetAtt, Fn::Sub and Fn::Join, as tags and as maps. Every other
// function is an error with its line.
package sam

import (
	"fmt"
	"iter"

	"go.yaml.in/yaml/v3"
)

// Template is a template, read and not yet understood.
type Template struct {
	Parameters map[string]Parameter
	Resources  []*Resource // in the order of the template
	Outputs    map[string]*yaml.Node
	Globals    map[string]yaml.Node // of SAM, such as Function
	Sections   map[string]int       // the line of each, by its name
}

// Parameter is one parameter.
type Parameter struct {
	Default *string `yaml:"Default"` // nil where a value has to be given
}

// Resource is one resource.
type Resource struct {
	ID, Kind   string // Kind such as AWS::SQS::Queue
	Line       int    // in the template
	Properties *yaml.Node
}

// Parse reads a template in YAML or JSON.
func Parse(text []byte) (*Template, error) {
	var root struct {
		Parameters map[string]Parameter `yaml:"Parameters"`
		Globals    map[string]yaml.Node `yaml:"Globals"`
		Resources  yaml.Node            `yaml:"Resources"`
		Outputs    map[string]struct {
			Value yaml.Node `yaml:"Value"`
		} `yaml:"Outputs"`
	}
	var document yaml.Node
	err := yaml.Unmarshal(text, &document)
	if err == nil {
		err = document.Decode(&root)
	}
	if err != nil {
		return nil, fmt.Errorf("the template: %w", err)
	}
	t := &Template{Parameters: root.Parameters, Outputs: map[string]*yaml.Node{}, Globals: root.Globals, Sections: map[string]int{}}
	for _, body := range document.Content {
		for key := range Pairs(body) {
			t.Sections[key.Value] = key.Line
		}
	}
	for name, output := range root.Outputs {
		t.Outputs[name] = &output.Value
	}
	for key, value := range Pairs(&root.Resources) {
		r := &Resource{ID: key.Value, Line: key.Line}
		for key, value := range Pairs(value) {
			switch key.Value {
			case "Type":
				r.Kind = value.Value
			case "Properties":
				r.Properties = value
			case "DeletionPolicy", "UpdateReplacePolicy", "Metadata", "DependsOn": // of deployments
			default:
				return nil, fmt.Errorf("template line %d: %s of %s is not known here", key.Line, key.Value, r.ID)
			}
		}
		t.Resources = append(t.Resources, r)
	}
	return t, nil
}

// values are the parameters, as given or by default, and the pseudo parameters.
func (t *Template) values(given map[string]string) (map[string]string, error) {
	values := map[string]string{
		"AWS::Region": "us-east-1", "AWS::AccountId": "000000000000", "AWS::Partition": "aws",
		"AWS::StackName": "stack", "AWS::URLSuffix": "amazonaws.com",
	}
	for name, p := range t.Parameters {
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
	for name, value := range given {
		_, pseudo := values[name]
		if _, ok := t.Parameters[name]; !ok && !pseudo {
			return nil, fmt.Errorf("the template has no parameter %s", name)
		}
		values[name] = value
	}
	return values, nil
}

// Pairs yields the keys and values of a mapping, in their order.
func Pairs(node *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
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
