package cqrs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// till answers tasks with the number of a receipt, and outlives every process.
type till struct {
	store   cqrs.IdempotencyStore
	tasks   cqrstest.Callbacks
	letters cqrstest.DeadLetters

	mu       sync.Mutex
	numbers  int
	receipts map[string]int
}

// sell is once for each order, but every call gives another number away.
func (s *till) sell(order string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers++
	s.receipts[order] = s.numbers
	return s.numbers
}

// TestExploreTaskTokens: the task is told the number that counts, once, whatever
// crashes; and a refusal likewise.
func TestExploreTaskTokens(t *testing.T) {
	t.Parallel()
	for _, orders := range [][]string{{"1"}, {"refused"}, {"1", "refused"}} {
		t.Run(fmt.Sprint(orders), func(t *testing.T) {
			t.Parallel()
			var messages []cqrstest.Message
			for _, order := range orders {
				messages = append(messages, cqrstest.Body(booking{ID: order, TaskToken: cqrs.TaskToken("token of " + order)}).ID("message of "+order))
			}
			cqrstest.Explore(t, cqrstest.Scenario[*till]{
				State: func() *till { return &till{store: cqrs.NewMemoryIdempotency(), receipts: map[string]int{}} },
				Start: func(p *cqrstest.Process, s *till) (lambda.Handler, error) {
					mux := cqrs.NewMux()
					cqrs.OnSQS[booking](mux, cqrs.Any())
					registry := cqrs.NewRegistry()
					cqrs.Register(registry, cqrs.HandlerFunc[booking](func(ctx context.Context, b booking) (any, error) {
						if b.ID == "refused" {
							return nil, cqrs.Permanent(fmt.Errorf("refused"))
						}
						return cqrstest.Effect(ctx, p, "sell "+b.ID, func() (int, error) { return s.sell(b.ID), nil })
					}))
					return cqrs.New(cqrs.Config{
						Factory: mux, Registry: registry, Logger: quiet(), DeadLetter: p.DeadLetters(&s.letters),
						Policy: cqrs.Policy{Idempotency: p.Idempotency(s.store), Callback: p.Callback(&s.tasks)},
					})
				},
				Payloads: []cqrstest.Payload{cqrstest.SQS(queueARN, messages...)},
				End:      (*till).told,
			})
		})
	}
}

// told: every task has one report, which agrees with the receipt that counts.
func (s *till) told() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := map[string]string{}
	for _, report := range s.tasks.Reports() {
		order := report.Token[len("token of "):]
		switch number, sold := s.receipts[order]; {
		case told[order] != "":
			told[order] = "twice"
		case report.Name != "":
			told[order] = "failure " + report.Name
		case sold && string(report.Output) == fmt.Sprint(number):
			told[order] = "the number"
		default:
			told[order] = fmt.Sprintf("%s instead of %d", report.Output, number)
		}
	}
	return told
}
