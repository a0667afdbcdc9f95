package cqrs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		parent  time.Duration // the deadline of the context that it gets
		handle  func(ctx context.Context) error
		took    time.Duration
		is      error
		isNot   error
		timeout bool
	}{
		{
			name: "in time", took: time.Second,
			handle: func(context.Context) error { time.Sleep(time.Second); return nil },
		},
		{
			name: "a handler that listens", took: 5 * time.Second, is: context.DeadlineExceeded, timeout: true,
			handle: func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("db: %w", ctx.Err()) },
		},
		{
			name: "a handler that does not listen, and fails", took: time.Minute, is: errRefused, timeout: true,
			handle: func(context.Context) error { time.Sleep(time.Minute); return errRefused },
		},
		{
			name: "a handler that does not listen, and succeeds", took: time.Minute,
			handle: func(context.Context) error { time.Sleep(time.Minute); return nil },
		},
		{
			name: "the invocation ends first", parent: 2 * time.Second, took: 2 * time.Second, is: context.DeadlineExceeded,
			handle: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		},
		{
			name: "an error in time", is: errRefused, isNot: context.DeadlineExceeded,
			handle: func(context.Context) error { return errRefused },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.parent > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.parent)
					defer cancel()
				}
				start, finished := time.Now(), false
				_, err := cqrs.Timeout(5*time.Second)(func(ctx context.Context, _ *cqrs.Delivery) (any, error) {
					defer func() { finished = true }()
					return nil, test.handle(ctx)
				})(ctx, &cqrs.Delivery{})
				require.True(t, finished, "no work is left behind")
				require.Equal(t, test.took, time.Since(start))
				if test.is == nil {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, test.is)
				if test.isNot != nil {
					require.NotErrorIs(t, err, test.isNot)
				}
				var timeout *cqrs.TimeoutError
				require.Equal(t, test.timeout, errors.As(err, &timeout))
				if test.timeout {
					require.ErrorContains(t, err, "timed out after 5s")
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
			})
		})
	}
	require.Regexp(t, "^cqrs: Timeout", panicText(func() { cqrs.Timeout(0) }))
}

// TestTimeoutOfEachAttempt: every attempt begins with a fresh context.
func TestTimeoutOfEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := cqrs.Policy{Retry: &cqrs.RetryPolicy{NoJitter: true}, Timeout: 5 * time.Second}
		start, calls := time.Now(), 0
		_, err := p.Middleware()(func(ctx context.Context, _ *cqrs.Delivery) (any, error) {
			calls++
			require.NoError(t, ctx.Err())
			<-ctx.Done()
			return nil, ctx.Err()
		})(t.Context(), &cqrs.Delivery{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3, calls)
		require.Equal(t, (5+1+5+2+5)*time.Second, time.Since(start))
	})
}

func TestPolicyRetriesPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		result, err := cqrs.Policy{Retry: &cqrs.RetryPolicy{}}.Middleware()(func(context.Context, *cqrs.Delivery) (any, error) {
			if calls++; calls < 3 {
				panic("boom")
			}
			return "done", nil
		})(t.Context(), &cqrs.Delivery{})
		require.NoError(t, err)
		require.Equal(t, "done", result)
	})
}

func TestRecover(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value any
		says  string
		is    error
	}{
		{"boom", "panic: boom", nil},
		{errRefused, "panic: refused", errRefused},
		{42, "panic: 42", nil},
		{nil, "panic called with nil argument", nil},
	} {
		_, err := cqrs.Recover()(func(context.Context, *cqrs.Delivery) (any, error) {
			panic(test.value)
		})(t.Context(), &cqrs.Delivery{})
		var panicked *cqrs.PanicError
		require.ErrorAs(t, err, &panicked)
		require.ErrorContains(t, err, test.says)
		require.Contains(t, string(panicked.Stack), "TestRecover")
		if test.is != nil {
			require.ErrorIs(t, err, test.is)
		}
	}
	result, err := cqrs.Recover()(func(context.Context, *cqrs.Delivery) (any, error) { return 1, errRefused })(t.Context(), nil)
	require.Equal(t, 1, result)
	require.Equal(t, errRefused, err)
}

func logLines(t tester, out *bytes.Buffer) []map[string]any {
	var lines []map[string]any
	for text := range strings.Lines(out.String()) {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		delete(line, "time")
		lines = append(lines, line)
	}
	return lines
}

func TestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&out, nil))
		registry := cqrs.NewRegistry(cqrs.Log(logger))
		cqrs.RegisterFunc(registry, func(_ context.Context, work task) error {
			time.Sleep(time.Second)
			switch work.Do {
			case "fail":
				return errRefused
			case "skip":
				return cqrs.Skip("nothing to do")
			}
			return nil
		})
		d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: registry})
		_, err := d.Invoke(t.Context(), sqsBatch(t, fifoARN, todo("1", "").in("A"), todo("2", "skip").in("B"), todo("3", "fail").in("A").receivedTimes(2)))
		require.NoError(t, err)
		line := func(level, msg, id, group string, attempt int, more ...any) map[string]any {
			all := map[string]any{
				"level": level, "msg": msg, "source": "aws:sqs", "id": id, "group": group, "attempt": float64(attempt),
				"route": "cqrs_test.task", "correlation_id": id, "duration": float64(time.Second),
			}
			for i := 0; i < len(more); i += 2 {
				all[more[i].(string)] = more[i+1]
			}
			return all
		}
		require.Equal(t, []map[string]any{
			line("INFO", "event handled", "1", "A", 1),
			line("INFO", "event skipped", "2", "B", 1, "reason", "skipped: nothing to do"),
			line("WARN", "event failed", "3", "A", 2, "error", "refused"),
		}, logLines(t, &out))
	})
}

func TestNewLogHandler(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	base := slog.New(cqrs.NewLogHandler(slog.NewJSONHandler(&out, nil)))
	registry := cqrs.NewRegistry(cqrs.Log(base))
	cqrs.RegisterFunc(registry, func(ctx context.Context, e tenantTask) error {
		base.InfoContext(ctx, "plain", "event", "attributes are the caller's")
		base.With("a", 1).WithGroup("g").With("b", 2).InfoContext(ctx, "grouped", "c", 3)
		base.Info("without context")
		return nil
	})
	mux := cqrs.NewMux()
	cqrs.OnSQS[tenantTask](mux, cqrs.Any())
	d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, message{id: "m", body: `{"tenant":"acme"}`}))
	require.NoError(t, err)
	lines := logLines(t, &out)
	require.Len(t, lines, 4)
	delivery := map[string]any{
		"level": "INFO", "source": "aws:sqs", "id": "m", "attempt": 1.0,
		"route": "cqrs_test.tenantTask", "tenant": "acme", "correlation_id": "m",
	}
	with := func(msg string, more map[string]any) map[string]any {
		all := map[string]any{"msg": msg}
		for _, part := range []map[string]any{delivery, more} {
			maps.Copy(all, part)
		}
		return all
	}
	require.Equal(t, with("plain", map[string]any{"event": "attributes are the caller's"}), lines[0])
	require.Equal(t, with("grouped", map[string]any{"a": 1.0, "g": map[string]any{"b": 2.0, "c": 3.0}}), lines[1])
	require.Equal(t, map[string]any{"level": "INFO", "msg": "without context"}, lines[2])
	require.Equal(t, 1, strings.Count(strings.Split(out.String(), "\n")[3], `"source"`), "Log adds nothing twice")
	require.Regexp(t, "^cqrs: NewLogHandler", panicText(func() { cqrs.NewLogHandler(nil) }))
}

func TestPolicyLogsRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		a := failing(errOnce)
		registry := cqrs.NewRegistry()
		cqrs.Register(registry, cqrs.Func(func(ctx context.Context, _ task) (any, error) { return a.next(ctx, nil) }))
		d := newDispatcher(t, cqrs.Config{
			Factory: taskMux(), Registry: registry, Logger: slog.New(slog.NewJSONHandler(&out, nil)),
			Policy: cqrs.Policy{Retry: &cqrs.RetryPolicy{NoJitter: true}},
		})
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
		require.NoError(t, err)
		lines := logLines(t, &out)
		require.Len(t, lines, 1)
		require.Equal(t, "WARN", lines[0]["level"])
		require.Equal(t, "handler failed, trying again", lines[0]["msg"])
		require.Equal(t, "first", lines[0]["error"])
		require.Equal(t, "1", lines[0]["id"])
	})
}

