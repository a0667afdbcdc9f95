package cqrs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestAlarms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &ports{}
		alarms := cqrs.NewAlarms(cqrs.InEnvironment(p, "production"))
		details := map[string]any{"errors": 2}
		require.NoError(t, alarms.Critical(t.Context(), "orders", "stock is gone", errRefused))
		require.NoError(t, alarms.Error(t.Context(), "orders", "order failed", errRefused))
		require.NoError(t, alarms.Warning(t.Context(), "BatchProcessor", "2 items failed", details))
		require.NoError(t, alarms.Info(t.Context(), "orders", "opened", nil))
		now := time.Now()
		require.Equal(t, []cqrs.Alarm{
			{Severity: "CRITICAL", Source: "orders", Message: "stock is gone", Err: errRefused, Time: now, Environment: "production"},
			{Severity: "ERROR", Source: "orders", Message: "order failed", Err: errRefused, Time: now, Environment: "production"},
			{Severity: "WARNING", Source: "BatchProcessor", Message: "2 items failed", Details: details, Time: now, Environment: "production"},
			{Severity: "INFO", Source: "orders", Message: "opened", Time: now, Environment: "production"},
		}, p.alarms)
		p.err = errOnce
		require.ErrorIs(t, alarms.Info(t.Context(), "orders", "opened", nil), errOnce)
	})
}

// TestAlarmsHoldNoToken of the task whose handler raises them.
func TestAlarmsHoldNoToken(t *testing.T) {
	t.Parallel()
	p := &ports{}
	alarms := cqrs.NewAlarms(p)
	d := waitingTasks(t, func(ctx context.Context, w waiting) (any, error) {
		text := "about token-1"
		return nil, errors.Join(
			alarms.Error(ctx, "orders", text, errors.New(text)),
			alarms.Warning(ctx, "orders", text, map[string]any{
				"token": w.TaskToken, "text": text, "err": errors.New(text), "list": []any{w.TaskToken, 1}, "map": map[string]any{"a": text},
			}),
		)
	}, cqrs.Config{})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
	require.NoError(t, err)
	require.Len(t, p.alarms, 2)
	require.EqualError(t, p.alarms[0].Err, "about [redacted]")
	require.Equal(t, "about [redacted]", p.alarms[0].Message)
	require.Equal(t, map[string]any{
		"token": "[redacted]", "text": "about [redacted]", "err": "about [redacted]", "list": []any{"[redacted]", 1}, "map": map[string]any{"a": "about [redacted]"},
	}, p.alarms[1].Details)
}

// TestAlarmOnFailure: once for a record after its last attempt, wherever it stands.
func TestAlarmOnFailure(t *testing.T) {
	t.Parallel()
	retry := cqrs.Policy{Retry: &cqrs.RetryPolicy{MaxAttempts: 3, Backoff: 1, MaxBackoff: 1}}
	for _, test := range []struct {
		name     string
		errs     []error
		panics   bool
		last     bool
		alarms   int
		severity cqrs.Severity
	}{
		{name: "success"},
		{name: "success in the end", errs: []error{errOnce, errTwice}},
		{name: "failure with attempts left", errs: []error{errOnce, errTwice, errThrice}},
		{name: "failure", errs: []error{errOnce, errTwice, errThrice}, last: true, alarms: 1, severity: cqrs.SeverityError},
		{name: "Permanent", errs: []error{errOnce, cqrs.Permanent(errTwice)}, alarms: 1, severity: cqrs.SeverityError},
		{name: "in progress", errs: []error{cqrs.ErrInProgress}, last: true},
		{name: "a panic", panics: true, alarms: 1, severity: cqrs.SeverityCritical},
	} {
		for _, where := range []string{"innermost", "outermost", "both"} {
			t.Run(test.name+", "+where, func(t *testing.T) {
				t.Parallel()
				own, ofAll := &ports{}, &ports{}
				mw := cqrs.AlarmOnFailure(own)
				registry, opts := cqrs.NewRegistry(), []cqrs.RegisterOption{}
				if where != "innermost" {
					registry = cqrs.NewRegistry(mw)
				}
				if where != "outermost" {
					opts = append(opts, cqrs.With(mw))
				}
				a := failing(test.errs...)
				cqrs.Register(registry, cqrs.HandlerFunc[task](func(ctx context.Context, _ task) (any, error) {
					if test.panics {
						panic("boom")
					}
					return a.next(ctx, nil)
				}), opts...)
				cfg := cqrs.Config{
					Factory: taskMux(), Registry: registry, Policy: retry, Alarm: ofAll,
					MaxReceives: map[string]int{"orders": 3}, Environment: "test",
				}
				m := todo("m", "")
				if test.last {
					m = m.receivedTimes(3)
				}
				_, _ = newDispatcher(t, cfg).Invoke(t.Context(), sqsBatch(t, queueARN, m))
				require.Empty(t, ofAll.alarms, "the edge does not repeat it")
				require.Len(t, own.alarms, test.alarms)
				for _, alarm := range own.alarms {
					require.Equal(t, test.severity, alarm.Severity)
					require.Equal(t, "cqrs_test.task", alarm.Source)
					require.Equal(t, "test", alarm.Environment)
					require.Equal(t, "m", alarm.Details["id"])
				}
			})
		}
	}
}

