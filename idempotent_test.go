package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// spy is a store that notes what it is asked, and answers what it is told to.
type spy struct {
	cqrs.AbandonmentStore

	mu       sync.Mutex
	calls    []string
	claims   []cqrs.Claim
	outcomes []cqrs.Outcome
	answers  map[string][]error // by method, each used once
	after    func(ctx context.Context, method string)
}

func newSpy() *spy {
	return &spy{AbandonmentStore: cqrs.NewMemoryIdempotency().(cqrs.AbandonmentStore), answers: map[string][]error{}}
}

func (s *spy) note(ctx context.Context, method string, c cqrs.Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, method)
	s.claims = append(s.claims, c)
	if s.after != nil {
		s.after(ctx, method)
	}
	if len(s.answers[method]) == 0 {
		return ctx.Err()
	}
	err := s.answers[method][0]
	s.answers[method] = s.answers[method][1:]
	return err
}

func (s *spy) Acquire(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	if err := s.note(ctx, "acquire", c); err != nil {
		return nil, err
	}
	return s.AbandonmentStore.Acquire(ctx, c)
}

func (s *spy) Complete(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	if err := s.note(ctx, "complete", c); err != nil {
		return err
	}
	s.outcomes = append(s.outcomes, o)
	return s.AbandonmentStore.Complete(ctx, c, o)
}

func (s *spy) Release(ctx context.Context, c cqrs.Claim) error {
	if err := s.note(ctx, "release", c); err != nil {
		return err
	}
	return s.AbandonmentStore.Release(ctx, c)
}

// job is an event with a key.
type job struct{ key string }

func (j job) EventKey() string { return j.key }

// guarded runs one delivery of an event through Idempotent.
func guarded(ctx context.Context, mw cqrs.Middleware, key string, handle func(context.Context) (any, error)) (any, error) {
	return mw(func(ctx context.Context, _ *cqrs.Delivery) (any, error) { return handle(ctx) })(
		ctx, &cqrs.Delivery{Event: job{key}, Route: "jobs"})
}

func answers(result any, err error) func(context.Context) (any, error) {
	return func(context.Context) (any, error) { return result, err }
}

// TestIdempotentOutcomes is the idempotency column of the outcome table.
func TestIdempotentOutcomes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		handle func(context.Context) (any, error)
		calls  string
		reruns bool // on the next delivery
		stored string
	}{
		{"nil", answers(nil, nil), "acquire complete", false, "null"},
		{"Skip", answers(nil, fmt.Errorf("order 1: %w", cqrs.Skip("done"))), "acquire complete", false, "null"},
		{"a result", answers(map[string]int{"n": 1}, nil), "acquire complete", false, `{"n":1}`},
		{"an error", answers(nil, errRefused), "acquire release", true, ""},
		{"Skip in a join", answers(nil, errors.Join(cqrs.Skip("done"), errRefused)), "acquire release", true, ""},
		{"RetryAfter", answers(nil, cqrs.RetryAfter(time.Minute, errRefused)), "acquire release", true, ""},
		{"Permanent", answers(nil, cqrs.Permanent(errRefused)), "acquire release", true, ""},
		{"a panic", func(context.Context) (any, error) { panic("boom") }, "acquire release", true, ""},
		{"in progress", answers(nil, cqrs.ErrInProgress), "acquire", false, ""},
		{"deadline", answers(nil, cqrs.ErrDeadline), "acquire", false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store, runs := newSpy(), 0
			mw := cqrs.Idempotent(store)
			handle := func(ctx context.Context) (any, error) {
				runs++
				return test.handle(ctx)
			}
			_, first := guarded(t.Context(), mw, "k", handle)
			require.Equal(t, test.calls, strings.Join(store.calls, " "))
			if test.stored != "" {
				require.Equal(t, test.stored, string(store.outcomes[0].Result))
			}
			_, _ = guarded(t.Context(), mw, "k", handle)
			require.Equal(t, test.reruns, runs == 2)
			_, want := func() (result any, err error) {
				defer func() {
					if recover() != nil {
						err = errors.New("panic: boom")
					}
				}()
				return test.handle(t.Context())
			}()
			if want == nil {
				require.NoError(t, first)
			} else {
				require.EqualError(t, first, want.Error(), "the handler's own error")
			}
		})
	}
}

