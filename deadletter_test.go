package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

// TestDeadLetters is the middleware for a single route.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	own, p := &ports{}, &ports{}
	cfg := p.config()
	cfg.Factory, cfg.Registry = taskMux(), cqrs.NewRegistry()
	cfg.Policy.Retry = &cqrs.RetryPolicy{Backoff: 1, MaxBackoff: 1}
	runs := 0
	cqrs.RegisterFunc(cfg.Registry, func(_ context.Context, work task) error {
		runs++
		switch work.Do {
		case "fail":
			return errRefused
		case "die":
			return fmt.Errorf("order: %w", cqrs.Permanent(errRefused))
		}
		return nil
	}, cqrs.With(cqrs.DeadLetters(own)))
	d := newDispatcher(t, cfg)
	answer, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", ""), todo("2", "die"), todo("3", "fail")))
	require.NoError(t, err)
	require.Equal(t, []string{"3"}, failedIDs(t, answer))
	require.Equal(t, 1+1+3, runs)
	require.Empty(t, p.letters, "the edge does not repeat it")
	require.Len(t, own.letters, 1)
	require.Equal(t, "2", own.letters[0].Message.ID)
	require.Equal(t, "cqrs_test.task", own.letters[0].Route)
	require.Equal(t, "PermanentError", own.letters[0].ErrorName)
	require.Len(t, p.alarms, 1)
	require.Equal(t, true, p.alarms[0].Details["deadLettered"])

	own.err = errors.New("no such queue")
	_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("2", "die")))
	require.ErrorIs(t, err, errRefused, "never acknowledged without a home")
	require.Empty(t, p.letters)
	require.Equal(t, own.letters[0].ID, own.letters[1].ID, "the same on every delivery")
}

// TestDeadLettersOfSeveralRoutes: each failure finds its home, or none is
// acknowledged.
func TestDeadLettersOfSeveralRoutes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		a, b      error
		edge      bool // Config.DeadLetter is there
		acked     bool
		own, rest []string // the routes of the letters
	}{
		{"both for good", cqrs.Permanent(errOnce), cqrs.Permanent(errTwice), true, true, []string{"a"}, []string{"b"}},
		{"only the one with a sink", cqrs.Permanent(errOnce), nil, false, true, []string{"a"}, nil},
		{"no sink for the other", nil, cqrs.Permanent(errTwice), false, false, nil, nil},
		{"the other comes again", cqrs.Permanent(errOnce), errTwice, true, false, nil, nil},
	} {
		own, p := &ports{}, &ports{}
		cfg := cqrs.Config{Factory: taskMux(), Registry: cqrs.NewRegistry()}
		if test.edge {
			cfg.DeadLetter = p
		}
		cqrs.RegisterFunc(cfg.Registry, func(context.Context, task) error { return test.a }, cqrs.RouteName("a"), cqrs.With(cqrs.DeadLetters(own)))
		cqrs.RegisterFunc(cfg.Registry, func(context.Context, task) error { return test.b }, cqrs.RouteName("b"))
		_, err := newDispatcher(t, cfg).Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", "")))
		require.Equal(t, test.acked, err == nil, test.name)
		routes := func(letters []cqrs.DeadLetter) (all []string) {
			for _, letter := range letters {
				all = append(all, letter.Route)
			}
			return all
		}
		require.Equal(t, test.own, routes(own.letters), test.name)
		require.Equal(t, test.rest, routes(p.letters), test.name)
		if len(test.own)+len(test.rest) == 2 {
			require.NotEqual(t, own.letters[0].ID, p.letters[0].ID, "two sinks may share a queue")
			require.Equal(t, "first", own.letters[0].Error)
		}
	}
}

// TestDeadLettersOfTasks: the state machine is told instead, and the failure is
// not taken for success by what stands around.
func TestDeadLettersOfTasks(t *testing.T) {
	t.Parallel()
	own, c := &ports{}, &tasks{}
	mux := cqrs.NewMux()
	cqrs.OnSQS[waiting](mux, cqrs.Any())
	cqrs.OnStepFunction[waiting](mux, "TASK")
	cfg := cqrs.Config{Factory: mux, Registry: cqrs.NewRegistry(), Policy: cqrs.Policy{Callback: c, Idempotency: cqrs.NewMemoryIdempotency()}}
	cqrs.RegisterFunc(cfg.Registry, func(context.Context, waiting) error { return cqrs.Permanent(errRefused) }, cqrs.With(cqrs.DeadLetters(own)))
	d := newDispatcher(t, cfg)
	_, err := d.Invoke(t.Context(), []byte(`{"type":"TASK","payload":{}}`))
	require.Error(t, err)
	require.Empty(t, own.letters)
	_, err = d.Invoke(t.Context(), sqsBatch(t, queueARN, waits("m", "")))
	require.NoError(t, err)
	require.Len(t, own.letters, 1)
	require.Equal(t, []string{"failure token-1 PermanentError: refused"}, c.told)
}

