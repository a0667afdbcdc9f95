package fulfilment_test

import (
	"context"
	"encoding/json"
	"flag"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "30"); err != nil { // each has an AWS to talk to; the flag says otherwise
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const tenant = "acme"

// orderOf is an order of so many pieces of each product.
func orderOf(number string, pieces map[string]int64) shop.Order {
	o := shop.Order{Number: number, Customer: "ann@example.com", Status: shop.Placed}
	for sku, n := range pieces {
		o.Lines = append(o.Lines, shop.Line{SKU: sku, Quantity: n, Price: 100})
		o.Total += n * 100
	}
	return o
}

func inventoryOf(a *shoptest.AWS) *fulfilment.Inventory {
	return fulfilment.NewInventory(a.DynamoDB, shoptest.Inventory, a.Products)
}

// hasty is a client that does not try again by itself: what it meets, its caller
// meets.
func hasty(a *shoptest.AWS) *dynamodb.Client {
	return dynamodb.New(a.DynamoDB.Options(), func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
}

// statuses is the way of an order so far, version by version.
func statuses(t cqrstest.TB, a *shoptest.AWS, key cqrs.Key) []shop.Status {
	t.Helper()
	newest, err := a.Orders.GetVersion(t.Context(), key, command.Latest)
	require.NoError(t, err)
	way := make([]shop.Status, newest.Version)
	for i := range way {
		version, err := a.Orders.GetVersion(t.Context(), key, int64(i+1))
		require.NoError(t, err)
		way[i] = version.Attributes.Status
	}
	return way
}

// mail is what a test looks at of a notification in the queue.
type mail struct {
	Type     string            `json:"type"`
	ID       string            `json:"id"`
	Template string            `json:"templateId"`
	To       string            `json:"recipient"`
	Channel  string            `json:"channel"`
	Data     map[string]string `json:"templateData"`
}

// mails empties the queue.
func mails(t cqrstest.TB, a *shoptest.AWS) []mail {
	t.Helper()
	var all []mail
	for _, body := range a.Messages(t) {
		var m mail
		require.NoError(t, json.Unmarshal([]byte(body), &m))
		all = append(all, m)
	}
	return all
}

// ask puts an event through a dispatcher, as a task of a state machine that waits for
// the answer, so that the name of the error is known.
func ask[T, R any](t *testing.T, handle func(ctx context.Context, event T) (R, error), event T) cqrstest.Answer {
	t.Helper()
	recorder, mux := cqrstest.NewRecorder(), cqrs.NewMux()
	cqrs.OnStepFunction[T](mux, "TASK")
	registry := cqrs.NewRegistry(recorder.Middleware())
	cqrs.Register(registry, cqrs.Func(handle))
	dispatcher, err := cqrs.New(cqrs.Config{Factory: mux, Registry: registry})
	require.NoError(t, err)
	return cqrstest.Invoke(t, dispatcher, cqrstest.StepFunction("TASK", event))
}
