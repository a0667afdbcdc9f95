package sqlstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// entry is an event whose effect must happen exactly once: it adds to an account.
type entry struct {
	ID     string         `json:"id"`
	Amount int            `json:"amount"`
	Then   string         `json:"then"`
	Token  cqrs.TaskToken `json:"taskToken"`
}

func (e entry) EventToken() cqrs.TaskToken { return e.Token }

var errBroke = errors.New("broke")

// ledger is a function that books entries in a transaction.
type ledger struct {
	*cqrs.Dispatcher

	db   *sql.DB
	runs int
	mu   sync.Mutex
}

func newLedger(t *testing.T, db *sql.DB, policy cqrs.Policy) *ledger {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `CREATE TABLE account (id text PRIMARY KEY, balance bigint NOT NULL)`)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO account VALUES ('a', 0)`)
	require.NoError(t, err)
	l := &ledger{db: db}
	mux := cqrs.NewMux()
	cqrs.OnSQS[entry](mux, cqrs.Any())
	registry := cqrs.NewRegistry()
	cqrs.Register(registry, cqrs.Func(l.book), cqrs.KeyBy(func(e entry) string { return e.ID }),
		cqrs.With(sqlstore.Transactional(db)))
	l.Dispatcher, err = cqrs.New(cqrs.Config{
		Factory: mux, Registry: registry, Policy: policy, Logger: slog.New(slog.DiscardHandler),
		MaxReceives: map[string]int{"entries": 3}, Concurrency: 4,
	})
	require.NoError(t, err)
	return l
}

func (l *ledger) book(ctx context.Context, e entry) (int, error) {
	l.mu.Lock()
	l.runs++
	l.mu.Unlock()
	tx, ok := sqlstore.Tx(ctx)
	if !ok {
		return 0, errors.New("no transaction")
	}
	var balance int
	err := tx.QueryRowContext(ctx, `UPDATE account SET balance = balance + $1 WHERE id = 'a' RETURNING balance`, e.Amount).Scan(&balance)
	switch {
	case err != nil:
		return 0, err
	case e.Then == "fail":
		return 0, errBroke
	case e.Then == "give up":
		return 0, cqrs.Permanent(errBroke)
	case e.Then == "skip":
		return 0, cqrs.Skip("booked")
	case e.Then == "panic":
		panic("boom")
	}
	return balance, nil
}

func (l *ledger) balance(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, l.db.QueryRowContext(t.Context(), `SELECT balance FROM account`).Scan(&n))
	return n
}

// deliver sends the entries as one batch, each in its receive-th delivery.
func (l *ledger) deliver(ctx context.Context, receive int, entries ...entry) error {
	var records []any
	for i, e := range entries {
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		records = append(records, map[string]any{
			"messageId": fmt.Sprintf("m-%d", i), "body": string(body), "eventSource": "aws:sqs",
			"eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:entries",
			"attributes":     map[string]string{"ApproximateReceiveCount": fmt.Sprint(receive)},
		})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return err
	}
	answer, err := l.Invoke(ctx, payload)
	if err == nil && string(answer) != `{"batchItemFailures":[]}` {
		err = errors.New(string(answer))
	}
	return err
}

func TestTransactionalBooksOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		l := newLedger(t, open(t), cqrs.Policy{})
		for range 3 {
			require.NoError(t, l.deliver(t.Context(), 1, entry{ID: "e-1", Amount: 5}, entry{ID: "e-2", Amount: 7, Then: "skip"}))
		}
		require.Equal(t, 12, l.balance(t))
		require.Equal(t, 2, l.runs)
		require.ErrorIs(t, l.deliver(t.Context(), 1, entry{ID: "e-1", Amount: 6}), cqrs.ErrPayloadMismatch)
		require.Equal(t, 12, l.balance(t))
	})
}

func TestTransactionalRollsBack(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		l := newLedger(t, open(t), cqrs.Policy{})
		for _, then := range []string{"fail", "panic", "give up"} {
			require.Error(t, l.deliver(t.Context(), 1, entry{ID: then, Amount: 5, Then: then}))
			require.Error(t, l.deliver(t.Context(), 2, entry{ID: then, Amount: 5, Then: then}), "it runs again")
		}
		require.Zero(t, l.balance(t))
		require.Equal(t, 6, l.runs)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, l.deliver(ctx, 1, entry{ID: "e", Amount: 5}), cqrs.ErrDeadline)
		require.Zero(t, l.balance(t))
	})
}

// TestTransactionalInParallel delivers every entry several times at once, from
// several environments.
func TestTransactionalInParallel(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		l := newLedger(t, open(t), cqrs.Policy{})
		var entries []entry
		for i := range 10 {
			entries = append(entries, entry{ID: fmt.Sprint(i), Amount: 1})
		}
		var wait sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wait.Go(func() { errs[i] = l.deliver(context.Background(), 1, entries...) })
		}
		wait.Wait()
		if errors.Join(errs...) != nil {
			require.NoError(t, l.deliver(t.Context(), 2, entries...), "what could not be serialised comes again")
		}
		require.Equal(t, 10, l.balance(t))
	})
}

// TestTransactionalReportsAgain: what a task was told is kept, the writes are not.
func TestTransactionalReportsAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		told := &reports{lost: 1}
		l := newLedger(t, open(t), cqrs.Policy{Callback: told})
		bad := entry{ID: "e-1", Amount: 5, Then: "give up", Token: "token-1"}
		require.Error(t, l.deliver(t.Context(), 1, bad))
		require.Error(t, l.deliver(t.Context(), 2, bad))
		require.Equal(t, []string{"failure PermanentError broke", "failure PermanentError broke"}, told.all)
		require.Equal(t, 1, l.runs)
		require.Zero(t, l.balance(t))

		good := entry{ID: "e-2", Amount: 5, Token: "token-2"}
		told.all, told.lost = nil, 1
		require.Error(t, l.deliver(t.Context(), 1, good))
		require.NoError(t, l.deliver(t.Context(), 2, good))
		require.Equal(t, []string{"success 5", "success 5"}, told.all)
		require.Equal(t, 2, l.runs)
		require.Equal(t, 5, l.balance(t))
	})
}

// reports is a task callback that loses the first answers.
type reports struct {
	mu   sync.Mutex
	all  []string
	lost int
}

func (r *reports) Success(_ context.Context, _ cqrs.TaskToken, output []byte) error {
	return r.add("success " + string(output))
}

func (r *reports) Failure(_ context.Context, _ cqrs.TaskToken, name, cause string) error {
	return r.add("failure " + name + " " + cause)
}

func (r *reports) Heartbeat(context.Context, cqrs.TaskToken) error { return nil }

func (r *reports) add(line string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, line)
	if r.lost > 0 {
		r.lost--
		return errors.New("the answer was lost")
	}
	return nil
}
