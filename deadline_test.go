package cqrs_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// sleepy handles each task in so much time, whatever its context says.
func sleepy(j *journal, each time.Duration) *cqrs.Registry {
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(_ context.Context, work task) error {
		j.add(work.ID)
		time.Sleep(each)
		return nil
	})
	return registry
}

func numbered(n int, group string) []message {
	all := make([]message, n)
	for i := range all {
		all[i] = todo(fmt.Sprint(i+1), "").in(group)
	}
	return all
}

func TestDeadlineStartsNoRecordInTheReserve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		reserve time.Duration
		left    time.Duration // until the deadline
		each    time.Duration
		ran     int
	}{
		{"the default is a twentieth", 0, 40 * time.Second, time.Second, 38},
		{"at least 250 ms", 0, 2 * time.Second, 100 * time.Millisecond, 18}, // the last starts with 300 ms left
		{"at most 5 s", 0, 400 * time.Second, 10 * time.Second, 40},         // the last starts with 10 s left
		{"as configured", 10 * time.Second, 30 * time.Second, 3 * time.Second, 7},
		{"at most half of the time", 30 * time.Second, 20 * time.Second, 3 * time.Second, 4},
		{"a short deadline still starts work", 0, 100 * time.Millisecond, 60 * time.Millisecond, 1},
		{"no time left", 0, 0, time.Second, 0},
		{"less than none", 0, -time.Second, time.Second, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: sleepy(j, test.each), Reserve: test.reserve})
				ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(test.left))
				defer cancel()
				answer, err := d.Invoke(ctx, sqsBatch(t, queueARN, numbered(60, "")...))
				require.Len(t, j.all(), test.ran)
				if test.ran == 0 {
					require.ErrorIs(t, err, cqrs.ErrDeadline)
					return
				}
				require.NoError(t, err)
				failed := failedIDs(t, answer)
				require.Len(t, failed, 60-test.ran)
				require.Equal(t, fmt.Sprint(test.ran+1), failed[0], "in the order of the batch")
			})
		})
	}
}

func TestDeadlineOfEachSource(t *testing.T) {
	t.Parallel()
	sns := func(t tester) []byte {
		var records []any
		for i := range 4 {
			records = append(records, map[string]any{"EventSource": "aws:sns", "Sns": map[string]any{
				"MessageId": fmt.Sprint("n-", i+1), "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders", "Message": `{"id":"x"}`,
			}})
		}
		return payload(t, records...)
	}
	for _, test := range []struct {
		name    string
		payload func(tester) []byte
		failed  []string
		err     []string
	}{
		{"standard", func(t tester) []byte { return sqsBatch(t, queueARN, numbered(4, "")...) }, []string{"3", "4"}, nil},
		{"FIFO", func(t tester) []byte { return sqsBatch(t, fifoARN, numbered(4, "A")...) }, []string{"3", "4"}, nil},
		{"stream", func(t tester) []byte {
			return streamBatch(t, change{"1", "a", ""}, change{"2", "a", ""}, change{"3", "b", ""}, change{"4", "c", ""})
		}, []string{"3"}, nil},
		{"SNS", sns, nil, []string{"n-3", "n-4"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				d := taskHandler(t, func(_ context.Context, work task) (any, error) {
					j.add(work.ID)
					time.Sleep(4 * time.Second)
					return nil, nil
				}, cqrs.Config{Reserve: time.Second})
				ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
				defer cancel()
				answer, err := d.Invoke(ctx, test.payload(t))
				require.Len(t, j.all(), 2)
				if test.err == nil {
					require.NoError(t, err)
					require.Equal(t, test.failed, failedIDs(t, answer))
					return
				}
				require.ErrorIs(t, err, cqrs.ErrDeadline)
				for _, id := range test.err {
					require.ErrorContains(t, err, id)
				}
				require.NotContains(t, err.Error(), "n-1")
			})
		})
	}
}

func TestDeadlineOfTheHandlersContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		d := taskHandler(t, func(ctx context.Context, _ task) (any, error) {
			<-ctx.Done()
			require.Equal(t, 27*time.Second, time.Since(start))
			require.ErrorIs(t, context.Cause(ctx), cqrs.ErrDeadline)
			return nil, ctx.Err()
		}, cqrs.Config{Reserve: 3 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := d.Invoke(ctx, sqsBatch(t, queueARN, todo("1", "")))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestDeadlineIsAbsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: sleepy(j, time.Hour), Reserve: time.Minute})
		answer, err := d.Invoke(context.Background(), sqsBatch(t, queueARN, numbered(3, "")...))
		require.NoError(t, err)
		require.Empty(t, failedIDs(t, answer))
		require.Len(t, j.all(), 3)
	})
}

// TestDeadlineOverrun: a started record runs to its end and its own outcome
// counts, although it ignores its context.
func TestDeadlineOverrun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: sleepy(j, time.Minute)})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		answer, err := d.Invoke(ctx, sqsBatch(t, queueARN, numbered(2, "")...))
		require.NoError(t, err)
		require.Equal(t, []string{"2"}, failedIDs(t, answer))
	})
}

func TestCancelledInvocationStartsNothing(t *testing.T) {
	t.Parallel()
	j := &journal{}
	ctx, cancel := context.WithCancel(t.Context())
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(_ context.Context, work task) error {
		j.add(work.ID)
		cancel()
		return nil
	})
	d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: registry})
	answer, err := d.Invoke(ctx, sqsBatch(t, queueARN, numbered(3, "")...))
	require.NoError(t, err)
	require.Equal(t, []string{"2", "3"}, failedIDs(t, answer))
	require.Equal(t, []string{"1"}, j.all())
}

func TestDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var d *cqrs.Dispatcher
		var cause error
		d = taskHandler(t, func(ctx context.Context, _ task) (any, error) {
			d.Drain()
			d.Drain()
			<-ctx.Done()
			cause = context.Cause(ctx)
			return nil, nil
		}, cqrs.Config{})
		answer, err := d.Invoke(context.Background(), sqsBatch(t, queueARN, numbered(3, "")...))
		require.NoError(t, err)
		require.Equal(t, []string{"2", "3"}, failedIDs(t, answer))
		require.LessOrEqual(t, time.Since(start), 400*time.Millisecond)
		require.ErrorIs(t, cause, cqrs.ErrDeadline)

		_, err = d.Invoke(context.Background(), sqsBatch(t, queueARN, numbered(3, "")...))
		require.ErrorIs(t, err, cqrs.ErrDeadline, "later invocations start nothing")
	})
}
