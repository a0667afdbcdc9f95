package dynamostore

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
)

// retry repeats a write that another one got in the way of. The request must be
// the same each time.
func retry(ctx context.Context, call func() error) error { return fault.Retry(ctx, passing, call) }

// passing reports whether the same write may well succeed in a moment, although
// the SDK does not try.
func passing(err error) bool {
	if _, ok := errors.AsType[*types.TransactionConflictException](err); ok {
		return true
	}
	if _, ok := errors.AsType[*types.ReplicatedWriteConflictException](err); ok {
		return true
	}
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return false
	}
	conflicts := 0
	for _, reason := range cancelled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "None", "":
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			conflicts++
		default:
			return false
		}
	}
	return conflicts > 0
}

// countAttempts counts how often the SDK sends a call. Where it did so more than
// once, an earlier attempt may have been carried out although its answer got lost.
func countAttempts(n *int) func(*dynamodb.Options) {
	count := middleware.FinalizeMiddlewareFunc("CountAttempts",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			*n++
			return next.HandleFinalize(ctx, in)
		})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Finalize.Insert(count, "Retry", middleware.After)
		})
	}
}
