package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/bench"
	"github.com/lambda-cqrs/cqrs/bench/process"
)

// turn is what a worker did in one turn, in nanoseconds where it is time.
type turn struct {
	N      int     `json:"n"`
	Wall   float64 `json:"wall"`
	CPU    float64 `json:"cpu"`
	Events int     `json:"events"`
	Sum    int64   `json:"sum"` // of what the handlers saw, so that nobody skips the decoding
}

// store is a memory store that can be replaced by an empty one.
type store struct{ cqrs.IdempotencyStore }

// worker takes turns as node/worker.mjs does.
func worker(ctx context.Context, name, file string) error {
	payload, err := os.ReadFile(file) //nolint:gosec // the file is the caller's
	if err != nil {
		return err
	}
	var t turn
	kept := store{cqrs.NewMemoryIdempotency()}
	h := goFunction(name, &kept, &t)
	if h == nil {
		return fmt.Errorf("no Go function is called %q", name)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		milliseconds, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		t = turn{}
		cpu, start := process.CPUTime(), time.Now()
		for t.N == 0 || time.Since(start) < time.Duration(milliseconds)*time.Millisecond {
			if name == "first" {
				kept.IdempotencyStore = cqrs.NewMemoryIdempotency()
			}
			if err := invocation(ctx, h, payload); err != nil {
				return err
			}
			t.N++
		}
		t.Wall, t.CPU = float64(time.Since(start)), float64(process.CPUTime()-cpu)
		text, err := json.Marshal(t)
		if err != nil {
			return err
		}
		fmt.Println(turnPrefix + string(text))
	}
	return lines.Err()
}

// invocation has a deadline, as all have.
func invocation(ctx context.Context, h lambda.Handler, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	_, err := h.Invoke(ctx, payload)
	return err
}

func goFunction(name string, kept *store, t *turn) lambda.Handler {
	onNotification := func(_ context.Context, n bench.Notification) error {
		t.Events++
		t.Sum += n.Order.Total
		return nil
	}
	onOrder := func(_ context.Context, o bench.Order) error {
		t.Events++
		t.Sum += o.Lines[0].Price
		return nil
	}
	switch name {
	case "mux":
		return bench.WithMux(onNotification, onOrder)
	case "factory":
		return bench.WithFactory(onNotification, onOrder)
	case "first", "again":
		return bench.WithIdempotency(kept, onNotification, onOrder)
	case "sqs by hand":
		return lambda.NewHandler(bench.SQSByHand(onNotification))
	case "stream by hand":
		return lambda.NewHandler(bench.DynamoDBByHand(onOrder))
	default:
		return nil
	}
}
