package cqrs_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func nothing[T any](context.Context, T) error { return nil }

// The optional methods of events, on the pointer alone.
type (
	keyed      struct{}
	tokened    struct{}
	tenanted   struct{}
	correlated struct{}
)

func (*keyed) EventKey() string              { return "" }
func (*tokened) EventToken() cqrs.TaskToken  { return "" }
func (*tenanted) EventTenant() string        { return "" }
func (*correlated) EventCorrelation() string { return "" }

func TestRegisterPanicsOnMisuse(t *testing.T) {
	t.Parallel()
	passOn := func(next cqrs.Next) cqrs.Next { return next }
	for _, test := range []struct {
		name   string
		misuse func(*cqrs.Registry)
		says   string
	}{
		{"no registry", func(*cqrs.Registry) { cqrs.RegisterFunc(nil, nothing[task]) }, "NewRegistry"},
		{"nil handler", func(r *cqrs.Registry) { cqrs.Register[task](r, nil) }, "Register[cqrs_test.task] needs a handler"},
		{"nil handler func", func(r *cqrs.Registry) { cqrs.Register(r, cqrs.HandlerFunc[task](nil)) }, "needs a handler"},
		{"nil func", func(r *cqrs.Registry) { cqrs.RegisterFunc[task](r, nil) }, "RegisterFunc[cqrs_test.task] needs a function"},
		{"nil typed func", func(*cqrs.Registry) { cqrs.Func[task, int](nil) }, "Func needs a function"},
		{"an interface", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[error]) }, "cannot be an interface"},
		{"any", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[any]) }, "cannot be an interface"},
		{"a pointer to an interface", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[*error]) }, "cannot be an interface"},
		{"a pointer to a pointer", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[**task]) }, "register *cqrs_test.task"},
		{"a second of a type", func(r *cqrs.Registry) {
			cqrs.RegisterFunc(r, nothing[task])
			cqrs.RegisterFunc(r, nothing[*task])
		}, `two routes are named "cqrs_test.task"`},
		{"a name twice", func(r *cqrs.Registry) {
			cqrs.RegisterFunc(r, nothing[task], cqrs.RouteName("a"))
			cqrs.RegisterFunc(r.With(passOn), nothing[message], cqrs.RouteName("a"))
		}, `two routes are named "a"`},
		{"an empty name", func(*cqrs.Registry) { cqrs.RouteName(" ") }, "RouteName needs a name"},
		{"a nil option", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[task], nil) }, "nil option"},
		{"nil middleware of a registry", func(*cqrs.Registry) { cqrs.NewRegistry(nil) }, "nil middleware"},
		{"nil middleware of a group", func(r *cqrs.Registry) { r.With(passOn, nil) }, "nil middleware, number 2"},
		{"nil middleware of a route", func(*cqrs.Registry) { cqrs.With(nil) }, "nil middleware"},
		{"a nil key function", func(*cqrs.Registry) { cqrs.KeyBy[task](nil) }, "KeyBy needs a function"},
		{"a bad policy", func(*cqrs.Registry) { cqrs.RoutePolicy(cqrs.Policy{Timeout: -1}) }, "Timeout"},
		{"EventKey on the pointer", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[keyed]) }, "only *cqrs_test.keyed has the method EventKey"},
		{"EventToken on the pointer", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[tokened]) }, "EventToken"},
		{"EventTenant on the pointer", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[tenanted]) }, "EventTenant"},
		{"EventCorrelation on the pointer", func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[correlated]) }, "EventCorrelation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := panicText(func() { test.misuse(cqrs.NewRegistry()) })
			require.Regexp(t, "^cqrs: ", text)
			require.Contains(t, text, test.says)
		})
	}
	require.NotPanics(t, func() { cqrs.RegisterFunc(cqrs.NewRegistry(), nothing[*keyed]) })
}

// panicText returns what f panics with; "" where it does not.
func panicText(f func()) (text string) {
	defer func() {
		if value := recover(); value != nil {
			text, _ = value.(string)
		}
	}()
	f()
	return ""
}

func TestRegisterAfterNewPanics(t *testing.T) {
	t.Parallel()
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, nothing[task])
	newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: registry})
	for _, r := range []*cqrs.Registry{registry, registry.With()} {
		require.Contains(t, panicText(func() { cqrs.RegisterFunc(r, nothing[message]) }), "cqrs: cqrs_test.message is registered after New")
	}
}

