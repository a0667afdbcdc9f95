package cqrstest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// ledger is durable and counts.
type ledger struct {
	mu    sync.Mutex
	lines map[string]int
}

func newLedger() *ledger { return &ledger{lines: map[string]int{}} }

func (l *ledger) count(line string) func() error {
	return func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines[line]++
		return nil
	}
}

// set is count, but done twice it is done once.
func (l *ledger) set(line string) func() error {
	return func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines[line] = 1
		return nil
	}
}

func (l *ledger) all() any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

// job is a scenario without a function.
func job(work func(ctx context.Context, p *cqrstest.Process, l *ledger) error) cqrstest.Scenario[*ledger] {
	return cqrstest.Scenario[*ledger]{State: newLedger, Work: work, End: (*ledger).all}
}

func TestExploreReplaysWhatItPrints(t *testing.T) {
	t.Parallel()
	broken := job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
		return p.Effect(ctx, "count", l.count("a"))
	})
	_, err := cqrstest.Find(t, broken)
	require.ErrorContains(t, err, "with the schedule after 1, the end is not that of the clean run")
	broken.Replay = regexp.MustCompile(`CQRSTEST_REPLAY="(.*)"`).FindStringSubmatch(err.Error())[1]
	_, again := cqrstest.Find(t, broken)
	require.EqualError(t, again, err.Error())

	broken.Replay = "before 1"
	report, err := cqrstest.Find(t, broken)
	require.NoError(t, err)
	require.Contains(t, report, "the end of the schedule before 1 is that of the clean run")
	require.Contains(t, report, "count: crash before it")
}

func TestExploreReplaysAnOrder(t *testing.T) {
	t.Parallel()
	s := checkThenAct(func(p *cqrstest.Process, h *hotel, ctx context.Context, order string) error {
		seen, err := cqrstest.Effect(ctx, p, "look", func() (bool, error) { return h.seen[order], nil })
		if seen || err != nil {
			return err
		}
		return p.Effect(ctx, "book and note", func() error {
			_, err := h.book(order)
			h.seen[order] = true
			return err
		})
	})
	_, err := cqrstest.Find(t, s)
	require.Error(t, err)
	s.Replay = regexp.MustCompile(`CQRSTEST_REPLAY="(.*)"`).FindStringSubmatch(err.Error())[1]
	_, again := cqrstest.Find(t, s)
	require.EqualError(t, again, err.Error())
}

func TestExploreTakesItsScheduleFromTheEnvironment(t *testing.T) {
	t.Setenv("CQRSTEST_REPLAY", "before 1")
	report, err := cqrstest.Find(t, job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
		return p.Effect(ctx, "count", l.count("a"))
	}))
	require.NoError(t, err)
	require.Contains(t, report, "the end of the schedule before 1")
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"before 3":                           "before 3",
		" after 12 ":                         "after 12",
		"before 3, after 7":                  "before 3, after 7",
		"no crash":                           "no crash",
		"order":                              "order",
		"order 1*4 2*2 pause 2 2 1, after 3": "order 1*4 2*2 pause 2*2 1, after 3",
		"order 1 1 1 pause pause":            "order 1*3 pause*2",
		"":                                   "",
		"before":                             "",
		"before 0":                           "",
		"between 1":                          "",
		"order 3":                            "",
		"order 0":                            "",
		"order 1*0":                          "",
		"order 1*x":                          "",
		"order 1*1001":                       "",
		"order 1**2":                         "",
		"after 1,":                           "",
	} {
		got, err := cqrstest.ParseSchedule(text)
		require.Equal(t, want, got, text)
		require.Equal(t, want == "", err != nil, text)
	}
}

