// Package stack makes what an AWS SAM template says on an AWS in this process, so that
// what runs in the example is what would be deployed.
//
// It knows the resources, properties and intrinsic functions that the example's
// template has, and refuses every other by name and line. What has no meaning in one
// process, such as permissions and encryption, is listed in ignored.go.
package stack

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambda-cqrs/cqrs/doctor/sam"
	"github.com/lambda-cqrs/cqrs/local"
)

// Code is what runs as the template's function: a process, or a handler made of the
// function's environment.
type Code struct {
	Process func(ctx context.Context) (*exec.Cmd, error)
	Handler func(variable func(name string) string) (lambda.Handler, error)
}

// Stack is what a template has made.
type Stack struct {
	aws       *local.AWS
	code      Code
	resolver  *sam.Resolver
	resources map[string]*resource
	outputs   map[string]string
	variables map[string]string
	function  *local.Function

	tables   *dynamodb.Client
	buckets  *s3.Client
	machines *sfn.Client
	topics   *sns.Client
	queues   *sqs.Client
}

// Up makes what the template says. Parameters that are not given have their defaults.
// The resources last as long as a.
func Up(ctx context.Context, a *local.AWS, template []byte, parameters map[string]string, code Code) (*Stack, error) {
	t, err := sam.Parse(template)
	if err != nil {
		return nil, err
	}
	if err := understood(t); err != nil {
		return nil, err
	}
	cfg := a.Config()
	s := &Stack{
		aws: a, code: code, resources: map[string]*resource{}, outputs: map[string]string{}, variables: map[string]string{},
		tables: dynamodb.NewFromConfig(cfg), machines: sfn.NewFromConfig(cfg),
		topics: sns.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg),
		buckets: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
	}
	s.resolver, err = t.Resolver(parameters, func(id string) (sam.Reference, error) { return s.refer(ctx, id) })
	if err != nil {
		return nil, err
	}
	for _, r := range t.Resources {
		s.resources[r.ID] = &resource{Resource: r}
	}
	for _, r := range t.Resources {
		if err := s.make(ctx, s.resources[r.ID]); err != nil {
			return nil, err
		}
	}
	for name, value := range t.Outputs {
		if s.outputs[name], err = s.resolver.Text(value); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// understood refuses the sections of which nothing is made.
func understood(t *sam.Template) error {
	for name, line := range t.Sections {
		switch name {
		case "Parameters", "Resources", "Outputs", "AWSTemplateFormatVersion", "Transform", "Description":
		default:
			return fmt.Errorf("template line %d: the section %s is not known here", line, name)
		}
	}
	return nil
}

// Function is the template's function.
func (s *Stack) Function() *local.Function { return s.function }

// Variable is a variable of the function's environment, "" where there is none.
func (s *Stack) Variable(name string) string { return s.variables[name] }

// Output is an output of the template, "" where there is none.
func (s *Stack) Output(name string) string { return s.outputs[name] }

// Resources is how many there are.
func (s *Stack) Resources() int { return len(s.resources) }

// resource is one resource of the template, and what it is known by once it is made.
type resource struct {
	*sam.Resource

	state state
	known sam.Reference
}

type state int

const (
	unmade state = iota
	inMaking
	made
)

// knownBy is what Ref and GetAtt give for a resource.
func knownBy(ref, arn, stream string) sam.Reference {
	return sam.Reference{Ref: ref, Attributes: map[string]string{"Arn": arn, "StreamArn": stream}}
}

// maker is what makes resources of a type, nil where nothing does.
func maker(kind string) func(s *Stack, ctx context.Context, r *resource, p *sam.Properties) error {
	switch kind {
	case "AWS::DynamoDB::Table":
		return (*Stack).makeTable
	case "AWS::S3::Bucket":
		return (*Stack).makeBucket
	case "AWS::SQS::Queue":
		return (*Stack).makeQueue
	case "AWS::SQS::QueuePolicy":
		return (*Stack).makePolicy
	case "AWS::SNS::Topic":
		return (*Stack).makeTopic
	case "AWS::Serverless::Function":
		return (*Stack).makeFunction
	case "AWS::Serverless::StateMachine":
		return (*Stack).makeMachine
	default:
		return nil
	}
}

// make makes a resource, after those that it refers to. Two that refer to each other
// cannot be deployed either.
func (s *Stack) make(ctx context.Context, r *resource) error {
	switch r.state {
	case made:
		return nil
	case inMaking:
		return fmt.Errorf("template line %d: %s refers to itself by way of others: a circular dependency", r.Line, r.ID)
	}
	create := maker(r.Kind)
	if create == nil {
		return fmt.Errorf("template line %d: %s is a %s, which is not known here", r.Line, r.ID, r.Kind)
	}
	r.state = inMaking
	p, err := s.resolver.Properties(r.Kind, r.Properties, ignored)
	if err == nil {
		err = create(s, ctx, r, p)
	}
	if err == nil {
		err = p.Unknown()
	}
	if err != nil {
		return fmt.Errorf("template line %d: %s: %w", r.Line, r.ID, err)
	}
	r.state = made
	return nil
}

// refer makes the resource of that name, if need be, and returns what it is known by.
func (s *Stack) refer(ctx context.Context, id string) (sam.Reference, error) {
	r, ok := s.resources[id]
	if !ok {
		return sam.Reference{}, fmt.Errorf("there is no %s", id)
	}
	if r.known.Ref != "" {
		return r.known, nil
	}
	err := s.make(ctx, r)
	return r.known, err
}

// name is what a resource without a name of its own is called.
func name(id string) string { return "shop-" + strings.ToLower(id) }
