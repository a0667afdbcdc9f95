package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

var errRefused = errors.New("refused")

// taskMux takes tasks from every queue and every table.
func taskMux() *cqrs.Mux {
	mux := cqrs.NewMux()
	cqrs.OnSQS[task](mux, cqrs.Any())
	cqrs.OnDynamoDB[task](mux, cqrs.Any(), cqrs.Inserted)
	return mux
}

// taskRegistry notes each task and does what it says.
func taskRegistry(j *journal) *cqrs.Registry {
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(_ context.Context, work task) error {
		j.add(work.ID)
		switch work.Do {
		case "fail":
			return errRefused
		case "panic":
			panic("asked to")
		case "exit":
			runtime.Goexit()
		case "lock":
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
		case "skip":
			return cqrs.Skip("asked to")
		}
		return nil
	})
	return registry
}

// TestExitHoldsItsLane: a handler that ends its goroutine has failed its record, so
// that nothing behind it in its group, or on its stream, runs.
func TestExitHoldsItsLane(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		payload     []byte
		ran, failed []string
	}{
		"FIFO": {
			sqsBatch(t, fifoARN, todo("1", "exit").in("a"), todo("2", "").in("b"), todo("3", "").in("a")),
			[]string{"1", "2"},
			[]string{"1", "3"},
		},
		"stream": {
			streamBatch(t, change{"1", "a", ""}, change{"2", "a", "exit"}, change{"3", "b", ""}),
			[]string{"1", "2"},
			[]string{"2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := new(journal)
			d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: taskRegistry(j)})
			answer, err := d.Invoke(t.Context(), test.payload)
			require.NoError(t, err)
			require.Equal(t, test.ran, j.all())
			require.Equal(t, test.failed, failedIDs(t, answer))
		})
	}
}

// TestNothingIsKeptOfAnInvocation: a function that is warm for days does not grow.
func TestNothingIsKeptOfAnInvocation(t *testing.T) {
	t.Parallel()
	d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: taskRegistry(new(journal))})
	type key struct{}
	invoke := func() weak.Pointer[[64]byte] {
		value := new([64]byte)
		_, err := d.Invoke(context.WithValue(t.Context(), key{}, value), sqsBatch(t, queueARN, todo("1", "")))
		require.NoError(t, err)
		return weak.Make(value)
	}
	left := invoke()
	runtime.GC()
	runtime.GC()
	require.Nil(t, left.Value(), "the invocation's context is kept")
	runtime.KeepAlive(d)
}

