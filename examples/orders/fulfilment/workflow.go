package fulfilment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// WorkflowClient is what a Workflow needs of a *sfn.Client.
type WorkflowClient interface {
	StartExecution(ctx context.Context, in *sfn.StartExecutionInput, opts ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Workflow is the state machine that orders go through.
type Workflow struct {
	client  WorkflowClient
	machine string
}

// NewWorkflow returns the workflow of a state machine, given by its ARN.
func NewWorkflow(client WorkflowClient, machine string) *Workflow { return &Workflow{client, machine} }

// Start starts the order's execution, once: it is named after the order, and Step
// Functions knows a name for 90 days.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
func (w *Workflow) Start(ctx context.Context, tenant string, order shop.Order) error {
	input, err := json.Marshal(OrderProcess{tenant, order.Number, order.Customer, order.Total})
	if err != nil {
		return err
	}
	name, text := executionName(tenant, order.Number), string(input)
	_, err = w.client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &w.machine, Name: &name, Input: &text})
	var exists *types.ExecutionAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("the workflow of order %s cannot be started: %w", order.Number, err)
	}
	return nil
}

// executionName is of the characters that a name may have, whatever the order's number
// is made of.
func executionName(tenant, order string) string {
	hash := sha256.Sum256([]byte(tenant + "\x00" + order))
	return "order-" + hex.EncodeToString(hash[:16])
}
