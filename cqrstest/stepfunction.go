package cqrstest

import (
	"encoding/json"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// StepFunction is what the task of a state machine passes:
//
//	{"type": …, "payload": …, "context": $$}
//
// The payload must be JSON or encode to it. Without a [Token] the state machine
// waits for the function's answer.
func StepFunction(typ string, payload any, opts ...TaskOption) Payload {
	t := task{execution: newID(), machine: "orders", state: typ}
	for _, opt := range opts {
		opt(&t)
	}
	input := json.RawMessage(text(payload))
	event := record{"context": t.context(input)}
	if t.wholeInput {
		event["input"] = input
	} else {
		event["type"], event["payload"] = typ, input
	}
	if t.token != "" {
		event["taskToken"] = string(t.token)
	}
	return Payload{source: cqrs.SourceStepFunctions, records: []record{event}}
}

type task struct {
	token                     cqrs.TaskToken
	machine, execution, state string
	retries                   int
	wholeInput                bool
}

// TaskOption changes a task.
type TaskOption func(*task)

// Token makes it a task that waits for a callback.
func Token(token cqrs.TaskToken) TaskOption { return func(t *task) { t.token = token } }

// NewToken is a token that nobody else has.
func NewToken() cqrs.TaskToken { return cqrs.TaskToken("AQCEAAAAKgAAAAMAAAAA" + randomHex(64)) }

// Execution is the name of the execution; the default is a new one.
func Execution(name string) TaskOption { return func(t *task) { t.execution = name } }

// StateMachine is the name of the state machine; the default is "orders".
func StateMachine(name string) TaskOption { return func(t *task) { t.machine = name } }

// State is the name of the state; the default is the task's type.
func State(name string) TaskOption { return func(t *task) { t.state = name } }

// Retried is the number of retries that came before; the default is 0.
func Retried(times int) TaskOption { return func(t *task) { t.retries = times } }

// WholeInput passes {"input": $, "context": $$} instead. The type then is the
// payload's own member "type", else the name of the state.
func WholeInput() TaskOption { return func(t *task) { t.wholeInput = true } }

func (t *task) context(input json.RawMessage) record {
	now := iso(time.Now())
	c := record{
		"Execution": record{
			"Id":        arn("states", "execution:"+t.machine+":"+t.execution),
			"Name":      t.execution,
			"RoleArn":   "arn:aws:iam::" + account + ":role/" + t.machine,
			"Input":     input,
			"StartTime": now,
		},
		"State":        record{"Name": t.state, "EnteredTime": now, "RetryCount": t.retries},
		"StateMachine": record{"Id": arn("states", "stateMachine:"+t.machine), "Name": t.machine},
	}
	if t.token != "" {
		c["Task"] = record{"Token": string(t.token)}
	}
	return c
}