// TestAlarmOnFailureOfOneRoute leaves the others to Config.Alarm.
func TestAlarmOnFailureOfOneRoute(t *testing.T) {
	t.Parallel()
	own, ofAll := &ports{}, &ports{}
	registry := cqrs.NewRegistry()
	fail := func(context.Context, task) error { return cqrs.Permanent(errRefused) }
	cqrs.RegisterFunc(registry, fail, cqrs.RouteName("a"), cqrs.With(cqrs.AlarmOnFailure(own)))
	cqrs.RegisterFunc(registry, fail, cqrs.RouteName("b"))
	cqrs.RegisterFunc(registry, fail, cqrs.RouteName("c"))
	d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: registry, Alarm: ofAll})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("m", "")))
	require.ErrorIs(t, err, errRefused)
	require.Len(t, own.alarms, 1)
	require.Equal(t, "a", own.alarms[0].Source)
	require.Len(t, ofAll.alarms, 1)
	require.Equal(t, "b, c", ofAll.alarms[0].Source)
}

// TestAlarmOnFailureMasksNothing of what a record's failure means.
func TestAlarmOnFailureMasksNothing(t *testing.T) {
	t.Parallel()
	own, p := &ports{err: errors.New("no such topic")}, &ports{}
	cfg := p.config()
	cfg.Factory, cfg.Registry = taskMux(), cqrs.NewRegistry(cqrs.AlarmOnFailure(own))
	cqrs.RegisterFunc(cfg.Registry, func(_ context.Context, work task) error {
		if work.Do == "later" {
			return cqrs.RetryAfter(time.Minute, errRefused)
		}
		return cqrs.Permanent(errRefused)
	})
	d := newDispatcher(t, cfg)
	answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", ""), todo("2", "later")))
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, failedIDs(t, answer))
	require.Len(t, p.letters, 1)
	require.Equal(t, time.Minute, p.redeliveries["2"])
}

// TestAlarmOnFailureAlone: without a dispatcher there is no edge.
func TestAlarmOnFailureAlone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		m      *cqrs.Message
		err    error
		alarms int
	}{
		{"success", nil, nil, 0},
		{"Skip", nil, cqrs.Skip(""), 0},
		{"no message", nil, errRefused, 1},
		{"attempts left", &cqrs.Message{Attempt: 1, MaxAttempts: 3}, errRefused, 0},
		{"the last attempt", &cqrs.Message{Attempt: 3, MaxAttempts: 3}, errRefused, 1},
		{"Permanent", &cqrs.Message{Attempt: 1, MaxAttempts: 3}, cqrs.Permanent(errRefused), 1},
	} {
		p := &ports{err: errors.New("no such topic")}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := cqrs.AlarmOnFailure(p)(func(context.Context, *cqrs.Delivery) (any, error) { cancel(); return nil, test.err })(
			ctx, &cqrs.Delivery{Route: "r", Message: test.m})
		require.Equal(t, test.err, err, test.name)
		require.Len(t, p.alarms, test.alarms, test.name)
	}
	_, err := cqrs.AlarmOnFailure(panickingAlarmer{})(func(context.Context, *cqrs.Delivery) (any, error) { return nil, errRefused })(
		t.Context(), &cqrs.Delivery{})
	require.Equal(t, errRefused, err)
}

type panickingAlarmer struct{}

func (panickingAlarmer) Alarm(context.Context, cqrs.Alarm) error { panic("alarm") }
func (panickingAlarmer) Flush(context.Context) error             { panic("flush") }

