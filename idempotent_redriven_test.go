package cqrs_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// redriven is the message that the sender of a redrive makes of a letter.
func redriven(letter *cqrs.DeadLetter, id string) cqrstest.Payload {
	message := cqrstest.Body(string(letter.Message.Payload())).ID(id).Attribute(cqrs.FailureIDAttribute, letter.ID)
	arn := letter.Message.ARN
	if strings.HasSuffix(arn, ".fifo") {
		return cqrstest.FIFO(arn, message.Group(letter.Message.Group))
	}
	return cqrstest.SQS(arn, message)
}

// booking is handled by three routes, "ledger", "mail" and "invoice".
type booking struct {
	ID        string         `json:"id"`
	TaskToken cqrs.TaskToken `json:"taskToken,omitempty"`
	Task      struct {
		Token cqrs.TaskToken `json:"token"`
	} `json:"task,omitzero"`
}

// EventToken is none where nobody is to answer.
func (b booking) EventToken() cqrs.TaskToken {
	switch {
	case b.ID == "silent":
		return ""
	case b.Task.Token != "":
		return b.Task.Token
	default:
		return b.TaskToken
	}
}

// branches are the routes of a booking, those that fail for good included.
type branches struct {
	ran      journal
	refusing []string // the routes
	letters  cqrstest.DeadLetters
	tasks    cqrstest.Callbacks
	store    cqrs.IdempotencyStore
}

// dispatcher wires the routes, each with the middleware that is given for it.
func (b *branches) dispatcher(t tester, with map[string]cqrs.Middleware, opts ...cqrs.IdempotencyOption) *cqrs.Dispatcher {
	t.Helper()
	if b.store == nil {
		b.store = cqrs.NewMemoryIdempotency()
	}
	mux := cqrs.NewMux()
	cqrs.OnSQS[booking](mux, cqrs.Any())
	registry := cqrs.NewRegistry()
	for _, route := range []string{"ledger", "mail", "invoice"} {
		options := []cqrs.RegisterOption{cqrs.RouteName(route)}
		if mw := with[route]; mw != nil {
			options = append(options, cqrs.With(mw))
		}
		cqrs.RegisterFunc(registry, func(context.Context, booking) error {
			b.ran.add(route)
			if slices.Contains(b.refusing, route) {
				return cqrs.Permanent(errors.New(route + " refuses"))
			}
			return nil
		}, options...)
	}
	return newDispatcher(t, cqrs.Config{
		Factory: mux, Registry: registry, DeadLetter: &b.letters,
		Policy: cqrs.Policy{Idempotency: b.store, IdempotencyOptions: opts, Callback: &b.tasks},
	})
}

// TestRedrivenRunsWhatFailedAlone: what a sibling has completed is not done again.
func TestRedrivenRunsWhatFailedAlone(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]cqrstest.Payload{
		"standard":                      cqrstest.SQS(queueARN, cqrstest.Body(booking{ID: "1"}).ID("m-1")),
		"FIFO":                          cqrstest.FIFO(fifoARN, cqrstest.Body(booking{ID: "1"}).ID("m-1").Group("g")),
		"of a task":                     cqrstest.SQS(queueARN, cqrstest.Body(booking{ID: "1", TaskToken: "token-of-the-task-1"}).ID("m-1")),
		"of a task, nested":             cqrstest.SQS(queueARN, cqrstest.Body(`{"id": "1","task": {"token":"token-of-the-task-1"}}`).ID("m-1")),
		"of a task that nobody answers": cqrstest.SQS(queueARN, cqrstest.Body(`{"id":"silent","taskToken":"token-of-the-task-1"}`).ID("m-1")),
		"its own spell":                 cqrstest.SQS(queueARN, cqrstest.Body(`{ "id":"1" }`).ID("m-1")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &branches{refusing: []string{"mail"}}
			d := b.dispatcher(t, nil)
			require.Empty(t, cqrstest.Invoke(t, d, first).Failed)
			require.Len(t, b.letters.Letters(), 1)
			require.ElementsMatch(t, []string{"ledger", "mail", "invoice"}, b.ran.all())

			b.ran = journal{}
			letter := b.letters.Letters()[0]
			require.Empty(t, cqrstest.Invoke(t, d, redriven(&letter, "m-2")).Failed)
			require.Equal(t, []string{"mail"}, b.ran.all())
			require.Len(t, b.letters.Letters(), 2, "it has failed again")
			require.Equal(t, letter.ID, b.letters.Letters()[1].ID)

			b.refusing, b.ran = nil, journal{}
			letter = b.letters.Letters()[1]
			again := redriven(&letter, "m-3")
			require.Empty(t, cqrstest.Invoke(t, d, again).Failed)
			require.Empty(t, cqrstest.Invoke(t, d, again.Again()).Failed)
			require.Equal(t, []string{"mail"}, b.ran.all(), "once, also where it is delivered twice")
			require.Len(t, b.letters.Letters(), 2)
		})
	}
}

