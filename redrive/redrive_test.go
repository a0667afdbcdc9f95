package redrive_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/redrive"
	"github.com/lambda-cqrs/cqrs/redrive/conformance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(*testing.T) redrive.Store { return redrive.NewMemory() })
}

// sender notes what is sent; answer decides over each of them.
type sender struct {
	sent   []string
	answer func(ctx context.Context, d cqrs.DeadLetter) error
}

func (s *sender) Send(ctx context.Context, d cqrs.DeadLetter) error {
	s.sent = append(s.sent, d.ID)
	if s.answer == nil {
		return nil
	}
	return s.answer(ctx, d)
}

func letter(id, route, errorName string) cqrs.DeadLetter {
	return cqrs.DeadLetter{
		ID: id, Route: route, ErrorName: errorName, At: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
		Message: cqrs.Message{Source: cqrs.SourceSQS, ID: "m-" + id},
	}
}

func store(t require.TestingT, letters ...cqrs.DeadLetter) redrive.Store {
	s := redrive.NewMemory()
	for _, d := range letters {
		_, err := s.SaveFailure(context.Background(), d)
		require.NoError(t, err)
	}
	return s
}

func statuses(t require.TestingT, s redrive.Store) map[string]redrive.Status {
	found := map[string]redrive.Status{}
	for _, status := range []redrive.Status{redrive.Open, redrive.Replaying, redrive.Replayed, redrive.Discarded} {
		for f, err := range s.List(context.Background(), redrive.Filter{Status: status}) {
			require.NoError(t, err)
			found[f.ID] = f.Status
		}
	}
	return found
}

func TestReplay(t *testing.T) {
	t.Parallel()
	letters := []cqrs.DeadLetter{letter("a", "orders.Created", "A"), letter("b", "orders.Created", "B"), letter("c", "orders.Paid", "A")}
	for _, test := range []struct {
		name   string
		replay redrive.Replay
		sent   []string
		open   []string
	}{
		{"one", redrive.Replay{Filter: redrive.Filter{IDs: []string{"b"}}}, []string{"b"}, []string{"a", "c"}},
		{"a group", redrive.Replay{Filter: redrive.Filter{Type: "orders.Created", ErrorName: "A"}}, []string{"a"}, []string{"b", "c"}},
		{"all", redrive.Replay{}, []string{"a", "b", "c"}, nil},
		{"at most two", redrive.Replay{Limit: 2}, []string{"a", "b"}, []string{"c"}},
		{"a dry run", redrive.Replay{DryRun: true}, nil, []string{"a", "b", "c"}},
		{"none that were interrupted", redrive.Replay{Uncertain: true}, nil, []string{"a", "b", "c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, to := store(t, letters...), &sender{}
			test.replay.By = "ada"
			report, err := redrive.New(s, to).Replay(t.Context(), test.replay)
			require.NoError(t, err)
			require.NoError(t, report.Err())
			require.Equal(t, test.sent, to.sent)
			for id, status := range statuses(t, s) {
				require.Equal(t, !slices.Contains(test.open, id), status == redrive.Replayed, "%s is %s", id, status)
			}
			if test.replay.DryRun {
				require.True(t, report.DryRun)
				require.Equal(t, redrive.Result{ID: "a", Type: "orders.Created", ErrorName: "A", Sent: true}, report.Results[0])
				require.Equal(t, 3, report.Done())
			}
		})
	}
}

func TestReplayTwiceSendsOnce(t *testing.T) {
	t.Parallel()
	s := store(t, letter("a", "orders.Created", "A"))
	to := &sender{}
	r := redrive.New(s, to)
	to.answer = func(ctx context.Context, _ cqrs.DeadLetter) error {
		report, err := r.Replay(ctx, redrive.Replay{By: "alan"}) // somebody else, meanwhile
		require.NoError(t, err)
		require.Empty(t, report.Results)
		return nil
	}
	for range 2 {
		_, err := r.Replay(t.Context(), redrive.Replay{By: "ada"})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"a"}, to.sent)
}