func TestEach(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	var seen []string
	result := cqrs.Each(ctx, []string{"ok", "fail", "skip", "panic", "stop", "late"}, func(_ context.Context, item string) error {
		seen = append(seen, item)
		switch item {
		case "fail":
			return errRefused
		case "skip":
			return cqrs.Skip("nothing to do")
		case "panic":
			panic("boom")
		case "stop":
			cancel(errThrice)
		}
		return nil
	})
	require.Equal(t, []string{"ok", "fail", "skip", "panic", "stop"}, seen)
	require.Equal(t, 3, result.Processed)
	require.Len(t, result.Failed, 3)
	require.Equal(t, cqrs.ItemError[string]{Index: 1, Item: "fail", Err: errRefused}, result.Failed[0])
	require.ErrorContains(t, result.Failed[1], "item 3: panic: boom")
	require.Equal(t, "late", result.Failed[2].Item)
	require.ErrorIs(t, result.Failed[2].Err, errThrice)
	require.ErrorIs(t, result.Err(), errRefused)
	require.ErrorIs(t, result.Err(), errThrice)
	require.NoError(t, cqrs.Each(t.Context(), []int{1}, func(context.Context, int) error { return nil }).Err())
	require.NoError(t, cqrs.EachResult[int]{}.Err())
}

func TestObserver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var started, ended []string
		var batches []cqrs.BatchResult
		results := map[string]cqrs.RecordResult{}
		p := &ports{}
		cfg := cqrs.Config{
			Factory: severalTasks{n: 2, do: []string{"", "skip"}}, DeadLetter: p, Reserve: time.Second,
			Observer: &cqrs.Observer{
				RecordStart: func(ctx context.Context, m *cqrs.Message) context.Context {
					started = append(started, m.ID)
					return context.WithValue(ctx, key{}, m.ID)
				},
				RecordEnd: func(ctx context.Context, m *cqrs.Message, r cqrs.RecordResult) {
					require.Equal(t, m.ID, ctx.Value(key{}))
					ended = append(ended, m.ID)
					results[m.ID] = r
				},
				BatchEnd: func(_ context.Context, r cqrs.BatchResult) { batches = append(batches, r) },
			},
		}
		cfg.Registry = cqrs.NewRegistry()
		cqrs.RegisterFunc(cfg.Registry, func(ctx context.Context, work task) error {
			require.Equal(t, strings.Split(work.ID, "-")[0], ctx.Value(key{}))
			time.Sleep(time.Second)
			switch {
			case work.Do == "skip":
				return cqrs.Skip("")
			case strings.HasPrefix(work.ID, "fails"):
				return errRefused
			case strings.HasPrefix(work.ID, "dies"):
				return cqrs.Permanent(errRefused)
			}
			return nil
		})
		d := newDispatcher(t, cfg)
		ctx, cancel := context.WithTimeout(t.Context(), 6700*time.Millisecond)
		defer cancel()
		answer, err := d.Invoke(ctx, sqsBatch(t, queueARN, todo("good", ""), todo("fails", ""), todo("dies", ""), todo("late", "")))
		require.NoError(t, err)
		require.Equal(t, []string{"fails", "late"}, failedIDs(t, answer))
		require.Equal(t, []string{"good", "fails", "dies"}, started)
		require.Equal(t, started, ended)
		require.Equal(t, cqrs.RecordResult{Events: 2, Skipped: 1, Duration: 2 * time.Second}, results["good"])
		require.ErrorIs(t, results["fails"].Err, errRefused)
		require.False(t, results["fails"].DeadLettered)
		require.ErrorIs(t, results["dies"].Err, errRefused)
		require.True(t, results["dies"].DeadLettered)
		require.Equal(t, []cqrs.BatchResult{{
			Source: cqrs.SourceSQS, Records: 4, Failed: 1, Unstarted: 1, DeadLettered: 1, Duration: 6 * time.Second,
		}}, batches)
	})
}

func TestObserverThatPanicsChangesNothing(t *testing.T) {
	t.Parallel()
	j := &journal{}
	d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: taskRegistry(j), Observer: &cqrs.Observer{
		RecordStart: func(context.Context, *cqrs.Message) context.Context { panic("start") },
		RecordEnd:   func(context.Context, *cqrs.Message, cqrs.RecordResult) { panic("end") },
		BatchEnd:    func(context.Context, cqrs.BatchResult) { panic("batch") },
	}})
	answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", ""), todo("2", "fail")))
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, failedIDs(t, answer))
	require.Equal(t, []string{"1", "2"}, j.all())
}
