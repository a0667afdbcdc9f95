package cqrs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// tasks notes what it is told, as "success token output" and the like, and
// answers with what it is told to, each answer once.
type tasks struct {
	mu      sync.Mutex
	told    []string
	answers []error
	beats   []time.Duration
	start   time.Time
	beat    func(n int) error // answers heartbeats
	before  func(ctx context.Context)
}

func (c *tasks) tell(ctx context.Context, line string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.before != nil {
		c.before(ctx)
	}
	c.told = append(c.told, line)
	if len(c.answers) == 0 {
		return ctx.Err()
	}
	err := c.answers[0]
	c.answers = c.answers[1:]
	return err
}

func (c *tasks) Success(ctx context.Context, token cqrs.TaskToken, output []byte) error {
	return c.tell(ctx, fmt.Sprintf("success %s %s", string(token), output))
}

func (c *tasks) Failure(ctx context.Context, token cqrs.TaskToken, name, cause string) error {
	return c.tell(ctx, fmt.Sprintf("failure %s %s: %s", string(token), name, cause))
}

func (c *tasks) Heartbeat(context.Context, cqrs.TaskToken) error {
	c.mu.Lock()
	c.beats = append(c.beats, time.Since(c.start))
	n := len(c.beats)
	c.mu.Unlock()
	if c.beat == nil {
		return nil
	}
	return c.beat(n)
}

// waitingTasks runs events that may carry a token, of SQS and Step Functions.
func waitingTasks(t tester, handle func(context.Context, waiting) (any, error), cfg cqrs.Config) *cqrs.Dispatcher {
	t.Helper()
	mux := cqrs.NewMux()
	cqrs.OnSQS[waiting](mux, cqrs.Any())
	cqrs.OnStepFunction[waiting](mux, "TASK")
	cfg.Factory, cfg.Registry = mux, cqrs.NewRegistry()
	cqrs.Register(cfg.Registry, cqrs.HandlerFunc[waiting](handle))
	return newDispatcher(t, cfg)
}

func waits(id, do string) message {
	return message{id: id, body: fmt.Sprintf(`{"id":%q,"do":%q,"taskToken":"token-1"}`, id, do)}
}

// TestCallbackOutcomes is the callback's column of the outcome table.
func TestCallbackOutcomes(t *testing.T) {
	t.Parallel()
	boom := func(context.Context, waiting) (any, error) { panic("boom") }
	fails := func(err error) func(context.Context, waiting) (any, error) {
		return func(context.Context, waiting) (any, error) { return nil, err }
	}
	ok := func(result any) func(context.Context, waiting) (any, error) {
		return func(context.Context, waiting) (any, error) { return result, nil }
	}
	for _, test := range []struct {
		name   string
		handle func(context.Context, waiting) (any, error)
		last   bool
		told   string
		acked  bool
	}{
		{"nil", ok(nil), false, "success token-1 null", true},
		{"a result", ok(map[string]int{"n": 0}), false, `success token-1 {"n":0}`, true},
		{"Skip", fails(cqrs.Skip("done")), false, "success token-1 null", true},
		{"an error", fails(errRefused), false, "", false},
		{"an error, last attempt", fails(errRefused), true, "failure token-1 HandlerError: refused", false},
		{"a named error, last attempt", fails(cqrs.Named("OutOfStock", errRefused)), true, "failure token-1 OutOfStock: refused", false},
		{"RetryAfter", fails(cqrs.RetryAfter(time.Hour, errRefused)), false, "", false},
		{"RetryAfter, last attempt", fails(cqrs.RetryAfter(time.Hour, errRefused)), true, "", false},
		{"Permanent", fails(cqrs.Permanent(errRefused)), false, "failure token-1 PermanentError: refused", true},
		{"in progress, last attempt", fails(cqrs.ErrInProgress), true, "", false},
		{"deadline, last attempt", fails(cqrs.ErrDeadline), true, "", false},
		{"a panic", boom, false, "", false},
		{"a panic, last attempt", boom, true, "failure token-1 HandlerPanic: panic: boom", false},
		{"the cause holds no token", fails(cqrs.Permanent(errors.New("token-1 is \xff"))), false, "failure token-1 PermanentError: [redacted] is \uFFFD", true},
	} {
		for name, policy := range map[string]cqrs.Policy{
			"alone": {}, "in a policy": {Idempotency: cqrs.NewMemoryIdempotency(), Retry: &cqrs.RetryPolicy{MaxAttempts: 1}},
		} {
			t.Run(test.name+", "+name, func(t *testing.T) {
				t.Parallel()
				c, p := &tasks{}, &ports{}
				cfg := p.config()
				cfg.Policy = policy
				cfg.Policy.Callback = c
				d := waitingTasks(t, test.handle, cfg)
				m := waits("m", "")
				if test.last {
					m = m.receivedTimes(3)
				}
				_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, m))
				require.Equal(t, test.acked, err == nil, "%v", err)
				require.Equal(t, test.told, strings.Join(c.told, "; "))
				for _, told := range c.told {
					require.True(t, utf8.ValidString(told))
				}
			})
		}
	}
}

