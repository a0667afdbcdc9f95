package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestControlErrorsOfNilAreNil(t *testing.T) {
	t.Parallel()
	require.NoError(t, cqrs.Permanent(nil))
	require.NoError(t, cqrs.RetryAfter(time.Second, nil))
	require.NoError(t, cqrs.Named("name", nil))
	require.Error(t, cqrs.Skip(""))
}

func TestControlErrorsKeepWhatTheyWrap(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		cqrs.Permanent(errRefused), cqrs.RetryAfter(time.Second, errRefused), cqrs.Named("Name", errRefused),
	} {
		require.ErrorIs(t, err, errRefused)
		require.Equal(t, "refused", err.Error())
	}
	require.Equal(t, "skipped: nothing to do", cqrs.Skip("nothing to do").Error())
}

func TestControlErrorsCanBeTold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err             error
		skip, permanent bool
		delay           time.Duration
	}{
		{err: nil},
		{err: errRefused},
		{err: fmt.Errorf("order 1: %w", cqrs.Skip("done")), skip: true},
		{err: cqrs.Named("OutOfStock", cqrs.Permanent(errRefused)), permanent: true},
		{err: cqrs.ErrUnrouted, permanent: true},
		{err: &cqrs.DecodeError{Stage: "body", Err: errRefused}, permanent: true},
		{err: cqrs.RetryAfter(time.Minute, errRefused), delay: time.Minute},
		{err: cqrs.RetryAfter(time.Minute, cqrs.Permanent(errRefused)), delay: time.Minute},
		{err: errors.Join(cqrs.Skip("done"), errRefused)},
		{err: errors.Join(cqrs.Permanent(errRefused))},
	} {
		require.Equal(t, test.skip, cqrs.IsSkip(test.err), "%v", test.err)
		require.Equal(t, test.permanent, cqrs.IsPermanent(test.err), "%v", test.err)
		delay, delayed := cqrs.RetryDelay(test.err)
		require.Equal(t, test.delay, delay, "%v", test.err)
		require.Equal(t, test.delay > 0, delayed, "%v", test.err)
	}
}

func TestNamedIsCut(t *testing.T) {
	t.Parallel()
	d := taskHandler(t, func(context.Context, task) (any, error) {
		return nil, cqrs.Named("States.States."+strings.Repeat("n", 300), errRefused)
	}, cqrs.Config{})
	_, err := d.Invoke(t.Context(), []byte(`{"type":"TASK","payload":{}}`))
	require.ErrorContains(t, err, `"`+strings.Repeat("n", 253)+`…"`)
}

func TestRecordErrorText(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*cqrs.RecordError{
		`aws:sqs record "m-1", route orders.Created, attempt 2: refused`: {
			Source: cqrs.SourceSQS, ID: "m-1", Route: "orders.Created", Attempt: 2, Err: errRefused,
		},
		`aws:s3 record "b/k": refused`: {Source: cqrs.SourceS3, ID: "b/k", Err: errRefused},
	} {
		require.EqualError(t, e, want)
		require.ErrorIs(t, e, errRefused)
	}
}

func TestBatchErrorWrapsEachRecord(t *testing.T) {
	t.Parallel()
	first := &cqrs.RecordError{ID: "1", Err: errRefused}
	second := &cqrs.RecordError{ID: "2", Err: cqrs.ErrNoHandler}
	err := fmt.Errorf("wrapped: %w", &cqrs.BatchError{Records: []*cqrs.RecordError{first, second}, Total: 3})
	require.ErrorIs(t, err, errRefused)
	require.ErrorIs(t, err, cqrs.ErrNoHandler)
	require.ErrorIs(t, err, first)
	require.ErrorIs(t, err, second)
	require.ErrorContains(t, err, "2 of 3 records failed")
}

func TestDecodeErrorIsMalformed(t *testing.T) {
	t.Parallel()
	err := &cqrs.DecodeError{Stage: "body", Err: errRefused}
	require.ErrorIs(t, err, cqrs.ErrMalformed)
	require.ErrorIs(t, err, errRefused)
	require.NotErrorIs(t, err, cqrs.ErrUnrouted)
	require.EqualError(t, err, "decode body: refused")
}

func TestSentinelsDiffer(t *testing.T) {
	t.Parallel()
	all := []error{
		cqrs.ErrUnrouted, cqrs.ErrNoHandler, cqrs.ErrMalformed, cqrs.ErrUnrecognised, cqrs.ErrNoImage, cqrs.ErrDeadline,
		cqrs.ErrNoKey, cqrs.ErrInProgress, cqrs.ErrPayloadMismatch, cqrs.ErrLeaseLost, cqrs.ErrVersionConflict,
		cqrs.ErrTooLarge, cqrs.ErrTaskClosed,
	}
	for i, err := range all {
		require.True(t, strings.HasPrefix(err.Error(), "cqrs: "))
		for k, other := range all {
			require.Equal(t, i == k, errors.Is(err, other))
		}
	}
}
