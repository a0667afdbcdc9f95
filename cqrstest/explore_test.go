package cqrstest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

type booking struct {
	Order string         `json:"order"`
	Token cqrs.TaskToken `json:"taskToken,omitempty"`
}

func (b booking) EventKey() string { return b.Order }

// hotel is durable: its rooms, the claims to work on them, and the tasks that
// wait for them.
type hotel struct {
	claims *claims
	tasks  cqrstest.Callbacks

	mu     sync.Mutex
	booked int                // how often somebody has booked
	rooms  map[string]int     // the number of the last booking of each order
	seen   map[string]bool    // by the check-then-act version
	told   map[string]float64 // the number that the customer was told
}

func newHotel() *hotel {
	return &hotel{claims: newClaims(""), rooms: map[string]int{}, seen: map[string]bool{}, told: map[string]float64{}}
}

// book is not idempotent: a later booking takes the place of an earlier one.
func (h *hotel) book(order string) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.booked++
	h.rooms[order] = h.booked
	return h.booked, nil
}

// bookOnce is, by a condition in the write itself.
func (h *hotel) bookOnce(order string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.rooms[order]; !ok {
		h.booked++
		h.rooms[order] = h.booked
	}
	return nil
}

func (h *hotel) bookings() any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return map[string]any{"bookings": h.booked, "rooms": len(h.rooms)}
}

// function is a dispatcher that serves bookings from a queue.
func function(handle func(ctx context.Context, b booking) (any, error), policy ...cqrs.Middleware) (lambda.Handler, error) {
	mux := cqrs.NewMux()
	cqrs.OnSQS[booking](mux, cqrs.Queue("bookings"))
	registry := cqrs.NewRegistry(policy...)
	cqrs.Register(registry, cqrs.HandlerFunc[booking](handle))
	return cqrs.New(cqrs.Config{Factory: mux, Registry: registry, Logger: quiet()})
}

func bookings(orders ...string) []cqrstest.Payload {
	var messages []cqrstest.Message
	for _, order := range orders {
		messages = append(messages, cqrstest.Body(booking{Order: order, Token: cqrs.TaskToken("token of " + order)}).ID("message of "+order))
	}
	return []cqrstest.Payload{cqrstest.SQS("bookings", messages...)}
}

// checkThenAct looks whether it has seen the order, works, and takes a note.
func checkThenAct(handle func(p *cqrstest.Process, h *hotel, ctx context.Context, order string) error) cqrstest.Scenario[*hotel] {
	return cqrstest.Scenario[*hotel]{
		State: newHotel,
		Start: func(p *cqrstest.Process, h *hotel) (lambda.Handler, error) {
			return function(func(ctx context.Context, b booking) (any, error) { return nil, handle(p, h, ctx, b.Order) })
		},
		Payloads: bookings("1", "2"),
		End:      (*hotel).bookings,
	}
}

func TestExploreFindsCheckThenAct(t *testing.T) {
	t.Parallel()
	_, err := cqrstest.Find(t, checkThenAct(func(p *cqrstest.Process, h *hotel, ctx context.Context, order string) error {
		seen, err := cqrstest.Effect(ctx, p, "look", func() (bool, error) { return h.seen[order], nil })
		if seen || err != nil {
			return err
		}
		return p.Effect(ctx, "book and note", func() error { // in one transaction, even
			_, err := h.book(order)
			h.seen[order] = true
			return err
		})
	}))
	require.ErrorContains(t, err, "with the schedule order ")
	require.ErrorContains(t, err, "replay: CQRSTEST_REPLAY=\"order ")
	cqrstest.Explore(t, checkThenAct(func(p *cqrstest.Process, h *hotel, ctx context.Context, order string) error {
		return p.Effect(ctx, "book", func() error { return h.bookOnce(order) })
	}))
}

func TestExploreFindsWriteWithoutGuard(t *testing.T) {
	t.Parallel()
	_, err := cqrstest.Find(t, checkThenAct(func(p *cqrstest.Process, h *hotel, ctx context.Context, order string) error {
		_, err := cqrstest.Effect(ctx, p, "book", func() (int, error) { return h.book(order) })
		return err
	}))
	require.ErrorContains(t, err, "with the schedule after 1, ")
}

// once is idempotency by claims, in variants: before runs between the handler and
// the completion, after behind it.
type once struct {
	lease         time.Duration
	completeFirst bool // acknowledge before write
	reportFirst   bool // callback before store
}

