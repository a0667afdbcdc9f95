package catalog_test

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/catalog"
	"github.com/lambda-cqrs/cqrs/examples/orders/shop"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

const tenant = "acme"

func newImporter(a *shoptest.AWS, tenant string) (*catalog.Importer, *cqrstest.Alarms) {
	alarms := &cqrstest.Alarms{}
	return catalog.NewImporter(a.Objects, a.Products, cqrs.NewAlarms(alarms), tenant), alarms
}

// product is the newest version of a product of the tenant, in its command table.
func product(t cqrstest.TB, a *shoptest.AWS, sku string) cqrs.Command[shop.Product] {
	t.Helper()
	key, err := shop.ProductKey(tenant, sku)
	require.NoError(t, err)
	found, err := a.Products.GetVersion(t.Context(), key, command.Latest)
	require.NoError(t, err, sku)
	return found
}

// TestImport has every kind of row, and of list, that suppliers send.
func TestImport(t *testing.T) {
	t.Parallel()
	const head = "sku,name,price,stock\n"
	chair := shop.Product{SKU: "A-1", Name: "Oak Chair", Price: 1250, Stock: 3}
	for name, test := range map[string]struct {
		list      string
		imported  []shop.Product
		left      map[int]string // lines that are left out, with a part of the reason
		unchanged int
	}{
		"one":                       {list: head + "A-1,Oak Chair,1250,3\n", imported: []shop.Product{chair}},
		"no line break at the end":  {list: head + "A-1,Oak Chair,1250,3", imported: []shop.Product{chair}},
		"of Windows":                {list: "sku,name,price,stock\r\nA-1,Oak Chair,1250,3\r\n", imported: []shop.Product{chair}},
		"with a byte order mark":    {list: "\ufeff" + head + "A-1,Oak Chair,1250,3\n", imported: []shop.Product{chair}},
		"a mark and a quoted head":  {list: "\ufeff\"sku\",\"name\",\"price\",\"stock\"\nA-1,Oak Chair,1250,3\n", imported: []shop.Product{chair}},
		"columns in another order":  {list: "Stock, NAME ,colour,price,SKU\n3,Oak Chair,red,1250,A-1\n", imported: []shop.Product{chair}},
		"spaces around the values":  {list: head + " A-1 , Oak Chair , 1250 , 3 \n", imported: []shop.Product{chair}},
		"a long row":                {list: head + "A-1,Oak Chair,1250,3,and,more\n", imported: []shop.Product{chair}},
		"an empty line":             {list: head + "\nA-1,Oak Chair,1250,3\n\n", imported: []shop.Product{chair}},
		"nothing but a head":        {list: head},
		"sold out":                  {list: head + "A-1,Oak Chair,1250,0\n", imported: []shop.Product{{SKU: "A-1", Name: "Oak Chair", Price: 1250}}},
		"a comma in quotes":         {list: head + "A-1,\"Chair, oak\",1250,3\n", imported: []shop.Product{{SKU: "A-1", Name: "Chair, oak", Price: 1250, Stock: 3}}},
		"the greatest price":        {list: head + "A-1,Oak Chair,9223372036854775807,3\n", imported: []shop.Product{{SKU: "A-1", Name: "Oak Chair", Price: 1<<63 - 1, Stock: 3}}},
		"a price that is too great": {list: head + "A-1,Oak Chair,9223372036854775808,3\n", left: map[int]string{2: "is no number of cents"}},
		"a stock that is too great": {list: head + "A-1,Oak Chair,1250,9223372036854775808\n", left: map[int]string{2: "is no number"}},
		"a price with a point":      {list: head + "A-1,Oak Chair,12.50,3\n", left: map[int]string{2: `the price "12.50"`}},
		"no price":                  {list: head + "A-1,Oak Chair,,3\n", left: map[int]string{2: `the price ""`}},
		"a price of nothing":        {list: head + "A-1,Oak Chair,0,3\n", left: map[int]string{2: "above 0"}},
		"a price below nothing":     {list: head + "A-1,Oak Chair,-1250,3\n", left: map[int]string{2: "above 0"}},
		"a stock below nothing":     {list: head + "A-1,Oak Chair,1250,-1\n", left: map[int]string{2: "below 0"}},
		"a short row":               {list: head + "A-1,Oak Chair\n", left: map[int]string{2: `the price ""`}},
		"no SKU":                    {list: head + ",Oak Chair,1250,3\n", left: map[int]string{2: "without an SKU"}},
		"no name":                   {list: head + "A-1, ,1250,3\n", left: map[int]string{2: "no name"}},
		"an SKU that is no key":     {list: head + "A#1,Oak Chair,1250,3\n", left: map[int]string{2: "EscapePart"}},
		"an SKU that is too long":   {list: head + strings.Repeat("A", 1100) + ",Oak Chair,1250,3\n", left: map[int]string{2: "at most"}},
		"a name that is too long":   {list: head + "A-1," + strings.Repeat("A", 200<<10) + ",1250,3\n", left: map[int]string{2: "at most 1000"}},
		"a name that is not UTF-8":  {list: head + "A-1,M\xf6bel,1250,3\n", left: map[int]string{2: "UTF-8"}},
		"a quote too many":          {list: head + "A-2,Oak \"Chair,1250,3\nA-1,Oak Chair,1250,3\n", imported: []shop.Product{chair}, left: map[int]string{2: `bare "`}},
		"the line of a row that has two lines": {
			list: head + "A-1,\"Oak\nChair\",1250,3\nA-2,Oak Chair,free,3\n", left: map[int]string{4: "free"},
			imported: []shop.Product{{SKU: "A-1", Name: "Oak\nChair", Price: 1250, Stock: 3}},
		},
		"an SKU that comes again": {
			list: head + "A-1,Oak Chair,1250,3\nA-1,Other Chair,1,1\n", imported: []shop.Product{chair},
			left: map[int]string{3: "A-1 was in line 2 already"},
		},
		"an SKU that comes again after a bad row": {
			list: head + "A-1,Oak Chair,free,3\nA-1,Oak Chair,1250,3\n", imported: []shop.Product{chair}, left: map[int]string{2: "free"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			importer, alarms := newImporter(a, tenant)
			result, err := importer.Handle(t.Context(), catalog.CSVImport(a.Upload(t, "imports/csv/list.csv", test.list)))
			require.NoError(t, err)
			require.Equal(t, len(test.imported)+len(test.left), result.Rows)
			require.Equal(t, len(test.imported), result.Imported)
			require.Equal(t, len(test.left), result.Failed)
			require.Zero(t, result.Unchanged)
			require.Len(t, result.Errors, len(test.left))
			for _, bad := range result.Errors {
				require.Contains(t, test.left, bad.Line)
				require.Contains(t, bad.Reason, test.left[bad.Line])
				require.True(t, utf8.ValidString(bad.Reason))
			}
			for _, want := range test.imported {
				found := product(t, a, want.SKU)
				require.Equal(t, want, found.Attributes)
				require.Equal(t, want.Name, found.Name)
				require.EqualValues(t, 1, found.Version)
			}
			require.Len(t, alarms.Raised(), min(1, len(test.left)))
		})
	}
}