// TestIdempotentReplaysToTheLetter: also what other languages take for nothing.
func TestIdempotentReplaysToTheLetter(t *testing.T) {
	t.Parallel()
	type order struct {
		ID    string  `json:"id"`
		Price float64 `json:"price"`
	}
	for _, result := range []any{
		nil, 0, "", false, []int{}, map[string]int{}, []byte(nil), (*order)(nil), order{"<1>", 0.1}, int64(9007199254740993), json.RawMessage(`{"b":1,"a":2}`),
	} {
		store := cqrs.NewMemoryIdempotency()
		mw, runs := cqrs.Idempotent(store), 0
		var seen []string
		for range 3 {
			got, err := guarded(t.Context(), mw, "k", func(context.Context) (any, error) { runs++; return result, nil })
			require.NoError(t, err)
			if result == nil {
				require.Nil(t, got, "nothing, and not the JSON of it")
			}
			text, err := json.Marshal(got)
			require.NoError(t, err)
			seen = append(seen, string(text))
			if raw, ok := got.(json.RawMessage); ok && runs == 1 && len(seen) > 1 {
				raw[0] = 'x' // the caller's own
			}
		}
		require.Equal(t, 1, runs)
		require.Equal(t, seen[0], seen[1], "%#v", result)
		require.Equal(t, seen[0], seen[2], "%#v", result)
	}
}

// TestIdempotentScope: events are the same where key, route and tenant are.
func TestIdempotentScope(t *testing.T) {
	t.Parallel()
	store := newSpy()
	mw := cqrs.Idempotent(store)
	deliver := func(route, tenant, key string) {
		_, err := mw(func(context.Context, *cqrs.Delivery) (any, error) { return nil, nil })(
			t.Context(), &cqrs.Delivery{Event: tenantJob{key: key, tenant: tenant}, Route: route})
		require.NoError(t, err)
	}
	long := strings.Repeat("k", 1100)
	all := [][3]string{
		{"r", "t", "k"},
		{"r", "", "k"},
		{"r", "", "t|k"},
		{"r|t", "", "k"},
		{"r", "t|k", "k"},
		{"r", "t", "k|k"},
		{"r%7Ct", "", "k"},
		{"r", "t", "|k"},
		{"#", "t", "k"},
		{"r", "t", long},
		{"r", "t", long + "k"},
		{"r", "t", "\xff"},
		{"r", "t", "\xfe"},
		{"r", "t", "\uFFFD"},
	}
	for _, s := range all {
		deliver(s[0], s[1], s[2])
	}
	require.Len(t, store.outcomes, len(all), "all of them ran")
	keys := map[string]bool{}
	for _, c := range store.claims {
		keys[c.Key] = true
		require.LessOrEqual(t, len(c.Key), 1024)
		require.True(t, utf8.ValidString(c.Key))
	}
	require.Len(t, keys, len(all))
	for _, s := range all {
		deliver(s[0], s[1], s[2])
	}
	require.Len(t, store.outcomes, len(all), "none of them ran again")
	require.Equal(t, "r|t|k", store.claims[0].Key, "people can read it")
}

type tenantJob struct{ key, tenant string }

func (j tenantJob) EventKey() string    { return j.key }
func (j tenantJob) EventTenant() string { return j.tenant }

func TestIdempotentWithoutAKey(t *testing.T) {
	t.Parallel()
	store := newSpy()
	_, err := guarded(t.Context(), cqrs.Idempotent(store), "", answers(nil, nil))
	require.ErrorIs(t, err, cqrs.ErrNoKey)
	require.ErrorContains(t, err, "route jobs")
	result, err := guarded(t.Context(), cqrs.Idempotent(store, cqrs.AllowNoKey()), "", answers("done", nil))
	require.NoError(t, err)
	require.Equal(t, "done", result)
	require.Empty(t, store.calls)
}

// TestIdempotentRefusals: what the store says before the run.
func TestIdempotentRefusals(t *testing.T) {
	t.Parallel()
	down := errors.New("no route to host")
	for _, test := range []struct {
		name      string
		answer    error
		is        error
		permanent bool
	}{
		{"in progress", fmt.Errorf("item: %w", cqrs.ErrInProgress), cqrs.ErrInProgress, false},
		{"another payload", fmt.Errorf("item: %w", cqrs.ErrPayloadMismatch), cqrs.ErrPayloadMismatch, true},
		{"down", down, down, false},
		{"a store that calls itself permanent", cqrs.Permanent(down), down, false},
		{"a store that skips", cqrs.Skip("no"), nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store, p := newSpy(), &ports{}
			store.answers["acquire"] = []error{test.answer}
			cfg := p.config()
			cfg.Policy.Idempotency = store
			d := taskHandler(t, func(context.Context, task) (any, error) {
				require.Fail(t, "the handler must not run")
				return nil, nil
			}, cfg)
			_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("m", "").receivedTimes(3)))
			require.Equal(t, test.permanent, err == nil, "%v", err)
			require.Len(t, p.letters, map[bool]int{true: 1}[test.permanent])
			if !test.permanent && test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.Equal(t, []string{"acquire"}, store.calls)
		})
	}
}

