package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
)

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// runMachine runs the states from StartAt to an end.
func (e *execution) runMachine(ctx context.Context, m *machine, s scope) (any, error) {
	for name := m.StartAt; ; {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		st := m.States[name]
		s.context = maps.Clone(s.context)
		s.context["State"] = map[string]any{
			"Name":        name,
			"EnteredTime": e.server.options.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
			"RetryCount":  json.Number("0"),
		}
		e.record(st.Type+"StateEntered", map[string]any{"name": name, "input": encode(s.data)})
		output, next, err := e.runState(ctx, st, s)
		if err == nil && len(encode(output)) > maxData {
			err = failed("States.DataLimitExceeded", "The state '%s' returned a result larger than %d bytes", name, maxData)
		}
		if err != nil {
			return nil, err
		}
		e.record(st.Type+"StateExited", map[string]any{"name": name, "output": encode(output)})
		if next == "" {
			return output, nil
		}
		name, s.data = next, output
	}
}

// runState returns the state's output and the next state, "" at an end.
func (e *execution) runState(ctx context.Context, st *state, s scope) (output any, next string, err error) {
	switch st.Type {
	case "Task", "Parallel", "Map":
		return e.runWork(ctx, st, s)
	}
	input, err := s.selected(st.InputPath)
	if err != nil {
		return nil, "", err
	}
	result, next := input, st.Next
	switch st.Type {
	case "Pass":
		result, err = st.pass(s.with(input))
		if err == nil {
			result, err = place(s.data, result, st.ResultPath)
		}
	case "Choice":
		next, err = st.choose(s.with(input))
	case "Wait":
		err = e.wait(ctx, st, s.with(input))
	case "Fail":
		err = st.fail(s.with(input))
	}
	if err != nil {
		return nil, "", err
	}
	output, err = s.with(result).selected(st.OutputPath)
	return output, next, err
}

func (st *state) pass(s scope) (any, error) {
	if st.Parameters.set {
		filled, err := s.fill(st.Parameters.any)
		if err != nil {
			return nil, err
		}
		s.data = filled
	}
	if st.Result.set {
		return st.Result.any, nil
	}
	return s.data, nil
}

func (st *state) choose(s scope) (next string, err error) {
	for i := range st.Choices {
		if holds, err := st.Choices[i].holds(s); holds || err != nil {
			return st.Choices[i].next, err
		}
	}
	if st.Default == "" {
		return "", failed("States.NoChoiceMatched", "Failed to transition out of the state: no choice matched, and there is no Default")
	}
	return st.Default, nil
}

func (e *execution) wait(ctx context.Context, st *state, s scope) error {
	c := e.server.options.Clock
	until := c.Now()
	switch {
	case st.Seconds != nil:
		until = until.Add(duration(*st.Seconds))
	case st.SecondsPath != "":
		seconds, err := s.number(st.SecondsPath)
		if err != nil {
			return err
		}
		until = until.Add(duration(seconds))
	default:
		text := any(st.Timestamp)
		if st.TimestampPath != "" {
			var err error
			if text, err = s.find(st.TimestampPath); err != nil {
				return err
			}
		}
		at, ok := timestamp(text)
		if !ok {
			return failed("States.Runtime", "%v is no timestamp", text)
		}
		until = at
	}
	return clock.Sleep(ctx, c, until.Sub(c.Now()))
}

func (s scope) number(text string) (float64, error) {
	found, err := s.find(text)
	if err != nil {
		return 0, err
	}
	n, ok := pattern.Number(found)
	if !ok {
		return 0, failed("States.Runtime", "%s leads to no number", text)
	}
	f, _ := n.Float64()
	return f, nil
}

func (st *state) fail(s scope) error {
	name, cause := st.Error, st.Cause
	for _, part := range []struct {
		path string
		to   *string
	}{{st.ErrorPath, &name}, {st.CausePath, &cause}} {
		if part.path == "" {
			continue
		}
		found, err := s.evaluate(part.path)
		if err != nil {
			return err
		}
		*part.to, _ = found.(string)
	}
	return &failure{name, cause}
}

