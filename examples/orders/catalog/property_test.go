package catalog_test

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/examples/orders/catalog"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
)

// row is a row of a list, with what is to become of it.
type row struct {
	fields []string
	good   shop.Product // where SKU is not empty
}

// rows draws good rows, and bad ones of every kind. That an SKU comes again makes a
// good row a bad one; the caller sees to that.
func rows() *rapid.Generator[[]row] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
		p := shop.Product{
			SKU: fmt.Sprintf("A-%d", rapid.IntRange(0, 5).Draw(t, "sku")), Name: rapid.SampledFrom([]string{"Chair", "Möbel", `"7 inch", red`}).Draw(t, "name"),
			Price: rapid.Int64Range(1, 1<<63-1).Draw(t, "price"), Stock: rapid.Int64Range(0, 99).Draw(t, "stock"),
		}
		fields := []string{p.SKU, p.Name, strconv.FormatInt(p.Price, 10), strconv.FormatInt(p.Stock, 10)}
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return row{fields: append(fields[:2], "-"+fields[2], fields[3])}
		case 1:
			return row{fields: fields[:rapid.IntRange(1, 3).Draw(t, "columns")]}
		case 2:
			return row{fields: append([]string{rapid.SampledFrom([]string{"", "a@b", "a#b", "\xff"}).Draw(t, "bad sku")}, fields[1:]...)}
		case 3:
			return row{append(fields, "more"), p}
		default:
			return row{fields, p}
		}
	}), 0, 10)
}

// TestImportsExactlyTheGoodRows: any mixture of good, bad and repeated rows imports the
// good ones, and a second import of the same list changes nothing.
func TestImportsExactlyTheGoodRows(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	var lists atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		drawn := rows().Draw(t, "rows")
		var list strings.Builder
		w := csv.NewWriter(&list)
		require.NoError(t, w.Write([]string{"sku", "name", "price", "stock"}))
		want := map[string]shop.Product{}
		for _, row := range drawn {
			require.NoError(t, w.Write(row.fields))
			if _, again := want[row.good.SKU]; row.good.SKU != "" && !again {
				want[row.good.SKU] = row.good
			}
		}
		w.Flush()
		tenant := fmt.Sprintf("tenant-%d", lists.Add(1))
		importer, alarms := newImporter(a, tenant)
		upload := catalog.CSVImport(a.Upload(t, tenant+".csv", list.String()))

		first, err := importer.Handle(t.Context(), upload)
		require.NoError(t, err)
		second, err := importer.Handle(t.Context(), upload)
		require.NoError(t, err)

		failed := len(drawn) - len(want)
		require.Equal(t, []int{len(drawn), len(want), 0, failed}, []int{first.Rows, first.Imported, first.Unchanged, first.Failed})
		require.Equal(t, []int{len(drawn), 0, len(want), failed}, []int{second.Rows, second.Imported, second.Unchanged, second.Failed})
		require.Equal(t, first.Errors, second.Errors)
		require.Len(t, alarms.Raised(), 2*min(failed, 1))
		for n := range 6 {
			key, err := shop.ProductKey(tenant, fmt.Sprintf("A-%d", n))
			require.NoError(t, err)
			found, err := a.Products.GetVersion(t.Context(), key, command.Latest)
			good, ok := want[key.SK]
			require.Equal(t, ok, err == nil, "%v", err)
			require.Equal(t, good, found.Attributes)
			if ok {
				require.EqualValues(t, 1, found.Version)
			}
		}
	})
}
