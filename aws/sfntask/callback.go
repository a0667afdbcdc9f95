// Package sfntask reports to Step Functions what came of tasks that wait for a
// callback.
package sfntask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/clip"
	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
)

// The limits of Step Functions, in bytes for the output, else in characters.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html
const (
	maxOutput = 262_144
	maxError  = 256
	maxCause  = 32_768
)

// Client is what [New] needs of a *sfn.Client.
type Client interface {
	SendTaskSuccess(ctx context.Context, in *sfn.SendTaskSuccessInput, opts ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
	SendTaskFailure(ctx context.Context, in *sfn.SendTaskFailureInput, opts ...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error)
	SendTaskHeartbeat(ctx context.Context, in *sfn.SendTaskHeartbeatInput, opts ...func(*sfn.Options)) (*sfn.SendTaskHeartbeatOutput, error)
}

// New returns a callback that makes one call for each report. It panics where
// client is nil.
//
// Beside the SDK's own retries, a call that KMS throttled is repeated, with
// jitter, while ctx lives. The errors tell apart
//
//   - [cqrs.ErrTaskClosed]: the task has ended, timed out or never was. After a
//     lost answer that is the echo of our own report.
//   - [cqrs.ErrTooLarge]: the output exceeds 262,144 bytes. Nothing was sent; a
//     Failure can be.
//   - a permanent error: no repetition helps (a malformed token, an output that is
//     not JSON, a KMS key that is out of reach).
//   - anything else: the report may be made again.
//
// Where the key of an encrypted state machine is out of reach, the task is failed
// without error and cause, which needs no key, so that it does not wait for
// nothing until it times out; the permanent error says so.
//
// No error carries the token. The actions are states:SendTaskSuccess,
// states:SendTaskFailure and states:SendTaskHeartbeat, on the state machine.
func New(client Client) cqrs.TaskCallback {
	if client == nil {
		panic("sfntask: New needs a client")
	}
	return &callback{client: client}
}

type callback struct{ client Client }

// Success ends the task with output, which must be JSON; nil is null.
func (c *callback) Success(ctx context.Context, token cqrs.TaskToken, output []byte) error {
	if output == nil {
		output = []byte("null")
	}
	switch {
	case len(output) > maxOutput:
		return cqrs.Permanent(fmt.Errorf("sfntask: %w: an output of %d bytes, of which Step Functions takes %d; "+
			"keep it elsewhere and return where it is", cqrs.ErrTooLarge, len(output), maxOutput))
	case !utf8.Valid(output) || !json.Valid(output):
		return cqrs.Permanent(errors.New("sfntask: the output of a task must be JSON in UTF-8"))
	}
	err := c.report(ctx, "success", token, func() error {
		_, err := c.client.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{
			TaskToken: aws.String(string(token)),
			Output:    aws.String(string(output)),
		})
		return err
	})
	return c.withoutKey(ctx, token, err)
}

// Failure fails the task. Of the name a "States." prefix, which AWS reserves, is
// dropped. Name and cause are cut to 256 and 32,768 characters; either may be empty.
func (c *callback) Failure(ctx context.Context, token cqrs.TaskToken, name, cause string) error {
	for strings.HasPrefix(name, "States.") {
		name = strings.TrimPrefix(name, "States.")
	}
	if token != "" {
		cause = strings.ReplaceAll(cause, string(token), token.String())
	}
	in := &sfn.SendTaskFailureInput{TaskToken: aws.String(string(token))}
	if name != "" {
		in.Error = aws.String(clip.Characters(name, maxError))
	}
	if cause != "" {
		in.Cause = aws.String(clip.Characters(cause, maxCause))
	}
	err := c.report(ctx, "failure", token, func() error {
		_, err := c.client.SendTaskFailure(ctx, in)
		return err
	})
	return c.withoutKey(ctx, token, err)
}

// Heartbeat says that the task is being worked on. It does not extend the
// task's own timeout.
func (c *callback) Heartbeat(ctx context.Context, token cqrs.TaskToken) error {
	return c.report(ctx, "heartbeat", token, func() error {
		_, err := c.client.SendTaskHeartbeat(ctx, &sfn.SendTaskHeartbeatInput{TaskToken: aws.String(string(token))})
		return err
	})
}

// report makes one call and says what its error means.
func (c *callback) report(ctx context.Context, what string, token cqrs.TaskToken, call func() error) error {
	if token == "" {
		return cqrs.Permanent(fmt.Errorf("sfntask: %s of a task without a token", what))
	}
	err := fault.Retry(ctx, fault.KMSThrottled, call)
	if err == nil {
		return nil
	}
	switch fault.Code(err) {
	case "TaskTimedOut", "TaskDoesNotExist":
		err = fmt.Errorf("sfntask: %s: %w: %w", what, cqrs.ErrTaskClosed, err)
	case "InvalidToken", "InvalidOutput", "ValidationException":
		err = cqrs.Permanent(fmt.Errorf("sfntask: %s: %w", what, err))
	default:
		err = fmt.Errorf("sfntask: %s: %w", what, err)
	}
	return fault.Hide(err, string(token))
}

// withoutKey fails the task in the one way that needs no KMS key, where that is
// what a report failed for.
func (c *callback) withoutKey(ctx context.Context, token cqrs.TaskToken, err error) error {
	switch fault.Code(err) {
	case "KmsAccessDeniedException", "KmsInvalidStateException":
	default:
		return err
	}
	fallback := c.report(ctx, "failure without error and cause", token, func() error {
		_, err := c.client.SendTaskFailure(ctx, &sfn.SendTaskFailureInput{TaskToken: aws.String(string(token))})
		return err
	})
	if fallback != nil && !errors.Is(fallback, cqrs.ErrTaskClosed) {
		return fmt.Errorf("%w; and the task still waits: %w", err, fallback)
	}
	return cqrs.Permanent(fmt.Errorf("%w; the task was failed without error and cause instead", err))
}
