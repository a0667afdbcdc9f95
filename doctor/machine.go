package doctor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// state is what is looked at in a state of a definition in the Amazon States
// Language.
type state struct {
	Resource         string    `json:"Resource"`
	Parameters       payload   `json:"Parameters"`
	Arguments        payload   `json:"Arguments"`
	HeartbeatSeconds int       `json:"HeartbeatSeconds"`
	TimeoutSeconds   int       `json:"TimeoutSeconds"`
	Branches         []machine `json:"Branches"`
	Iterator         *machine  `json:"Iterator"`
	ItemProcessor    *machine  `json:"ItemProcessor"`
}

type machine struct {
	States map[string]state `json:"States"`
}

// payload is what a task gives to the function. The JSONata form has Arguments.
type payload struct {
	FunctionName string          `json:"FunctionName"`
	Payload      json.RawMessage `json:"Payload"`
}

// tasksOf lists the states of a definition that call the function, by their name.
func tasksOf(name, definition, function, arn string) ([]Task, error) {
	var m machine
	if err := json.Unmarshal([]byte(definition), &m); err != nil {
		return nil, fmt.Errorf("the definition of %s: %w", name, err)
	}
	var tasks []Task
	m.walk(func(id string, s state) {
		given := s.Parameters
		if given.FunctionName == "" {
			given = s.Arguments
		}
		target := given.FunctionName
		if strings.HasPrefix(s.Resource, "arn:aws:lambda:") {
			target = s.Resource
		}
		if target == "" || target != function && target != arn && !strings.HasPrefix(target, arn+":") {
			return
		}
		var typed struct {
			Type string `json:"type"`
		}
		_ = json.Unmarshal(given.Payload, &typed) // a payload of another shape says no type
		tasks = append(tasks, Task{
			Machine: name, State: id, Type: typed.Type, Token: strings.HasSuffix(s.Resource, ".waitForTaskToken"),
			Heartbeat: seconds(s.HeartbeatSeconds), Timeout: seconds(s.TimeoutSeconds),
		})
	})
	return tasks, nil
}

// walk visits all states, also those of branches and iterations.
func (m machine) walk(visit func(id string, s state)) {
	for _, id := range slices.Sorted(maps.Keys(m.States)) {
		s := m.States[id]
		visit(id, s)
		for _, branch := range s.Branches {
			branch.walk(visit)
		}
		for _, inner := range []*machine{s.Iterator, s.ItemProcessor} {
			if inner != nil {
				inner.walk(visit)
			}
		}
	}
}
