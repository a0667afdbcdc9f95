package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestNewNamesWhatToMend(t *testing.T) {
	t.Parallel()
	handlers := func(opts ...cqrs.RegisterOption) *cqrs.Registry {
		r := cqrs.NewRegistry()
		cqrs.RegisterFunc(r, nothing[task], opts...)
		return r
	}
	two := func() *cqrs.Mux {
		mux := taskMux()
		cqrs.OnSQS[message](mux, cqrs.Queue("orders"))
		return mux
	}
	for _, test := range []struct {
		name string
		cfg  cqrs.Config
		says []string
	}{
		{"nothing at all", cqrs.Config{}, []string{"Config.Factory is missing", "Config.Registry is missing"}},
		{"a nil mux", cqrs.Config{Factory: (*cqrs.Mux)(nil), Registry: handlers()}, []string{"Config.Factory is missing"}},
		{"a bare default", cqrs.Config{Factory: cqrs.DefaultEventFactory{}, Registry: handlers()}, []string{"refuses every record"}},
		{"a mux without rules", cqrs.Config{Factory: cqrs.NewMux(), Registry: handlers()}, []string{"the Mux has no rules"}},
		{
			"a decorated mux without rules",
			cqrs.Config{Factory: cqrs.Envelopes(cqrs.NewMux(), cqrs.From("q", cqrs.SNS)), Registry: handlers()},
			[]string{"the Mux has no rules"},
		},
		{"a registry without handlers", cqrs.Config{Factory: severalTasks{}, Registry: cqrs.NewRegistry()}, []string{"has no handlers"}},
		{"a zero registry", cqrs.Config{Factory: severalTasks{}, Registry: &cqrs.Registry{}}, []string{"Config.Registry is missing"}},
		{
			"a rule without a handler",
			cqrs.Config{Factory: two(), Registry: handlers()},
			[]string{`OnSQS[cqrs_test.message](Queue("orders")) makes events that no handler is registered for`},
		},
		{
			"a key of another type",
			cqrs.Config{Factory: taskMux(), Registry: handlers(cqrs.KeyBy(func(m message) string { return m.id }))},
			[]string{"route cqrs_test.task takes cqrs_test.task, but its KeyBy takes cqrs_test.message"},
		},
		{"a negative concurrency", cqrs.Config{Factory: taskMux(), Registry: handlers(), Concurrency: -1}, []string{"Concurrency is negative: -1"}},
		{"a negative reserve", cqrs.Config{Factory: taskMux(), Registry: handlers(), Reserve: -1}, []string{"Reserve is negative"}},
		{"an unknown batch mode", cqrs.Config{Factory: taskMux(), Registry: handlers(), BatchMode: 9}, []string{"BatchMode is unknown: 9"}},
		{
			"no receives",
			cqrs.Config{Factory: taskMux(), Registry: handlers(), MaxReceives: map[string]int{"orders": 0}},
			[]string{`MaxReceives["orders"] must be at least 1`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d, err := cqrs.New(test.cfg)
			require.Nil(t, d)
			require.Regexp(t, "^cqrs: ", err.Error())
			for _, text := range test.says {
				require.ErrorContains(t, err, text)
			}
		})
	}
	_, err := cqrs.New(cqrs.Config{
		Factory: taskMux(), Registry: handlers(cqrs.KeyBy(func(work *task) string { return work.ID })),
		Policy: cqrs.Policy{Idempotency: cqrs.NewMemoryIdempotency()},
	})
	require.NoError(t, err, "T and *T are the same event")
}

func TestNewNeedsNoDefaults(t *testing.T) {
	t.Parallel()
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, nothing[task])
	_, err := cqrs.New(cqrs.Config{Factory: taskMux(), Registry: registry})
	require.NoError(t, err)
}

type tenantTask struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
}

func (e tenantTask) EventTenant() string { return e.Tenant }

