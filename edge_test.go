package cqrs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// ports records what reaches the ports at the record's edge; err is what they
// answer.
type ports struct {
	mu           sync.Mutex
	err          error
	alarms       []cqrs.Alarm
	letters      []cqrs.DeadLetter
	redeliveries map[string]time.Duration
}

func (p *ports) Alarm(ctx context.Context, a cqrs.Alarm) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alarms = append(p.alarms, a)
	return errors.Join(p.err, ctx.Err())
}

func (p *ports) DeadLetter(ctx context.Context, d cqrs.DeadLetter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letters = append(p.letters, d)
	return errors.Join(p.err, ctx.Err())
}

func (p *ports) Redeliver(ctx context.Context, m *cqrs.Message, after time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.redeliveries == nil {
		p.redeliveries = map[string]time.Duration{}
	}
	p.redeliveries[m.ID] = after
	return errors.Join(p.err, ctx.Err())
}

func (p *ports) config() cqrs.Config {
	return cqrs.Config{Alarm: p, DeadLetter: p, Redeliver: p, MaxReceives: map[string]int{"orders": 3}}
}

// TestOutcomes is the outcome table at the record's edge.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	fails := func(err error) func(context.Context, task) (any, error) {
		return func(context.Context, task) (any, error) { return nil, err }
	}
	for _, test := range []struct {
		name         string
		handle       func(context.Context, task) (any, error)
		body         string
		last         bool
		acknowledged bool
		letters      int
		alarms       int
		delay        time.Duration
	}{
		{name: "nil", handle: succeed, acknowledged: true},
		{name: "Skip", handle: fails(cqrs.Skip("nothing to do")), acknowledged: true},
		{name: "Skip, wrapped", handle: fails(fmt.Errorf("order 1: %w", cqrs.Skip("done"))), acknowledged: true},
		{name: "Skip in a join", handle: fails(errors.Join(cqrs.Skip("done"), errRefused))},
		{name: "error", handle: refuse},
		{name: "error, last attempt", handle: refuse, last: true, alarms: 1},
		{name: "RetryAfter", handle: fails(cqrs.RetryAfter(time.Minute, errRefused)), delay: time.Minute},
		{name: "RetryAfter, last attempt", handle: fails(cqrs.RetryAfter(time.Minute, errRefused)), last: true, delay: time.Minute, alarms: 1},
		{name: "Permanent", handle: fails(cqrs.Permanent(errRefused)), acknowledged: true, letters: 1, alarms: 1},
		{name: "Permanent, wrapped", handle: fails(fmt.Errorf("order 1: %w", cqrs.Permanent(errRefused))), acknowledged: true, letters: 1, alarms: 1},
		{name: "Permanent in a join", handle: fails(errors.Join(cqrs.Permanent(errRefused), errRefused))},
		{name: "Permanent in an error of two", handle: fails(fmt.Errorf("%w and %w", cqrs.Permanent(errRefused), errRefused))},
		{name: "the outermost counts", handle: fails(cqrs.Permanent(cqrs.RetryAfter(time.Minute, errRefused))), acknowledged: true, letters: 1, alarms: 1},
		{name: "in progress", handle: fails(fmt.Errorf("key k: %w", cqrs.ErrInProgress)), last: true},
		{name: "deadline", handle: fails(cqrs.ErrDeadline), last: true},
		{name: "panic", handle: func(context.Context, task) (any, error) { panic("boom") }, alarms: 1},
		{name: "panic with a permanent error", handle: func(context.Context, task) (any, error) { panic(cqrs.Permanent(errRefused)) }, alarms: 1},
		{name: "malformed", handle: succeed, body: `{"id":`, acknowledged: true, letters: 1, alarms: 1},
		{name: "malformed, a duplicate name", handle: succeed, body: `{"id":"1","id":"2"}`, acknowledged: true, letters: 1, alarms: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &ports{}
			d := taskHandler(t, test.handle, p.config())
			m := todo("m-1", "")
			if test.body != "" {
				m.body = test.body
			}
			if test.last {
				m = m.receivedTimes(3)
			}
			_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, m))
			require.Equal(t, test.acknowledged, err == nil, "%v", err)
			require.Len(t, p.letters, test.letters)
			require.Len(t, p.alarms, test.alarms)
			require.Equal(t, test.delay, p.redeliveries["m-1"])
		})
	}
}

