// Command bare is the smallest function that handles a queue with aws-lambda-go
// alone.
package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

type notification struct {
	Type      string `json:"type"`
	Recipient string `json:"recipient"`
}

func main() { lambda.Start(handle) }

func handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i := range event.Records {
		var n notification
		err := json.Unmarshal([]byte(event.Records[i].Body), &n)
		if err == nil {
			err = send(ctx, n)
		}
		if err != nil {
			failure := events.SQSBatchItemFailure{ItemIdentifier: event.Records[i].MessageId}
			response.BatchItemFailures = append(response.BatchItemFailures, failure)
		}
	}
	return response, nil
}

func send(ctx context.Context, _ notification) error { return ctx.Err() }
