package local

import (
	"context"
	"encoding/json"

	"github.com/lambda-cqrs/cqrs/local/internal/console"
)

// shownExecutions is how many the console shows.
const shownExecutions = 100

// ConsoleURL is a page for people: queues with their dead letters, which it can
// redrive, tables and streams, executions, functions, and how the latest
// deliveries ended. It shows no message and no item.
func (a *AWS) ConsoleURL() string { return a.Endpoint() + console.Path }

func (a *AWS) state() console.State {
	executions, total := a.services.machines.Overview(shownExecutions)
	return console.State{
		Now:             a.clock.Now(),
		Endpoint:        a.Endpoint(),
		Region:          a.owner.Region,
		Queues:          a.services.queues.Overview(),
		Tables:          a.services.tables.Overview(),
		Functions:       a.services.functions.Overview(),
		Executions:      executions,
		ExecutionsTotal: total,
		Deliveries:      a.services.functions.Deliveries(),
	}
}

// redrive starts a message move, which takes no time here.
func (a *AWS) redrive(ctx context.Context, queue string) error {
	input, err := json.Marshal(map[string]string{"SourceArn": queue})
	if err == nil {
		_, err = a.call(ctx, "sqs", "StartMessageMoveTask", input)
	}
	return err
}