// TestReportedFailureRunsOnlyWhenRedriven, and without a task to report to.
func TestReportedFailureRunsOnlyWhenRedriven(t *testing.T) {
	t.Parallel()
	b := &branches{refusing: []string{"mail"}}
	d := b.dispatcher(t, nil)
	cqrstest.Invoke(t, d, cqrstest.SQS(queueARN, cqrstest.Body(booking{ID: "1", TaskToken: "token-of-the-task-1"}).ID("m-1")))
	b.ran = journal{}
	letter := b.letters.Letters()[0]
	for _, message := range []cqrstest.Message{
		cqrstest.Body(string(letter.Message.Payload())).ID("m-1"),
		cqrstest.Body(booking{ID: "1", TaskToken: "token-of-the-task-2"}).ID("m-2").Attribute(cqrs.FailureIDAttribute, letter.ID),
	} {
		cqrstest.Invoke(t, d, cqrstest.SQS(queueARN, message))
		require.Empty(t, b.ran.all())
		require.Contains(t, b.letters.Letters()[len(b.letters.Letters())-1].Error, "mail refuses")
	}
}

// TestRedrivenFromOneOfSeveralSinks: each letter of the record leads back to it.
func TestRedrivenFromOneOfSeveralSinks(t *testing.T) {
	t.Parallel()
	var mails cqrstest.DeadLetters
	b := &branches{refusing: []string{"mail", "invoice"}}
	d := b.dispatcher(t, map[string]cqrs.Middleware{"mail": cqrs.DeadLetters(&mails)})
	cqrstest.Invoke(t, d, cqrstest.SQS(queueARN, cqrstest.Body(booking{ID: "1"}).ID("m-1")))
	require.Len(t, b.letters.Letters(), 1)
	require.Len(t, mails.Letters(), 1)
	mail, invoice := mails.Letters()[0], b.letters.Letters()[0]
	require.NotEqual(t, mail.ID, invoice.ID)

	cqrstest.Invoke(t, d, redriven(&mail, "m-2"))
	require.Equal(t, mail.ID, mails.Letters()[1].ID, "both have failed again, under the ids that they had")
	require.Equal(t, invoice.ID, b.letters.Letters()[1].ID)

	b.refusing, b.ran = nil, journal{}
	require.Empty(t, cqrstest.Invoke(t, d, redriven(&mail, "m-3")).Failed)
	require.Empty(t, cqrstest.Invoke(t, d, redriven(&invoice, "m-4")).Failed)
	require.ElementsMatch(t, []string{"mail", "invoice"}, b.ran.all())
}

// TestRedrivenIntoAnotherQueue is not the same work: an attribute cannot reach
// from one queue into another.
func TestRedrivenIntoAnotherQueue(t *testing.T) {
	t.Parallel()
	b := &branches{}
	d := b.dispatcher(t, nil, cqrs.IgnorePayload())
	cqrstest.Invoke(t, d, cqrstest.SQS("orders", cqrstest.Body(booking{ID: "1"}).ID("m-1")))
	id := digestOf("aws:sqs|" + arnOf("orders") + "|m-1")
	forged := cqrstest.Body(booking{ID: "2"}).ID("m-2").Attribute(cqrs.FailureIDAttribute, id)
	cqrstest.Invoke(t, d, cqrstest.SQS("others", forged))
	require.Len(t, b.ran.all(), 6)
	cqrstest.Invoke(t, d, cqrstest.SQS("orders", forged))
	require.Len(t, b.ran.all(), 6, "which within the queue it does")
}

func arnOf(queue string) string { return "arn:aws:sqs:eu-west-1:123456789012:" + queue }

// TestForgedFailureID: within a queue it is refused aloud, and what is no id of
// ours does not count.
func TestForgedFailureID(t *testing.T) {
	t.Parallel()
	b := &branches{}
	d := b.dispatcher(t, nil)
	id := digestOf("aws:sqs|" + arnOf("orders") + "|m-1")
	forge := func(id, as, body string) cqrstest.Payload {
		return cqrstest.SQS("orders", cqrstest.Body(body).ID(as).Attribute(cqrs.FailureIDAttribute, id))
	}
	cqrstest.Invoke(t, d, cqrstest.SQS("orders", cqrstest.Body(`{"id":"1"}`).ID("m-1")))
	cqrstest.Invoke(t, d, forge(id, "m-2", `{"id":"2"}`))
	require.Len(t, b.ran.all(), 3)
	require.Len(t, b.letters.Letters(), 1)
	require.Contains(t, b.letters.Letters()[0].Error, "payload mismatch")

	for i, none := range []string{"f-1", id[1:], id + "0", strings.ToUpper(id), id + "-", id + "-" + id, id + "-0123456789abcdeg", "id"} {
		cqrstest.Invoke(t, d, forge(none, "m-"+none, `{"id":"1"}`))
		cqrstest.Invoke(t, d, forge(none, "n-"+none, `{"id":"2"}`))
		require.Len(t, b.ran.all(), 3+6*(i+1), none)
	}
	require.Len(t, b.letters.Letters(), 1)
}
