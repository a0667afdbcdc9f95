package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// MoveClient is what [Move] needs of a *sqs.Client.
type MoveClient interface {
	StartMessageMoveTask(
		ctx context.Context, in *sqs.StartMessageMoveTaskInput, opts ...func(*sqs.Options),
	) (*sqs.StartMessageMoveTaskOutput, error)
	ListMessageMoveTasks(
		ctx context.Context, in *sqs.ListMessageMoveTasksInput, opts ...func(*sqs.Options),
	) (*sqs.ListMessageMoveTasksOutput, error)
}

// moveLook is the time between two looks at a task.
const moveLook = time.Second

// Move lets SQS move all messages of a dead-letter queue back to the queues that
// its redrive policies moved them from, perSecond at most (1 to 500; 0: as fast as
// SQS sees fit), and waits until that is done. It returns how many were moved.
// Where ctx ends first, the task goes on.
//
// It is for the queues that SQS itself moves messages to; what [NewDeadLetters]
// keeps are letters, not messages, which a [Sender] puts back. A message gets a
// new messageId on its way. One task may run for each queue. The actions are
// sqs:StartMessageMoveTask and sqs:ListMessageMoveTasks, and what the move itself
// needs: sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on the
// dead-letter queue, sqs:SendMessage on the others.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
func Move(ctx context.Context, client MoveClient, deadLetterARN string, perSecond int) (moved int64, err error) {
	start := &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(deadLetterARN)}
	if perSecond > 0 {
		start.MaxNumberOfMessagesPerSecond = aws.Int32(int32(min(perSecond, 500)))
	}
	if _, err := client.StartMessageMoveTask(ctx, start); err != nil {
		return 0, fmt.Errorf("sqsqueue: move the messages of %s: %w", deadLetterARN, err)
	}
	timer := time.NewTicker(moveLook)
	defer timer.Stop()
	for {
		list, err := client.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: aws.String(deadLetterARN)})
		if err != nil {
			return moved, fmt.Errorf("sqsqueue: look at the move of %s: %w", deadLetterARN, err)
		}
		if len(list.Results) == 0 {
			return moved, fmt.Errorf("sqsqueue: SQS does not know the move of %s any more", deadLetterARN)
		}
		task := list.Results[0] // the most recent one
		moved = task.ApproximateNumberOfMessagesMoved
		switch status := aws.ToString(task.Status); status {
		case "RUNNING", "CANCELLING":
		case "COMPLETED":
			return moved, nil
		default:
			reason := "it was " + status
			if task.FailureReason != nil {
				reason += ": " + *task.FailureReason
			}
			return moved, fmt.Errorf("sqsqueue: the move of %s did not complete: %w", deadLetterARN, errors.New(reason))
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			return moved, fmt.Errorf("sqsqueue: the move of %s goes on: %w", deadLetterARN, context.Cause(ctx))
		}
	}
}