func TestUnroutedAndUnhandledAreDeadLetters(t *testing.T) {
	t.Parallel()
	mux := cqrs.NewMux()
	cqrs.OnSQS[task](mux, cqrs.TypeField("type", "TASK"))
	for name, factory := range map[string]cqrs.EventFactory{
		"Unrouted": mux, "NoHandler": fixedEvent{event: message{}},
	} {
		p := &ports{}
		cfg := p.config()
		cfg.Factory, cfg.Registry = factory, taskRegistry(&journal{})
		answer, err := newDispatcher(t, cfg).Invoke(t.Context(), sqsBatch(t, queueARN, todo("m-1", "")))
		require.NoError(t, err)
		require.Empty(t, failedIDs(t, answer))
		require.Len(t, p.letters, 1)
		require.Equal(t, name, p.letters[0].ErrorName)
	}
}

func TestPermanentWithoutASinkFails(t *testing.T) {
	t.Parallel()
	d := taskHandler(t, func(context.Context, task) (any, error) { return nil, cqrs.Permanent(errRefused) }, cqrs.Config{})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("m-1", "")))
	require.ErrorIs(t, err, errRefused)
}

// TestDeadLetterNotKept: never acknowledged without a home.
func TestDeadLetterNotKept(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]cqrs.Config{
		"the sink fails":  (&ports{err: errors.New("no such queue")}).config(),
		"the sink panics": {DeadLetter: panickingSink{}},
	} {
		d := taskHandler(t, func(context.Context, task) (any, error) { return nil, cqrs.Permanent(errRefused) }, cfg)
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("m-1", "")))
		require.ErrorIs(t, err, errRefused, name)
		require.NotContains(t, err.Error(), "no such queue", "the failure itself is not masked")
	}
}

type panickingSink struct{}

func (panickingSink) DeadLetter(context.Context, cqrs.DeadLetter) error { panic("sink") }

func TestDeadLetterOfAStreamLetsItGoOn(t *testing.T) {
	t.Parallel()
	p, j := &ports{}, &journal{}
	d := taskHandler(t, func(_ context.Context, work task) (any, error) {
		j.add(work.ID)
		if work.Do == "fail" {
			return nil, cqrs.Permanent(errRefused)
		}
		return nil, nil
	}, p.config())
	answer, err := d.Invoke(t.Context(), streamBatch(t, change{"1", "a", "fail"}, change{"2", "a", ""}))
	require.NoError(t, err)
	require.Empty(t, failedIDs(t, answer))
	require.Equal(t, []string{"1", "2"}, j.all())
	require.Len(t, p.letters, 1)
}

func TestDeadLetterContent(t *testing.T) {
	t.Parallel()
	p := &ports{}
	d := taskHandler(t, func(context.Context, task) (any, error) {
		return nil, cqrs.Permanent(cqrs.Named("OutOfStock", errors.New("no more of secret-token")))
	}, p.config())
	first := message{id: "m-1", body: `{"id":"1","taskToken":"secret-token"}`}
	for _, m := range []message{first, first.receivedTimes(2), {id: "m-2", body: "not JSON"}} {
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, m))
		require.NoError(t, err)
	}
	require.Len(t, p.letters, 3)
	letter := p.letters[0]
	require.Equal(t, "m-1", letter.Message.ID)
	require.Equal(t, "cqrs_test.task", letter.Route)
	require.Equal(t, "OutOfStock", letter.ErrorName)
	require.JSONEq(t, `{"id":"1","taskToken":"[redacted]"}`, string(letter.Event))
	require.Equal(t, 1, letter.Attempts)
	require.False(t, letter.At.IsZero())
	require.Equal(t, letter.ID, p.letters[1].ID, "the same record has the same id on every delivery")
	require.Equal(t, 2, p.letters[1].Attempts)
	require.NotEqual(t, letter.ID, p.letters[2].ID)
	require.Equal(t, `"not JSON"`, string(p.letters[2].Event))
	require.Empty(t, p.letters[2].Route)
	require.Equal(t, "DecodeError", p.letters[2].ErrorName)
	for _, letter := range p.letters {
		text, err := json.Marshal(letter)
		require.NoError(t, err)
		require.NotContains(t, string(text)+string(letter.Message.Raw())+string(letter.Message.Payload())+letter.Error, "secret-token")
	}
}

func TestStepFunctionsFailuresAreNoDeadLetters(t *testing.T) {
	t.Parallel()
	p := &ports{}
	d := taskHandler(t, func(context.Context, task) (any, error) { return nil, cqrs.Permanent(errRefused) }, p.config())
	_, err := d.Invoke(t.Context(), []byte(`{"type":"TASK","payload":{}}`))
	require.Error(t, err, "the state machine must not take it for success")
	require.Empty(t, p.letters)
	require.Len(t, p.alarms, 1)
}

