package dynamostore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
)

type payment struct{ ID string }

// A batch of ten through the whole library: twenty writes at first, ten when it
// comes again, and one run of each whatever gets lost on the way.
func TestPolicy(t *testing.T) {
	t.Parallel()
	c, f := client(t)
	store := dynamostore.NewIdempotency(c, table(t, c, "id"))
	runs := map[string]int{}
	mux := cqrs.NewMux()
	cqrs.OnSQS[payment](mux, cqrs.Queue("payments"))
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(_ context.Context, p payment) error {
		runs[p.ID]++
		if runs[p.ID] == 1 && p.ID == "7" {
			return errors.New("once")
		}
		return nil
	})
	d, err := cqrs.New(cqrs.Config{Factory: mux, Registry: registry, Policy: cqrs.Policy{Idempotency: store}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	var records []string
	for i := range 10 {
		records = append(records, fmt.Sprintf(`{"messageId":"m-%d","body":"{\"ID\":\"%d\"}","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:payments"}`, i, i))
	}
	payload := []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
	f.Take()
	answer, err := d.Invoke(t.Context(), payload)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"m-7"}]}`, string(answer))
	require.Len(t, f.Take(), 20)
	f.LoseAnswer().Pass().LoseRequest()
	for range 2 {
		answer, err = d.Invoke(t.Context(), payload)
		require.NoError(t, err)
		require.JSONEq(t, `{"batchItemFailures":[]}`, string(answer))
	}
	require.Len(t, f.Take(), 2+10+1+10)
	for id, n := range runs {
		want := 1
		if id == "7" {
			want = 2
		}
		require.Equal(t, want, n, id)
	}
}
