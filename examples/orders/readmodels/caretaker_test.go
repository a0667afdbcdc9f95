package readmodels_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels"
	"github.com/lambda-cqrs/cqrs/examples/orders/readmodels/readmodelstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// handler is a read model that does what it is told to.
type handler func(ctx context.Context, c cqrs.Command[shop.Product]) error

func (h handler) Up(ctx context.Context, c cqrs.Command[shop.Product]) error   { return h(ctx, c) }
func (h handler) Down(ctx context.Context, c cqrs.Command[shop.Product]) error { return h(ctx, c) }

// alarms keeps those that were raised in time.
type alarms []cqrs.Alarm

func (a *alarms) Alarm(ctx context.Context, raised cqrs.Alarm) error {
	*a = append(*a, raised)
	return ctx.Err()
}

var errBroken = errors.New("the target is broken")

// parkedSync has a product parked for each of its targets, which from then on do what
// the handlers say.
func parkedSync(t *testing.T, table string, handlers map[string]handler) *cqrs.DataSync[shop.Product] {
	t.Helper()
	versions := []cqrs.Command[shop.Product]{product(t, "tea-1", "Tea", 1), product(t, "tea-1", "Tea", 2)}
	source, err := readmodelstest.Source(t.Context(), versions)
	require.NoError(t, err)
	broken := true
	var targets []cqrs.SyncTarget[shop.Product]
	for name, h := range handlers {
		targets = append(targets, cqrs.Target(name, handler(func(ctx context.Context, c cqrs.Command[shop.Product]) error {
			if broken {
				return errBroken
			}
			return h(ctx, c)
		}), cqrs.ParkAfter(1)))
	}
	s := cqrs.NewDataSync(table, cqrs.NewMemorySync(), targets...).With(cqrs.SyncSource(source), quiet())
	for _, v := range versions {
		require.NoError(t, s.Apply(t.Context(), v))
	}
	broken = false
	return s
}

func parked(t *testing.T, syncs ...*cqrs.DataSync[shop.Product]) (targets []string) {
	t.Helper()
	for _, s := range syncs {
		for p, err := range s.Parked(t.Context(), "") {
			require.NoError(t, err)
			targets = append(targets, p.Table+"/"+p.Target)
		}
	}
	return targets
}

func TestCaretakerTakesUpAllThatItCan(t *testing.T) {
	t.Parallel()
	fine := func(context.Context, cqrs.Command[shop.Product]) error { return nil }
	broken := func(context.Context, cqrs.Command[shop.Product]) error { return errBroken }
	one := parkedSync(t, "one", map[string]handler{"a": fine, "b": broken, "c": fine})
	two := parkedSync(t, "two", map[string]handler{"a": broken, "b": fine})

	var raised alarms
	caretaker := readmodels.NewCaretaker(cqrs.NewAlarms(&raised), one, two)
	freed, err := caretaker.Handle(t.Context(), readmodels.TakeUp{})
	require.Equal(t, 3, freed)
	require.True(t, cqrs.IsSkip(err), "the next tick tries again, and no other delivery of this one: %v", err)
	require.ErrorContains(t, err, "parked of one for b")
	require.ErrorContains(t, err, "parked of two for a")
	require.Len(t, raised, 1)
	require.Equal(t, cqrs.SeverityWarning, raised[0].Severity)
	require.Contains(t, raised[0].Details["error"], errBroken.Error())
	require.Equal(t, []string{"one/b", "two/a"}, parked(t, one, two))

	unheard, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = caretaker.Handle(unheard, readmodels.TakeUp{})
	require.Error(t, err)
	require.False(t, cqrs.IsSkip(err), "what nobody is told of is a failure: %v", err)
}

func TestCaretakerHasNothingToDo(t *testing.T) {
	t.Parallel()
	var raised alarms
	s := cqrs.NewDataSync("one", cqrs.NewMemorySync(), cqrs.Target("a", handler(nil)))
	_, err := readmodels.NewCaretaker(cqrs.NewAlarms(&raised), s).Handle(t.Context(), readmodels.TakeUp{})
	require.True(t, cqrs.IsSkip(err), err)
	require.Empty(t, raised)
}

// A target that does not answer takes its own time, and no other's.
func TestCaretakerWaitsForNoTargetWithAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		silent := func(ctx context.Context, _ cqrs.Command[shop.Product]) error {
			<-ctx.Done()
			return ctx.Err()
		}
		fine := func(context.Context, cqrs.Command[shop.Product]) error { return nil }
		one := parkedSync(t, "one", map[string]handler{"a": silent, "b": fine})
		two := parkedSync(t, "two", map[string]handler{"a": silent, "b": fine})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		freed, err := readmodels.NewCaretaker(cqrs.NewAlarms(new(alarms)), one, two).Handle(ctx, readmodels.TakeUp{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2, freed)
		require.Equal(t, []string{"one/a", "two/a"}, parked(t, one, two))
	})
}
