package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// execution is guarded by Server.mu, except for what is set when it starts.
type execution struct {
	server  *Server
	machine *stateMachine
	name    string
	arn     string
	input   string
	started time.Time
	cancel  context.CancelCauseFunc

	status  string
	stopped time.Time
	output  string
	failure *failure // of a status other than RUNNING and SUCCEEDED
	history []historyEvent
}

var (
	errAborted = errors.New("the execution was stopped")
	errExpired = errors.New("the execution timed out")
)

type startExecutionInput struct {
	MachineARN  string `json:"stateMachineArn"`
	Name        string
	Input       string
	TraceHeader string
}

type startExecutionOutput struct {
	ARN     string  `json:"executionArn"`
	Started float64 `json:"startDate"`
}

func (s *Server) startExecution(_ context.Context, in *startExecutionInput) (*startExecutionOutput, error) {
	if in.Name == "" {
		in.Name = newName()
	}
	if in.Input == "" {
		in.Input = "{}"
	}
	if !resourceName.MatchString(in.Name) {
		return nil, wire.Invalid("InvalidName", "Invalid Name: '%s'", in.Name)
	}
	input, err := pattern.Decode([]byte(in.Input))
	if err != nil || len(in.Input) > maxData {
		return nil, wire.Invalid("InvalidExecutionInput", "Invalid Execution Input: no JSON, or longer than %d bytes", maxData)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.machine(in.MachineARN)
	if err != nil {
		return nil, err
	}
	arn := s.options.ARN("states", "execution:"+m.name+":"+in.Name)
	if e, ok := s.executions[arn]; ok {
		if e.status != "RUNNING" || e.input != in.Input {
			return nil, wire.Invalid("ExecutionAlreadyExists", "Execution Already Exists: '%s'", arn)
		}
		return &startExecutionOutput{arn, epoch(e.started)}, nil
	}
	ctx, cancel := context.WithCancelCause(s.options.Tasks.Context())
	e := &execution{
		server: s, machine: m, name: in.Name, arn: arn, input: in.Input,
		started: s.options.Clock.Now(), cancel: cancel, status: "RUNNING",
	}
	s.executions[arn] = e
	s.order = append(s.order, e)
	e.recordLocked("ExecutionStarted", map[string]any{"input": in.Input, "roleArn": m.role})
	s.options.Tasks.Go(func(context.Context) { e.run(ctx, input) })
	return &startExecutionOutput{arn, epoch(e.started)}, nil
}

// Start starts an execution of the state machine on a document, under a new name.
func (s *Server) Start(ctx context.Context, machine, input string) error {
	_, err := s.startExecution(ctx, &startExecutionInput{MachineARN: machine, Input: input})
	return err
}

// run is the execution's life.
func (e *execution) run(ctx context.Context, input any) {
	defer e.cancel(nil)
	c := e.server.options.Clock
	if seconds := e.machine.definition.TimeoutSeconds; seconds != nil {
		defer c.At(e.started.Add(duration(*seconds)), func() { e.cancel(errExpired) })()
	}
	contextObject := map[string]any{
		"Execution": map[string]any{
			"Id": e.arn, "Name": e.name, "RoleArn": e.machine.role, "Input": input,
			"StartTime": e.started.UTC().Format("2006-01-02T15:04:05.000Z"),
		},
		"StateMachine": map[string]any{"Id": e.machine.arn, "Name": e.machine.name},
	}
	output, err := e.runMachine(ctx, e.machine.definition, scope{input, contextObject})
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errAborted):
		return // StopExecution has said so
	case errors.Is(cause, errExpired):
		e.end("TIMED_OUT", "ExecutionTimedOut", &failure{name: "States.Timeout"}, "")
	case cause != nil:
		return // the service is closed
	case err != nil:
		e.end("FAILED", "ExecutionFailed", asFailure(err), "")
	default:
		e.end("SUCCEEDED", "ExecutionSucceeded", nil, encode(output))
	}
}

func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{"States.Runtime", err.Error()}
}

func (e *execution) end(status, kind string, f *failure, output string) {
	e.server.mu.Lock()
	defer e.server.mu.Unlock()
	e.endLocked(status, kind, f, output)
}

func (e *execution) endLocked(status, kind string, f *failure, output string) {
	if e.status != "RUNNING" {
		return
	}
	e.status, e.failure, e.output, e.stopped = status, f, output, e.server.options.Clock.Now()
	details := map[string]any{"output": output}
	if f != nil {
		details = map[string]any{"error": f.name, "cause": f.cause}
	}
	e.recordLocked(kind, details)
}