func TestThrottleAlarms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := &ports{}, time.Now()
		throttled := cqrs.ThrottleAlarms(p, time.Minute)
		raise := func(source, message string) {
			require.NoError(t, throttled.Alarm(t.Context(), cqrs.Alarm{Severity: cqrs.SeverityError, Source: source, Message: message, Time: time.Now()}))
		}
		sent := func() (lines []string) {
			for _, a := range p.alarms {
				lines = append(lines, fmt.Sprint(a.Source, ": ", a.Message, " ", a.Details["suppressed"]))
			}
			p.alarms = nil
			return lines
		}
		for range 1000 {
			raise("a", "down")
			time.Sleep(10 * time.Millisecond)
		}
		raise("b", "down")
		raise("a", "full")
		require.Equal(t, []string{"a: down <nil>", "b: down <nil>", "a: full <nil>"}, sent())
		time.Sleep(time.Until(start.Add(time.Minute)))
		raise("a", "down")
		raise("a", "down")
		require.Equal(t, []string{"a: down (and 999 more since 2000-01-01T00:00:00Z) 999"}, sent())

		flusher := throttled.(cqrs.AlarmFlusher)
		require.NoError(t, flusher.Flush(t.Context()))
		require.Empty(t, sent(), "nothing is due")
		time.Sleep(time.Minute)
		require.NoError(t, flusher.Flush(t.Context()))
		require.Equal(t, []string{"a: down <nil>"}, sent(), "the one that was held")
		raise("a", "down")
		raise("a", "down")
		require.Empty(t, sent(), "a flush begins a period")
		time.Sleep(time.Minute)
		require.NoError(t, flusher.Flush(t.Context()))
		require.NoError(t, flusher.Flush(t.Context()))
		require.Equal(t, []string{"a: down (and 1 more since 2000-01-01T00:02:00Z) 1"}, sent())
	})
}

// TestThrottleGoesByTheKindOfError: the messages of a storm name its records, and
// all differ.
func TestThrottleGoesByTheKindOfError(t *testing.T) {
	t.Parallel()
	p := &ports{}
	d := taskHandler(t, func(_ context.Context, work task) (any, error) {
		return nil, cqrs.Permanent(cqrs.Named(work.Do, fmt.Errorf("order %s", work.ID)))
	}, cqrs.Config{Alarm: cqrs.ThrottleAlarms(p, time.Hour), Concurrency: 4})
	var batch []message
	for i := range 100 {
		batch = append(batch, todo(fmt.Sprint(i), []string{"OutOfStock", "Unknown"}[i%2]))
	}
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, batch...))
	require.Error(t, err)
	require.Len(t, p.alarms, 2)
}

// TestThrottleThatCannotSend: what was not sent begins no period.
func TestThrottleThatCannotSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &ports{err: errOnce}
		throttled := cqrs.ThrottleAlarms(p, time.Minute)
		details := map[string]any{"n": 1}
		for range 3 {
			require.ErrorIs(t, throttled.Alarm(t.Context(), cqrs.Alarm{Message: "down", Details: details}), errOnce)
			time.Sleep(time.Second)
		}
		p.err = nil
		require.NoError(t, throttled.Alarm(t.Context(), cqrs.Alarm{Message: "down", Details: details}))
		require.Equal(t, map[string]any{"n": 1, "suppressed": 3, "since": time.Now().Add(-3 * time.Second)}, p.alarms[3].Details)
		require.Equal(t, map[string]any{"n": 1}, details, "the caller's own")

		throttled = cqrs.ThrottleAlarms(panickingAlarmer{}, time.Minute)
		for range 2 {
			require.Panics(t, func() { _ = throttled.Alarm(t.Context(), cqrs.Alarm{}) }, "it tries again")
		}
	})
}

// TestThrottleCountsEach of many alarms at once.
func TestThrottleCountsEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &ports{}
		throttled := cqrs.ThrottleAlarms(p, time.Minute)
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() {
				for range 100 {
					_ = throttled.Alarm(t.Context(), cqrs.Alarm{Message: "down"})
				}
			})
		}
		running.Wait()
		time.Sleep(time.Minute)
		require.NoError(t, throttled.Alarm(t.Context(), cqrs.Alarm{Message: "down"}))
		require.Len(t, p.alarms, 2)
		require.Equal(t, 799, p.alarms[1].Details["suppressed"])
	})
}