// TestRegisterValueAndPointer: T and *T are the same event, whichever of the two
// comes and whichever is registered.
func TestRegisterValueAndPointer(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]cqrs.Event{"a value": task{ID: "1"}, "a pointer": &task{ID: "1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			registry := cqrs.NewRegistry()
			cqrs.RegisterFunc(registry, func(_ context.Context, work task) error {
				j.add("value " + work.ID)
				return nil
			}, cqrs.RouteName("value"))
			cqrs.RegisterFunc(registry, func(_ context.Context, work *task) error {
				j.add("pointer " + work.ID)
				return nil
			}, cqrs.RouteName("pointer"))
			d := newDispatcher(t, cqrs.Config{Factory: fixedEvent{event: event}, Registry: registry})
			answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("m", "")))
			require.NoError(t, err)
			require.Empty(t, failedIDs(t, answer))
			require.Equal(t, []string{"value 1", "pointer 1"}, j.all())
		})
	}
}

func TestRegistryRunsAllHandlersInOrder(t *testing.T) {
	t.Parallel()
	j := &journal{}
	registry := cqrs.NewRegistry()
	for _, name := range []string{"first", "second", "third"} {
		cqrs.RegisterFunc(registry, func(context.Context, task) error {
			j.add(name)
			if name != "third" {
				return errRefused
			}
			return nil
		}, cqrs.RouteName(name))
	}
	d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: registry})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("m", "")))
	require.Equal(t, []string{"first", "second", "third"}, j.all())
	var record *cqrs.RecordError
	require.ErrorAs(t, err, &record)
	require.Equal(t, "first, second", record.Route)
}

func TestRegistryOrderOfMiddleware(t *testing.T) {
	t.Parallel()
	j := &journal{}
	note := func(name string) cqrs.Middleware {
		return func(next cqrs.Next) cqrs.Next {
			return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
				j.add(name)
				return next(ctx, d)
			}
		}
	}
	retryTwice := cqrs.Policy{Retry: &cqrs.RetryPolicy{MaxAttempts: 2, Backoff: 1, NoJitter: true}}
	registry := cqrs.NewRegistry(note("registry 1"), note("registry 2"))
	group := registry.With(note("group")).With(note("inner group"))
	failOnce := errRefused
	cqrs.RegisterFunc(group, func(context.Context, task) error {
		j.add("handler")
		err := failOnce
		failOnce = nil
		return err
	}, cqrs.With(note("route 1"), note("route 2")))
	cqrs.RegisterFunc(registry, func(context.Context, *task) error {
		j.add("other handler")
		return nil
	}, cqrs.RouteName("other"), cqrs.RoutePolicy(cqrs.Policy{}))

	d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: registry, Policy: retryTwice})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("m", "")))
	require.NoError(t, err)
	require.Equal(t, []string{
		"registry 1", "registry 2", "group", "inner group", // outside of the policy, so once
		"route 1", "route 2", "handler", "route 1", "route 2", "handler", // inside, so with each attempt
		"registry 1", "registry 2", "other handler",
	}, j.all())
}

func TestRegistryRoutes(t *testing.T) {
	t.Parallel()
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, nothing[*task])
	cqrs.RegisterFunc(registry, nothing[task], cqrs.RouteName("tasks.Audit"))
	cqrs.RegisterFunc(registry.With(), nothing[cqrs.Change[events.SQSMessage]])
	cqrs.RegisterFunc(registry, nothing[[]map[string]events.SNSEntity])
	require.Equal(t, []cqrs.Route{
		{Name: "cqrs_test.task", Event: reflect.TypeFor[*task]()},
		{Name: "tasks.Audit", Event: reflect.TypeFor[task]()},
		{Name: "cqrs.Change[events.SQSMessage]", Event: reflect.TypeFor[cqrs.Change[events.SQSMessage]]()},
		{Name: "[]map[string]events.SNSEntity", Event: reflect.TypeFor[[]map[string]events.SNSEntity]()},
	}, registry.Routes())
}

func TestMiddlewareThatChangesTheEvent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		event cqrs.Event
		says  string
	}{
		"to another value": {task{ID: "changed"}, ""},
		"to another type":  {"changed", "route cqrs_test.task takes cqrs_test.task, but a middleware passed on string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			registry := cqrs.NewRegistry()
			cqrs.RegisterFunc(registry, func(_ context.Context, work task) error {
				j.add(work.ID)
				return nil
			}, cqrs.With(func(next cqrs.Next) cqrs.Next {
				return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
					other := *d
					other.Event = test.event
					return next(ctx, &other)
				}
			}))
			_, err := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: registry}).
				Invoke(t.Context(), sqsBatch(t, queueARN, todo("m", "")))
			if test.says == "" {
				require.NoError(t, err)
				require.Equal(t, []string{"changed"}, j.all())
			} else {
				require.ErrorContains(t, err, test.says)
			}
		})
	}
}
