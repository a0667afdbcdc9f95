package lambdaevent

import (
	"time"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// StepFunctionsTask is what a task of a state machine passes, in one of the shapes
//
//	{"type": …, "payload": …, "taskToken": …, "context": …}
//	{"kind": …, "input": …, "taskToken": …, "context": …}
//	{"input": $, "context": $$, "taskToken": …}
//
// of which no member is always there.
type StepFunctionsTask struct {
	// Type is "type", else "kind", else, where the payload is "input", its string
	// "type", else the name of the state.
	Type string
	// Payload is the JSON text of "payload", else of "input"; "" where both are
	// absent.
	Payload string
	// TaskToken is "taskToken", else the one in the context.
	TaskToken string
	Context   *Context // nil where absent
}

// Context is the context object of a state machine, $$.
type Context struct {
	Execution struct {
		ID, Name, RoleArn string
		Input             string // JSON text
		StartTime         time.Time
	}
	State struct {
		Name        string
		EnteredTime time.Time
		RetryCount  int
	}
	StateMachine struct{ ID, Name string }
	TaskToken    string // $$.Task.Token
}

// DecodeStepFunctions reads what a task of a state machine passes. Absent is not
// wrong, since the shape is up to the state machine.
func DecodeStepFunctions(raw string, task *StepFunctionsTask) error {
	r := newReader(raw)
	r.task(task)
	return r.end()
}

func (r *reader) task(task *StepFunctionsTask) {
	*task = StepFunctionsTask{}
	var kind, payload, input string
	var hasType, hasKind, hasPayload, null bool
	r.object(func(name string) {
		switch name {
		case "type":
			hasType = r.text(&task.Type)
		case "kind":
			hasKind = r.text(&kind)
		case "payload":
			null = null || r.Kind() == scan.Null
			hasPayload = r.raw(&payload)
		case "input":
			null = null || r.Kind() == scan.Null
			r.raw(&input)
		case "taskToken":
			r.text(&task.TaskToken)
		case "context":
			r.context(&task.Context)
		default:
			r.Skip()
		}
	})
	task.Payload = payload
	if !hasPayload {
		task.Payload = input
	}
	if task.Payload == "" && null {
		task.Payload = "null"
	}
	if task.TaskToken == "" && task.Context != nil {
		task.TaskToken = task.Context.TaskToken
	}
	switch {
	case hasType:
	case hasKind:
		task.Type = kind
	case !hasPayload && r.inputType(input, &task.Type):
	case task.Context != nil:
		task.Type = task.Context.State.Name
	}
}

// inputType finds the type in the input of the reference system's shape. Two of
// them are an error: which one counts would be a guess.
func (r *reader) inputType(input string, to *string) bool {
	in := newReader(input)
	if in.Kind() != scan.Object {
		return false
	}
	in.push("input")
	found := false
	in.object(func(name string) {
		if name == "type" && in.Kind() == scan.String {
			found = in.text(to)
		} else {
			in.Skip()
		}
	})
	if r.first == nil {
		r.first = in.first
	}
	return found
}

func (r *reader) context(to **Context) {
	var c Context
	if r.object(func(name string) {
		switch name {
		case "Execution":
			r.execution(&c)
		case "State":
			r.state(&c)
		case "StateMachine":
			r.object(func(name string) {
				switch name {
				case "Id":
					r.text(&c.StateMachine.ID)
				case "Name":
					r.text(&c.StateMachine.Name)
				default:
					r.Skip()
				}
			})
		case "Task":
			r.only("Token", &c.TaskToken)
		default:
			r.Skip()
		}
	}) {
		*to = &c
	}
}

func (r *reader) execution(c *Context) {
	r.object(func(name string) {
		switch name {
		case "Id":
			r.text(&c.Execution.ID)
		case "Name":
			r.text(&c.Execution.Name)
		case "RoleArn":
			r.text(&c.Execution.RoleArn)
		case "Input":
			r.raw(&c.Execution.Input)
		case "StartTime":
			r.time(&c.Execution.StartTime)
		default:
			r.Skip()
		}
	})
}

func (r *reader) state(c *Context) {
	r.object(func(name string) {
		switch name {
		case "Name":
			r.text(&c.State.Name)
		case "EnteredTime":
			r.time(&c.State.EnteredTime)
		case "RetryCount":
			retries := int64(0)
			r.integer(&retries)
			c.State.RetryCount = int(retries)
		default:
			r.Skip()
		}
	})
}