// The goroutine that crashes does nothing more, and what is deferred does not
// reach the outside.
func TestNothingFollowsACrash(t *testing.T) {
	t.Parallel()
	for schedule, want := range map[string]struct{ state, memory []string }{
		"before 1": {nil, nil},
		"after 1":  {[]string{"first"}, nil},
		"before 2": {[]string{"first"}, []string{"first"}},
		"after 2":  {[]string{"first", "second"}, []string{"first"}},
		"before 3": {[]string{"first", "second"}, []string{"first", "second"}},
	} {
		var state, memory []string
		s := job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
			memory = nil
			defer func() { _ = p.Effect(context.WithoutCancel(ctx), "deferred", l.set("deferred")) }()
			for _, line := range []string{"first", "second"} {
				if err := p.Effect(ctx, line, l.set(line)); err != nil {
					return err
				}
				memory = append(memory, line)
			}
			return nil
		})
		s.Deliveries = 1
		s.End = func(l *ledger) any {
			state = slices.Sorted(maps.Keys(l.lines))
			return nil
		}
		s.Replay = schedule
		_, err := cqrstest.Find(t, s)
		require.ErrorContains(t, err, "payload 1 is still not done after 1 deliveries; the last: no answer: the process crashed")
		require.Equal(t, want.state, state, schedule)
		require.Equal(t, want.memory, memory, schedule)
	}
}

// A context of a process that has crashed has ended, so nobody waits in it for
// what will not come.
func TestContextEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	s := job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
		done := make(chan error, 1)
		go func() { done <- p.Effect(ctx, "in a goroutine", l.set("a")) }()
		start := time.Now()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			if waited := time.Since(start); waited > 0 {
				panic(waited)
			}
			return context.Cause(ctx)
		}
	})
	for _, schedule := range []string{"before 1", "after 1"} {
		s.Replay = schedule
		report, err := cqrstest.Find(t, s)
		require.NoError(t, err)
		require.NotContains(t, report, "panicked")
	}
	s.Replay = ""
	cqrstest.Explore(t, s)
}

// Whatever else runs in the process ends at the next port that it comes to.
func TestOtherGoroutinesEndToo(t *testing.T) {
	t.Parallel()
	wentOn := false
	s := job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = p.Effect(ctx, "first", l.set("first"))
		}()
		<-done
		alive := ctx.Err() == nil
		err := p.Effect(context.WithoutCancel(ctx), "second", l.set("second"))
		wentOn = wentOn || !alive
		return err
	})
	for _, schedule := range []string{"before 1", "after 1"} {
		s.Replay = schedule
		_, err := cqrstest.Find(t, s)
		require.NoError(t, err)
		require.False(t, wentOn, schedule)
	}
}

func TestNoEffectOnAnEndedContext(t *testing.T) {
	t.Parallel()
	report, err := cqrstest.Find(t, job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		time.Sleep(2 * time.Second)
		if err := p.Effect(short, "late", l.count("late")); !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("not %w", err)
		}
		return nil
	}))
	require.NoError(t, err)
	require.Contains(t, report, "cqrstest: 0 effects; ")
}

// failure is a scenario of a message that fails for good: what the dispatcher
// itself does about it can crash as well.
func failure(concurrency int, end func(l *letters) any) cqrstest.Scenario[*letters] {
	return cqrstest.Scenario[*letters]{
		State: func() *letters { return &letters{} },
		Start: func(p *cqrstest.Process, l *letters) (lambda.Handler, error) {
			mux := cqrs.NewMux()
			cqrs.OnSQS[todo](mux, cqrs.Any())
			registry := cqrs.NewRegistry()
			cqrs.RegisterFunc(registry, func(ctx context.Context, work todo) error {
				switch work.Do {
				case "later":
					d, _ := cqrs.DeliveryFrom(ctx)
					if d.Message.Attempt == 1 {
						return cqrs.RetryAfter(time.Minute, errBroken)
					}
					return nil
				case "fail":
					return cqrs.Permanent(errBroken)
				}
				return p.Effect(ctx, "work", func() error { return nil })
			})
			return cqrs.New(cqrs.Config{
				Factory: mux, Registry: registry, Logger: quiet(), Concurrency: concurrency,
				Alarm: p.Alarmer(&l.alarms), DeadLetter: p.DeadLetters(&l.DeadLetters), Redeliver: p.Redeliverer(&l.delays),
			})
		},
		Payloads: []cqrstest.Payload{cqrstest.FIFO("q",
			do("later").ID("0").Group("b"), do("fail").ID("1").Group("a"), do("").ID("2").Group("a"), do("").ID("3").Group("a"))},
		End: end,
	}
}