// runWork runs a state that may fail: it retries, and then catches.
func (e *execution) runWork(ctx context.Context, st *state, s scope) (output any, next string, err error) {
	counts := make([]int, len(st.Retry))
	for retries := 0; ; retries++ {
		if info, ok := s.context["State"].(map[string]any); ok {
			info = maps.Clone(info)
			info["RetryCount"] = json.Number(strconv.Itoa(retries))
			s.context["State"] = info
		}
		output, err = e.attempt(ctx, st, s)
		if err == nil {
			return output, st.Next, nil
		}
		var f *failure
		if ctx.Err() != nil || !errors.As(err, &f) {
			return nil, "", err
		}
		delay, again := st.retry(f, counts)
		if !again {
			return st.catch(f, s)
		}
		if err := clock.Sleep(ctx, e.server.options.Clock, delay); err != nil {
			return nil, "", err
		}
	}
}

// retry counts a failure, and returns how long to wait where there is a further
// attempt.
func (st *state) retry(f *failure, counts []int) (delay time.Duration, again bool) {
	for i, r := range st.Retry {
		if !f.matches(r.ErrorEquals) {
			continue
		}
		interval, attempts, rate := 1.0, 3, 2.0
		if r.IntervalSeconds != nil {
			interval = *r.IntervalSeconds
		}
		if r.MaxAttempts != nil {
			attempts = *r.MaxAttempts
		}
		if r.BackoffRate != nil {
			rate = *r.BackoffRate
		}
		seconds := interval * math.Pow(rate, float64(counts[i]))
		if r.MaxDelaySeconds != nil {
			seconds = min(seconds, *r.MaxDelaySeconds)
		}
		if r.JitterStrategy == "FULL" {
			seconds *= rand.Float64() //nolint:gosec // jitter is no secret
		}
		counts[i]++
		return duration(seconds), counts[i] <= attempts
	}
	return 0, false
}

func (st *state) catch(f *failure, s scope) (output any, next string, err error) {
	for _, c := range st.Catch {
		if f.matches(c.ErrorEquals) {
			output, err = place(s.data, map[string]any{"Error": f.name, "Cause": f.cause}, c.ResultPath)
			return output, c.Next, err
		}
	}
	return nil, "", f
}

// attempt runs the work of a state once, from its input to its output.
func (e *execution) attempt(ctx context.Context, st *state, s scope) (any, error) {
	input, err := s.selected(st.InputPath)
	if err != nil {
		return nil, err
	}
	inner := s.with(input)
	var result any
	switch st.Type {
	case "Task":
		result, err = e.runTask(ctx, st, inner)
	case "Parallel":
		result, err = e.runParallel(ctx, st, inner)
	default:
		result, err = e.runMap(ctx, st, inner)
	}
	if err != nil {
		return nil, err
	}
	if st.ResultSelector.set {
		if result, err = s.with(result).fill(st.ResultSelector.any); err != nil {
			return nil, err
		}
	}
	placed, err := place(s.data, result, st.ResultPath)
	if err != nil {
		return nil, err
	}
	return s.with(placed).selected(st.OutputPath)
}

func (e *execution) runParallel(ctx context.Context, st *state, s scope) (any, error) {
	if st.Parameters.set {
		var err error
		if s.data, err = s.fill(st.Parameters.any); err != nil {
			return nil, err
		}
	}
	return each(ctx, len(st.Branches), 0, func(ctx context.Context, i int) (any, error) {
		return e.runMachine(ctx, st.Branches[i], s)
	})
}

func (e *execution) runMap(ctx context.Context, st *state, s scope) (any, error) {
	list := s.data
	if st.ItemsPath != "" {
		var err error
		if list, err = s.find(st.ItemsPath); err != nil {
			return nil, err
		}
	}
	items, ok := list.([]any)
	if !ok {
		return nil, failed("States.Runtime", "the items of a Map are an array, not %s", encode(list))
	}
	template := st.ItemSelector
	if !template.set {
		template = st.Parameters // its former name
	}
	return each(ctx, len(items), st.MaxConcurrency, func(ctx context.Context, i int) (any, error) {
		item := scope{items[i], maps.Clone(s.context)}
		item.context["Map"] = map[string]any{"Item": map[string]any{"Index": json.Number(strconv.Itoa(i)), "Value": items[i]}}
		if template.set {
			filled, err := scope{s.data, item.context}.fill(template.any)
			if err != nil {
				return nil, err
			}
			item.data = filled
		}
		return e.runMachine(ctx, st.ItemProcessor, item)
	})
}

// each runs n pieces of work, up to limit at a time, and returns their results in
// order. The first failure ends the others.
func each(ctx context.Context, n, limit int, run func(ctx context.Context, i int) (any, error)) (any, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if limit == 0 {
		limit = max(n, 1)
	}
	slots := make(chan struct{}, limit)
	results := make([]any, n)
	var running sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			var err error
			if results[i], err = run(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return results, nil
}