// TestCallbackWithoutAToken: nobody waits, so nobody is told.
func TestCallbackWithoutAToken(t *testing.T) {
	t.Parallel()
	c := &tasks{}
	d := waitingTasks(t, func(context.Context, waiting) (any, error) { return "done", nil },
		cqrs.Config{Policy: cqrs.Policy{Callback: c, CallbackOptions: []cqrs.CallbackOption{cqrs.HeartbeatEvery(time.Nanosecond)}}})
	answer, err := d.Invoke(t.Context(), []byte(`{"type":"TASK","payload":{}}`))
	require.NoError(t, err)
	require.JSONEq(t, `"done"`, string(answer), "a direct invocation is answered")
	_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, message{id: "m", body: `{"taskToken":""}`}))
	require.NoError(t, err)
	_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, message{id: "m", body: `{"taskToken":"[redacted]"}`}))
	require.NoError(t, err, "what a dead letter holds of a token")
	require.Empty(t, c.told)
	require.Empty(t, c.beats)
}

// TestCallbackOfADirectInvocation: the token stands beside the payload.
func TestCallbackOfADirectInvocation(t *testing.T) {
	t.Parallel()
	for do, told := range map[string]string{"": `success token-1 "done"`, "fail": "failure token-1 OutOfStock: refused"} {
		c := &tasks{}
		d := waitingTasks(t, func(_ context.Context, w waiting) (any, error) {
			if w.Do == "fail" {
				return nil, cqrs.Named("OutOfStock", errRefused)
			}
			return "done", nil
		}, cqrs.Config{Policy: cqrs.Policy{Callback: c, Idempotency: cqrs.NewMemoryIdempotency()}})
		_, err := d.Invoke(t.Context(), []byte(`{"type":"TASK","payload":{"do":"`+do+`"},"taskToken":"token-1"}`))
		require.Equal(t, []string{told}, c.told)
		if do == "fail" {
			var failure messages.InvokeResponse_Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, "OutOfStock", failure.Type, "Lambda says the same")
		}
	}
}

// TestCallbackReportsAgain: the outcome is stored before it is reported, so the
// next delivery reports it and runs nothing.
func TestCallbackReportsAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		do, told string
		receives int
	}{
		{"", `success token-1 {"n":0}`, 1},
		{"skip", `success token-1 null`, 1},
		{"fail for good", "failure token-1 OutOfStock: refused", 1},
		{"fail", "failure token-1 HandlerError: refused", 3},
	} {
		c, runs, p := &tasks{answers: []error{errOnce, errTwice}}, 0, &ports{}
		cfg := p.config()
		cfg.Policy = cqrs.Policy{Callback: c, Idempotency: cqrs.NewMemoryIdempotency()}
		d := waitingTasks(t, func(_ context.Context, w waiting) (any, error) {
			runs++
			switch w.Do {
			case "skip":
				return nil, cqrs.Skip("done")
			case "fail":
				return nil, errRefused
			case "fail for good":
				return nil, cqrs.Permanent(cqrs.Named("OutOfStock", errRefused))
			}
			return map[string]int{"n": 0}, nil
		}, cfg)
		for i := range 3 {
			_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", test.do).receivedTimes(test.receives)))
			require.Equal(t, i == 2, err == nil, "%s: %v", test.do, err)
			require.NotContains(t, fmt.Sprint(err), "token-1")
		}
		require.Equal(t, []string{test.told, test.told, test.told}, c.told)
		require.Equal(t, 1, runs)
		if strings.HasPrefix(test.told, "failure") {
			require.Len(t, p.letters, 1, "no dead letter while nobody has been told")
		}
	}
}