// TestImportWarnsOnce of all the rows that it leaves out, and names the first of them.
func TestImportWarnsOnce(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	var list strings.Builder
	list.WriteString("sku,name,price,stock\n")
	for n := range 30 {
		fmt.Fprintf(&list, "A-%d,Chair,%d,1\n", n, n%2) // every second price is 0
	}
	importer, alarms := newImporter(a, tenant)
	result, err := importer.Handle(t.Context(), catalog.CSVImport(a.Upload(t, "imports/csv/list.csv", list.String())))
	require.NoError(t, err)
	require.Equal(t, 30, result.Rows)
	require.Equal(t, 15, result.Imported)
	require.Equal(t, 15, result.Failed)
	require.Len(t, result.Errors, 10)
	for i, bad := range result.Errors {
		require.Equal(t, 2+2*i, bad.Line)
	}
	require.Len(t, alarms.Raised(), 1)
	alarm := alarms.Raised()[0]
	require.Equal(t, cqrs.SeverityWarning, alarm.Severity)
	require.Equal(t, "15 of 30 rows were left out", alarm.Message)
	require.Equal(t, "imports/csv/list.csv", alarm.Details["key"])
	require.Equal(t, result.Errors, alarm.Details["errors"])
}

// TestImportBringsUpToDate publishes what is new about a product, and only that.
func TestImportBringsUpToDate(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	importer, alarms := newImporter(a, tenant)
	_, err := importer.Handle(t.Context(), catalog.CSVImport(
		a.Upload(t, "old.csv", "sku,name,price,stock\nA-1,Chair,100,1\nA-2,Table,200,2\nA-3,Lamp,300,3\n")))
	require.NoError(t, err)
	_, err = a.Products.Delete(t.Context(), product(t, a, "A-3").Key, command.Latest)
	require.NoError(t, err)

	result, err := importer.Handle(t.Context(), catalog.CSVImport(
		a.Upload(t, "new.csv", "sku,name,price,stock\nA-1,Chair,100,1\nA-2,Desk,250,2\nA-3,Lamp,300,3\n")))
	require.NoError(t, err)
	require.Equal(t, catalog.ImportResult{
		Rows: 3, Imported: 1, Unchanged: 1, Failed: 1, Errors: []catalog.RowError{{Line: 4, Reason: "A-3 is discontinued"}},
	}, result)
	require.Len(t, alarms.Raised(), 1)
	require.EqualValues(t, 1, product(t, a, "A-1").Version)
	desk := product(t, a, "A-2")
	require.EqualValues(t, 2, desk.Version)
	require.Equal(t, "Desk", desk.Name)
	require.Equal(t, shop.Product{SKU: "A-2", Name: "Desk", Price: 250, Stock: 2}, desk.Attributes)
	require.True(t, product(t, a, "A-3").Deleted)
}