// TestIdempotentPayload: the raw record changes with every delivery, what the
// sender sent does not.
func TestIdempotentPayload(t *testing.T) {
	t.Parallel()
	store, runs, p := newSpy(), 0, &ports{}
	cfg := p.config()
	cfg.Factory, cfg.Registry, cfg.Policy.Idempotency = taskMux(), cqrs.NewRegistry(), store
	cqrs.RegisterFunc(cfg.Registry, func(context.Context, task) error { runs++; return nil },
		cqrs.KeyBy(func(work task) string { return work.ID }))
	d := newDispatcher(t, cfg)
	for _, m := range []message{todo("1", ""), todo("1", "").receivedTimes(2), todo("1", "").receivedTimes(3)} {
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, m))
		require.NoError(t, err)
	}
	require.Equal(t, 1, runs)
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "other")))
	require.NoError(t, err, "the sink has it")
	require.Equal(t, 1, runs)
	require.Len(t, p.letters, 1)
	require.Contains(t, p.letters[0].Error, "payload mismatch")
	require.NotContains(t, p.letters[0].Error, `"do"`, "it quotes no payload")
}

func TestIgnorePayload(t *testing.T) {
	t.Parallel()
	store, runs := newSpy(), 0
	cfg := cqrs.Config{Factory: taskMux(), Registry: cqrs.NewRegistry(), Policy: cqrs.Policy{
		Idempotency: store, IdempotencyOptions: []cqrs.IdempotencyOption{cqrs.IgnorePayload()},
	}}
	cqrs.RegisterFunc(cfg.Registry, func(context.Context, task) error { runs++; return nil },
		cqrs.KeyBy(func(work task) string { return work.ID }))
	d := newDispatcher(t, cfg)
	for _, do := range []string{"", "other"} {
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", do)))
		require.NoError(t, err)
	}
	require.Equal(t, 1, runs)
}

// TestIdempotentTaskPayload: a state machine that tries again sends the same work
// under another token, however its JSON is spelled.
func TestIdempotentTaskPayload(t *testing.T) {
	t.Parallel()
	store, runs := newSpy(), 0
	mux := cqrs.NewMux()
	cqrs.OnSQS[waiting](mux, cqrs.Any())
	cfg := cqrs.Config{Factory: mux, Registry: cqrs.NewRegistry(), Policy: cqrs.Policy{Idempotency: store}}
	cqrs.RegisterFunc(cfg.Registry, func(context.Context, waiting) error { runs++; return nil },
		cqrs.KeyBy(func(w waiting) string { return w.ID }))
	d := newDispatcher(t, cfg)
	for i, body := range []string{
		`{"id":"1","taskToken":"AQ/B+8=","x":1}`,
		`{"id":"1","taskToken":"AQ\/C+9=","x":1}`,
		`{"id":"1", "taskToken":"AQ/D+0\u003d","x":1}`,
	} {
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, message{id: fmt.Sprint("m", i), body: body}))
		require.NoError(t, err)
	}
	require.Equal(t, 1, runs)
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, message{id: "m", body: `{"id":"1","taskToken":"AQ/B+8=","x":2}`}))
	require.ErrorIs(t, err, cqrs.ErrPayloadMismatch)
}

// waiting is an event of a task that waits for a callback.
type waiting struct {
	ID        string         `json:"id"`
	Do        string         `json:"do"`
	TaskToken cqrs.TaskToken `json:"taskToken"`
}

func (w waiting) EventToken() cqrs.TaskToken { return w.TaskToken }

// TestIdempotentUnsaved: a success that could not be stored says so, with what the
// handler returned.
func TestIdempotentUnsaved(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{errRefused, cqrs.Permanent(errRefused), fmt.Errorf("%w and %w", cqrs.Skip(""), errRefused)} {
		store, p := newSpy(), &ports{}
		store.answers["complete"] = []error{failure}
		cfg := p.config()
		cfg.Policy.Idempotency = store
		d := taskHandler(t, func(context.Context, task) (any, error) { return 42, nil }, cfg)
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
		var unsaved *cqrs.UnsavedError
		require.ErrorAs(t, err, &unsaved)
		require.Equal(t, 42, unsaved.Result)
		require.ErrorIs(t, err, errRefused)
		require.ErrorContains(t, err, "the handler succeeded")
		require.Empty(t, p.letters, "a store's error does not decide over the record")
	}
}

// TestIdempotentReleaseFails: the handler's error is the one that counts.
func TestIdempotentReleaseFails(t *testing.T) {
	t.Parallel()
	store := newSpy()
	store.answers["release"] = []error{errOnce}
	_, err := guarded(t.Context(), cqrs.Idempotent(store), "k", answers(nil, errRefused))
	require.Equal(t, errRefused, err)
	_, err = guarded(t.Context(), cqrs.Idempotent(store), "k", answers(nil, nil))
	require.ErrorIs(t, err, cqrs.ErrInProgress, "until the lease ends")
}