// TestDispatcherFlushesAlarms at the end of each invocation.
func TestDispatcherFlushesAlarms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &ports{}
		var out bytes.Buffer
		cfg := cqrs.Config{
			Alarm: cqrs.InEnvironment(cqrs.ThrottleAlarms(p, time.Minute), "test"), Logger: slog.New(slog.NewTextHandler(&out, nil)),
		}
		handle := func(_ context.Context, work task) (any, error) {
			if work.Do == "fail" {
				return nil, cqrs.Permanent(errRefused)
			}
			return nil, nil
		}
		d := taskHandler(t, handle, cfg)
		_, _ = d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "fail"), todo("2", "fail"), todo("3", "fail")))
		require.Len(t, p.alarms, 1)
		time.Sleep(time.Minute)
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("4", "")))
		require.NoError(t, err)
		require.Len(t, p.alarms, 2)
		require.Contains(t, p.alarms[1].Message, "and 1 more")
		require.Equal(t, "test", p.alarms[1].Environment)

		p.err = errors.New("no such topic")
		time.Sleep(time.Hour)
		_, _ = d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("5", "fail"), todo("6", "fail")))
		time.Sleep(time.Hour)
		_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("7", "")))
		require.NoError(t, err)
		require.Contains(t, out.String(), "no such topic")

		cfg.Alarm = panickingAlarmer{}
		_, err = taskHandler(t, handle, cfg).Invoke(t.Context(), sqsBatch(t, queueARN, todo("8", "")))
		require.NoError(t, err)
	})
}

func TestInEnvironmentKeepsWhatIsNamed(t *testing.T) {
	t.Parallel()
	p := &ports{}
	require.NoError(t, cqrs.InEnvironment(p, "production").Alarm(t.Context(), cqrs.Alarm{Environment: "staging"}))
	require.Equal(t, "staging", p.alarms[0].Environment)
	require.NoError(t, cqrs.InEnvironment(p, "production").(cqrs.AlarmFlusher).Flush(t.Context()))
}

func TestNewLogAlarmer(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	alarmer := cqrs.NewLogAlarmer(slog.New(slog.NewJSONHandler(&out, nil)))
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for _, severity := range []cqrs.Severity{cqrs.SeverityInfo, cqrs.SeverityWarning, cqrs.SeverityError, cqrs.SeverityCritical} {
		require.NoError(t, alarmer.Alarm(t.Context(), cqrs.Alarm{
			Severity: severity, Source: "orders", Message: "order failed", Err: errRefused, Time: at, Environment: "test",
			Details: map[string]any{"id": "m-1", "token": cqrs.TaskToken("secret-token")},
		}))
	}
	require.NoError(t, alarmer.Alarm(t.Context(), cqrs.Alarm{Severity: cqrs.SeverityInfo, Message: "opened", Time: at}))
	var levels []string
	lines := logLines(t, &out)
	for _, line := range lines {
		levels = append(levels, line["level"].(string))
	}
	require.Equal(t, []string{"INFO", "WARN", "ERROR", "ERROR+4", "INFO"}, levels)
	require.Equal(t, map[string]any{
		"level": "ERROR", "msg": "order failed", "severity": "ERROR", "alarm_source": "orders", "environment": "test",
		"raised": "2026-11-24T10:00:00Z", "error": "refused", "details": map[string]any{"id": "m-1", "token": "[redacted]"},
	}, lines[2])
	require.NotContains(t, out.String(), "secret-token")
	require.NoError(t, cqrs.NewLogAlarmer(slog.New(slog.DiscardHandler)).Alarm(t.Context(), cqrs.Alarm{}))
}

func TestAlarmPanicsOnMisuse(t *testing.T) {
	t.Parallel()
	var none *ports
	for want, f := range map[string]func(){
		"NewAlarms needs an Alarmer":              func() { cqrs.NewAlarms(nil) },
		"AlarmOnFailure needs an Alarmer":         func() { cqrs.AlarmOnFailure(none) },
		"ThrottleAlarms needs an Alarmer":         func() { cqrs.ThrottleAlarms(nil, 1) },
		"ThrottleAlarms needs a positive":         func() { cqrs.ThrottleAlarms(&ports{}, 0) },
		"InEnvironment needs an Alarmer, not nil": func() { cqrs.InEnvironment(nil, "") },
	} {
		text := panicText(f)
		require.True(t, strings.HasPrefix(text, "cqrs: "), text)
		require.Contains(t, text, want)
	}
}