// TestImportOfWhatIsNotThere: an event about what is gone is nothing to do, a task
// that names it has failed.
func TestImportOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	const list = "sku,name,price,stock\nA-1,Chair,100,1\n"
	a := shoptest.Start(t)
	mux := cqrs.NewMux()
	cqrs.OnS3(mux, cqrs.KeySuffix(".csv"), catalog.ImportOf)
	cqrs.OnStepFunction[catalog.CSVImport](mux, "CSV_IMPORT")
	importer, alarms := newImporter(a, tenant)
	recorder := cqrstest.NewRecorder()
	registry := cqrs.NewRegistry(recorder.Middleware())
	cqrs.Register(registry, cqrs.Func(importer.Handle))
	dispatcher, err := cqrs.New(cqrs.Config{Factory: mux, Registry: registry})
	require.NoError(t, err)

	replaced := a.Upload(t, "replaced.csv", list)
	a.Upload(t, "replaced.csv", list+"A-2,Table,200,2\n")
	empty, headless, odd := a.Upload(t, "empty.csv", ""), a.Upload(t, "headless.csv", "A-1,Chair,100,1\n"), a.Upload(t, "odd.csv", "\"sku\n")
	event := func(ref s3store.Ref) cqrstest.Payload {
		return cqrstest.S3(ref.Bucket, cqrstest.Created(ref.Key).ETag(strings.Trim(ref.ETag, `"`)))
	}
	task := func(key string) cqrstest.Payload {
		return cqrstest.StepFunction("CSV_IMPORT", catalog.CSVImport{Bucket: shoptest.Files, Key: key})
	}
	for name, test := range map[string]struct {
		payload cqrstest.Payload
		fails   string
	}{
		"an upload that was replaced":         {payload: event(replaced)},
		"an upload that was removed":          {payload: event(s3store.Ref{Bucket: shoptest.Files, Key: "gone.csv", ETag: "abc"})},
		"a file that the workflow gets wrong": {task("gone.csv"), "NoSuchFile"},
		"an empty file":                       {task(empty.Key), "UnreadableFile"},
		"no head":                             {task(headless.Key), "UnreadableFile"},
		"no CSV":                              {task(odd.Key), "UnreadableFile"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := cqrstest.Invoke(t, dispatcher, test.payload)
			require.Equal(t, test.fails, answer.ErrorType)
			require.Len(t, answer.Ran, 1)
			if test.fails == "" {
				require.True(t, cqrs.IsSkip(answer.Ran[0].Err), "%v", answer.Ran[0].Err)
			} else {
				require.True(t, cqrs.IsPermanent(answer.Ran[0].Err), "%v", answer.Ran[0].Err)
			}
			require.Empty(t, alarms.Raised())
			key, err := shop.ProductKey(tenant, "A-1")
			require.NoError(t, err)
			_, err = a.Products.GetVersion(t.Context(), key, command.Latest)
			require.ErrorIs(t, err, cqrs.ErrNotFound)
		})
	}
}

