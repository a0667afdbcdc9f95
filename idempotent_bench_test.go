package cqrs_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// BenchmarkIdempotent is a batch of ten SQS messages: as it is, with each event
// run once, and with each event a duplicate.
func BenchmarkIdempotent(b *testing.B) {
	batch := func(n int) []byte {
		messages := make([]message, 10)
		for i := range messages {
			messages[i] = todo(fmt.Sprint(n, "-", i), "")
		}
		return sqsBatch(b, queueARN, messages...)
	}
	for name, policy := range map[string]func() cqrs.Policy{
		"plain":     func() cqrs.Policy { return cqrs.Policy{} },
		"first run": func() cqrs.Policy { return cqrs.Policy{Idempotency: forgetful{cqrs.NewMemoryIdempotency()}} },
		"duplicate": func() cqrs.Policy { return cqrs.Policy{Idempotency: cqrs.NewMemoryIdempotency()} },
	} {
		b.Run(name, func(b *testing.B) {
			d := taskHandler(b, succeed, cqrs.Config{Policy: policy()})
			payload := batch(1)
			ctx, cancel := context.WithTimeout(b.Context(), 15*60*1e9)
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				_, err := d.Invoke(ctx, payload)
				require.NoError(b, err)
			}
		})
	}
}

// forgetful keeps no outcome, so that each run is the first.
type forgetful struct{ cqrs.IdempotencyStore }

func (s forgetful) Complete(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	if err := s.IdempotencyStore.Release(ctx, c); err != nil {
		return err
	}
	return nil
}
