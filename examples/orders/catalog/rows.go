package catalog

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
)

// byteOrderMark is what Windows programs begin a text with.
const byteOrderMark = "\ufeff"

// rows reads a price list, row by row.
type rows struct {
	csv    *csv.Reader
	column map[string]int
	seen   map[string]int // the line of each SKU
	line   int            // of the row that was read last
}

// newRows reads the head of a list.
func newRows(r io.Reader) (*rows, error) {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = text.Discard(len(byteOrderMark)) // what follows may be in quotes
	}
	reader := csv.NewReader(text)
	reader.FieldsPerRecord, reader.ReuseRecord = -1, true
	head, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("it has no head: %w", err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, name := range []string{"sku", "name", "price", "stock"} { // in any order
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("its head has no column %q", name)
		}
	}
	return &rows{csv: reader, column: column, seen: map[string]int{}}, nil
}

// all yields each product, or a *RowError for a row that is none. Any other error
// ends it.
func (r *rows) all() iter.Seq2[shop.Product, error] {
	return func(yield func(shop.Product, error) bool) {
		for {
			record, err := r.csv.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if broken, ok := errors.AsType[*csv.ParseError](err); ok {
				r.line = broken.Line
				err = &RowError{broken.Line, broken.Err.Error()}
			}
			var product shop.Product
			if err == nil {
				r.line, _ = r.csv.FieldPos(0)
				product, err = r.product(record)
			}
			var bad *RowError
			if !yield(product, err) || err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

func (r *rows) product(record []string) (shop.Product, error) {
	field := func(name string) string {
		if i := r.column[name]; i < len(record) {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	p := shop.Product{SKU: field("sku"), Name: field("name")}
	var err error
	if p.Price, err = strconv.ParseInt(field("price"), 10, 64); err != nil {
		return p, &RowError{r.line, fmt.Sprintf("the price %q is no number of cents", field("price"))}
	}
	if p.Stock, err = strconv.ParseInt(field("stock"), 10, 64); err != nil {
		return p, &RowError{r.line, fmt.Sprintf("the stock %q is no number", field("stock"))}
	}
	if err = p.Validate(); err != nil {
		return p, &RowError{r.line, err.Error()}
	}
	if first, ok := r.seen[p.SKU]; ok {
		return p, &RowError{r.line, fmt.Sprintf("%s was in line %d already", p.SKU, first)}
	}
	r.seen[p.SKU] = r.line
	return p, nil
}
