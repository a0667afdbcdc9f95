package day

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/local"
	"github.com/lambda-cqrs/cqrs/redrive"
)

const (
	newsletters = 3
	operator    = "operator@example.com"
)

// newsletter sends what cannot be sent, and one message that nobody can read.
func newsletter(ctx context.Context, w *world) error {
	for n := range newsletters {
		err := w.shop.Queue.Send(ctx, notifications.Notification{
			ID: "newsletter/" + customer(n), Channel: notifications.Email, Recipient: customer(n),
			TemplateID: forgotten, TemplateData: notifications.Values(map[string]any{"name": fmt.Sprintf("Customer %d", n), "percent": 15}),
		})
		if err != nil {
			return err
		}
	}
	nonsense := `{"type":"NOTIFICATION","channel":`
	if _, err := w.shop.SQS.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.shop.Notifications, MessageBody: &nonsense}); err != nil {
		return err
	}
	err := w.settle(ctx, "the failures to be stored", func(ctx context.Context) (bool, error) {
		n, err := w.failures(ctx, redrive.Open)
		return n == newsletters+1, err
	})
	w.board.notef("%d failures are stored in SQL, and somebody was woken", newsletters+1)
	return err
}

// redriveFailures is what an operator does.
func redriveFailures(ctx context.Context, w *world) error {
	if err := w.upload(ctx, "templates/"+forgotten+".txt", "templates/"+forgotten+".txt"); err != nil {
		return err
	}
	redriver := w.shop.Redriver()
	groups, err := w.shop.Failures.Groups(ctx, redrive.Open)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.ErrorName == "DecodeError" {
			report, err := redriver.Discard(ctx, redrive.Filter{Type: g.Type, ErrorName: g.ErrorName}, operator, "nobody can read it")
			if err = errors.Join(err, report.Err()); err != nil {
				return err
			}
			w.board.notef("discarded: %d × %s, %s", report.Done(), g.Type, g.ErrorName)
			continue
		}
		report, err := redriver.Replay(ctx, redrive.Replay{
			Filter: redrive.Filter{Type: g.Type, ErrorName: g.ErrorName}, By: operator, Note: "the template is there now",
		})
		if err = errors.Join(err, report.Err()); err != nil {
			return err
		}
		w.board.notef("sent again: %d × %s, %s", report.Done(), g.Type, g.ErrorName)
	}
	return w.settle(ctx, "the newsletters to be sent", func(context.Context) (bool, error) {
		sent, err := w.sent("newsletter/")
		return sent == newsletters, err
	})
}

// unknownWorkflow invokes the function as a state machine does.
func unknownWorkflow(ctx context.Context, w *world) error {
	_, err := w.function.Invoke(ctx, []byte(`{"type":"ARCHIVE_EVERYTHING","payload":{}}`))
	var refused *local.FunctionError
	if !errors.As(err, &refused) {
		return fmt.Errorf("a task of an unknown type was not refused: %w", err)
	}
	w.board.notef("refused: %s", clip(refused.Error(), ruler-10))
	return nil
}