// TestCallbackOfAClosedTask: a report that comes too late may be the echo of our
// own, of which only the answer was lost.
func TestCallbackOfAClosedTask(t *testing.T) {
	t.Parallel()
	for do, acked := range map[string]bool{"": true, "fail": true} {
		c, p := &tasks{answers: []error{fmt.Errorf("TaskTimedOut: %w", cqrs.ErrTaskClosed)}}, &ports{}
		cfg := p.config()
		cfg.Policy.Callback = c
		d := waitingTasks(t, func(_ context.Context, w waiting) (any, error) {
			if w.Do == "fail" {
				return nil, cqrs.Permanent(errRefused)
			}
			return nil, nil
		}, cfg)
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", do)))
		require.Equal(t, acked, err == nil, "%v", err)
		require.Len(t, c.told, 1, "a success is not followed by a failure")
		require.Len(t, p.letters, map[string]int{"fail": 1}[do])
	}
}

// TestCallbackOutputTooLarge: the task must not wait for ever.
func TestCallbackOutputTooLarge(t *testing.T) {
	t.Parallel()
	c, p := &tasks{answers: []error{fmt.Errorf("262145 bytes: %w", cqrs.ErrTooLarge)}}, &ports{}
	cfg := p.config()
	cfg.Policy.Callback = c
	d := waitingTasks(t, func(context.Context, waiting) (any, error) { return "large", nil }, cfg)
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
	require.NoError(t, err)
	require.Len(t, c.told, 2)
	require.Contains(t, c.told[1], "failure token-1 OutputTooLarge: cqrs: the handler succeeded, but its result of 7 bytes")
	require.Len(t, p.letters, 1)
	require.Len(t, p.alarms, 1)
}

func TestCallbackOutputThatIsNoJSON(t *testing.T) {
	t.Parallel()
	c, p := &tasks{}, &ports{}
	cfg := p.config()
	cfg.Policy = cqrs.Policy{Callback: c, Idempotency: cqrs.NewMemoryIdempotency()}
	d := waitingTasks(t, func(context.Context, waiting) (any, error) { return func() {}, nil }, cfg)
	for range 2 {
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
		require.NoError(t, err)
	}
	require.Len(t, c.told, 2)
	require.Contains(t, c.told[0], "failure token-1 PermanentError: cqrs: the handler's result, a func(), cannot be encoded")
	require.Contains(t, c.told[1], "failure token-1 OutputTooLarge")
	require.Len(t, p.letters, 2)
}

// TestCallbackUnsaved: a success that could not be stored is reported only where
// no delivery follows that could do better.
func TestCallbackUnsaved(t *testing.T) {
	t.Parallel()
	for receives, told := range map[int][]string{1: nil, 3: {`success token-1 "done"`}} {
		c, store, p := &tasks{}, newSpy(), &ports{}
		store.answers["complete"] = []error{errRefused}
		cfg := p.config()
		cfg.Policy = cqrs.Policy{Callback: c, Idempotency: store}
		d := waitingTasks(t, func(context.Context, waiting) (any, error) { return "done", nil }, cfg)
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "").receivedTimes(receives)))
		require.Equal(t, told, c.told)
		require.Equal(t, told != nil, err == nil)
	}
}

