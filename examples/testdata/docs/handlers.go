package docs

import (
	"context"
	"errors"

	"github.com/lambda-cqrs/cqrs"
)

type (
	SendNotification struct{ Recipient, Subject string }
	OrderProcess     struct{ OrderID string }
	OrderCreated     struct{ ID string }
	Payment          struct{ ID string }
	Receipt          struct{ ID string }
)

type Stock interface {
	Reserve(ctx context.Context, id string) error
}

type mail interface {
	Send(ctx context.Context, to, subject string) error
}

var (
	mailer     mail
	stock      Stock
	pager      cqrs.Alarmer
	store      cqrs.IdempotencyStore
	traced     cqrs.Middleware
	charge     func(ctx context.Context, p Payment) error
	errSoldOut = errors.New("sold out")
)
