package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	sfn "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	sns "github.com/aws/aws-sdk-go-v2/service/sns/types"
	sqs "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKMSThrottled(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		&sfn.KmsThrottlingException{}, &sns.KMSThrottlingException{}, &sqs.KmsThrottled{},
		&smithy.GenericAPIError{Code: "KMS.ThrottlingException"},
		&smithy.GenericAPIError{Code: "KMSThrottlingException"},
		fmt.Errorf("operation error: %w", &sfn.KmsThrottlingException{}),
	} {
		require.True(t, fault.KMSThrottled(err), "%T", err)
	}
	for _, err := range []error{nil, errors.New("no"), &sfn.KmsAccessDeniedException{}, &sns.ThrottledException{}} {
		require.False(t, fault.KMSThrottled(err), "%T", err)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	again := errors.New("again")
	always := func(error) bool { return true }

	t.Run("until it succeeds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			err := fault.Retry(t.Context(), always, func() error {
				calls++
				if calls < 3 {
					return again
				}
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, 3, calls)
		})
	})
	t.Run("a bounded number of times", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			start, calls := time.Now(), 0
			err := fault.Retry(t.Context(), always, func() error { calls++; return again })
			require.ErrorIs(t, err, again)
			require.Equal(t, fault.Attempts, calls)
			require.Positive(t, time.Since(start))
			require.Less(t, time.Since(start), 2*time.Second, "100+200+400+800 ms at most")
		})
	})
	t.Run("not what is final", func(t *testing.T) {
		t.Parallel()
		calls := 0
		err := fault.Retry(t.Context(), func(error) bool { return false }, func() error { calls++; return again })
		require.ErrorIs(t, err, again)
		require.Equal(t, 1, calls)
	})
	t.Run("not past the deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			start, calls := time.Now(), 0
			err := fault.Retry(ctx, always, func() error { calls++; return again })
			require.ErrorIs(t, err, again, "the failure and not the deadline")
			require.Equal(t, 1, calls)
			require.Zero(t, time.Since(start), "nothing is slept that cannot be used")
		})
	})
	t.Run("returns when cancelled", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			calls := 0
			err := fault.Retry(ctx, always, func() error { calls++; cancel(); return again })
			require.ErrorIs(t, err, again)
			require.Equal(t, 1, calls)
		})
	})
}

func TestHide(t *testing.T) {
	t.Parallel()
	inner := &sfn.TaskTimedOut{}
	err := fault.Hide(fmt.Errorf("token s3cret and s3cret: %w", inner), "s3cret")
	require.NotContains(t, err.Error(), "s3cret")
	require.ErrorIs(t, err, error(inner))
	require.NoError(t, fault.Hide(nil, "s3cret"))
	require.Same(t, inner, fault.Hide(inner, "s3cret"), "what has nothing to hide is itself")
	require.Same(t, inner, fault.Hide(inner, ""))
}