func TestAlarmContent(t *testing.T) {
	t.Parallel()
	p := &ports{err: errors.New("no such topic")}
	d := taskHandler(t, func(_ context.Context, work task) (any, error) {
		if work.Do == "panic" {
			panic("boom")
		}
		return nil, errRefused
	}, cqrs.Config{Alarm: p, MaxReceives: map[string]int{"orders": 1}})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("m-1", ""), todo("m-2", "panic")))
	require.ErrorIs(t, err, errRefused, "an alarm that fails masks nothing")
	require.Len(t, p.alarms, 2)
	require.Equal(t, cqrs.SeverityError, p.alarms[0].Severity)
	require.Equal(t, cqrs.SeverityCritical, p.alarms[1].Severity)
	require.Equal(t, "cqrs_test.task", p.alarms[0].Source)
	require.Equal(t, "m-1", p.alarms[0].Details["id"])
	require.ErrorIs(t, p.alarms[0].Err, errRefused)
	require.Contains(t, p.alarms[0].Message, "refused")
}

// TestOneRecordSettlesOnce: several handlers and events, one alarm, one letter.
func TestOneRecordSettlesOnce(t *testing.T) {
	t.Parallel()
	both := func(first, second error) (*ports, error) {
		p := &ports{}
		cfg := p.config()
		registry := cqrs.NewRegistry()
		cqrs.RegisterFunc(registry, func(context.Context, task) error { return first }, cqrs.RouteName("first"))
		cqrs.RegisterFunc(registry, func(context.Context, task) error { return second }, cqrs.RouteName("second"))
		cfg.Factory, cfg.Registry = taskMux(), registry
		_, err := newDispatcher(t, cfg).Invoke(t.Context(), sqsBatch(t, queueARN, todo("m-1", "")))
		return p, err
	}
	p, err := both(cqrs.Permanent(errRefused), cqrs.Permanent(errRefused))
	require.NoError(t, err)
	require.Len(t, p.letters, 1)
	require.Len(t, p.alarms, 1)
	require.Equal(t, "first, second", p.letters[0].Route)

	p, err = both(cqrs.Permanent(errRefused), errRefused)
	require.ErrorIs(t, err, errRefused, "it comes again, for the sake of the second")
	require.Empty(t, p.letters)
	require.Len(t, p.alarms, 1)

	p, err = both(cqrs.RetryAfter(time.Minute, errRefused), cqrs.RetryAfter(time.Hour, errRefused))
	require.Error(t, err)
	require.Equal(t, map[string]time.Duration{"m-1": time.Hour}, p.redeliveries, "not before either of them")

	p, err = both(nil, cqrs.Permanent(errRefused))
	require.NoError(t, err)
	require.Len(t, p.letters, 1)
}

// TestEdgeOutlivesTheHandlers: what is done about a failure does not inherit a
// context that has ended.
func TestEdgeOutlivesTheHandlers(t *testing.T) {
	t.Parallel()
	p := &ports{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d := taskHandler(t, func(context.Context, task) (any, error) {
		cancel()
		return nil, cqrs.Permanent(errRefused)
	}, p.config())
	_, err := d.Invoke(ctx, sqsBatch(t, queueARN, todo("m-1", "")))
	require.NoError(t, err)
	require.Len(t, p.letters, 1)
}

func TestEveryFailureIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := taskHandler(t, func(_ context.Context, work task) (any, error) {
		if work.Do == "panic" {
			panic("boom")
		}
		return nil, errors.New("refused secret-token")
	}, cqrs.Config{Logger: slog.New(slog.NewJSONHandler(&out, nil)), Policy: cqrs.Policy{Timeout: time.Minute}})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN,
		todo("m-1", "panic").receivedTimes(2),
		message{id: "m-2", body: `{"id":"secret-body`},
		todo("m-3", "")))
	require.Error(t, err)
	_, err = d.Invoke(t.Context(), []byte(`{"type":"TASK","payload":{"id":"secret-body"},"taskToken":"secret-token"}`))
	require.Error(t, err)

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &line))
	require.Equal(t, "ERROR", line["level"])
	require.Equal(t, "aws:sqs", line["source"])
	require.Equal(t, "m-1", line["id"])
	require.Equal(t, "cqrs_test.task", line["route"])
	require.InDelta(t, 2, line["attempt"], 0)
	require.Equal(t, "panic: boom", line["error"])
	require.Contains(t, line["stack"], "edge_test.go", "the stack shows where it panicked")
	for _, secret := range []string{"secret-body", "receipt-handle"} {
		require.NotContains(t, out.String(), secret)
	}
	require.NotContains(t, lines[3], "secret-token")
}
