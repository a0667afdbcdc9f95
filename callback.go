package cqrs

import "context"

// TaskCallback reports the outcome of Step Functions tasks that wait for one. It
// is called from many goroutines at once. [ErrTaskClosed] says that the task has
// ended or timed out, so no report can change it any more.
type TaskCallback interface {
	Success(ctx context.Context, token TaskToken, output []byte) error
	Failure(ctx context.Context, token TaskToken, name, cause string) error
	Heartbeat(ctx context.Context, token TaskToken) error
}
