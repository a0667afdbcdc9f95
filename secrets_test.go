package cqrs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// TestCanaries: a task token, a receipt handle and a body turn up in no log line
// and no alarm, and the former two in no dead letter, whatever happens to the
// record and however a port complains.
func TestCanaries(t *testing.T) {
	t.Parallel()
	const token, body = "canary-token-0123456789abcdefghijkl", "canary-body"
	fails := map[string]func(context.Context) (any, error){
		"success":     answers("done", nil),
		"skip":        answers(nil, cqrs.Skip("token "+token)),
		"error":       answers(nil, errors.New("token "+token)),
		"retry after": answers(nil, cqrs.RetryAfter(time.Second, errors.New("token "+token))),
		"permanent":   answers(nil, cqrs.Permanent(errors.New("token "+token))),
		"named":       answers(nil, cqrs.Named("Refused", errors.New("token "+token))),
		"panic":       func(context.Context) (any, error) { panic("token " + token) },
		"result":      answers(func() {}, nil),
		"in progress": answers(nil, fmt.Errorf("token %s: %w", token, cqrs.ErrInProgress)),
	}
	complaint := errors.New("complains about " + token)
	for name, handle := range fails {
		for _, receives := range []int{1, 3} {
			for _, ports_ := range []*ports{{}, {err: complaint}} {
				t.Run(fmt.Sprintf("%s, attempt %d, ports %v", name, receives, ports_.err == nil), func(t *testing.T) {
					t.Parallel()
					var out bytes.Buffer
					logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
					p, route := &ports{err: ports_.err}, &ports{err: ports_.err}
					c, store := &tasks{answers: []error{ports_.err}}, newSpy()
					store.answers["complete"] = []error{ports_.err}
					cfg := p.config()
					cfg.Logger, cfg.Policy = logger, cqrs.Policy{
						Callback: c, Idempotency: store, Retry: &cqrs.RetryPolicy{MaxAttempts: 2, Backoff: 1, MaxBackoff: 1}, Timeout: time.Minute,
					}
					mux := cqrs.NewMux()
					cqrs.OnSQS[waiting](mux, cqrs.Any())
					cfg.Factory, cfg.Registry = mux, cqrs.NewRegistry(cqrs.Log(logger))
					both := cqrs.With(cqrs.AlarmOnFailure(route), cqrs.DeadLetters(route))
					for i, opts := range [][]cqrs.RegisterOption{{}, {both}} {
						cqrs.Register(cfg.Registry, cqrs.HandlerFunc[waiting](func(ctx context.Context, w waiting) (any, error) {
							logger.InfoContext(ctx, "handling", "token", w.TaskToken)
							return handle(ctx)
						}), append(opts, cqrs.RouteName(fmt.Sprint("route-", i)))...)
					}
					m := message{id: "m", body: fmt.Sprintf(`{"id":"1","do":%q,"taskToken":%q}`, body, token)}
					answer, err := newDispatcher(t, cfg).Invoke(t.Context(), sqsBatch(t, queueARN, m.receivedTimes(receives)))
					shown := out.String() + string(answer) + fmt.Sprint(err)
					for _, alarm := range append(p.alarms, route.alarms...) {
						shown += fmt.Sprintf("%+v %v", alarm, alarm.Err)
						for _, detail := range alarm.Details {
							shown += fmt.Sprint(detail)
						}
					}
					require.NotContains(t, shown, body)
					for _, letter := range append(p.letters, route.letters...) {
						text, err := json.Marshal(letter)
						require.NoError(t, err)
						shown += string(text) + letter.Error + string(letter.Message.Raw()) + string(letter.Message.Payload()) + string(letter.Event)
					}
					require.NotContains(t, shown, token)
					require.NotContains(t, shown, "receipt-handle-of")
				})
			}
		}
	}
}
