// Package catalog keeps the products up to date: suppliers upload price lists, and
// announce single prices.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/sync/errgroup"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// CSVImport is a price list to be imported: an upload, or the task CSV_IMPORT of a
// workflow.
type CSVImport struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	Version string `json:"version,omitempty"`
	ETag    string `json:"etag,omitempty"`
}

// ImportOf is the import of an uploaded object.
func ImportOf(r *events.S3EventRecord) (CSVImport, error) {
	ref, err := s3store.RefOf(r)
	return CSVImport(ref), err
}

// ImportResult is what became of the rows.
type ImportResult struct {
	Rows      int        `json:"rows"`
	Imported  int        `json:"imported"`
	Unchanged int        `json:"unchanged"`
	Failed    int        `json:"failed"`
	Errors    []RowError `json:"errors,omitempty"` // the first ten
}

// RowError says what is wrong with a row.
type RowError struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

const (
	writers     = 8  // rows that are published at once
	namedErrors = 10 // of the rows that failed
)

// Importer handles price lists.
type Importer struct {
	objects  *s3store.Store
	products *command.Service[shop.Product]
	alarms   *cqrs.Alarms
	tenant   string
}

// NewImporter returns the handler. The products are the tenant's.
func NewImporter(
	objects *s3store.Store, products *command.Service[shop.Product], alarms *cqrs.Alarms, tenant string,
) *Importer {
	return &Importer{objects, products, alarms, tenant}
}

// Handle publishes the rows of a list, which it reads as it goes. Bad rows are left
// out, and a warning tells of them; a failure of the shop's own fails the import, and
// a repeated one finds what the first has done. An upload that was replaced or removed
// meanwhile is skipped; a file that a workflow names and that is not there fails as
// NoSuchFile, one that is no price list as UnreadableFile.
func (i *Importer) Handle(ctx context.Context, list CSVImport) (ImportResult, error) {
	object, err := i.objects.OpenRef(ctx, s3store.Ref(list))
	switch {
	case errors.Is(err, s3store.ErrChanged), errors.Is(err, s3store.ErrGone) && list.ETag != "":
		return ImportResult{}, cqrs.Skip("the list has been replaced or removed")
	case errors.Is(err, s3store.ErrGone):
		return ImportResult{}, cqrs.Named("NoSuchFile", cqrs.Permanent(fmt.Errorf("%s: %w", list.Key, err)))
	case err != nil:
		return ImportResult{}, err
	}
	defer func() { _ = object.Close() }()

	rows, err := newRows(object)
	if err != nil {
		return ImportResult{}, cqrs.Named("UnreadableFile", cqrs.Permanent(fmt.Errorf("%s: %w", list.Key, err)))
	}
	count := &counter{}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for product, err := range rows.all() {
		if within.Err() != nil {
			break
		}
		if bad, ok := errors.AsType[*RowError](err); ok {
			count.bad(*bad)
			continue
		}
		if err != nil {
			return ImportResult{}, errors.Join(err, group.Wait()) // the download broke off
		}
		line := rows.line
		group.Go(func() error { return i.publish(within, product, line, count) })
	}
	if err = group.Wait(); err == nil {
		err = ctx.Err() // rows may be left
	}
	if err != nil {
		return ImportResult{}, fmt.Errorf("%s: %w", list.Key, err)
	}
	return count.result, i.warn(ctx, list, count)
}

// publish makes a product, or brings it up to date.
func (i *Importer) publish(ctx context.Context, product shop.Product, line int, count *counter) error {
	key, err := shop.ProductKey(i.tenant, product.SKU)
	if err != nil {
		count.bad(RowError{line, err.Error()})
		return nil //nolint:nilerr // it is the row's
	}
	_, err = i.products.Publish(ctx, cqrs.Command[shop.Product]{
		Key: key, ID: product.SKU, Code: product.SKU, Name: product.Name, TenantCode: i.tenant, Type: shop.KindProduct, Attributes: product,
	})
	if !errors.Is(err, cqrs.ErrVersionConflict) {
		count.done(err == nil)
		return err
	}
	changed := false
	_, err = i.products.Update(ctx, key, func(c *cqrs.Command[shop.Product]) error {
		if c.Deleted {
			return &RowError{line, product.SKU + " is discontinued"}
		}
		changed = c.Attributes != product
		c.Name, c.Attributes = product.Name, product
		return nil
	})
	if bad, ok := errors.AsType[*RowError](err); ok {
		count.bad(*bad)
		return nil
	}
	count.done(changed)
	return err
}

// warn tells of bad rows.
func (i *Importer) warn(ctx context.Context, list CSVImport, count *counter) error {
	if count.result.Failed == 0 {
		return nil
	}
	slices.SortFunc(count.result.Errors, func(a, b RowError) int { return a.Line - b.Line })
	message := fmt.Sprintf("%d of %d rows were left out", count.result.Failed, count.result.Rows)
	return i.alarms.Warning(ctx, "catalog.CSVImport", message, map[string]any{"key": list.Key, "errors": count.result.Errors})
}

// Error makes a RowError an error.
func (e *RowError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// counter counts rows from several goroutines.
type counter struct {
	mu     sync.Mutex
	result ImportResult
}

func (c *counter) bad(e RowError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Rows++
	c.result.Failed++
	if len(c.result.Errors) < namedErrors {
		c.result.Errors = append(c.result.Errors, e)
	}
}

func (c *counter) done(changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Rows++
	if changed {
		c.result.Imported++
	} else {
		c.result.Unchanged++
	}
}
