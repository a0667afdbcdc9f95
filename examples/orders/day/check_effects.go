package day

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes/externaltest"
	"github.com/lambda-cqrs/cqrs/examples/orders/fulfilment"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
	"github.com/lambda-cqrs/cqrs/redrive"
)

// outOfStock reports whether an order was cancelled before anything was reserved.
func outOfStock(o shop.Order) bool {
	return o.Status == shop.Cancelled && strings.HasPrefix(o.Reason, fulfilment.ErrOutOfStock.Error())
}

// checkReservations: each order has reserved its pieces once.
func (w *world) checkReservations(ctx context.Context, s *State) (_ string, err error) {
	want, pieces := map[string]int64{}, int64(0)
	for _, o := range s.Orders {
		for _, line := range o.Attributes.Lines {
			if !outOfStock(o.Attributes) {
				want[line.SKU] += line.Quantity
				pieces += line.Quantity
			}
		}
	}
	s.Reserved, err = fulfilment.NewInventory(w.shop.DynamoDB, w.shop.InventoryTable, w.shop.Products).Reserved(ctx, app.Tenant)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d pieces of %d products", pieces, len(want)), same("reservations", s.Reserved, want)
}

// checkPayments: each order that was shipped is paid once.
func (w *world) checkPayments(ctx context.Context, s *State) (_ string, err error) {
	want, cents := map[string]int64{}, int64(0)
	for number, o := range s.Orders {
		if o.Attributes.Status == shop.Shipped {
			want[number] = o.Attributes.Total
			cents += o.Attributes.Total
		}
	}
	s.Paid, err = fulfilment.NewPayments(w.shop.DynamoDB, w.shop.PaymentTable).Paid(ctx, app.Tenant)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d, of %d.%02d", len(s.Paid), cents/100, cents%100), same("payments", s.Paid, want)
}

// checkWorkflows: each order that had its stock went through one execution.
func (w *world) checkWorkflows(ctx context.Context, s *State) (string, error) {
	want := 0
	for _, o := range s.Orders {
		if !outOfStock(o.Attributes) {
			want++
		}
	}
	statuses := map[types.ExecutionStatus]int{}
	pages := sfn.NewListExecutionsPaginator(w.shop.SFN, &sfn.ListExecutionsInput{StateMachineArn: &w.shop.OrderMachine})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, execution := range page.Executions {
			statuses[execution.Status]++
		}
	}
	if statuses[types.ExecutionStatusSucceeded] != want || len(statuses) > 1 {
		return "", fmt.Errorf("executions: %v, not %d that succeeded", statuses, want)
	}
	return fmt.Sprintf("%d executions, all ended well", want), nil
}

// checkMails: everybody was told everything, under one ID each.
func (w *world) checkMails(_ context.Context, s *State) (string, error) {
	letters, err := w.outbox.Letters()
	if err != nil {
		return "", err
	}
	got, want := map[string]string{}, map[string]string{}
	for _, letter := range letters {
		got[letter.ID] = letter.To
	}
	for number, o := range s.Orders {
		want["order-received/"+app.Tenant+"/"+number] = o.Attributes.Customer
		switch {
		case o.Attributes.Status == shop.Shipped:
			want["order-shipped/"+app.Tenant+"/"+number] = o.Attributes.Customer
		case outOfStock(o.Attributes):
			want["order-cancelled/"+app.Tenant+"/"+number] = o.Attributes.Customer
		}
	}
	for n := range newsletters {
		want["newsletter/"+customer(n)] = customer(n)
	}
	s.Mails = slices.Sorted(maps.Keys(got))
	return fmt.Sprintf("%d, each once", len(got)), same("mails", got, want)
}

// checkExternal: the systems outside have the newest version of everything.
func (w *world) checkExternal(_ context.Context, s *State) (string, error) {
	accounts := map[string]Versioned[changes.Account]{}
	for n := range customers {
		u := user(n, userVersion(n))
		accounts[u.SK] = Versioned[changes.Account]{Version: u.Version, Attributes: changes.Account{Name: u.Name, Mail: u.Mail}}
	}
	want := map[cqrs.Key]externaltest.Document{}
	err := errors.Join(documents(want, shop.KindProduct, s.Products), documents(want, shop.KindOrder, s.Orders),
		documents(want, shop.KindUser, accounts))
	got := w.systems.List()
	return fmt.Sprintf("%d things, all at their newest version", len(got)), errors.Join(err, same("systems that follow", got, want))
}

// documents adds what the systems outside are to have of a kind.
func documents[A any](to map[cqrs.Key]externaltest.Document, kind string, all map[string]Versioned[A]) error {
	for sk, one := range all {
		document := externaltest.Document{Version: one.Version, Deleted: one.Deleted}
		if !one.Deleted {
			body, err := json.Marshal(one.Attributes)
			if err != nil {
				return err
			}
			document.Body = body
		}
		to[keyOf(kind, sk)] = document
	}
	return nil
}

func userVersion(n int) int64 {
	if n < movedCustomers {
		return 2
	}
	return 1
}

// checkUploads: each file was taken for what it is.
func (w *world) checkUploads(ctx context.Context, s *State) (string, error) {
	documents, err := uploads.NewDocuments(w.shop.DynamoDB, w.shop.DocumentTable).List(ctx, w.shop.Files)
	if err != nil {
		return "", err
	}
	s.Files = map[string]string{}
	for _, document := range documents {
		s.Files[document.Key] = string(document.Kind)
	}
	return fmt.Sprintf("%d files", len(documents)), same("uploads", s.Files, uploaded())
}

// checkFailures: what failed was sent again or given up by a person.
func (w *world) checkFailures(ctx context.Context, _ *State) (string, error) {
	var failed []error
	for status, want := range map[redrive.Status]int{
		redrive.Open: 0, redrive.Replaying: 0, redrive.Replayed: newsletters, redrive.Discarded: 1,
	} {
		n, err := w.failures(ctx, status)
		if err == nil && n != want {
			err = fmt.Errorf("%d failures are %s, not %d", n, status, want)
		}
		failed = append(failed, err)
	}
	return fmt.Sprintf("%d sent again, 1 discarded, none open", newsletters), errors.Join(failed...)
}

// checkQueues: nothing is left in any.
func (w *world) checkQueues(ctx context.Context, _ *State) (string, error) {
	waiting, err := w.waiting(ctx)
	for _, queue := range slices.Sorted(maps.Keys(waiting)) {
		if waiting[queue] > 0 {
			err = errors.Join(err, fmt.Errorf("%d messages are in %s", waiting[queue], queue))
		}
	}
	return "all empty", err
}

// checkAlarms: somebody was told of what went wrong.
func (w *world) checkAlarms(context.Context, *State) (string, error) {
	var missing []error
	for _, wanted := range []alarm{
		{Severity: "WARNING", Source: "catalog.CSVImport"},
		{Severity: "WARNING", Source: "readmodels.Caretaker"},
		{Severity: "ERROR", Source: "notifications.Notification"},
	} {
		if !w.alarms.has(wanted.Severity, wanted.Source) {
			missing = append(missing, fmt.Errorf("there was no %s of %s", wanted.Severity, wanted.Source))
		}
	}
	return strconv.Itoa(len(w.alarms.newest(1 << 30))), errors.Join(missing...)
}
