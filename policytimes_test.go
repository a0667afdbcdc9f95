package cqrs_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func TestPolicyTimes(t *testing.T) {
	t.Parallel()
	store, callback := cqrs.NewMemoryIdempotency(), &cqrstest.Callbacks{}
	tests := map[string]struct {
		policy cqrs.Policy
		want   cqrs.PolicyTimes
	}{
		"nothing": {},
		"defaults": {
			cqrs.Policy{Idempotency: store, Callback: callback, Timeout: time.Second},
			cqrs.PolicyTimes{IdempotencyTTL: time.Hour, Timeout: time.Second},
		},
		"options": {
			cqrs.Policy{
				Idempotency: store,
				IdempotencyOptions: []cqrs.IdempotencyOption{
					cqrs.IdempotencyTTL(time.Minute), cqrs.IdempotencyLease(time.Second), cqrs.AllowNoKey(),
				},
				Callback: callback, CallbackOptions: []cqrs.CallbackOption{cqrs.HeartbeatEvery(2 * time.Second)},
			},
			cqrs.PolicyTimes{IdempotencyTTL: time.Minute, IdempotencyLease: time.Second, Heartbeat: 2 * time.Second},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, test.policy.Times())
		})
	}
}

func TestRoutesTellTheirPolicy(t *testing.T) {
	t.Parallel()
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(context.Context, task) error { return nil }, cqrs.RoutePolicy(cqrs.Policy{Timeout: time.Second}))
	cqrs.RegisterFunc(registry, func(context.Context, task) error { return nil }, cqrs.RouteName("plain"))
	routes := registry.Routes()
	require.Equal(t, time.Second, routes[0].Policy.Timeout)
	require.Nil(t, routes[1].Policy, "Config.Policy is its policy")
}