// TestReplayOfWhatChangedMeanwhile: the list is old, the condition is not.
func TestReplayOfWhatChangedMeanwhile(t *testing.T) {
	t.Parallel()
	s := store(t, letter("a", "orders.Created", "A"), letter("b", "orders.Created", "A"))
	to := &sender{answer: func(ctx context.Context, d cqrs.DeadLetter) error {
		if d.ID == "a" {
			return s.Change(ctx, redrive.Change{ID: "b", From: redrive.Open, To: redrive.Discarded, By: "alan", At: time.Now()})
		}
		return nil
	}}
	report, err := redrive.New(s, to).Replay(t.Context(), redrive.Replay{By: "ada"})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, to.sent)
	require.ErrorIs(t, report.Err(), redrive.ErrChanged)
	require.Equal(t, 1, report.Done())
}

func TestReplayThatCannotSend(t *testing.T) {
	t.Parallel()
	s := store(t, letter("a", "orders.Created", "A"), letter("b", "orders.Created", "A"))
	failure := errors.New("no such queue")
	to := &sender{answer: func(_ context.Context, d cqrs.DeadLetter) error {
		if d.ID == "a" {
			return failure
		}
		return nil
	}}
	report, err := redrive.New(s, to).Replay(t.Context(), redrive.Replay{By: "ada"})
	require.NoError(t, err)
	require.ErrorIs(t, report.Err(), failure)
	require.Equal(t, map[string]redrive.Status{"a": redrive.Open, "b": redrive.Replayed}, statuses(t, s))
	var notes []string
	for e, err := range s.Audit(t.Context(), "a") {
		require.NoError(t, err)
		notes = append(notes, string(e.To)+" "+e.Note)
	}
	require.Equal(t, []string{"OPEN A", "REPLAYING ", "OPEN no such queue"}, notes)
}

// TestReplayThatIsInterrupted: nobody knows whether it was sent, so it takes a
// decision to send it again.
func TestReplayThatIsInterrupted(t *testing.T) {
	t.Parallel()
	s := store(t, letter("a", "orders.Created", "A"), letter("b", "orders.Created", "A"))
	ctx, cancel := context.WithCancel(t.Context())
	to := &sender{answer: func(ctx context.Context, _ cqrs.DeadLetter) error {
		cancel()
		return ctx.Err()
	}}
	r := redrive.New(s, to)
	_, err := r.Replay(ctx, redrive.Replay{By: "ada"})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, map[string]redrive.Status{"a": redrive.Replaying, "b": redrive.Open}, statuses(t, s))
	to.answer = nil
	_, err = r.Replay(t.Context(), redrive.Replay{By: "ada", Uncertain: true})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "a"}, to.sent)
	require.Equal(t, map[string]redrive.Status{"a": redrive.Replayed, "b": redrive.Open}, statuses(t, s))
}

// TestReplayThatIsInterruptedBehindTheSend: what is done is accounted for.
func TestReplayThatIsInterruptedBehindTheSend(t *testing.T) {
	t.Parallel()
	s := store(t, letter("a", "orders.Created", "A"))
	ctx, cancel := context.WithCancel(t.Context())
	to := &sender{answer: func(context.Context, cqrs.DeadLetter) error { cancel(); return nil }}
	report, err := redrive.New(s, to).Replay(ctx, redrive.Replay{By: "ada"})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, report.Done())
	require.Equal(t, map[string]redrive.Status{"a": redrive.Replayed}, statuses(t, s))
}

// TestReplayThatFailsAgainAtOnce: the letter is there before the account of the
// replay.
func TestReplayThatFailsAgainAtOnce(t *testing.T) {
	t.Parallel()
	s := store(t, letter("a", "orders.Created", "A"))
	to := &sender{answer: func(ctx context.Context, d cqrs.DeadLetter) error {
		d.Message.ID = "another"
		news, err := s.SaveFailure(ctx, d)
		require.True(t, news)
		return err
	}}
	report, err := redrive.New(s, to).Replay(t.Context(), redrive.Replay{By: "ada"})
	require.NoError(t, err)
	require.NoError(t, report.Err())
	require.Equal(t, map[string]redrive.Status{"a": redrive.Open}, statuses(t, s))
}

func TestReplayKeepsItsPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, start := store(t, letter("a", "", ""), letter("b", "", ""), letter("c", "", "")), time.Now()
		var at []time.Duration
		to := &sender{answer: func(context.Context, cqrs.DeadLetter) error {
			at = append(at, time.Since(start))
			return nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		report, err := redrive.New(s, to).Replay(ctx, redrive.Replay{By: "ada", Pace: time.Minute})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, []time.Duration{0, time.Minute}, at)
		require.Len(t, report.Results, 2)
	})
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	s, to := store(t, letter("a", "orders.Created", "A"), letter("b", "orders.Created", "B")), &sender{}
	r := redrive.New(s, to)
	report, err := r.Discard(t.Context(), redrive.Filter{ErrorName: "A"}, "ada", "test orders")
	require.NoError(t, err)
	require.Equal(t, 1, report.Done())
	_, err = r.Replay(t.Context(), redrive.Replay{By: "ada"})
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, to.sent)
	require.Equal(t, map[string]redrive.Status{"a": redrive.Discarded, "b": redrive.Replayed}, statuses(t, s))
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { redrive.New(nil, &sender{}) })
	require.Panics(t, func() { redrive.New(redrive.NewMemory(), nil) })
	r := redrive.New(store(t, letter("a", "", "")), &sender{})
	_, err := r.Replay(t.Context(), redrive.Replay{})
	require.ErrorContains(t, err, "By is missing")
	_, err = r.Discard(t.Context(), redrive.Filter{}, "ada", "")
	require.ErrorContains(t, err, "why")
}

func TestTypeOf(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]cqrs.DeadLetter{
		"orders.Created": {Route: "orders.Created", Message: cqrs.Message{ARN: "arn:aws:sqs:eu-west-1:1:q"}},
		"q.fifo":         {Message: cqrs.Message{ARN: "arn:aws:sqs:eu-west-1:1:q.fifo"}},
		"items":          {Message: cqrs.Message{ARN: "arn:aws:dynamodb:eu-west-1:1:table/items/stream/2026-11-01T00:00:00.000"}},
		"clicks":         {Message: cqrs.Message{ARN: "arn:aws:kinesis:eu-west-1:1:stream/clicks"}},
		"aws:events":     {Message: cqrs.Message{Source: cqrs.SourceEventBridge}},
	} {
		require.Equal(t, want, redrive.TypeOf(&d))
	}
}

// TestFailuresAreNeverLostNorSentTwice: whatever people and crashes do, a failure
// that is not decided on stays visible, and each replay sends once.
func TestFailuresAreNeverLostNorSentTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := redrive.NewMemory()
		to := &sender{}
		r := redrive.New(s, to)
		failed := map[string]int{} // letters of each ID
		begun := map[string]int{}
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"fail": func(t *rapid.T) {
				n++
				d := letter(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"), "r", "e")
				d.At = d.At.Add(time.Duration(n) * time.Second)
				_, err := s.SaveFailure(context.Background(), d)
				require.NoError(t, err)
				failed[d.ID]++
			},
			"replay": func(t *rapid.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				crash := rapid.Bool().Draw(t, "crash")
				to.answer = func(context.Context, cqrs.DeadLetter) error {
					if crash {
						cancel()
						return errors.New("crashed")
					}
					return nil
				}
				before := len(to.sent)
				_, _ = r.Replay(ctx, redrive.Replay{By: "ada", Uncertain: rapid.Bool().Draw(t, "uncertain")})
				for _, id := range to.sent[before:] {
					begun[id]++
				}
			},
			"": func(t *rapid.T) {
				now := statuses(t, s)
				require.Len(t, now, len(failed))
				for _, status := range []redrive.Status{redrive.Open, redrive.Replaying, redrive.Replayed} {
					for f, err := range s.List(context.Background(), redrive.Filter{Status: status}) {
						require.NoError(t, err)
						require.Equal(t, failed[f.ID], f.Times)
						require.Equal(t, begun[f.ID], f.Replays, "one send for each replay")
					}
				}
			},
		})
	})
}
