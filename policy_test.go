package cqrs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// TestPolicyOrder: callback ▸ idempotency ▸ retry ▸ timeout ▸ recover ▸ handler,
// seen from outside by what each of them does to the others.
func TestPolicyOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c, runs := newSpy(), &tasks{}, 0
		var order []string
		store.after = func(_ context.Context, method string) { order = append(order, method) }
		c.before = func(context.Context) { order = append(order, "report") }
		d := waitingTasks(t, func(ctx context.Context, _ waiting) (any, error) {
			runs++
			order = append(order, "handle")
			switch runs {
			case 1:
				panic("once")
			case 2:
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return "done", nil
		}, cqrs.Config{Policy: cqrs.Policy{Callback: c, Idempotency: store, Retry: &cqrs.RetryPolicy{NoJitter: true}, Timeout: time.Second}})
		for range 2 {
			_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
			require.NoError(t, err)
		}
		require.Equal(t, []string{"acquire", "handle", "handle", "handle", "complete", "report", "acquire", "report"}, order)
	})
}

func TestPolicyOfARoute(t *testing.T) {
	t.Parallel()
	ofAll, ofRoute := newSpy(), newSpy()
	cfg := cqrs.Config{Factory: taskMux(), Registry: cqrs.NewRegistry(), Policy: cqrs.Policy{Idempotency: ofAll}}
	cqrs.RegisterFunc(cfg.Registry, nothing[task], cqrs.RouteName("a"))
	cqrs.RegisterFunc(cfg.Registry, nothing[task], cqrs.RouteName("b"), cqrs.RoutePolicy(cqrs.Policy{Idempotency: ofRoute}))
	_, err := newDispatcher(t, cfg).Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
	require.NoError(t, err)
	require.Equal(t, []string{"acquire", "complete"}, ofAll.calls)
	require.Equal(t, []string{"acquire", "complete"}, ofRoute.calls)
	require.NotEqual(t, ofAll.claims[0].Key, ofRoute.claims[0].Key, "each handler is its own scope")
}

func TestNewRefusesAPolicyThatCannotWork(t *testing.T) {
	t.Parallel()
	var store *spy
	var callback *tasks
	for want, cfg := range map[string]cqrs.Config{
		"Config.Policy: the idempotency store is missing: it is a nil *cqrs_test.spy": {Policy: cqrs.Policy{Idempotency: store}},
		"Config.Policy: the callback is missing: it is a nil *cqrs_test.tasks":        {Policy: cqrs.Policy{Callback: callback}},
		"Config.Alarm is missing: it is a nil *cqrs_test.ports":                       {Alarm: (*ports)(nil)},
	} {
		cfg.Factory, cfg.Registry = taskMux(), cqrs.NewRegistry()
		cqrs.RegisterFunc(cfg.Registry, nothing[task])
		_, err := cqrs.New(cfg)
		require.EqualError(t, err, "cqrs: "+want)
	}

	key := cqrs.KeyBy(func(work task) string { return work.ID })
	for want, opts := range map[string][]cqrs.RegisterOption{
		"cqrs: the RoutePolicy of cqrs_test.task: the idempotency store is missing: it is a nil *cqrs_test.spy": {
			cqrs.RoutePolicy(cqrs.Policy{Idempotency: store}),
		},
		"cqrs: route cqrs_test.task has a KeyBy that nothing looks at, for its idempotency store is missing: " +
			"set Policy.Idempotency, or wrap the route in Idempotent": {key},
	} {
		cfg := cqrs.Config{Factory: taskMux(), Registry: cqrs.NewRegistry()}
		cqrs.RegisterFunc(cfg.Registry, nothing[task], opts...)
		_, err := cqrs.New(cfg)
		require.EqualError(t, err, want)
	}
	for _, opts := range [][]cqrs.RegisterOption{
		{key, cqrs.With(cqrs.Idempotent(newSpy()))},
		{key, cqrs.RoutePolicy(cqrs.Policy{Idempotency: newSpy()})},
	} {
		cfg := cqrs.Config{Factory: taskMux(), Registry: cqrs.NewRegistry()}
		cqrs.RegisterFunc(cfg.Registry, nothing[task], opts...)
		_, err := cqrs.New(cfg)
		require.NoError(t, err)
	}
	for want, p := range map[string]cqrs.Policy{
		"CallbackOptions, but no Callback": {CallbackOptions: []cqrs.CallbackOption{cqrs.HeartbeatEvery(1)}},
		"the store is missing":             {IdempotencyOptions: []cqrs.IdempotencyOption{cqrs.AllowNoKey()}},
		"Timeout needs a positive":         {Timeout: -1},
	} {
		require.Contains(t, panicText(func() { cqrs.RoutePolicy(p) }), want)
	}
}