// TestImportIsRepeated after answers that were lost, and after a failure half-way: in
// the end each product is there, in one version.
func TestImportIsRepeated(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	const rows = 40
	var list strings.Builder
	list.WriteString("sku,name,price,stock\n")
	for n := range rows {
		fmt.Fprintf(&list, "A-%d,Chair,100,%d\n", n, n)
	}
	importer, alarms := newImporter(a, tenant)
	upload := catalog.CSVImport(a.Upload(t, "imports/csv/list.csv", list.String()))

	lost := a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer, Skip: 3, Times: 3})
	broken := a.Inject(local.Fault{Service: "dynamodb", Operation: "PutItem", Effect: local.InternalError, Skip: rows / 2, Times: 1000})
	result, err := importer.Handle(t.Context(), upload)
	require.Error(t, err)
	require.Contains(t, err.Error(), upload.Key)
	require.False(t, cqrs.IsPermanent(err), "%v", err)
	require.Zero(t, result)
	require.Equal(t, 3, lost.Struck())
	require.Positive(t, broken.Struck())
	broken.Remove()

	result, err = importer.Handle(t.Context(), upload)
	require.NoError(t, err)
	require.Equal(t, rows, result.Rows)
	require.Equal(t, rows, result.Imported+result.Unchanged)
	require.Positive(t, result.Unchanged)
	require.Positive(t, result.Imported)
	for n := range rows {
		require.EqualValues(t, 1, product(t, a, fmt.Sprintf("A-%d", n)).Version)
	}
	require.Empty(t, alarms.Raised())
}

// stopping is S3, where the context ends in the middle of a download.
type stopping struct {
	*s3.Client

	stop context.CancelFunc
}

func (s stopping) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := s.Client.GetObject(ctx, in, opts...)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(out.Body)
	_ = out.Body.Close()
	head, rest, _ := strings.Cut(string(content), "\n")
	out.Body = io.NopCloser(io.MultiReader(
		strings.NewReader(head+"\n"), readerFunc(func([]byte) (int, error) { s.stop(); return 0, io.EOF }), strings.NewReader(rest),
	))
	return out, err
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestImportThatIsStopped has not imported what is left, and does not say so.
func TestImportThatIsStopped(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	upload := catalog.CSVImport(a.Upload(t, "imports/csv/list.csv", "sku,name,price,stock\nA-1,Chair,100,1\n"))
	ctx, stop := context.WithCancel(t.Context())
	importer := catalog.NewImporter(
		s3store.New(stopping{a.S3, stop}, shoptest.Files), a.Products, cqrs.NewAlarms(&cqrstest.Alarms{}), tenant,
	)
	_, err := importer.Handle(ctx, upload)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, cqrs.IsPermanent(err))
}

func TestImportOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		record events.S3EventRecord
		want   catalog.CSVImport
		fails  bool
	}{
		"as S3 encodes it": {
			record: record("imports/csv/M%C3%B6bel+%26+mehr%2B1.csv"),
			want:   catalog.CSVImport{Bucket: "b", Key: "imports/csv/Möbel & mehr+1.csv", Version: "v1", ETag: "e"},
		},
		"badly encoded": {record: record("imports/csv/%zz.csv"), fails: true},
		"no object":     {fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := catalog.ImportOf(&test.record)
			require.Equal(t, test.fails, err != nil, "%v", err)
			require.Equal(t, test.fails, cqrs.IsPermanent(err))
			require.Equal(t, test.want, got)
		})
	}
}

func record(key string) events.S3EventRecord {
	return events.S3EventRecord{S3: events.S3Entity{
		Bucket: events.S3Bucket{Name: "b"}, Object: events.S3Object{Key: key, VersionID: "v1", ETag: "e"},
	}}
}

// FuzzImportOf: whatever a key is, S3's encoding of it is decoded to it, once.
func FuzzImportOf(f *testing.F) {
	for _, key := range []string{"imports/csv/a.csv", "a b+c%20d", "Möbel/100 %.csv", "%2e%2e/x", "\x00\xff"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		encoded := record(url.QueryEscape(key))
		got, err := catalog.ImportOf(&encoded)
		require.Equal(t, key == "", err != nil, "%v", err)
		require.Equal(t, key, got.Key)
		raw := record(key)
		if _, err = catalog.ImportOf(&raw); err != nil {
			require.True(t, cqrs.IsPermanent(err), "%v", err)
		}
	})
}
