package changes

import (
	"context"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// UserChanged follows the users.
type UserChanged struct{ followers }

// NewUserChanged makes the handler.
func NewUserChanged(cache *Cache, external *External) *UserChanged {
	return &UserChanged{followers{cache, external}}
}

// Account is what the systems outside are told of a user.
type Account struct {
	Name string `json:"name"`
	Mail string `json:"mail"`
}

// Handle takes a change of the user table. Whoever writes it raises the version with
// every change, also of a user who was removed and comes back.
func (h *UserChanged) Handle(ctx context.Context, c cqrs.Change[shop.User]) error {
	return follow(ctx, &h.followers, c, func(u shop.User) state {
		return state{key: cqrs.Key{PK: u.PK, SK: u.SK}, version: u.Version, body: Account{Name: u.Name, Mail: u.Mail}}
	})
}
