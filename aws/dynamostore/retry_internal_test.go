package dynamostore

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func cancelled(codes ...string) error {
	e := &types.TransactionCanceledException{}
	for _, code := range codes {
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: aws.String(code)})
	}
	return e
}

func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		again bool
	}{
		"conflict":                   {&types.TransactionConflictException{}, true},
		"replicated write":           {&types.ReplicatedWriteConflictException{}, true},
		"transaction":                {cancelled("None", "TransactionConflict"), true},
		"transaction, throttled":     {cancelled("ThrottlingError", "ProvisionedThroughputExceeded"), true},
		"transaction, and condition": {cancelled("ConditionalCheckFailed", "TransactionConflict"), false},
		"transaction, validation":    {cancelled("None", "ValidationError"), false},
		"transaction, no reason":     {cancelled("None", "None"), false},
		"condition":                  {&types.ConditionalCheckFailedException{}, false},
		"throttling":                 {&types.ThrottlingException{}, false}, // the SDK has retried it already
		"parameter mismatch":         {&types.IdempotentParameterMismatchException{}, false},
		"other":                      {errors.New("other"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := retry(t.Context(), func() error {
					if calls++; calls > 1 {
						return nil
					}
					return c.err
				})
				if c.again {
					require.NoError(t, err)
					require.Equal(t, 2, calls)
				} else {
					require.ErrorIs(t, err, c.err)
					require.Equal(t, 1, calls)
				}
			})
		})
	}
}