type panickingStore struct{ cqrs.IdempotencyStore }

func (panickingStore) Complete(context.Context, cqrs.Claim, cqrs.Outcome) error { panic("complete") }
func (panickingStore) Release(context.Context, cqrs.Claim) error                { panic("release") }

func TestIdempotentSurvivesAStoreThatPanics(t *testing.T) {
	t.Parallel()
	mw := cqrs.Idempotent(panickingStore{cqrs.NewMemoryIdempotency()})
	_, err := guarded(t.Context(), mw, "a", answers("done", nil))
	var unsaved *cqrs.UnsavedError
	require.ErrorAs(t, err, &unsaved)
	require.ErrorContains(t, err, "panic: complete")
	_, err = guarded(t.Context(), mw, "b", answers(nil, errRefused))
	require.Equal(t, errRefused, err)
}

// TestIdempotentResultTooLarge: the run counts, although its result cannot be
// replayed; who waits for it is told.
func TestIdempotentResultTooLarge(t *testing.T) {
	t.Parallel()
	store, runs := newSpy(), 0
	store.answers["complete"] = []error{fmt.Errorf("item: %w", cqrs.ErrTooLarge)}
	mux := cqrs.NewMux()
	cqrs.OnStepFunction[task](mux, "TASK")
	cqrs.OnSQS[task](mux, cqrs.Any())
	cfg := cqrs.Config{Factory: mux, Registry: cqrs.NewRegistry(), Policy: cqrs.Policy{
		Idempotency: store, IdempotencyOptions: []cqrs.IdempotencyOption{cqrs.IgnorePayload()},
	}}
	cqrs.Register(cfg.Registry, cqrs.Func(func(context.Context, task) (string, error) { runs++; return "large", nil }),
		cqrs.KeyBy(func(work task) string { return work.ID }))
	d := newDispatcher(t, cfg)
	request := []byte(`{"type":"TASK","payload":{"id":"1"}}`)
	answer, err := d.Invoke(t.Context(), request)
	require.NoError(t, err)
	require.JSONEq(t, `"large"`, string(answer))
	require.Equal(t, []string{"acquire", "complete", "complete"}, store.calls)
	_, err = d.Invoke(t.Context(), request)
	require.ErrorContains(t, err, "OutputTooLarge")
	_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
	require.NoError(t, err, "nobody waits for the result")
	require.Equal(t, 1, runs)
}

func TestIdempotentResultThatIsNoJSON(t *testing.T) {
	t.Parallel()
	store := newSpy()
	result, err := guarded(t.Context(), cqrs.Idempotent(store), "k", answers(func() {}, nil))
	require.NoError(t, err)
	require.NotNil(t, result)
	require.Empty(t, store.outcomes[0].Result)
}

func TestIdempotentGoexit(t *testing.T) {
	t.Parallel()
	store := newSpy()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = guarded(t.Context(), cqrs.Idempotent(store), "k", func(context.Context) (any, error) { runtime.Goexit(); return nil, nil })
	}()
	<-ended
	require.Equal(t, []string{"acquire", "release"}, store.calls)
}

func TestIdempotentPanicsOnMisuse(t *testing.T) {
	t.Parallel()
	var none *spy
	for want, f := range map[string]func(){
		"Idempotent needs a store":                  func() { cqrs.Idempotent(nil) },
		"Idempotent needs a store, not nil":         func() { cqrs.Idempotent(none) },
		"nil option":                                func() { cqrs.Idempotent(newSpy(), nil) },
		"IdempotencyTTL needs a positive duration":  func() { cqrs.IdempotencyTTL(0) },
		"IdempotencyLease needs a positive":         func() { cqrs.IdempotencyLease(-1) },
		"IdempotencyWait needs a positive duration": func() { cqrs.IdempotencyWait(0) },
		"RefuseAbandoned needs a store with AcquireOnce": func() {
			cqrs.Idempotent(panickingStore{cqrs.NewMemoryIdempotency()}, cqrs.RefuseAbandoned())
		},
	} {
		text := panicText(f)
		require.Regexp(t, "^cqrs: ", text)
		require.Contains(t, text, want)
	}
}

// TestOwnersDiffer: of runs of one key, in any number of goroutines.
func TestOwnersDiffer(t *testing.T) {
	t.Parallel()
	store := newSpy()
	var running sync.WaitGroup
	for range 32 {
		running.Go(func() { _, _ = guarded(t.Context(), cqrs.Idempotent(store), "k", answers(nil, errRefused)) })
	}
	running.Wait()
	owners := map[string]bool{}
	acquired := 0
	for i, c := range store.claims {
		if store.calls[i] == "acquire" {
			acquired++
			owners[c.Owner] = true
			require.Len(t, c.Owner, 32)
		}
	}
	require.Equal(t, 32, acquired)
	require.Len(t, owners, 32)
}