type letters struct {
	cqrstest.DeadLetters

	alarms cqrstest.Alarms
	delays cqrstest.Redeliveries
}

func TestExploreCrashesTheEdge(t *testing.T) {
	t.Parallel()
	kept := func(l *letters) any {
		ids := map[string]bool{}
		for _, letter := range l.Letters() {
			ids[letter.ID] = true
		}
		return len(ids)
	}
	for _, concurrency := range []int{1, 4} {
		s := failure(concurrency, kept)
		s.Pairs = -1
		cqrstest.Explore(t, s)
	}
	_, err := cqrstest.Find(t, failure(1, func(l *letters) any { return len(l.Letters()) }))
	require.ErrorContains(t, err, "dead letter DeadLetter: crash after it", "a letter comes twice then")
	s := failure(1, func(l *letters) any { return len(l.alarms.Raised()) > 0 })
	s.Workers = 1
	cqrstest.Explore(t, s) // no alarm is lost, as the letter's record comes again
}

// It takes two crashes to recover twice.
func TestExploreFindsWhatTakesTwoCrashes(t *testing.T) {
	t.Parallel()
	s := job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
		begun, err := cqrstest.Effect(ctx, p, "look", func() (bool, error) { return l.lines["begun"] > 0, nil })
		if err != nil {
			return err
		}
		if begun {
			if err := p.Effect(ctx, "recover", l.count("recoveries")); err != nil {
				return err
			}
		}
		return errors.Join(p.Effect(ctx, "begin", l.set("begun")), p.Effect(ctx, "end", l.set("ended")))
	})
	s.End = func(l *ledger) any { return l.lines["recoveries"] > 1 }
	s.Workers = 1
	_, err := cqrstest.Find(t, s)
	require.ErrorContains(t, err, "with the schedule after 2, after 4, ")
	s.Pairs = -1
	cqrstest.Explore(t, s)
}

func TestExploreTellsWhatIsStuck(t *testing.T) {
	t.Parallel()
	s := job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
		return errors.Join(p.Effect(ctx, "count", l.set("a")), errBroken)
	})
	s.Deliveries = 3
	_, err := cqrstest.Find(t, s)
	require.ErrorContains(t, err, "without any crash, payload 1 is still not done after 3 deliveries; the last: error: it broke")
}

func TestExploreGivesUpExhaustedMessages(t *testing.T) {
	t.Parallel()
	deliveries := 0
	s := cqrstest.Scenario[*ledger]{
		State: newLedger,
		Start: func(*cqrstest.Process, *ledger) (lambda.Handler, error) {
			return handler(func(context.Context, []byte) ([]byte, error) {
				deliveries++
				return nil, errBroken
			}), nil
		},
		Payloads: []cqrstest.Payload{cqrstest.SQS("q", do("fail"))}, End: (*ledger).all, MaxReceives: 3, Replay: "no crash",
	}
	_, err := cqrstest.Find(t, s)
	require.NoError(t, err)
	require.Equal(t, 3*3, deliveries, "of three runs")
}

func TestExploreNeedsTheSameEnd(t *testing.T) {
	t.Parallel()
	runs := 0
	s := job(func(ctx context.Context, p *cqrstest.Process, l *ledger) error {
		return p.Effect(ctx, "set", l.set("a"))
	})
	s.End = func(*ledger) any {
		runs++
		return runs
	}
	_, err := cqrstest.Find(t, s)
	require.ErrorContains(t, err, "two runs without a crash end differently")
}

