package notifications

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// Mailer sends mail: a *sesv2.Client, or an Outbox.
type Mailer interface {
	SendEmail(ctx context.Context, in *sesv2.SendEmailInput, opts ...func(*sesv2.Options)) (*sesv2.SendEmailOutput, error)
}

// Messenger sends text messages and pushes: a *sns.Client, or an Outbox.
type Messenger interface {
	Publish(ctx context.Context, in *sns.PublishInput, opts ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Sender handles notifications.
type Sender struct {
	mail      Mailer
	messages  Messenger
	templates *Templates
	from      string
}

// NewSender returns the handler. Mail comes from the address from.
func NewSender(mail Mailer, messages Messenger, templates *Templates, from string) *Sender {
	return &Sender{mail, messages, templates, from}
}

// Sent is the result of a notification.
type Sent struct {
	Status  string  `json:"status"`
	Channel Channel `json:"channel"`
}

// idHeader carries the notification's ID, by which a repeated mail can be told.
const idHeader = "X-Notification-ID"

// Handle sends a notification. SES and SNS know no idempotency: after a crash between
// their answer and the library's note of it, a person may be told twice.
func (s *Sender) Handle(ctx context.Context, n Notification) (Sent, error) {
	if err := n.check(); err != nil {
		return Sent{}, err
	}
	if n.TemplateID != "" {
		var err error
		if n.Subject, n.Body, err = s.templates.Render(ctx, n.TemplateID, n.TemplateData); err != nil {
			return Sent{}, fmt.Errorf("notification %s: %w", n.ID, err)
		}
	}
	var err error
	switch n.Channel {
	case Email:
		err = s.sendMail(ctx, n)
	case SMS:
		_, err = s.messages.Publish(ctx, &sns.PublishInput{PhoneNumber: &n.Recipient, Message: &n.Body})
	case Push:
		_, err = s.messages.Publish(ctx, &sns.PublishInput{TargetArn: &n.Recipient, Message: &n.Body, Subject: optional(n.Subject)})
	}
	if err != nil {
		return Sent{}, fmt.Errorf("notification %s cannot be sent by %s: %w", n.ID, n.Channel, err)
	}
	return Sent{"sent", n.Channel}, nil
}

func (s *Sender) sendMail(ctx context.Context, n Notification) error {
	_, err := s.mail.SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress: &s.from,
		Destination:      &types.Destination{ToAddresses: []string{n.Recipient}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: &n.Subject},
			Body:    &types.Body{Text: &types.Content{Data: &n.Body}},
			Headers: []types.MessageHeader{{Name: aws.String(idHeader), Value: &n.ID}},
		}},
	})
	return err
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