// TestLockedThread: a function may be called by a locked thread, and a handler may
// lock its own.
func TestLockedThread(t *testing.T) {
	t.Parallel()
	j := new(journal)
	d, err := cqrs.New(cqrs.Config{Factory: taskMux(), Registry: taskRegistry(j), Logger: quiet()})
	require.NoError(t, err)
	payload := sqsBatch(t, queueARN, todo("1", ""), todo("2", "lock"), todo("3", "fail"))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 2 {
		answer, err := d.Invoke(t.Context(), payload)
		require.NoError(t, err)
		require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"3"}]}`, string(answer))
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		cfg     cqrs.Config
		payload func(tester) []byte
		ran     []string
		failed  []string // nil: the whole invocation
	}{
		{
			name: "standard: only what fails is reported",
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", ""), todo("2", "fail"), todo("3", ""), todo("4", "skip"))
			},
			ran: []string{"1", "2", "3", "4"}, failed: []string{"2"},
		},
		{
			name: "standard: nothing fails",
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", ""), todo("2", ""))
			},
			ran: []string{"1", "2"}, failed: []string{},
		},
		{
			name: "standard: everything fails",
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", "fail"), todo("2", "fail"))
			},
			ran: []string{"1", "2"}, failed: nil,
		},
		{
			name: "standard: a malformed record and a panic fail alone",
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", ""), message{id: "2", body: `{"id":`}, todo("3", "panic"), todo("4", ""))
			},
			ran: []string{"1", "3", "4"}, failed: []string{"2", "3"},
		},
		{
			name: "standard: a handler that ends its goroutine fails alone",
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", "exit"), todo("2", ""), todo("3", "exit"), todo("4", ""))
			},
			ran: []string{"1", "2", "3", "4"}, failed: []string{"1", "3"},
		},
		{
			name: "standard: message groups mean nothing there",
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", "fail").in("A"), todo("2", "").in("A"))
			},
			ran: []string{"1", "2"}, failed: []string{"1"},
		},
		{
			name: "standard: two records with one id both run and are listed once",
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", "fail"), todo("1", "fail"), todo("2", ""))
			},
			ran: []string{"1", "1", "2"}, failed: []string{"1"},
		},
		{
			name: "FIFO: the rest of the group does not run, other groups do",
			payload: func(t tester) []byte {
				return sqsBatch(t, fifoARN, todo("1", "").in("A"), todo("2", "fail").in("A"), todo("3", "").in("B"),
					todo("4", "").in("A"), todo("5", "").in("B"))
			},
			ran: []string{"1", "2", "3", "5"}, failed: []string{"2", "4"},
		},
		{
			name: "FIFO with StopAtFirst: nothing behind the failure runs",
			cfg:  cqrs.Config{StopAtFirst: true, Concurrency: 4},
			payload: func(t tester) []byte {
				return sqsBatch(t, fifoARN, todo("1", "").in("A"), todo("2", "fail").in("A"), todo("3", "").in("B"))
			},
			ran: []string{"1", "2"}, failed: []string{"2", "3"},
		},
		{
			name: "FIFO: the only group fails",
			payload: func(t tester) []byte {
				return sqsBatch(t, fifoARN, todo("1", "fail").in("A"), todo("2", "").in("A"))
			},
			ran: []string{"1"}, failed: nil,
		},
		{
			name: "stream: the lowest failed sequence number alone",
			payload: func(t tester) []byte {
				return streamBatch(t, change{"98", "a", ""}, change{"99", "b", "fail"}, change{"100", "c", "fail"}, change{"101", "d", ""})
			},
			ran: []string{"98", "99"}, failed: []string{"99"},
		},
		{
			name: "stream: the first of several fails",
			payload: func(t tester) []byte {
				return streamBatch(t, change{"1", "a", "fail"}, change{"2", "b", ""})
			},
			ran: []string{"1"}, failed: []string{"1"},
		},
		{
			name:    "stream: the only record fails",
			payload: func(t tester) []byte { return streamBatch(t, change{"1", "a", "fail"}) },
			ran:     []string{"1"}, failed: nil,
		},
		{
			name:    "stream: nothing fails",
			payload: func(t tester) []byte { return streamBatch(t, change{"1", "a", ""}, change{"2", "a", ""}) },
			ran:     []string{"1", "2"}, failed: []string{},
		},
		{
			name: "whole batch: one failure fails the invocation",
			cfg:  cqrs.Config{BatchMode: cqrs.WholeBatch},
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", ""), todo("2", "fail"), todo("3", ""))
			},
			ran: []string{"1", "2", "3"}, failed: nil,
		},
		{
			name: "whole batch: no failure",
			cfg:  cqrs.Config{BatchMode: cqrs.WholeBatch},
			payload: func(t tester) []byte {
				return sqsBatch(t, queueARN, todo("1", ""))
			},
			ran: []string{"1"}, failed: []string{},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			test.cfg.Factory, test.cfg.Registry = taskMux(), taskRegistry(j)
			d := newDispatcher(t, test.cfg)
			for range 2 { // nothing is remembered from one invocation to the next
				answer, err := d.Invoke(t.Context(), test.payload(t))
				if test.failed == nil {
					require.Nil(t, answer)
					var batchErr *cqrs.BatchError
					require.ErrorAs(t, err, &batchErr)
				} else {
					require.NoError(t, err)
					require.Equal(t, test.failed, failedIDs(t, answer))
				}
			}
			require.Equal(t, slices.Concat(test.ran, test.ran), j.all())
		})
	}
}

// TestBatchOrder compares batches of random groups, failures and concurrency
// with what the rules of each source say about them.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	const ( // the kinds of batches
		standard = "standard"
		fifo     = "FIFO"
		stopping = "FIFO, StopAtFirst"
		stream   = "stream"
	)
	type unit struct {
		group string
		fails bool
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{standard, fifo, stopping, stream}).Draw(t, "kind")
		concurrency := rapid.IntRange(1, 5).Draw(t, "concurrency")
		units := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) unit {
			return unit{
				group: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "group"),
				fails: rapid.IntRange(0, 4).Draw(t, "fails") == 0,
			}
		}), 1, 12).Draw(t, "units")

		running, ran := map[string]string{}, &journal{}
		var overlap journal
		guard := make(chan struct{}, 1)
		guard <- struct{}{}
		registry := cqrs.NewRegistry()
		cqrs.RegisterFunc(registry, func(ctx context.Context, work task) error {
			d, _ := cqrs.DeliveryFrom(ctx)
			<-guard
			ran.add(work.ID)
			lane := d.Message.Group
			if lane != "" {
				if other, taken := running[lane]; taken {
					overlap.add(fmt.Sprintf("%s while %s of the same lane ran", work.ID, other))
				}
				running[lane] = work.ID
			}
			guard <- struct{}{}
			runtime.Gosched()
			<-guard
			delete(running, lane)
			guard <- struct{}{}
			if work.Do == "fail" {
				return errRefused
			}
			return nil
		})
		d, err := cqrs.New(cqrs.Config{
			Factory: taskMux(), Registry: registry, Logger: quiet(),
			Concurrency: concurrency, StopAtFirst: kind == stopping,
		})
		require.NoError(t, err)

		var text []byte
		var messages []message
		var changes []change
		id := func(i int) string { return fmt.Sprint(95 + i) } // crosses from two digits to three
		for i, u := range units {
			do := ""
			if u.fails {
				do = "fail"
			}
			messages = append(messages, todo(id(i), do).in(u.group))
			changes = append(changes, change{id(i), u.group, do})
		}
		switch kind {
		case standard:
			text = sqsBatch(t, queueARN, messages...)
		case stream:
			text = streamBatch(t, changes...)
		default:
			text = sqsBatch(t, fifoARN, messages...)
		}
		answer, err := d.Invoke(context.Background(), text)
		require.Empty(t, overlap.all())
		order := ran.all()

		// The model: which records must be reported, in the order of the batch.
		var reported []string
		broken := map[string]bool{}
		for i, u := range units {
			lane := map[string]string{standard: id(i), fifo: u.group}[kind] // else one lane for all
			if broken[lane] || u.fails {
				broken[lane] = true
				reported = append(reported, id(i))
			}
		}
		allFailed := len(reported) == len(units)
		if kind == stream {
			// Whatever ran and failed behind the first failure, it alone is named.
			allFailed = len(reported) > 0 && !slices.ContainsFunc(units, func(u unit) bool { return !u.fails }) && len(order) == len(units)
			reported = reported[:min(1, len(reported))]
		}
		if allFailed {
			require.Error(t, err)
			require.ErrorIs(t, err, errRefused)
		} else {
			require.NoError(t, err)
			require.Equal(t, append([]string{}, reported...), failedIDs(t, answer))
		}

		// Everything that is not reported ran once; lanes ran in order; and
		// behind a failure in a lane nothing ran.
		for i, u := range units {
			count := 0
			for _, other := range order {
				if other == id(i) {
					count++
				}
			}
			require.LessOrEqual(t, count, 1, "%s ran twice", id(i))
			acknowledged := err == nil && !slices.Contains(reported, id(i))
			if kind == stream && len(reported) > 0 && i > slices.IndexFunc(units, func(u unit) bool { return u.fails }) {
				continue // comes again, whether or not it ran
			}
			if acknowledged {
				require.Equal(t, 1, count, "%s is acknowledged but did not run", id(i))
			}
			for k := range i {
				if kind != standard && units[k].group == u.group {
					before, after := slices.Index(order, id(k)), slices.Index(order, id(i))
					require.False(t, after >= 0 && (before < 0 || before > after), "%s ran before %s", id(i), id(k))
					require.False(t, after >= 0 && units[k].fails, "%s ran although %s of its group failed", id(i), id(k))
				}
			}
		}
		if concurrency == 1 {
			require.True(t, slices.IsSortedFunc(order, func(a, b string) int { return len(a)*1000 - len(b)*1000 + cmpText(a, b) }),
				"one at a time is in the order of the batch: %v", order)
		}
	})
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func TestBatchConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var active, most int
		count := &journal{}
		registry := cqrs.NewRegistry()
		guard := make(chan struct{}, 1)
		cqrs.RegisterFunc(registry, func(context.Context, task) error {
			guard <- struct{}{}
			active++
			most = max(most, active)
			<-guard
			time.Sleep(time.Second)
			guard <- struct{}{}
			active--
			<-guard
			count.add("")
			return nil
		})
		d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: registry, Concurrency: 3})
		var messages []message
		for i := range 10 {
			messages = append(messages, todo(fmt.Sprint(i), ""))
		}
		start := time.Now()
		_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, messages...))
		require.NoError(t, err)
		require.Len(t, count.all(), 10)
		require.Equal(t, 3, most)
		require.Equal(t, 4*time.Second, time.Since(start), "ten records of a second each, three at a time")
	})
}