func TestExploreRefusesNonsense(t *testing.T) {
	t.Parallel()
	good := func() cqrstest.Scenario[*ledger] {
		return job(func(context.Context, *cqrstest.Process, *ledger) error { return nil })
	}
	for want, change := range map[string]func(*cqrstest.Scenario[*ledger]){
		"needs State and End":  func(s *cqrstest.Scenario[*ledger]) { s.State = nil },
		"needs either Start":   func(s *cqrstest.Scenario[*ledger]) { s.Work = nil },
		"takes 1 to 9 Workers": func(s *cqrstest.Scenario[*ledger]) { s.Workers = 10 },
		"is no schedule":       func(s *cqrstest.Scenario[*ledger]) { s.Replay = "now and then" },
		"needs Payloads": func(s *cqrstest.Scenario[*ledger]) {
			s.Work = nil
			s.Start = func(*cqrstest.Process, *ledger) (lambda.Handler, error) { return nil, nil }
		},
	} {
		s := good()
		change(&s)
		_, err := cqrstest.Find(t, s)
		require.ErrorContains(t, err, want)
	}
}

// A panic ends a process that has no dispatcher, and so does a Start that fails.
func TestExploreCountsAPanicAsACrash(t *testing.T) {
	t.Parallel()
	starts := 0
	s := cqrstest.Scenario[*ledger]{
		State: newLedger,
		Start: func(p *cqrstest.Process, l *ledger) (lambda.Handler, error) {
			if starts++; starts == 1 {
				return nil, errBroken
			}
			return handler(func(ctx context.Context, _ []byte) ([]byte, error) {
				if starts == 2 {
					panic("at the disco")
				}
				return []byte("null"), p.Effect(ctx, "set", l.set("a"))
			}), nil
		},
		Payloads: []cqrstest.Payload{cqrstest.SNS("t", do(""))}, End: (*ledger).all,
	}
	s.Replay = "no crash"
	report, err := cqrstest.Find(t, s)
	require.NoError(t, err)
	require.Contains(t, report, "set")
	require.Equal(t, 5, starts, "three in the first run, one in each of the others")
}

// The ports of a read model, in real time: a crash leaves a gate that is behind
// what it guards, so what it guards must bear a repetition.
func TestExploreASync(t *testing.T) {
	t.Parallel()
	type state struct {
		*ledger
		*models
	}
	key := cqrs.SyncKey{Table: "orders", Target: "search"}
	apply := func(write func(*ledger) func() error) cqrstest.Scenario[state] {
		return cqrstest.Scenario[state]{
			State: func() state { return state{newLedger(), newModels("")} },
			Work: func(ctx context.Context, p *cqrstest.Process, s state) error {
				gate := p.Sync(s.models)
				if attempts, err := gate.Fail(ctx, key, 1, ""); err != nil || attempts == 0 {
					return err
				}
				if err := gate.Park(ctx, cqrs.Parked{SyncKey: key}); err != nil {
					return err
				}
				progress, err := gate.Load(ctx, key)
				if err != nil || progress.Version >= 1 {
					return err
				}
				if err := p.Effect(ctx, "write", write(s.ledger)); err != nil {
					return err
				}
				if err := gate.Advance(ctx, key, progress.Version, cqrs.Progress{Version: 1}); err != nil {
					return err
				}
				for range gate.List(ctx, "orders", "") {
				}
				_, err = gate.Unpark(ctx, key, 1)
				return err
			},
			End:      func(s state) any { return s.all() },
			RealTime: true,
		}
	}
	report, err := cqrstest.Find(t, apply(func(l *ledger) func() error { return l.set("a") }))
	require.NoError(t, err)
	require.Regexp(t, `^cqrstest: 7 effects; the end is the same after 14 crashes, \d+ pairs of crashes and 0 interleavings$`, report)
	_, err = cqrstest.Find(t, apply(func(l *ledger) func() error { return l.count("a") }))
	require.ErrorContains(t, err, "with the schedule after 4, ")
}
