package cqrstest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// explore returns a line about what was tried, or the first finding.
func explore[S any](t *testing.T, s Scenario[S]) (report string, err error) {
	t.Helper()
	if err := s.prepare(); err != nil {
		return "", err
	}
	e := &explorer[S]{t: t, scenario: &s}
	if err := e.learn(); err != nil {
		return "", err
	}
	if s.Replay != "" {
		return e.replay(s.Replay)
	}
	crashes, pairs, err := e.crash()
	if err != nil {
		return "", err
	}
	interleavings := 0
	if s.Workers > 1 {
		if interleavings, err = e.interleave(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("cqrstest: %d effects; the end is the same after %d crashes, %d pairs of crashes and %d interleavings",
		e.clean.effects, crashes, pairs, interleavings), nil
}

type explorer[S any] struct {
	t        *testing.T
	scenario *Scenario[S]
	clean    outcome
}

// learn makes the run that all others are compared with, and a second one to
// see that they can be.
func (e *explorer[S]) learn() error {
	e.clean = e.scenario.simulate(e.t, schedule{})
	if e.clean.err != nil {
		return errors.New(describeRun("without any crash, "+e.clean.err.Error(), e.clean))
	}
	again := e.scenario.simulate(e.t, schedule{})
	if !reflect.DeepEqual(e.clean.end, again.end) {
		return fmt.Errorf("cqrstest: two runs without a crash end differently, so there is nothing to compare with:%s",
			difference(e.clean.end, again.end))
	}
	return nil
}

// crash tries single crashes and, where the effects are few, pairs.
func (e *explorer[S]) crash() (singles, pairs int, err error) {
	type first struct {
		crash
		effects int
	}
	var firsts []first
	for effect := 1; effect <= e.clean.effects; effect++ {
		for _, after := range []bool{false, true} {
			c := crash{effect: effect, after: after}
			result, err := e.try(schedule{crashes: []crash{c}})
			if err != nil {
				return 0, 0, err
			}
			firsts = append(firsts, first{c, result.effects})
		}
	}
	if e.clean.effects > e.scenario.Pairs {
		return len(firsts), 0, nil
	}
	for _, f := range firsts {
		for effect := f.effect + 1; effect <= f.effects; effect++ {
			for _, after := range []bool{false, true} {
				pairs++
				if _, err := e.try(schedule{crashes: []crash{f.crash, {effect: effect, after: after}}}); err != nil {
					return 0, 0, err
				}
			}
		}
	}
	return len(firsts), pairs, nil
}

// interleave lets each worker be overtaken once, before each of its effects, for
// a moment and for longer than a lease. All else is left to rapid: it draws
// schedules, and shrinks the first one that fails.
func (e *explorer[S]) interleave() (tried int, err error) {
	workers, turns := e.scenario.Workers, 2*e.clean.effects+2
	for overtaken := range workers {
		for before := 1; before <= turns; before++ {
			for _, pauses := range []int{0, 3} {
				tried++
				if _, err := e.try(overtaking(workers, overtaken, before, turns, pauses)); err != nil {
					return tried, err
				}
			}
		}
	}
	var finding error
	collected(e.t, func(t *collector) {
		rapid.Check(t, func(t *rapid.T) {
			tried++
			if _, err := e.try(e.draw(t)); err != nil {
				finding = err
				t.Fatal("the end is another one")
			}
		})
	})
	return tried, finding
}

// overtaking is the schedule in which the others do what they can while one
// worker stands still before its nth turn, through so many pauses.
func overtaking(workers, overtaken, before, turns, pauses int) schedule {
	s := schedule{interleaved: true, workers: workers, order: slices.Repeat([]int{overtaken}, before)}
	var others []int
	for other := range workers {
		if other != overtaken {
			others = append(others, slices.Repeat([]int{other}, turns)...)
		}
	}
	s.order = append(s.order, others...)
	for range pauses {
		s.order = append(append(s.order, workers), others...)
	}
	return s
}

// draw makes a schedule of turns that are longer or shorter.
func (e *explorer[S]) draw(t *rapid.T) schedule {
	workers := e.scenario.Workers
	drawn := schedule{interleaved: true, workers: workers}
	for range rapid.IntRange(0, 12).Draw(t, "turns") {
		choice := rapid.IntRange(0, workers).Draw(t, "who")
		times := 1
		if choice < workers {
			times = rapid.IntRange(1, 8).Draw(t, "times")
		}
		drawn.order = append(drawn.order, slices.Repeat([]int{choice}, times)...)
	}
	if rapid.Bool().Draw(t, "crash") {
		drawn.crashes = []crash{{
			effect: rapid.IntRange(1, 2*e.clean.effects+1).Draw(t, "effect"),
			after:  rapid.Bool().Draw(t, "after"),
		}}
	}
	return drawn
}

func (e *explorer[S]) replay(text string) (string, error) {
	schedule, err := parseSchedule(text, e.scenario.Workers)
	if err != nil {
		return "", err
	}
	result, err := e.try(schedule)
	if err != nil {
		return "", err
	}
	return describeRun("the end of the schedule "+schedule.String()+" is that of the clean run", result), nil
}

// try runs one schedule and compares its end.
func (e *explorer[S]) try(schedule schedule) (outcome, error) {
	result := e.scenario.simulate(e.t, schedule)
	var what string
	switch {
	case result.err != nil:
		what = result.err.Error()
	case !reflect.DeepEqual(e.clean.end, result.end):
		what = "the end is not that of the clean run:" + difference(e.clean.end, result.end)
	default:
		return result, nil
	}
	schedule.order = result.order // without the choices that could not be made
	return result, fmt.Errorf("%s\nreplay: %s=%q go test -run '^%s$'",
		describeRun("with the schedule "+schedule.String()+", "+what, result), replayVariable, schedule, e.t.Name())
}

func describeRun(what string, o outcome) string {
	return "cqrstest: " + strings.TrimRight(what, "\n") + "\nthe run:\n  " + strings.Join(o.lines, "\n  ")
}

// difference is what require.Equal says.
func difference(clean, other any) string {
	var said notes
	require.Equal(&said, clean, other)
	_, text, _ := strings.Cut(said.String(), "Error:")
	var lines strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		lines.WriteString("\n  " + strings.TrimSpace(strings.TrimPrefix(line, "\t            \t")))
	}
	return lines.String()
}

// notes are a test that only takes note of its failures.
type notes struct{ strings.Builder }

// Errorf is that of require.TestingT.
func (n *notes) Errorf(format string, args ...any) { _, _ = fmt.Fprintf(n, format, args...) }

// FailNow lets difference go on.
func (n *notes) FailNow() {}

// collector is a test for rapid, whose failure is not that of the real one.
type collector struct {
	rapid.TB

	failed bool
}

// collected runs f to its end, or to that of the collector's test.
func collected(t *testing.T, f func(*collector)) {
	t.Helper()
	defer func() {
		if value := recover(); value != nil && value != errCollected { //nolint:errorlint // it is the value itself
			panic(value)
		}
	}()
	f(&collector{TB: t})
}

var errCollected = errors.New("cqrstest: the collector's test has ended")

// Log says nothing: what is to be said is in the finding.
func (c *collector) Log(...any) {}

// Logf says nothing.
func (c *collector) Logf(string, ...any) {}

// Error notes the failure.
func (c *collector) Error(...any) { c.failed = true }

// Errorf notes the failure.
func (c *collector) Errorf(string, ...any) { c.failed = true }

// Fail notes the failure.
func (c *collector) Fail() { c.failed = true }

// Fatal ends the test.
func (c *collector) Fatal(...any) { c.FailNow() }

// Fatalf ends the test.
func (c *collector) Fatalf(string, ...any) { c.FailNow() }

// Failed reports what was noted.
func (c *collector) Failed() bool { return c.failed }

// FailNow ends the test.
func (c *collector) FailNow() {
	c.failed = true
	panic(errCollected)
}
