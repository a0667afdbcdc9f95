package docs

import "context"

type mail interface {
	Send(ctx context.Context, to, subject string) error
}

var (
	mailer        mail
	first, second SendNotification
)