// TestCallbackAfterALostLease: the successor's outcome is the one to report.
func TestCallbackAfterALostLease(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"success": nil, "failure": cqrs.Permanent(errRefused), "plain failure": errRefused} {
		c, store, p := &tasks{}, newSpy(), &ports{}
		store.answers["complete"] = []error{cqrs.ErrLeaseLost}
		cfg := p.config()
		cfg.Policy = cqrs.Policy{Callback: c, Idempotency: store}
		d := waitingTasks(t, func(context.Context, waiting) (any, error) { return nil, failure }, cfg)
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "").receivedTimes(3)))
		require.ErrorIs(t, err, cqrs.ErrLeaseLost, name)
		require.Empty(t, c.told, name)
		require.Empty(t, p.letters, name)
	}
}

// TestCallbackOutlivesTheContext: the handler's context has ended, and the task
// still has to be told.
func TestCallbackOutlivesTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := &tasks{before: func(ctx context.Context) {
		require.NoError(t, ctx.Err())
		_, ok := ctx.Deadline()
		require.True(t, ok, "it is short")
	}}
	d := waitingTasks(t, func(context.Context, waiting) (any, error) { cancel(); return nil, nil }, cqrs.Config{Policy: cqrs.Policy{Callback: c}})
	_, err := d.Invoke(ctx, sqsBatch(t, queueARN, waits("m", "")))
	require.NoError(t, err)
	require.Len(t, c.told, 1)
}

type panickingTasks struct{ tasks }

func (*panickingTasks) Success(context.Context, cqrs.TaskToken, []byte) error { panic("success") }

func TestCallbackThatPanics(t *testing.T) {
	t.Parallel()
	d := waitingTasks(t, func(context.Context, waiting) (any, error) { return nil, nil }, cqrs.Config{Policy: cqrs.Policy{Callback: &panickingTasks{}}})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
	require.ErrorContains(t, err, "the success of the task was not reported: panic: success")
}

func heartbeats(c *tasks) cqrs.Policy {
	return cqrs.Policy{Callback: c, CallbackOptions: []cqrs.CallbackOption{cqrs.HeartbeatEvery(10 * time.Second)}}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, test := range []struct {
		name  string
		takes time.Duration
		beat  func(n int) error
		beats []time.Duration
	}{
		{"a short run has none", 9 * s, nil, nil},
		{"a long run", 35 * s, nil, []time.Duration{10 * s, 20 * s, 30 * s}},
		{"one that fails", 35 * s, func(int) error { return errRefused }, []time.Duration{10 * s, 20 * s, 30 * s}},
		{"one that panics", 35 * s, func(int) error { panic("boom") }, []time.Duration{10 * s}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &tasks{start: time.Now(), beat: test.beat}
				var out bytes.Buffer
				d := waitingTasks(t, func(ctx context.Context, _ waiting) (any, error) {
					time.Sleep(test.takes)
					return "done", ctx.Err()
				}, cqrs.Config{Policy: heartbeats(c), Logger: slog.New(slog.NewTextHandler(&out, nil))})
				_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
				require.NoError(t, err)
				require.Equal(t, test.beats, c.beats)
				require.Equal(t, []string{`success token-1 "done"`}, c.told, "a heartbeat does not decide over the task")
				require.Equal(t, test.name == "one that fails", strings.Contains(out.String(), "heartbeat failed"))
				require.Equal(t, test.name == "one that panics", strings.Contains(out.String(), "heartbeat panicked"))
				synctest.Wait()
				time.Sleep(time.Hour)
				require.Equal(t, test.beats, c.beats, "none after the answer")
			})
		})
	}
}

// TestHeartbeatsAreJoined: the one that is on its way when the handler ends is
// waited for, and none follows, although one is due.
func TestHeartbeatsAreJoined(t *testing.T) {
	t.Parallel()
	for range 20 { // which of two that are ready comes first is left to chance
		synctest.Test(t, func(t *testing.T) {
			c := &tasks{start: time.Now(), beat: func(int) error { time.Sleep(15 * time.Second); return nil }}
			d := waitingTasks(t, func(context.Context, waiting) (any, error) { time.Sleep(35 * time.Second); return nil, nil }, cqrs.Config{Policy: heartbeats(c)})
			_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
			require.NoError(t, err)
			require.Equal(t, 40*time.Second, time.Since(c.start))
			require.Equal(t, []time.Duration{10 * time.Second, 25 * time.Second}, c.beats)
		})
	}
}

