package sqsqueue_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// task answers each look with the next of its states.
type task struct {
	started *sqs.StartMessageMoveTaskInput
	refuse  error
	states  []types.ListMessageMoveTasksResultEntry
}

func (m *task) StartMessageMoveTask(
	_ context.Context, in *sqs.StartMessageMoveTaskInput, _ ...func(*sqs.Options),
) (*sqs.StartMessageMoveTaskOutput, error) {
	m.started = in
	return &sqs.StartMessageMoveTaskOutput{}, m.refuse
}

func (m *task) ListMessageMoveTasks(
	context.Context, *sqs.ListMessageMoveTasksInput, ...func(*sqs.Options),
) (*sqs.ListMessageMoveTasksOutput, error) {
	if len(m.states) == 0 {
		return &sqs.ListMessageMoveTasksOutput{}, nil
	}
	state := m.states[0]
	m.states = m.states[1:]
	if state.Status == nil {
		return nil, errors.New("reset")
	}
	return &sqs.ListMessageMoveTasksOutput{Results: []types.ListMessageMoveTasksResultEntry{state}}, nil
}

func state(status string, moved int64) types.ListMessageMoveTasksResultEntry {
	return types.ListMessageMoveTasksResultEntry{Status: aws.String(status), ApproximateNumberOfMessagesMoved: moved}
}

func TestMove(t *testing.T) {
	t.Parallel()
	failed := state("FAILED", 3)
	failed.FailureReason = aws.String("AccessDenied")
	for name, c := range map[string]struct {
		task  *task
		rate  int
		moved int64
		text  string
		took  time.Duration
	}{
		"done":      {&task{states: []types.ListMessageMoveTasksResultEntry{state("RUNNING", 1), state("RUNNING", 5), state("COMPLETED", 9)}}, 900, 9, "", 2 * time.Second},
		"failed":    {&task{states: []types.ListMessageMoveTasksResultEntry{failed}}, 0, 3, "it was FAILED: AccessDenied", 0},
		"cancelled": {&task{states: []types.ListMessageMoveTasksResultEntry{state("CANCELLING", 1), state("CANCELLED", 2)}}, 0, 2, "it was CANCELLED", time.Second},
		"refused":   {&task{refuse: &types.UnsupportedOperation{}}, 0, 0, "UnsupportedOperation", 0},
		"forgotten": {&task{}, 0, 0, "does not know the move", 0},
		"look":      {&task{states: []types.ListMessageMoveTasksResultEntry{{}}}, 0, 0, "reset", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				moved, err := sqsqueue.Move(t.Context(), c.task, queueARN, c.rate)
				require.Equal(t, c.moved, moved)
				require.Equal(t, c.took, time.Since(start))
				require.Equal(t, queueARN, *c.task.started.SourceArn)
				if c.rate > 0 {
					require.EqualValues(t, 500, *c.task.started.MaxNumberOfMessagesPerSecond, "no more than SQS takes")
				} else {
					require.Nil(t, c.task.started.MaxNumberOfMessagesPerSecond)
				}
				if c.text == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, c.text)
				}
			})
		})
	}
}

func TestMoveGoesOnWithoutUs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		moved, err := sqsqueue.Move(ctx, &task{states: []types.ListMessageMoveTasksResultEntry{
			state("RUNNING", 1), state("RUNNING", 2), state("RUNNING", 3),
		}}, queueARN, 1)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualValues(t, 2, moved)
	})
}
