package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
)

func TestManualFiresInOrderAtTheirTimes(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := clock.NewManual(began)
	var fired []string
	at := func(name string, d time.Duration) func() {
		return m.At(began.Add(d), func() { fired = append(fired, name+"@"+m.Now().Sub(began).String()) })
	}
	at("late", 3*time.Second)
	at("early", time.Second)
	at("early too", time.Second)
	stop := at("stopped", 2*time.Second)
	at("beyond", 10*time.Second)
	stop()
	m.Advance(5 * time.Second)
	require.Equal(t, []string{"early@1s", "early too@1s", "late@3s"}, fired)
	require.Equal(t, began.Add(5*time.Second), m.Now())
	over, _ := clock.Timer(m, began)
	<-over // what has passed is due at once
}

func TestSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.NoError(t, clock.Sleep(t.Context(), clock.Real{}, time.Hour))
		require.Equal(t, time.Hour, time.Since(began))
		reason := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(reason)
		require.ErrorIs(t, clock.Sleep(ctx, clock.Real{}, time.Hour), reason)
		require.ErrorIs(t, clock.Sleep(ctx, clock.Real{}, 0), reason)
	})
}