// TestInvokeInParallel: one dispatcher serves many invocations at once, and
// none sees anything of another.
func TestInvokeInParallel(t *testing.T) {
	t.Parallel()
	type invocationKey struct{}
	mux := cqrs.NewMux()
	cqrs.OnSQS[tenantTask](mux, cqrs.Any())
	registry := cqrs.NewRegistry(cqrs.Log(quiet()))
	cqrs.RegisterFunc(registry, func(ctx context.Context, work tenantTask) error {
		d, _ := cqrs.DeliveryFrom(ctx)
		own := ctx.Value(invocationKey{})
		if own != work.Tenant || d.Tenant() != own || d.Message.ID != work.ID || d.Event != cqrs.Event(work) {
			return fmt.Errorf("invocation %v got %+v by %+v", own, work, d)
		}
		return nil
	})
	d := newDispatcher(t, cqrs.Config{
		Factory: mux, Registry: registry, Concurrency: 4,
		Policy: cqrs.Policy{Retry: &cqrs.RetryPolicy{}, Timeout: 1 << 40},
	})
	const invocations, size = 32, 10
	errs := make([]error, invocations)
	var all sync.WaitGroup
	for i := range invocations {
		all.Go(func() {
			tenant := fmt.Sprint("tenant-", i)
			ctx := context.WithValue(t.Context(), invocationKey{}, tenant)
			for range 20 {
				var batch []message
				for k := range size {
					id := fmt.Sprintf("%d-%d", i, k)
					batch = append(batch, message{id: id, body: fmt.Sprintf(`{"id":%q,"tenant":%q}`, id, tenant)})
				}
				answer, err := d.Invoke(ctx, sqsBatch(t, queueARN, batch...))
				if err == nil && string(answer) != `{"batchItemFailures":[]}` {
					err = errors.New(string(answer))
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
}

// customFactory is one that a team writes: its own routing over one source.
type customFactory struct{ cqrs.DefaultEventFactory }

func (customFactory) TransformSQS(_ context.Context, r *events.SQSMessage) ([]cqrs.Event, error) {
	work, err := cqrs.DecodeJSON[task](r.Body)
	if err != nil {
		return nil, err
	}
	if work.Do == "ignore" {
		return nil, nil
	}
	return []cqrs.Event{&work}, nil
}

func TestCustomFactory(t *testing.T) {
	t.Parallel()
	j := &journal{}
	d := newDispatcher(t, cqrs.Config{Factory: customFactory{}, Registry: taskRegistry(j)})
	answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", ""), todo("2", "ignore"), message{id: "3", body: "?"}))
	require.NoError(t, err)
	require.Equal(t, []string{"3"}, failedIDs(t, answer))
	require.Equal(t, []string{"1"}, j.all())

	for _, name := range []string{"sns", "s3_put", "dynamodb_insert", "kinesis", "eventbridge"} {
		_, err := d.Invoke(t.Context(), firstRecord(t, sample(t, name)))
		require.ErrorIs(t, err, cqrs.ErrUnrouted, name)
	}
	_, err = d.Invoke(t.Context(), sample(t, "stepfunctions_seed"))
	require.ErrorContains(t, err, "TransformStepFunction")
}

// panickingFactory stands for a bug in a team's own routing.
type panickingFactory struct{ cqrs.DefaultEventFactory }

func (panickingFactory) TransformSQS(_ context.Context, r *events.SQSMessage) ([]cqrs.Event, error) {
	if r.MessageId == "2" {
		panic("in the factory")
	}
	return []cqrs.Event{task{ID: r.MessageId}}, nil
}

func TestPanicInTheFactory(t *testing.T) {
	t.Parallel()
	j := &journal{}
	d := newDispatcher(t, cqrs.Config{Factory: panickingFactory{}, Registry: taskRegistry(j)})
	answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", ""), todo("2", ""), todo("3", "")))
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, failedIDs(t, answer))
	require.Equal(t, []string{"1", "3"}, j.all())
}