func TestDeadLettersAlone(t *testing.T) {
	t.Parallel()
	m := &cqrs.Message{Source: cqrs.SourceSQS, ID: "m", ARN: queueARN}
	run := func(p *ports, m *cqrs.Message, fail error) error {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := cqrs.DeadLetters(p)(func(context.Context, *cqrs.Delivery) (any, error) { cancel(); return nil, fail })(
			ctx, &cqrs.Delivery{Route: "r", Message: m})
		return err
	}
	p := &ports{}
	require.NoError(t, run(p, m, cqrs.Permanent(errRefused)))
	require.Len(t, p.letters, 1)
	require.Equal(t, "r", p.letters[0].Route)
	require.Equal(t, errRefused, run(p, m, errRefused))
	require.ErrorIs(t, run(p, nil, cqrs.Permanent(errRefused)), errRefused)
	require.ErrorIs(t, run(p, &cqrs.Message{Source: cqrs.SourceStepFunctions}, cqrs.Permanent(errRefused)), errRefused)
	require.Len(t, p.letters, 1)
	p.err = errOnce
	err := run(p, m, cqrs.Permanent(errRefused))
	require.ErrorIs(t, err, errOnce)
	require.ErrorIs(t, err, errRefused)
	require.Regexp(t, "^cqrs: DeadLetters needs a sink", panicText(func() { cqrs.DeadLetters(nil) }))
	require.Regexp(t, "^cqrs: DeadLetters needs a sink", panicText(func() { cqrs.DeadLetters((*ports)(nil)) }))
}

// lettersOf returns the dead letters of a payload whose records all fail.
func lettersOf(t tester, payload []byte) []cqrs.DeadLetter {
	t.Helper()
	p := &ports{}
	d := taskHandler(t, func(context.Context, task) (any, error) { return nil, cqrs.Permanent(errRefused) }, cqrs.Config{DeadLetter: p})
	_, err := d.Invoke(context.Background(), payload)
	require.NoError(t, err)
	return p.letters
}

// TestDeadLetterJSON: what is read is what was written, to the letter.
func TestDeadLetterJSON(t *testing.T) {
	t.Parallel()
	payloads := [][]byte{
		sqsBatch(t, queueARN, message{id: "m-1", body: "{ \"id\" : \"<1> & \u2028\" }"}, message{id: "m-2", body: "not JSON"}, message{id: "m-3", body: ""}),
		sqsBatch(t, fifoARN, todo("m-4", "").in("g").receivedTimes(2)),
		streamBatch(t, change{"1", "a", ""}),
		[]byte(`{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","Sns":{"MessageId":"n-1","TopicArn":"t","Message":"{}","Timestamp":"2026-11-24T10:00:00Z"}}]}`),
		[]byte(`{"Records":[{"eventSource":"aws:kinesis","eventID":"e","eventSourceARN":"s","kinesis":{"partitionKey":"p","sequenceNumber":"1","data":"/w=="}}]}`),
		[]byte(`{"id":"e-1","source":"shop","detail-type":"Shipped","detail":{ "id": "1" },"time":"2026-11-24T10:00:00Z"}`),
	}
	n := 0
	for _, payload := range payloads {
		for _, letter := range lettersOf(t, payload) {
			n++
			text, err := json.Marshal(letter)
			require.NoError(t, err)
			require.NotContains(t, string(text), "receipt-handle")
			var read cqrs.DeadLetter
			require.NoError(t, json.Unmarshal(text, &read))
			require.Equal(t, string(letter.Message.Payload()), string(read.Message.Payload()), "to the letter")
			require.Equal(t, letter.ID, read.ID)
			require.True(t, letter.At.Equal(read.At))
			require.True(t, letter.Message.Time.Equal(read.Message.Time))
			require.JSONEq(t, string(letter.Event), string(read.Event))
			require.JSONEq(t, string(letter.Message.Raw()), string(read.Message.Raw()))
			again, err := json.Marshal(read)
			require.NoError(t, err)
			require.JSONEq(t, string(text), string(again))

			decoded, err := cqrs.DecodeDeadLetter(string(text))
			require.NoError(t, err)
			require.Equal(t, read, decoded)
		}
	}
	require.Equal(t, 8, n)
}

