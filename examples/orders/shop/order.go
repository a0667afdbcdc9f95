package shop

import (
	"errors"
	"fmt"
	"math"

	"github.com/lambda-cqrs/cqrs"
)

// KindOrder is what the partition keys of orders begin with.
const KindOrder = "ORDER"

// Status is how far an order has come.
type Status string

// The way of an order: PLACED ▸ PAID ▸ SHIPPED, or CANCELLED with a reason.
const (
	Placed    Status = "PLACED"
	Paid      Status = "PAID"
	Shipped   Status = "SHIPPED"
	Cancelled Status = "CANCELLED"
)

// Order holds the attributes of an order.
type Order struct {
	Number   string `json:"number"`
	Customer string `json:"customer"` // an address for mail
	Lines    []Line `json:"lines"`
	Total    int64  `json:"total"` // in cents
	Status   Status `json:"status"`
	Reason   string `json:"reason,omitempty"` // why it was cancelled
}

// Line is one product of an order.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
	Price    int64  `json:"price"` // of one, in cents
}

// maxLines is what one transaction reserves, beside its own item.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const maxLines = 99

// Validate says what is wrong with the order, if anything is.
func (o Order) Validate() error {
	if o.Number == "" || o.Customer == "" || len(o.Lines) == 0 {
		return errors.New("an order needs a number, a customer and at least one line")
	}
	if len(o.Lines) > maxLines {
		return fmt.Errorf("order %s has %d lines; it may have at most %d", o.Number, len(o.Lines), maxLines)
	}
	var total int64
	for _, line := range o.Lines {
		if line.Quantity <= 0 || line.Price <= 0 {
			return fmt.Errorf("order %s has a line of %d × %s for %d; both must be above 0", o.Number, line.Quantity, line.SKU, line.Price)
		}
		if line.Price > (math.MaxInt64-total)/line.Quantity {
			return fmt.Errorf("the lines of order %s come to more than can be counted", o.Number)
		}
		total += line.Quantity * line.Price
	}
	if total != o.Total {
		return fmt.Errorf("order %s says its total is %d, and its lines come to %d", o.Number, o.Total, total)
	}
	return nil
}

// OrderKey is the key of an order of a tenant. Its error is a permanent one.
func OrderKey(tenant, number string) (cqrs.Key, error) {
	return keyOf(KindOrder, tenant, number)
}
