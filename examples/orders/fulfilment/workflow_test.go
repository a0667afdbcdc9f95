package fulfilment_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

// machine is a state machine whose executions are on their way for an hour, or end at
// once.
type machine struct {
	*sfn.Client

	arn string
}

func newMachine(t *testing.T, a *shoptest.AWS, ends bool) machine {
	t.Helper()
	definition := `{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":3600,"End":true}}}`
	if ends {
		definition = `{"StartAt":"End","States":{"End":{"Type":"Succeed"}}}`
	}
	client := sfn.NewFromConfig(a.Config)
	created, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("orders"), Definition: &definition, RoleArn: aws.String("arn:aws:iam::000000000000:role/orders"),
	})
	require.NoError(t, err)
	return machine{client, *created.StateMachineArn}
}

// inputs are those of all executions.
func (m machine) inputs(t *testing.T) []string {
	t.Helper()
	list, err := m.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &m.arn})
	require.NoError(t, err)
	var inputs []string
	for _, one := range list.Executions {
		execution, err := m.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: one.ExecutionArn})
		require.NoError(t, err)
		inputs = append(inputs, *execution.Input)
	}
	return inputs
}

// allEnded tells whether no execution is on its way any more.
func (m machine) allEnded(t *testing.T) bool {
	t.Helper()
	list, err := m.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &m.arn, StatusFilter: types.ExecutionStatusRunning})
	require.NoError(t, err)
	return len(list.Executions) == 0
}

// TestWorkflowStartsOnce however often, and whether or not the first has ended.
func TestWorkflowStartsOnce(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]bool{"while it runs": false, "after its end": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			m := newMachine(t, a, ends)
			workflow := fulfilment.NewWorkflow(m, m.arn)
			lost := a.Inject(local.Fault{Service: "states", Operation: "StartExecution", Effect: local.LoseAnswer})
			order := orderOf("1", map[string]int64{"A": 7})
			for range 3 {
				require.NoError(t, workflow.Start(t.Context(), tenant, order))
				for ends && !m.allEnded(t) {
				}
			}
			changed := order
			changed.Total++
			require.NoError(t, workflow.Start(t.Context(), tenant, changed), "it was started, with what it was then")
			require.Equal(t, 1, lost.Struck())
			inputs := m.inputs(t)
			require.Len(t, inputs, 1)
			require.JSONEq(t, `{"tenant":"acme","number":"1","customer":"ann@example.com","total":700}`, inputs[0])
		})
	}
}

// TestWorkflowOfEachOrder: another tenant's order is another one, and a number may be
// of anything.
func TestWorkflowOfEachOrder(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	m := newMachine(t, a, false)
	workflow := fulfilment.NewWorkflow(m, m.arn)
	starts := [][2]string{{"acme", "1"}, {"other", "1"}, {"acm", "e1"}, {"acme", "Möbel / 7 <*>"}, {"acme", strings.Repeat("9", 200)}}
	for _, start := range starts {
		require.NoError(t, workflow.Start(t.Context(), start[0], orderOf(start[1], map[string]int64{"A": 1})), start)
	}
	require.Len(t, m.inputs(t), len(starts))

	nowhere := fulfilment.NewWorkflow(m, m.arn+"-of-nobody")
	require.ErrorContains(t, nowhere.Start(t.Context(), tenant, orderOf("7", nil)), "the workflow of order 7 cannot be started")
}
