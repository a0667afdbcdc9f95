package eventbridge

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// target is where a rule sends its events.
type target struct {
	ID               string       `json:"Id"`
	ARN              string       `json:"Arn"`
	RoleARN          string       `json:"RoleArn,omitempty"`
	Input            string       `json:",omitempty"`
	InputPath        string       `json:",omitempty"`
	InputTransformer *transformer `json:",omitempty"`
	SQSParameters    *struct {
		MessageGroupID string `json:"MessageGroupId"`
	} `json:"SqsParameters,omitempty"`
	DeadLetterConfig *struct {
		ARN string `json:"Arn"`
	} `json:",omitempty"`
	RetryPolicy *struct {
		MaximumRetryAttempts     *int
		MaximumEventAgeInSeconds *int
	} `json:",omitempty"`
}

type putTargetsInput struct {
	Rule         string
	EventBusName string
	Targets      []target
}

type targetsOutput struct {
	FailedEntryCount int
	FailedEntries    []struct{}
}

func (s *Server) putTargets(_ context.Context, in *putTargetsInput) (*targetsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.rule(in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	for _, t := range in.Targets {
		if err := t.check(); err != nil {
			return nil, err
		}
	}
	targets := slices.Clone(r.targets)
	for _, t := range in.Targets {
		at := slices.IndexFunc(targets, func(other target) bool { return other.ID == t.ID })
		if at >= 0 {
			targets[at] = t
		} else {
			targets = append(targets, t)
		}
	}
	if len(targets) > 5 {
		return nil, wire.Invalid("LimitExceededException", "The requested resource exceeds the maximum number allowed: 5 targets.")
	}
	r.targets = targets
	return &targetsOutput{FailedEntries: []struct{}{}}, nil
}

func (t *target) check() error {
	parsed, err := arn.Parse(t.ARN)
	switch {
	case err != nil || t.ID == "":
		return invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.ARN)
	case !slices.Contains([]string{"sqs", "sns", "lambda", "states", "events"}, parsed.Service):
		return invalid("the local runtime does not support targets of the service %s", parsed.Service)
	}
	inputs := 0
	for _, given := range []bool{t.Input != "", t.InputPath != "", t.InputTransformer != nil} {
		if given {
			inputs++
		}
	}
	if inputs > 1 {
		return invalid("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.ID)
	}
	return t.checkInput()
}

type removeTargetsInput struct {
	Rule         string
	EventBusName string
	IDs          []string `json:"Ids"`
	Force        bool
}

func (s *Server) removeTargets(_ context.Context, in *removeTargetsInput) (*targetsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.rule(in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	r.targets = slices.DeleteFunc(slices.Clone(r.targets), func(t target) bool { return slices.Contains(in.IDs, t.ID) })
	return &targetsOutput{FailedEntries: []struct{}{}}, nil
}

type listTargetsOutput struct {
	Targets []target
}

func (s *Server) listTargets(_ context.Context, in *ruleInput) (*listTargetsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.rule(in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	return &listTargetsOutput{slices.Concat([]target{}, r.targets)}, nil
}

type ruleNamesInput struct {
	TargetARN    string `json:"TargetArn"`
	EventBusName string
}

type ruleNamesOutput struct {
	RuleNames []string
}

func (s *Server) listRuleNames(_ context.Context, in *ruleNamesInput) (*ruleNamesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bus(in.EventBusName)
	if err != nil {
		return nil, err
	}
	out := &ruleNamesOutput{RuleNames: []string{}}
	for _, name := range slices.Sorted(maps.Keys(b.rules)) {
		if slices.ContainsFunc(b.rules[name].targets, func(t target) bool { return t.ARN == in.TargetARN }) {
			out.RuleNames = append(out.RuleNames, name)
		}
	}
	return out, nil
}
