package cqrs

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// StepFunctionsEvent is the payload that a state machine's task passes. There
// is no fixed shape; these two are understood:
//
//	{"type": …, "payload": …, "taskToken": …}      // "kind" and "input" do as well
//	{"input": $, "context": $$, "taskToken": …}    // Type is input.type, else the state's name
type StepFunctionsEvent struct {
	Type      string
	Payload   json.RawMessage
	TaskToken TaskToken
	Context   *StepFunctionsContext // nil where the payload has no "context"
	Raw       json.RawMessage
}

// LogValue leaves out the payload and the token.
func (e *StepFunctionsEvent) LogValue() slog.Value {
	return slog.GroupValue(slog.String("type", e.Type), slog.String("execution", e.execution()))
}

func (e *StepFunctionsEvent) execution() string {
	if e.Context == nil {
		return ""
	}
	return e.Context.Execution.ID
}

// StepFunctionsContext is the context object $$ of a state machine.
type StepFunctionsContext struct {
	Execution struct {
		ID        string          `json:"Id"`
		Name      string          `json:"Name"`
		RoleArn   string          `json:"RoleArn"`
		Input     json.RawMessage `json:"Input"`
		StartTime time.Time       `json:"StartTime"`
	} `json:"Execution"`
	State struct {
		Name        string    `json:"Name"`
		EnteredTime time.Time `json:"EnteredTime"`
		RetryCount  int       `json:"RetryCount"`
	} `json:"State"`
	StateMachine struct {
		ID   string `json:"Id"`
		Name string `json:"Name"`
	} `json:"StateMachine"`
	Task struct {
		Token TaskToken `json:"Token"`
	} `json:"Task"`
}

// Format writes which execution and state it is, for every verb: fmt does not
// ask the token inside how to print it where a verb does not fit.
func (c *StepFunctionsContext) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{execution %s, state %s}", c.Execution.ID, c.State.Name)
}

func newStepFunctionsEvent(raw string, e *lambdaevent.StepFunctionsTask) *StepFunctionsEvent {
	event := &StepFunctionsEvent{
		Type:      e.Type,
		Payload:   rawJSON(e.Payload),
		TaskToken: TaskToken(e.TaskToken),
		Raw:       rawJSON(raw),
	}
	if e.Context != nil {
		c := &StepFunctionsContext{}
		c.Execution.ID = e.Context.Execution.ID
		c.Execution.Name = e.Context.Execution.Name
		c.Execution.RoleArn = e.Context.Execution.RoleArn
		c.Execution.Input = rawJSON(e.Context.Execution.Input)
		c.Execution.StartTime = e.Context.Execution.StartTime
		c.State.Name = e.Context.State.Name
		c.State.EnteredTime = e.Context.State.EnteredTime
		c.State.RetryCount = e.Context.State.RetryCount
		c.StateMachine.ID = e.Context.StateMachine.ID
		c.StateMachine.Name = e.Context.StateMachine.Name
		c.Task.Token = TaskToken(e.Context.TaskToken)
		event.Context = c
	}
	return event
}

// rawJSON is a copy that its receiver owns; absent stays nil.
func rawJSON(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
