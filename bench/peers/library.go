package peers

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/bench"
)

// Observe runs a scenario through this library, with a Mux.
func Observe(ctx context.Context, s Scenario) (o Observed) {
	mux := cqrs.NewMux()
	cqrs.OnSQS[bench.Notification](mux, cqrs.TypeField("type", "NOTIFICATION"))
	cqrs.OnDynamoDB[bench.Order](mux, cqrs.PKPrefix("ORDER#"), cqrs.Inserted|cqrs.Modified)
	routes := cqrs.NewRegistry()
	cqrs.RegisterFunc(routes, func(_ context.Context, n bench.Notification) error {
		if err := stumble(n.Text); err != nil {
			return err
		}
		if n.Order.Total > 1<<53 {
			o.Total = strconv.FormatInt(n.Order.Total, 10)
		}
		o.Done = append(o.Done, number(n.ID))
		return nil
	})
	cqrs.RegisterFunc(routes, func(_ context.Context, order bench.Order) error {
		if err := stumble(order.Status); err != nil {
			return err
		}
		o.Done = append(o.Done, number(strings.TrimSuffix(order.SK, "@3")))
		return nil
	})
	config := cqrs.Config{Factory: mux, Registry: routes, Logger: slog.New(slog.DiscardHandler)}
	if s.Protected {
		config.Policy.Idempotency = cqrs.NewMemoryIdempotency()
	}
	dispatcher, err := cqrs.New(config)
	if err != nil {
		panic(err) // the wiring is this file's
	}
	for range s.Times {
		o.Answer, o.Error, o.Late = invoke(ctx, dispatcher, s)
	}
	return o
}

func invoke(ctx context.Context, d *cqrs.Dispatcher, s Scenario) (answer []byte, failure string, late bool) {
	deadline := time.Now().Add(s.Left)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	answer, err := d.Invoke(ctx, s.Payload)
	if err != nil {
		failure = err.Error()
	}
	return answer, failure, time.Now().After(deadline)
}

func stumble(over string) error {
	switch over {
	case Fail:
		return errors.New("it failed")
	case Panic:
		panic("it panicked")
	case Slow:
		time.Sleep(SlowTime)
	}
	return nil
}

// number is the position in its batch that an id such as n-000000003 tells.
func number(id string) int {
	n, err := strconv.Atoi(id[2:])
	if err != nil {
		panic(err) // the ids are the benchmark's own
	}
	return n
}
