package cqrstest_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

type Payment struct {
	Order  string `json:"order"`
	Amount int    `json:"amount"`
}

// bank is the durable state: it outlives every process.
type bank struct {
	mu      sync.Mutex
	balance int
	charged map[string]bool
}

// Charge knows a payment again by its order, as a payment provider does by its
// idempotency key.
func (b *bank) Charge(p Payment) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.charged[p.Order] {
		b.charged[p.Order] = true
		b.balance += p.Amount
	}
	return nil
}

// ChargeBlindly does not.
func (b *bank) ChargeBlindly(p Payment) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.balance += p.Amount
	return nil
}

// payments is a function that charges payments from a queue.
func payments(charge func(*bank, Payment) error) cqrstest.Scenario[*bank] {
	return cqrstest.Scenario[*bank]{
		State: func() *bank { return &bank{charged: map[string]bool{}} },
		Start: func(p *cqrstest.Process, b *bank) (lambda.Handler, error) {
			mux := cqrs.NewMux()
			cqrs.OnSQS[Payment](mux, cqrs.Queue("payments"))
			registry := cqrs.NewRegistry()
			cqrs.RegisterFunc(registry, func(ctx context.Context, payment Payment) error {
				return p.Effect(ctx, "charge "+payment.Order, func() error { return charge(b, payment) })
			})
			return cqrs.New(cqrs.Config{Factory: mux, Registry: registry, Logger: quiet()})
		},
		Payloads: []cqrstest.Payload{cqrstest.SQS("payments",
			cqrstest.Body(Payment{Order: "7", Amount: 20}).ID("m-1"),
			cqrstest.Body(Payment{Order: "8", Amount: 30}).ID("m-2"),
		)},
		End: func(b *bank) any { return b.balance },
	}
}

// A crash between the charge and the answer lets the message come again. Your
// test is the one line cqrstest.Explore(t, payments(…)).
func ExampleExplore() {
	cqrstest.InTest("TestPayments", func(test cqrstest.Test) {
		fmt.Println(cqrstest.Find(test.T, payments((*bank).Charge)))
		_, err := cqrstest.Find(test.T, payments((*bank).ChargeBlindly))
		fmt.Println(err)
	})

	// Output:
	// cqrstest: 2 effects; the end is the same after 4 crashes, 16 pairs of crashes and 74 interleavings <nil>
	// cqrstest: with the schedule after 1, the end is not that of the clean run:
	//   Not equal:
	//   expected: 50
	//   actual  : 70
	// the run:
	//   process 1 gets payload 1
	//     1   charge 7: crash after it
	//   process 2 gets payload 1
	//     2   charge 7
	//     3   charge 8
	//         answer: {"batchItemFailures":[]}
	// replay: CQRSTEST_REPLAY="after 1" go test -run '^TestPayments$'
}
