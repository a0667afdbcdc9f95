package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// pager stands for snsalarm.New(client, topic).
type pager struct{}

func (pager) Alarm(_ context.Context, a cqrs.Alarm) error {
	fmt.Printf("[%s] %s: %s\n", a.Severity, a.Source, a.Message)
	return nil
}

// The route has an alarmer of its own; what other routes raise goes to
// Config.Alarm.
func ExampleAlarmOnFailure() {
	mux, registry := cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnSQS[ChargeCard](mux, cqrs.Queue("orders"))
	cqrs.RegisterFunc(registry, func(context.Context, ChargeCard) error {
		return cqrs.Permanent(errors.New("the card is blocked"))
	}, cqrs.RouteName("payments.Charge"), cqrs.With(cqrs.AlarmOnFailure(pager{})))
	dispatcher := start(mux, registry, cqrs.Config{})

	_, err := dispatcher.Invoke(context.Background(), queued([]string{"m-1"}, `{"orderId":"o-1"}`))
	fmt.Println(err != nil)

	// Output:
	// [ERROR] payments.Charge: aws:sqs record "m-1", route payments.Charge: the card is blocked
	// true
}

// A storm becomes one alarm. The number of those that were held back goes out with
// the first alarm after the period, as "suppressed" in its details.
func ExampleThrottleAlarms() {
	mux, registry := cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnSQS[ChargeCard](mux, cqrs.Queue("orders"))
	cqrs.RegisterFunc(registry, func(context.Context, ChargeCard) error {
		return cqrs.Permanent(errors.New("the bank does not answer"))
	})
	dispatcher := start(mux, registry, cqrs.Config{Alarm: cqrs.ThrottleAlarms(pager{}, 10*time.Minute), DeadLetter: &shelf{}})

	for i := range 1000 {
		answer, err := dispatcher.Invoke(context.Background(), queued([]string{fmt.Sprint("m-", i)}, `{"orderId":"o-1"}`))
		if i == 999 {
			fmt.Println(string(answer), err)
		}
	}

	// Output:
	// [ERROR] cqrs_test.ChargeCard: aws:sqs record "m-0", route cqrs_test.ChargeCard: the bank does not answer
	// {"batchItemFailures":[]} <nil>
}

// Alarms raised by hand, as lines of the log.
func ExampleNewAlarms() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindTime {
			return slog.Attr{}
		}
		return a
	}}))
	alarms := cqrs.NewAlarms(cqrs.InEnvironment(cqrs.NewLogAlarmer(logger), "production"))
	ctx := context.Background()
	_ = alarms.Warning(ctx, "BatchProcessor", "2 items failed", map[string]any{"items": []int{3, 7}})
	_ = alarms.Critical(ctx, "payments", "the bank does not answer", errors.New("connection refused"))

	// Output:
	// level=WARN msg="2 items failed" severity=WARNING alarm_source=BatchProcessor environment=production details.items="[3 7]"
	// level=ERROR+4 msg="the bank does not answer" severity=CRITICAL alarm_source=payments environment=production error="connection refused"
}

// shelf stands for sqsqueue.NewDeadLetters(client, queueURL).
type shelf struct{ letters []cqrs.DeadLetter }

func (s *shelf) DeadLetter(_ context.Context, d cqrs.DeadLetter) error {
	s.letters = append(s.letters, d)
	return nil
}

// What fails for good is kept and acknowledged; the rest comes again.
func ExampleDeadLetters() {
	mux, registry, sink := cqrs.NewMux(), cqrs.NewRegistry(), &shelf{}
	cqrs.OnSQS[ChargeCard](mux, cqrs.Queue("orders"))
	cqrs.RegisterFunc(registry, func(_ context.Context, c ChargeCard) error {
		if c.Cents < 0 {
			return cqrs.Permanent(cqrs.Named("NegativeAmount", fmt.Errorf("%d cents", c.Cents)))
		}
		return errors.New("the bank does not answer")
	}, cqrs.With(cqrs.DeadLetters(sink)))
	dispatcher := start(mux, registry, cqrs.Config{})

	answer, err := dispatcher.Invoke(context.Background(), queued([]string{"m-1", "m-2"},
		`{"orderId":"o-1","cents":-1}`,
		`{"orderId":"o-2","cents":995}`))
	fmt.Println(string(answer), err)
	for _, d := range sink.letters {
		fmt.Println(d.Message.ID, d.Route, d.ErrorName, d.Error, string(d.Event))
	}

	// Output:
	// {"batchItemFailures":[{"itemIdentifier":"m-2"}]} <nil>
	// m-1 cqrs_test.ChargeCard NegativeAmount -1 cents {"orderId":"o-1","cents":-1}
}

// A function that watches over a dead-letter queue. SQS moved a message there
// after its last attempt.
func ExampleOnDeadLetter() {
	mux, registry := cqrs.NewMux(), cqrs.NewRegistry()
	cqrs.OnDeadLetter(mux, cqrs.Queue("orders-dlq"))
	cqrs.RegisterFunc(registry, func(_ context.Context, d cqrs.DeadLetter) error {
		fmt.Println(d.Message.ARN, d.Message.ID)
		fmt.Println(d.ErrorName, "after", d.Attempts, "attempts:", string(d.Event))
		return nil
	})
	dispatcher := start(mux, registry, cqrs.Config{})

	answer, err := dispatcher.Invoke(context.Background(), []byte(`{"Records": [{
		"messageId": "m-1", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders-dlq",
		"attributes": {"ApproximateReceiveCount": "4", "DeadLetterQueueSourceArn": "arn:aws:sqs:eu-west-1:123456789012:orders"},
		"body": "{\"orderId\":\"o-1\"}"}]}`))
	fmt.Println(string(answer), err)

	// Output:
	// arn:aws:sqs:eu-west-1:123456789012:orders m-1
	// MaxReceivesExceeded after 4 attempts: {"orderId":"o-1"}
	// {"batchItemFailures":[]} <nil>
}
