package cqrs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

// attempts is a handler that fails with each of errs in turn, then succeeds,
// and notes when it was called.
type attempts struct {
	start time.Time
	errs  []error
	at    []time.Duration
}

func failing(errs ...error) *attempts { return &attempts{start: time.Now(), errs: errs} }

func (a *attempts) next(context.Context, *cqrs.Delivery) (any, error) {
	n := len(a.at)
	a.at = append(a.at, time.Since(a.start))
	if n < len(a.errs) {
		return nil, a.errs[n]
	}
	return "done", nil
}

var errOnce, errTwice, errThrice = errors.New("first"), errors.New("second"), errors.New("third")

func TestRetry(t *testing.T) {
	t.Parallel()
	exact := cqrs.RetryPolicy{NoJitter: true}
	const s = time.Second
	for _, test := range []struct {
		name   string
		policy cqrs.RetryPolicy
		left   time.Duration // until the context's deadline; 0: none
		errs   []error
		at     []time.Duration
		err    error
	}{
		{"success", exact, 0, nil, []time.Duration{0}, nil},
		{"success in the end", exact, 0, []error{errOnce, errTwice}, []time.Duration{0, s, 3 * s}, nil},
		{"attempts used up", exact, 0, []error{errOnce, errTwice, errThrice}, []time.Duration{0, s, 3 * s}, errThrice},
		{
			"as configured",
			cqrs.RetryPolicy{MaxAttempts: 5, Backoff: 2 * s, Multiplier: 3, MaxBackoff: 10 * s, NoJitter: true},
			0,
			[]error{errOnce, errOnce, errOnce, errOnce, errTwice},
			[]time.Duration{0, 2 * s, 8 * s, 18 * s, 28 * s},
			errTwice,
		},
		{"one attempt", cqrs.RetryPolicy{MaxAttempts: 1}, 0, []error{errOnce}, []time.Duration{0}, errOnce},
		{"Permanent", exact, 0, []error{cqrs.Permanent(errOnce)}, []time.Duration{0}, errOnce},
		{"Skip", exact, 0, []error{cqrs.Skip("enough")}, []time.Duration{0}, nil},
		{"in progress", exact, 0, []error{cqrs.ErrInProgress}, []time.Duration{0}, cqrs.ErrInProgress},
		{"deadline", exact, 0, []error{cqrs.ErrDeadline}, []time.Duration{0}, cqrs.ErrDeadline},
		{"malformed", exact, 0, []error{&cqrs.DecodeError{Stage: "body", Err: errOnce}}, []time.Duration{0}, errOnce},
		{"a Permanent in a join does not count", exact, 0, []error{errors.Join(cqrs.Permanent(errOnce), errTwice)}, []time.Duration{0, s}, nil},
		{"RetryAfter is exact", cqrs.RetryPolicy{}, 0, []error{cqrs.RetryAfter(7*s, errOnce)}, []time.Duration{0, 7 * s}, nil},
		{"RetryAfter of nothing", exact, 0, []error{cqrs.RetryAfter(0, errOnce)}, []time.Duration{0, 0}, nil},
		{"RetryAfter beyond MaxBackoff", exact, 0, []error{cqrs.RetryAfter(31*s, errOnce)}, []time.Duration{0}, errOnce},
		{"RetryAfter that does not fit", exact, 5 * s, []error{cqrs.RetryAfter(5*s, errOnce)}, []time.Duration{0}, errOnce},
		{"a wait that does not fit", exact, 3 * s, []error{errOnce, errTwice}, []time.Duration{0, s}, errTwice},
		{
			"not worth another attempt",
			cqrs.RetryPolicy{NoJitter: true, Retryable: func(err error) bool { return !errors.Is(err, errTwice) }},
			0,
			[]error{errOnce, errTwice},
			[]time.Duration{0, s},
			errTwice,
		},
		{"a timeout of one attempt is retried", exact, 0, []error{context.DeadlineExceeded}, []time.Duration{0, s}, nil},
		{"a panic is retried", exact, 0, []error{&cqrs.PanicError{Value: "boom"}}, []time.Duration{0, s}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.left > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.left)
					defer cancel()
				}
				a := failing(test.errs...)
				result, err := cqrs.Retry(test.policy)(a.next)(ctx, &cqrs.Delivery{})
				require.Equal(t, test.at, a.at)
				switch {
				case test.err != nil:
					require.ErrorIs(t, err, test.err)
					require.Equal(t, test.at[len(test.at)-1], time.Since(a.start), "it returns at once")
				case len(a.at) > len(test.errs):
					require.NoError(t, err)
					require.Equal(t, "done", result)
				}
			})
		})
	}
}

func TestRetryStopsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		a := failing(errOnce, errTwice)
		_, err := cqrs.Retry(cqrs.RetryPolicy{NoJitter: true})(a.next)(ctx, &cqrs.Delivery{})
		require.ErrorIs(t, err, errOnce)
		require.Len(t, a.at, 1)
		require.Equal(t, 500*time.Millisecond, time.Since(a.start), "in the middle of a wait")
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		_, err := cqrs.Retry(cqrs.RetryPolicy{})(func(ctx context.Context, _ *cqrs.Delivery) (any, error) {
			calls++
			cancel()
			return nil, ctx.Err()
		})(ctx, &cqrs.Delivery{})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 1, calls, "never once the context is done")
	})
}

// TestRetryJitter: every wait is between nothing and the exponential backoff,
// and the attempts are bounded.
func TestRetryJitter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := cqrs.RetryPolicy{
			MaxAttempts: rapid.IntRange(1, 6).Draw(rt, "attempts"),
			Backoff:     time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(rt, "backoff")),
			Multiplier:  rapid.Float64Range(1, 10).Draw(rt, "multiplier"),
			MaxBackoff:  time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(rt, "max")),
		}
		synctest.Test(t, func(*testing.T) {
			limit := float64(min(p.Backoff, p.MaxBackoff))
			calls, last := 0, time.Now()
			_, err := cqrs.Retry(p)(func(context.Context, *cqrs.Delivery) (any, error) {
				if calls > 0 {
					require.LessOrEqual(rt, float64(time.Since(last)), limit+1)
					limit = min(limit*p.Multiplier, float64(p.MaxBackoff))
				}
				calls, last = calls+1, time.Now()
				return nil, errOnce
			})(context.Background(), &cqrs.Delivery{})
			require.ErrorIs(rt, err, errOnce)
			require.Equal(rt, p.MaxAttempts, calls)
		})
	})
}

func TestRetryTellsOfEachRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type retry struct {
			attempt int
			wait    time.Duration
			err     error
		}
		var told []retry
		p := cqrs.RetryPolicy{NoJitter: true, OnRetry: func(_ context.Context, d *cqrs.Delivery, attempt int, wait time.Duration, err error) {
			require.Equal(t, "r", d.Route)
			told = append(told, retry{attempt, wait, err})
		}}
		_, err := cqrs.Retry(p)(failing(errOnce, errTwice, errThrice).next)(t.Context(), &cqrs.Delivery{Route: "r"})
		require.ErrorIs(t, err, errThrice)
		require.Equal(t, []retry{{1, time.Second, errOnce}, {2, 2 * time.Second, errTwice}}, told)
	})
}

func TestRetryPanicsOnMisuse(t *testing.T) {
	t.Parallel()
	for _, p := range []cqrs.RetryPolicy{
		{MaxAttempts: -1}, {Backoff: -1}, {MaxBackoff: -1}, {Multiplier: 0.5}, {Multiplier: -1},
	} {
		require.Regexp(t, "^cqrs: RetryPolicy", panicText(func() { cqrs.Retry(p) }))
		require.Regexp(t, "^cqrs: RetryPolicy", panicText(func() { cqrs.Policy{Retry: &p}.Middleware() }))
	}
}