// TestDeadLetterJSONIsStable: other programs read it.
func TestDeadLetterJSONIsStable(t *testing.T) {
	t.Parallel()
	letter := lettersOf(t, sqsBatch(t, fifoARN, todo("m-1", "").in("g").receivedTimes(2)))[0]
	letter.At = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	text, err := json.Marshal(letter)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"type": "cqrs.DeadLetter/1", "id": "`+letter.ID+`", "route": "cqrs_test.task", "errorName": "PermanentError", "error": "refused",
		"attempts": 2, "at": "2026-11-24T10:00:00Z",
		"message": {"source": "aws:sqs", "id": "m-1", "arn": "`+fifoARN+`", "group": "g", "attempt": 2, "time": "2018-12-17T21:37:29.183Z", "correlationId": "m-1"},
		"payload": "{\"id\":\"m-1\",\"do\":\"\"}",
		"record": {"messageId": "m-1", "eventSource": "aws:sqs", "eventSourceARN": "`+fifoARN+`",
			"attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1545082649183", "MessageGroupId": "g"}}}`, string(text))
}

func TestDeadLetterJSONOfALetterByHand(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(cqrs.DeadLetter{ID: "f-1", Event: json.RawMessage(`{"a":1}`)})
	require.NoError(t, err)
	var read cqrs.DeadLetter
	require.NoError(t, json.Unmarshal(text, &read))
	require.JSONEq(t, `{"a":1}`, string(read.Event))
	require.JSONEq(t, `{"a":1}`, string(read.Message.Payload()))
}

func TestDecodeDeadLetterRefusesTheRest(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "null", "{}", "[]", "secret", `{"type":"cqrs.DeadLetter/2"}`, `{"type":"secret"}`,
		`{"type":"cqrs.DeadLetter/1","type":"cqrs.DeadLetter/1"}`, `{"type":"cqrs.DeadLetter/1","at":"secret"}`,
		`{"requestContext":"secret","responseContext":{}}`, `{"busArn":1,"failedMessages":[]}`,
	} {
		_, err := cqrs.DecodeDeadLetter(text)
		require.ErrorIs(t, err, cqrs.ErrMalformed, text)
		require.NotContains(t, err.Error(), "secret", text)
	}
	var d cqrs.DeadLetter
	require.ErrorIs(t, d.UnmarshalJSON([]byte(`{"type":"secret"}`)), cqrs.ErrMalformed)
}

// TestDeadLetterOfWhatWasRedriven keeps the id that it had before.
func TestDeadLetterOfWhatWasRedriven(t *testing.T) {
	t.Parallel()
	first := lettersOf(t, sqsBatch(t, queueARN, todo("m-1", "")))[0]
	record := todo("m-2", "").record(queueARN)
	record["messageAttributes"] = map[string]any{cqrs.FailureIDAttribute: map[string]any{"dataType": "String", "stringValue": first.ID}}
	again := lettersOf(t, payload(t, record))[0]
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, "m-2", again.Message.ID)
}

// TestDeadLettersHoldNoToken, however its JSON spells it.
func TestDeadLettersHoldNoToken(t *testing.T) {
	t.Parallel()
	const token = "AQCMAAAAKgAAAAMAAAAAAAAAAXyz+/abcdefghijklmnopqrstuvwxyz0123456789=="
	for _, spelled := range []string{
		token, strings.ReplaceAll(token, "/", `\/`), strings.ReplaceAll(token, "=", `\u003d`), strings.ReplaceAll(token, "+", `\u002b`),
	} {
		for _, letter := range lettersOf(t, sqsBatch(t, queueARN, message{id: "m", body: `{"id":"1","taskToken":"` + spelled + `"}`})) {
			text, err := json.Marshal(letter)
			require.NoError(t, err)
			for _, part := range []string{token, "AQCMAAAAKgAAAAMAAAAAAAAAAXyz", "abcdefghijklmnopqrstuvwxyz0123456789"} {
				require.NotContains(t, string(text)+string(letter.Message.Raw()), part)
			}
		}
	}
}

func TestDeadLettersHoldNoReceiptHandle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.Permutation([]string{
			`"messageId":"m"`, `"receiptHandle":"secret-receipt"`, `"body":"{"`, `"eventSource":"aws:sqs"`, `"eventSourceARN":"` + queueARN + `"`,
			`"attributes" : {"receiptHandle":"kept"}`,
		}).Draw(t, "fields")
		if rapid.Bool().Draw(t, "twice") {
			fields = append(fields, `"receiptHandle" : "secret-receipt"`)
		}
		letter := lettersOf(t, []byte(`{"Records":[{`+strings.Join(fields, " ,\n")+`}]}`))[0]
		require.NotContains(t, string(letter.Message.Raw()), "secret-receipt")
		if len(fields) == 6 {
			require.Contains(t, string(letter.Message.Raw()), "kept")
		}
	})
}

func FuzzDecodeDeadLetter(f *testing.F) {
	for _, text := range deadLetterForms {
		f.Add(text)
	}
	f.Add(`{"type":"cqrs.DeadLetter/1","id":"f","errorName":"","error":"","at":"2026-11-24T10:00:00Z","message":{"source":"aws:sqs","id":"m"},"payload":"x","record":{"a":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		letter, err := cqrs.DecodeDeadLetter(text)
		if err != nil {
			require.ErrorIs(t, err, cqrs.ErrMalformed)
			return
		}
		require.True(t, json.Valid(letter.Event))
		first, err := json.Marshal(letter)
		require.NoError(t, err)
		again, err := cqrs.DecodeDeadLetter(string(first))
		require.NoError(t, err)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.JSONEq(t, string(first), string(second))
		require.Equal(t, letter.Message.Payload(), again.Message.Payload())
	})
}
