package day

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/local"
)

// morningOrders are orders as they come in, among them one that is refused and one
// for more than there is.
func morningOrders(ctx context.Context, w *world) error {
	if err := w.placeOrders(ctx, 1, 30, 100*time.Millisecond); err != nil {
		return err
	}
	return w.ordersDone(ctx, 30)
}

// ordersWithoutAnalytics places orders while one of the read models cannot be
// written: the others go on, and it is parked for those orders.
func ordersWithoutAnalytics(ctx context.Context, w *world) error {
	w.outage = w.aws.Inject(local.Fault{Service: "s3", Operation: "PutObject", Effect: local.InternalError, Times: 1 << 30})
	if err := w.placeOrders(ctx, 31, 40, 100*time.Millisecond); err != nil {
		return err
	}
	if err := w.ordersDone(ctx, 40); err != nil {
		return err
	}
	err := w.settle(ctx, "analytics to be parked", func(ctx context.Context) (bool, error) {
		n, err := w.parked(ctx)
		return n == 10, err
	})
	w.board.notef("10 orders are shipped; analytics is parked for them, and nothing else is")
	return err
}

// analyticsRecover ends the outage. The schedule of the rule does the rest.
func analyticsRecover(ctx context.Context, w *world) error {
	w.outage.Remove()
	err := w.settle(ctx, "analytics to catch up", func(ctx context.Context) (bool, error) {
		n, err := w.parked(ctx)
		return n == 0, err
	})
	w.board.notef("analytics has caught up by itself at %s", w.clock.Now().Format("15:04"))
	return err
}

// ordersThroughCrash kills the function while orders come in.
func ordersThroughCrash(ctx context.Context, w *world) error {
	if err := w.placeOrders(ctx, 41, 50, 50*time.Millisecond); err != nil {
		return err
	}
	w.died(w.killed)
	w.function.Kill()
	w.board.notef("killed, with what it was doing")
	if err := w.placeOrders(ctx, 51, 60, 50*time.Millisecond); err != nil {
		return err
	}
	return w.ordersDone(ctx, 60)
}

// placeOrders publishes the orders of these numbers, as a web shop would.
func (w *world) placeOrders(ctx context.Context, first, last int, every time.Duration) error {
	for n := first; n <= last; n++ {
		order, err := w.order(ctx, n)
		if err != nil {
			return err
		}
		key, err := shop.OrderKey(app.Tenant, order.Number)
		if err != nil {
			return err
		}
		if err := order.Validate(); err != nil {
			return err
		}
		_, err = w.shop.Orders.Publish(ctx, cqrs.Command[shop.Order]{
			Key: key, ID: order.Number, Code: order.Number, Name: order.Customer, Type: shop.KindOrder,
			RequestID: "web/" + order.Number, Attributes: order,
		})
		if err != nil {
			return fmt.Errorf("order %s: %w", order.Number, err)
		}
		if w.options.Fast {
			continue
		}
		if err := sleep(ctx, every); err != nil {
			return err
		}
	}
	return nil
}

const (
	refusedEvery = 13 // of so many orders, one is not paid
	tooMuch      = 20 // the order of more than there is
)

// order makes up the order of a number: the same on every day.
func (w *world) order(ctx context.Context, n int) (shop.Order, error) {
	random := rand.New(rand.NewPCG(uint64(n), 0)) //nolint:gosec // nobody gains by guessing it
	order := shop.Order{Number: number(n), Customer: customer(random.IntN(customers)), Status: shop.Placed}
	if n%refusedEvery == 0 {
		order.Customer = fmt.Sprintf("customer-%02d@refused.example", n)
	}
	for _, i := range random.Perm(listedProducts - 1)[:1+random.IntN(3)] { // the last one is discontinued
		p, err := w.product(ctx, sku(i))
		if err != nil {
			return shop.Order{}, err
		}
		line := shop.Line{SKU: p.SKU, Quantity: 1 + random.Int64N(3), Price: p.Price}
		if n == tooMuch {
			line.Quantity = 1_000_000
		}
		order.Lines = append(order.Lines, line)
		order.Total += line.Quantity * line.Price
	}
	return order, nil
}

func number(n int) string { return fmt.Sprintf("2026-%04d", n) }

// sku is that of the nth product in files/products.csv.
func sku(n int) string { return fmt.Sprintf("SKU-%03d", n+1) }

// ordersDone waits until the first n orders are shipped or cancelled.
func (w *world) ordersDone(ctx context.Context, n int) error {
	var shipped, cancelled int
	err := w.settle(ctx, "all orders to be shipped or cancelled", func(ctx context.Context) (bool, error) {
		shipped, cancelled = 0, 0
		for o, err := range w.shop.Orders.List(ctx, command.Query{PK: shop.Partition(shop.KindOrder, app.Tenant)}) {
			switch {
			case err != nil:
				return false, err
			case o.Attributes.Status == shop.Shipped:
				shipped++
			case o.Attributes.Status == shop.Cancelled:
				cancelled++
			}
		}
		return shipped+cancelled == n, nil
	})
	w.board.notef("%d orders: %d shipped, %d cancelled", n, shipped, cancelled)
	return err
}