// execution is called while mu is held.
func (s *Server) execution(arn string) (*execution, error) {
	if e, ok := s.executions[arn]; ok {
		return e, nil
	}
	return nil, wire.Invalid("ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn)
}

type executionInput struct {
	ARN                  string `json:"executionArn"`
	Error                string
	Cause                string
	MaxResults           int
	ReverseOrder         bool
	IncludeExecutionData *bool
}

type stopExecutionOutput struct {
	Stopped float64 `json:"stopDate"`
}

func (s *Server) stopExecution(_ context.Context, in *executionInput) (*stopExecutionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.execution(in.ARN)
	if err != nil {
		return nil, err
	}
	e.endLocked("ABORTED", "ExecutionAborted", &failure{in.Error, in.Cause}, "")
	e.cancel(errAborted)
	return &stopExecutionOutput{epoch(e.stopped)}, nil
}

type describedExecution struct {
	startExecutionOutput
	MachineARN string  `json:"stateMachineArn"`
	Name       string  `json:"name"`
	Status     string  `json:"status"`
	Stopped    float64 `json:"stopDate,omitempty"`
	Input      string  `json:"input,omitempty"`
	Output     string  `json:"output,omitempty"`
	Error      string  `json:"error,omitempty"`
	Cause      string  `json:"cause,omitempty"`
}

// describe is called while mu is held.
func (e *execution) describe() describedExecution {
	described := describedExecution{
		startExecutionOutput: startExecutionOutput{e.arn, epoch(e.started)},
		MachineARN:           e.machine.arn, Name: e.name, Status: e.status,
	}
	if !e.stopped.IsZero() {
		described.Stopped = epoch(e.stopped)
	}
	return described
}

func (s *Server) describeExecution(_ context.Context, in *executionInput) (*describedExecution, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.execution(in.ARN)
	if err != nil {
		return nil, err
	}
	described := e.describe()
	described.Input, described.Output = e.input, e.output
	if e.failure != nil {
		described.Error, described.Cause = e.failure.name, e.failure.cause
	}
	return &described, nil
}

type listExecutionsInput struct {
	MachineARN   string `json:"stateMachineArn"`
	StatusFilter string
	MaxResults   int
}

type listExecutionsOutput struct {
	Executions []describedExecution `json:"executions"`
}

// listExecutions lists the newest first.
func (s *Server) listExecutions(_ context.Context, in *listExecutionsInput) (*listExecutionsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.machine(in.MachineARN); err != nil {
		return nil, err
	}
	out := &listExecutionsOutput{Executions: []describedExecution{}}
	for _, e := range slices.Backward(s.order) {
		if e.machine.arn != in.MachineARN || in.StatusFilter != "" && e.status != in.StatusFilter {
			continue
		}
		if in.MaxResults > 0 && len(out.Executions) == in.MaxResults {
			return nil, wire.Invalid("ValidationException", "the local runtime does not page: more than %d executions", in.MaxResults)
		}
		out.Executions = append(out.Executions, e.describe())
	}
	return out, nil
}

// historyEvent has its details under a name that its type gives.
type historyEvent struct {
	id      int
	at      time.Time
	kind    string
	details map[string]any
}

// MarshalJSON is the form of GetExecutionHistory.
func (h historyEvent) MarshalJSON() ([]byte, error) {
	name := h.kind
	for _, shared := range []string{"StateEntered", "StateExited"} {
		if strings.HasSuffix(name, shared) {
			name = shared
		}
	}
	event := map[string]any{"id": h.id, "previousEventId": h.id - 1, "timestamp": epoch(h.at), "type": h.kind}
	if h.details != nil {
		event[string(name[0]|0x20)+name[1:]+"EventDetails"] = h.details
	}
	return json.Marshal(event)
}

func (e *execution) record(kind string, details map[string]any) {
	e.server.mu.Lock()
	defer e.server.mu.Unlock()
	e.recordLocked(kind, details)
}

// recordLocked adds to the history, which ends with the execution.
func (e *execution) recordLocked(kind string, details map[string]any) {
	if last := len(e.history) - 1; last >= 0 && ended(e.history[last].kind) {
		return
	}
	e.history = append(e.history, historyEvent{len(e.history) + 1, e.server.options.Clock.Now(), kind, details})
}

func ended(kind string) bool {
	return slices.Contains([]string{"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}, kind)
}

type historyOutput struct {
	Events []historyEvent `json:"events"`
}

func (s *Server) getExecutionHistory(_ context.Context, in *executionInput) (*historyOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.execution(in.ARN)
	if err != nil {
		return nil, err
	}
	if in.MaxResults > 0 && len(e.history) > in.MaxResults {
		return nil, wire.Invalid("ValidationException", "the local runtime does not page: there are %d events", len(e.history))
	}
	events := slices.Clone(e.history)
	if in.ReverseOrder {
		slices.Reverse(events)
	}
	return &historyOutput{events}, nil
}
