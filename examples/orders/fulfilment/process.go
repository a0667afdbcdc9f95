package fulfilment

import (
	"context"
	"errors"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// OrderProcess is the task ORDER_PROCESS of the workflow: the input of its execution.
type OrderProcess struct {
	Tenant   string `json:"tenant"`
	Number   string `json:"number"`
	Customer string `json:"customer"`
	Total    int64  `json:"total"` // in cents
}

// EventTenant is the order's tenant.
func (p OrderProcess) EventTenant() string { return p.Tenant }

// Processed is the result of the task.
type Processed struct {
	Tenant string      `json:"tenant"`
	Number string      `json:"number"`
	Status shop.Status `json:"status"`
}

// Process handles ORDER_PROCESS.
type Process struct {
	payments *Payments
	orders   *command.Service[shop.Order]
}

// NewProcess returns the handler.
func NewProcess(payments *Payments, orders *command.Service[shop.Order]) *Process {
	return &Process{payments, orders}
}

// Handle has the order paid. A payment that is refused cancels it, and fails the task
// as PaymentRefused, which the workflow catches. Nobody is charged for an order that
// there is not, or that was cancelled for another reason.
func (p *Process) Handle(ctx context.Context, task OrderProcess) (Processed, error) {
	key, err := shop.OrderKey(task.Tenant, task.Number)
	if err != nil {
		return Processed{}, err
	}
	order, err := p.orders.GetVersion(ctx, key, command.Latest)
	switch {
	case errors.Is(err, cqrs.ErrNotFound):
		return Processed{}, unknownOrder(key, err)
	case err != nil:
		return Processed{}, err
	case order.Attributes.Status == shop.Cancelled && order.Attributes.Reason != ErrRefused.Error():
		return Processed{}, cqrs.Skip("the order is cancelled")
	}
	err = p.payments.Charge(ctx, task.Tenant, task.Number, task.Customer, task.Total)
	if errors.Is(err, ErrRefused) {
		if failed := move(ctx, p.orders, key, shop.Placed, shop.Cancelled, ErrRefused.Error()); failed != nil {
			return Processed{}, failed
		}
		return Processed{}, cqrs.Named("PaymentRefused", cqrs.Permanent(err))
	}
	if err != nil {
		return Processed{}, err
	}
	if err := move(ctx, p.orders, key, shop.Placed, shop.Paid, ""); err != nil {
		return Processed{}, err
	}
	return Processed{task.Tenant, task.Number, shop.Paid}, nil
}