func (o once) middleware(store cqrs.IdempotencyStore, tasks cqrs.TaskCallback) cqrs.Middleware {
	return func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			now := time.Now()
			claim := cqrs.Claim{
				Key: d.Route + "/" + d.Key(), Owner: fmt.Sprint(now.UnixNano(), d), LeaseUntil: now.Add(o.lease), ExpiresAt: now.Add(24 * time.Hour),
			}
			claim.Owner = fmt.Sprintf("%p", d)
			outcome, err := store.Acquire(ctx, claim)
			if err != nil {
				return nil, err
			}
			if outcome != nil {
				return nil, o.report(ctx, tasks, d, outcome.Result)
			}
			limited, cancel := context.WithDeadline(ctx, claim.LeaseUntil)
			defer cancel()
			detached := context.WithoutCancel(ctx)
			if o.completeFirst {
				if err := store.Complete(detached, claim, cqrs.Outcome{}); err != nil {
					return nil, err
				}
			}
			result, err := next(limited, d)
			if err != nil {
				return nil, errors.Join(err, store.Release(detached, claim))
			}
			text, err := json.Marshal(result)
			if err != nil {
				return nil, err
			}
			if o.reportFirst {
				if err := o.report(detached, tasks, d, text); err != nil {
					return nil, err
				}
			}
			if err := store.Complete(detached, claim, cqrs.Outcome{Result: text}); err != nil {
				return nil, err
			}
			if o.reportFirst {
				return result, nil
			}
			return result, o.report(detached, tasks, d, text)
		}
	}
}

func (o once) report(ctx context.Context, tasks cqrs.TaskCallback, d *cqrs.Delivery, output []byte) error {
	token := d.Event.(interface{ token() cqrs.TaskToken }).token()
	if tasks == nil || token == "" {
		return nil
	}
	if err := tasks.Success(ctx, token, output); !errors.Is(err, cqrs.ErrTaskClosed) {
		return err
	}
	return nil
}

func (b booking) token() cqrs.TaskToken { return b.Token }

// reservations books under a claim and tells the customer's task the number.
func reservations(o once, bug string, end func(h *hotel) any) cqrstest.Scenario[*hotel] {
	return cqrstest.Scenario[*hotel]{
		State: func() *hotel {
			h := newHotel()
			h.claims.bug = bug
			return h
		},
		Start: func(p *cqrstest.Process, h *hotel) (lambda.Handler, error) {
			return function(func(ctx context.Context, b booking) (any, error) {
				return cqrstest.Effect(ctx, p, "book", func() (int, error) { return h.book(b.Order) })
			}, o.middleware(p.Idempotency(h.claims), p.Callback(&h.tasks)))
		},
		Payloads: bookings("1"),
		End:      end,
	}
}

// consistent: the number that was told, and the one that is kept as the outcome,
// are those of the booking that counts.
func consistent(h *hotel) any {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := map[string]string{}
	for _, report := range h.tasks.Reports() {
		told[report.Token] += string(report.Output)
	}
	kept := map[string]string{}
	for _, held := range h.claims.held {
		if held.outcome != nil {
			kept["token of "+held.claim.Key[len(held.claim.Key)-1:]] = string(held.outcome.Result)
		}
	}
	rooms := map[string]string{}
	for order, number := range h.rooms {
		rooms["token of "+order] = fmt.Sprint(number)
	}
	return map[string]bool{"told": maps.Equal(told, rooms), "kept": maps.Equal(kept, rooms)}
}

func TestExploreFindsCallbackBeforeStore(t *testing.T) {
	t.Parallel()
	_, err := cqrstest.Find(t, reservations(once{lease: 30 * time.Second, reportFirst: true}, "", consistent))
	require.ErrorContains(t, err, "with the schedule after 3, ", "the crash between report and store")
	require.ErrorContains(t, err, "callback Success: crash after it")
	cqrstest.Explore(t, reservations(once{lease: 30 * time.Second}, "", consistent))
}

func TestExploreFindsUnconditionalComplete(t *testing.T) {
	t.Parallel()
	kept := func(h *hotel) any { return consistent(h).(map[string]bool)["kept"] }
	_, err := cqrstest.Find(t, reservations(once{lease: 30 * time.Second}, "unconditional complete", kept))
	require.ErrorContains(t, err, "with the schedule order ")
	require.ErrorContains(t, err, "worker 2")
	cqrstest.Explore(t, reservations(once{lease: 30 * time.Second}, "", kept))
}

func TestExploreFindsAcknowledgeBeforeWrite(t *testing.T) {
	t.Parallel()
	booked := func(h *hotel) any { return len(h.rooms) }
	_, err := cqrstest.Find(t, reservations(once{lease: 30 * time.Second, completeFirst: true}, "", booked))
	require.ErrorContains(t, err, "with the schedule after 2, ")
	cqrstest.Explore(t, reservations(once{lease: 30 * time.Second}, "", booked))
}

// The answer is an acknowledgement too, so what is left to a goroutine behind it
// is lost with the process.
func TestExploreFindsWorkBehindTheAnswer(t *testing.T) {
	t.Parallel()
	_, err := cqrstest.Find(t, checkThenAct(func(p *cqrstest.Process, h *hotel, ctx context.Context, order string) error {
		go func() {
			time.Sleep(time.Second)
			_ = p.Effect(context.WithoutCancel(ctx), "book", func() error { return h.bookOnce(order) })
		}()
		return nil
	}))
	require.ErrorContains(t, err, "with the schedule before 1, ")
}