// TestHeartbeatsOutliveTheContext: a handler that does not listen still runs.
func TestHeartbeatsOutliveTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &tasks{start: time.Now()}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		d := waitingTasks(t, func(context.Context, waiting) (any, error) { time.Sleep(25 * time.Second); return nil, nil }, cqrs.Config{Policy: heartbeats(c)})
		_, _ = d.Invoke(ctx, sqsBatch(t, queueARN, waits("m", "")))
		require.Equal(t, []time.Duration{10 * time.Second, 20 * time.Second}, c.beats)
	})
}

// TestHeartbeatOfAClosedTask: nobody waits for what the handler does.
func TestHeartbeatOfAClosedTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p, cause := &tasks{start: time.Now()}, &ports{}, error(nil)
		c.beat = func(n int) error {
			if n == 2 {
				return fmt.Errorf("TaskTimedOut: %w", cqrs.ErrTaskClosed)
			}
			return nil
		}
		cfg := p.config()
		cfg.Policy = heartbeats(c)
		cfg.Policy.Retry, cfg.Policy.Idempotency = &cqrs.RetryPolicy{}, cqrs.NewMemoryIdempotency()
		d := waitingTasks(t, func(ctx context.Context, w waiting) (any, error) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			if w.Do == "finish" {
				return "done", nil
			}
			return nil, fmt.Errorf("db: %w", ctx.Err())
		}, cfg)
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
		require.NoError(t, err)
		require.Equal(t, 20*time.Second, time.Since(c.start), "at once, and no attempt follows")
		require.ErrorIs(t, cause, cqrs.ErrTaskClosed)
		require.Empty(t, c.told, "there is nothing to report any more")
		require.Len(t, c.beats, 2)
		require.Len(t, p.letters, 1, "a redelivery would do work that nobody waits for")
		require.Contains(t, p.letters[0].Error, "the task ended or timed out")

		c.beats, c.start = nil, time.Now()
		_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("n", "finish")))
		require.NoError(t, err)
		require.Len(t, p.letters, 1, "what was done is done")
	})
}

// TestHeartbeatPanicIsJoinedToTheFailure: it may be the reason.
func TestHeartbeatPanicIsJoinedToTheFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &tasks{start: time.Now(), beat: func(int) error { panic("no client") }}
		d := waitingTasks(t, func(context.Context, waiting) (any, error) { time.Sleep(time.Minute); return nil, errRefused }, cqrs.Config{Policy: heartbeats(c)})
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
		require.ErrorIs(t, err, errRefused)
		var panicked *cqrs.PanicError
		require.ErrorAs(t, err, &panicked)
		require.Equal(t, "no client", panicked.Value)
		require.ErrorContains(t, err, "refused; and a heartbeat panicked: panic: no client")
	})
}

// TestHeartbeatsEndWithTheGoroutine: also where the handler ends it.
func TestHeartbeatsEndWithTheGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &tasks{start: time.Now()}
		d := waitingTasks(t, func(context.Context, waiting) (any, error) {
			time.Sleep(15 * time.Second)
			runtime.Goexit()
			return nil, nil
		}, cqrs.Config{Policy: heartbeats(c)})
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
		require.Error(t, err)
		time.Sleep(time.Hour)
		require.Len(t, c.beats, 1)
	})
}

func TestCallbackPanicsOnMisuse(t *testing.T) {
	t.Parallel()
	var none *tasks
	for want, f := range map[string]func(){
		"Callback needs a TaskCallback":            func() { cqrs.Callback(nil) },
		"Callback needs a TaskCallback, not nil":   func() { cqrs.Callback(none) },
		"nil option":                               func() { cqrs.Callback(&tasks{}, nil) },
		"HeartbeatEvery needs a positive duration": func() { cqrs.HeartbeatEvery(0) },
	} {
		text := panicText(f)
		require.Regexp(t, "^cqrs: ", text)
		require.Contains(t, text, want)
	}
}
