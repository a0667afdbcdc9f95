package stepfunctions

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// resourceName is what machines, executions and activities may be called.
var resourceName = regexp.MustCompile(`^[^\s<>{}\[\]?*"#%\\^|~` + "`" + `$&,;:/\x00-\x1f\x7f-\x9f]{1,80}$`)

// stateMachine is guarded by Server.mu; its definition is immutable.
type stateMachine struct {
	name, arn, text, role string
	definition            *machine
	created               time.Time
}

type createStateMachineInput struct {
	Name                 string
	Definition           string
	RoleARN              string `json:"roleArn"`
	Type                 string
	Tags                 []struct{ Key, Value string }
	LoggingConfiguration *struct {
		Level                string
		IncludeExecutionData bool
	}
	TracingConfiguration *struct{ Enabled bool }
}

type createStateMachineOutput struct {
	ARN     string  `json:"stateMachineArn"`
	Created float64 `json:"creationDate"`
}

func (s *Server) createStateMachine(_ context.Context, in *createStateMachineInput) (*createStateMachineOutput, error) {
	if !resourceName.MatchString(in.Name) {
		return nil, wire.Invalid("InvalidName", "Invalid Name: '%s'", in.Name)
	}
	if in.Type != "" && in.Type != "STANDARD" {
		return nil, wire.Invalid("ValidationException", "the local runtime does not support state machines of the type %s", in.Type)
	}
	definition, err := parseDefinition(in.Definition)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.options.ARN("states", "stateMachine:"+in.Name)
	m, ok := s.machines[arn]
	if ok && (m.text != in.Definition || m.role != in.RoleARN) {
		return nil, wire.Invalid("StateMachineAlreadyExists", "State Machine Already Exists: '%s'", arn)
	}
	if !ok {
		m = &stateMachine{in.Name, arn, in.Definition, in.RoleARN, definition, s.options.Clock.Now()}
		s.machines[arn] = m
	}
	return &createStateMachineOutput{m.arn, epoch(m.created)}, nil
}

type stateMachineInput struct {
	ARN        string `json:"stateMachineArn"`
	Definition string
	RoleARN    string `json:"roleArn"`
}

// machine is called while mu is held.
func (s *Server) machine(arn string) (*stateMachine, error) {
	if m, ok := s.machines[arn]; ok {
		return m, nil
	}
	return nil, wire.Invalid("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", arn)
}

type updateStateMachineOutput struct {
	Updated float64 `json:"updateDate"`
}

func (s *Server) updateStateMachine(_ context.Context, in *stateMachineInput) (*updateStateMachineOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.machine(in.ARN)
	if err != nil {
		return nil, err
	}
	updated := *m // executions keep the definition that they started with
	if in.Definition != "" {
		if updated.definition, err = parseDefinition(in.Definition); err != nil {
			return nil, err
		}
		updated.text = in.Definition
	}
	if in.RoleARN != "" {
		updated.role = in.RoleARN
	}
	s.machines[in.ARN] = &updated
	return &updateStateMachineOutput{epoch(s.options.Clock.Now())}, nil
}

func (s *Server) deleteStateMachine(_ context.Context, in *stateMachineInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.machines, in.ARN)
	return &wire.None{}, nil
}

type describedMachine struct {
	createStateMachineOutput
	Name       string `json:"name"`
	Type       string `json:"type"`
	Status     string `json:"status,omitempty"`
	Definition string `json:"definition,omitempty"`
	RoleARN    string `json:"roleArn,omitempty"`
}

func (s *Server) describeStateMachine(_ context.Context, in *stateMachineInput) (*describedMachine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.machine(in.ARN)
	if err != nil {
		return nil, err
	}
	return &describedMachine{
		createStateMachineOutput{m.arn, epoch(m.created)}, m.name, "STANDARD", "ACTIVE", m.text, m.role,
	}, nil
}

type listMachinesOutput struct {
	Machines []describedMachine `json:"stateMachines"`
}

func (s *Server) listStateMachines(context.Context, *wire.None) (*listMachinesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &listMachinesOutput{Machines: []describedMachine{}}
	for _, arn := range slices.Sorted(maps.Keys(s.machines)) {
		m := s.machines[arn]
		out.Machines = append(out.Machines, describedMachine{
			createStateMachineOutput: createStateMachineOutput{arn, epoch(m.created)}, Name: m.name, Type: "STANDARD",
		})
	}
	return out, nil
}

// newName is for what its caller does not name.
func newName() string { return runtimeapi.NewRequestID() }
