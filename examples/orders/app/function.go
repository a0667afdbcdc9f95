package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/aws/sfntask"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
)

// MaxReceives is how often the queue of notifications hands out a message, as its
// redrive policy in template.yaml says.
const MaxReceives = 5

// heartbeat fits the HeartbeatSeconds of the state machines, which are 60.
const heartbeat = 20 * time.Second

// remembered is longer than any queue keeps a message, so that none is handled twice.
const remembered = 15 * 24 * time.Hour

// Start runs the function until its environment ends. It does not return where it
// cannot begin: it says why and exits.
func Start() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	cfg, err := configure(context.Background(), log)
	if err != nil {
		log.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	cqrs.Start(cfg)
}

func configure(ctx context.Context, log *slog.Logger) (cqrs.Config, error) {
	settings, err := FromEnvironment()
	if err != nil {
		return cqrs.Config{}, err
	}
	sdk, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return cqrs.Config{}, fmt.Errorf("the SDK's configuration: %w", err)
	}
	o, err := Open(ctx, settings, sdk)
	if err != nil {
		return cqrs.Config{}, err
	}
	return Function(o, log)
}

// Function is the function over a shop.
func Function(o *Shop, log *slog.Logger) (cqrs.Config, error) {
	registry, err := Registry(o, log)
	if err != nil {
		return cqrs.Config{}, err
	}
	return cqrs.Config{
		Factory:  Factory(o.Settings),
		Registry: registry,
		Policy: cqrs.Policy{
			Callback:           sfntask.New(o.SFN),
			CallbackOptions:    []cqrs.CallbackOption{cqrs.HeartbeatEvery(heartbeat)},
			Idempotency:        dynamostore.NewIdempotency(o.DynamoDB, o.IdempotencyTable),
			IdempotencyOptions: []cqrs.IdempotencyOption{cqrs.IdempotencyTTL(remembered)},
			Retry:              &cqrs.RetryPolicy{Backoff: 100 * time.Millisecond},
			Timeout:            10 * time.Second,
		},
		Logger:      log,
		Alarm:       cqrs.ThrottleAlarms(o.Alarms, time.Minute),
		Environment: o.Stage,
		DeadLetter:  sqsqueue.NewDeadLetters(o.SQS, o.DeadLetters),
		Redeliver:   sqsqueue.NewRedeliverer(o.SQS),
		MaxReceives: map[string]int{queueName(o.Notifications): MaxReceives},
		Concurrency: 4,
	}, nil
}
