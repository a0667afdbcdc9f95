package bench_test

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs/bench"
)

func onNotification(context.Context, bench.Notification) error { return nil }
func onOrder(context.Context, bench.Order) error               { return nil }

func run(b *testing.B, h lambda.Handler, payload []byte) {
	b.Helper()
	ctx := context.Background()
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Invoke(ctx, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSQS10(b *testing.B) {
	payload := bench.SQS(10)
	b.Run("byhand", func(b *testing.B) { run(b, lambda.NewHandler(bench.SQSByHand(onNotification)), payload) })
	b.Run("mux", func(b *testing.B) { run(b, bench.WithMux(onNotification, onOrder), payload) })
	b.Run("factory", func(b *testing.B) { run(b, bench.WithFactory(onNotification, onOrder), payload) })
}

func BenchmarkDynamoDB100(b *testing.B) {
	payload := bench.DynamoDB(100)
	b.Run("byhand", func(b *testing.B) { run(b, lambda.NewHandler(bench.DynamoDBByHand(onOrder)), payload) })
	b.Run("mux", func(b *testing.B) { run(b, bench.WithMux(onNotification, onOrder), payload) })
	b.Run("factory", func(b *testing.B) { run(b, bench.WithFactory(onNotification, onOrder), payload) })
}
