package eventbridge

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// rule is guarded by Server.mu.
type rule struct {
	bus      *bus
	arn      string
	settings ruleSettings
	pattern  *pattern.Pattern // nil: a schedule only
	targets  []target
	stop     func() // its schedule; never nil
}

type ruleSettings struct {
	Name               string
	EventPattern       string `json:",omitempty"`
	ScheduleExpression string `json:",omitempty"`
	State              string
	Description        string `json:",omitempty"`
}

type putRuleInput struct {
	ruleSettings
	EventBusName string
	RoleARN      string `json:"RoleArn"`
	Tags         []struct{ Key, Value string }
}

type putRuleOutput struct {
	RuleARN string `json:"RuleArn"`
}

func (s *Server) putRule(_ context.Context, in *putRuleInput) (*putRuleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bus(in.EventBusName)
	if err != nil {
		return nil, err
	}
	if in.State == "" {
		in.State = "ENABLED"
	}
	switch {
	case !name.MatchString(in.Name) || len(in.Name) > 64:
		return nil, invalid("%q is no name for a rule", in.Name)
	case in.State != "ENABLED" && in.State != "DISABLED":
		return nil, invalid("the local runtime does not support the rule state %s", in.State)
	case in.EventPattern == "" && in.ScheduleExpression == "":
		return nil, invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case in.ScheduleExpression != "" && b.name != "default":
		return nil, invalid("ScheduleExpression is supported only on the default event bus.")
	}
	r := &rule{bus: b, settings: in.ruleSettings, stop: func() {}}
	r.arn = s.options.ARN("events", "rule/"+in.Name)
	if b.name != "default" {
		r.arn = s.options.ARN("events", "rule/"+b.name+"/"+in.Name)
	}
	if in.EventPattern != "" {
		if r.pattern, err = pattern.Parse([]byte(in.EventPattern)); err != nil {
			return nil, wire.Invalid("InvalidEventPatternException", "Event pattern is not valid. Reason: %v", err)
		}
	}
	if err := s.schedule(r); err != nil {
		return nil, err
	}
	if former, ok := b.rules[in.Name]; ok {
		former.stop()
		r.targets = former.targets
	}
	b.rules[in.Name] = r
	return &putRuleOutput{r.arn}, nil
}

type ruleInput struct {
	Name         string
	Rule         string
	EventBusName string
	Force        bool
}

// rule finds a rule. It is called while mu is held.
func (s *Server) rule(busName, name string) (*rule, error) {
	b, err := s.bus(busName)
	if err != nil {
		return nil, err
	}
	if r, ok := b.rules[name]; ok {
		return r, nil
	}
	return nil, notFound("Rule %s does not exist on EventBus %s.", name, b.name)
}

func (s *Server) deleteRule(_ context.Context, in *ruleInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.rule(in.EventBusName, in.Name)
	if err != nil {
		return &wire.None{}, nil // deleting what is not there succeeds
	}
	if len(r.targets) > 0 {
		return nil, invalid("Rule can't be deleted since it has targets.")
	}
	r.stop()
	delete(r.bus.rules, in.Name)
	return &wire.None{}, nil
}

type describeRuleOutput struct {
	ruleSettings
	ARN          string `json:"Arn"`
	EventBusName string
}

func (r *rule) describe() describeRuleOutput {
	return describeRuleOutput{r.settings, r.arn, r.bus.name}
}

func (s *Server) describeRule(_ context.Context, in *ruleInput) (*describeRuleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.rule(in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	out := r.describe()
	return &out, nil
}

type listRulesInput struct {
	NamePrefix   string
	EventBusName string
}

type listRulesOutput struct {
	Rules []describeRuleOutput
}

func (s *Server) listRules(_ context.Context, in *listRulesInput) (*listRulesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bus(in.EventBusName)
	if err != nil {
		return nil, err
	}
	out := &listRulesOutput{Rules: []describeRuleOutput{}}
	for _, name := range slices.Sorted(maps.Keys(b.rules)) {
		if strings.HasPrefix(name, in.NamePrefix) {
			out.Rules = append(out.Rules, b.rules[name].describe())
		}
	}
	return out, nil
}

func (s *Server) enableRule(ctx context.Context, in *ruleInput) (*wire.None, error) {
	return s.setState(ctx, in, "ENABLED")
}

func (s *Server) disableRule(ctx context.Context, in *ruleInput) (*wire.None, error) {
	return s.setState(ctx, in, "DISABLED")
}

func (s *Server) setState(_ context.Context, in *ruleInput, state string) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.rule(in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	r.settings.State = state
	return &wire.None{}, nil
}
