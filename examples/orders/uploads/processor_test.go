package uploads_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
	"github.com/lambda-cqrs/cqrs/local"
)

func newProcessor(a *shoptest.AWS) (*uploads.Processor, *uploads.Documents) {
	documents := uploads.NewDocuments(a.DynamoDB, shoptest.Documents)
	return uploads.NewProcessor(a.Objects, documents), documents
}

// uploadOf uploads a file and is what its event says.
func uploadOf(t cqrstest.TB, a *shoptest.AWS, key, content string) uploads.Upload {
	t.Helper()
	return uploads.Upload{Ref: a.Upload(t, key, content), Size: int64(len(content)), Sequencer: "0A"}
}

// file is one of the day: as people upload them.
func file(t shoptest.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "day", "files", name))
	require.NoError(t, err)
	return string(text)
}

// workbook has two sheets, of so many rows.
func workbook(t shoptest.TB, rows ...int) string {
	t.Helper()
	book := excelize.NewFile()
	defer func() { require.NoError(t, book.Close()) }()
	for i, n := range rows {
		sheet := fmt.Sprintf("Sheet%d", i+1)
		_, err := book.NewSheet(sheet)
		require.NoError(t, err)
		for row := range n {
			require.NoError(t, book.SetSheetRow(sheet, fmt.Sprintf("A%d", row+1), &[]any{"a", row}))
		}
	}
	text, err := book.WriteToBuffer()
	require.NoError(t, err)
	return text.String()
}

func picture(t shoptest.TB, encode func(w io.Writer, m image.Image) error) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, encode(&text, image.NewGray(image.Rect(0, 0, 7, 5))))
	return text.String()
}

func asJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }

func TestUpload(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		key, content string
		want         uploads.Document
	}{
		"rows":                  {"a.csv", "a,b\n1,2\n3,4\n", uploads.Document{Kind: uploads.CSV, Rows: 3, Columns: 2}},
		"rows of any length":    {"a.csv", "a,b\n1,2,3\n4\n", uploads.Document{Kind: uploads.CSV, Rows: 3, Columns: 3}},
		"an empty file":         {"a.csv", "", uploads.Document{Kind: uploads.CSV}},
		"capital letters":       {"A.CSV", "a\n", uploads.Document{Kind: uploads.CSV, Rows: 1, Columns: 1}},
		"a workbook":            {"a.xlsx", workbook(t, 4, 3), uploads.Document{Kind: uploads.Excel, Rows: 7, Columns: 2}},
		"a workbook of the day": {"prices.xlsx", file(t, "prices.xlsx"), uploads.Document{Kind: uploads.Excel, Rows: 4, Columns: 2}},
		"a PDF":                 {"a.pdf", pdf(5), uploads.Document{Kind: uploads.PDF, Pages: 5}},
		"a PDF of the day":      {"catalogue.pdf", file(t, "catalogue.pdf"), uploads.Document{Kind: uploads.PDF, Pages: 2}},
		"a drawing":             {"a.png", picture(t, png.Encode), uploads.Document{Kind: uploads.Image, Width: 7, Height: 5}},
		"a photo":               {"a.jpg", picture(t, asJPEG), uploads.Document{Kind: uploads.Image, Width: 7, Height: 5}},
		"a photo's other name":  {"a.b.jpeg", picture(t, asJPEG), uploads.Document{Kind: uploads.Image, Width: 7, Height: 5}},
		"a type of its own": {"letter.docx", "Dear", uploads.Document{
			Kind: uploads.Skipped, Reason: `files of type "docx" are not looked into`,
		}},
		"no type": {"README", "Dear", uploads.Document{Kind: uploads.Skipped, Reason: `files of type "" are not looked into`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			processor, documents := newProcessor(a)
			u := uploadOf(t, a, "uploads/"+test.key, test.content)
			test.want.Key = u.Key
			for range 2 {
				got, err := processor.Handle(t.Context(), u)
				if test.want.Kind == uploads.Skipped {
					require.True(t, cqrs.IsSkip(err), "%v", err)
					require.ErrorContains(t, err, test.want.Reason)
				} else {
					require.NoError(t, err)
				}
				require.Equal(t, test.want, got)
				list, err := documents.List(t.Context(), shoptest.Files)
				require.NoError(t, err)
				require.Equal(t, []uploads.Document{test.want}, list)
			}
		})
	}
}

// pdf is a document of so many pages.
func pdf(pages int) string {
	const head = "%PDF-1.4\n"
	objects := []string{
		"1 0 obj\n<< /Type /Catalog /Pages 4 0 R >>\nendobj\n",
		"2 0 obj\n<< /Type /Page >>\nendobj\n",
		"3 0 obj\n<< /Length 0 >>\nendobj\n",
		"4 0 obj\n<< /Type /Pages /Kids [2 0 R] /Count " + strconv.Itoa(pages) + " >>\nendobj\n",
	}
	text, xref := head, "xref\n0 5\n0000000000 65535 f \n"
	for _, object := range objects {
		xref += fmt.Sprintf("%010d 00000 n \n", len(text))
		text += object
	}
	return fmt.Sprintf("%s%strailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", text, xref, len(text))
}

// corrupted are files that are not what their names say.
func corrupted(t shoptest.TB) map[string][2]string {
	t.Helper()
	book, drawing, photo := workbook(t, 4), picture(t, png.Encode), picture(t, asJPEG)
	document := pdf(3)
	return map[string][2]string{
		"a quote that is open":              {"a.csv", "a,\"b\n1,2\n"},
		"no workbook":                       {"a.xlsx", "a,b\n"},
		"an empty workbook":                 {"a.xlsx", ""},
		"half a workbook":                   {"a.xlsx", book[:len(book)/2]},
		"no PDF":                            {"a.pdf", "a,b\n"},
		"an empty PDF":                      {"a.pdf", ""},
		"half a PDF":                        {"a.pdf", document[:len(document)/2]},
		"no drawing":                        {"a.png", "a,b\n"},
		"half the head of a drawing":        {"a.png", drawing[:20]},
		"half the head of a photo":          {"a.jpg", photo[:20]},
		"an empty photo":                    {"a.jpeg", ""},
		"a PDF whose objects are not there": {"a.pdf", strings.Replace(document, "1 0 obj", "9 0 obj", 1)},
	}
}

// TestUploadIsCorrupted: it will not become better.
func TestUploadIsCorrupted(t *testing.T) {
	t.Parallel()
	for name, file := range corrupted(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			processor, documents := newProcessor(a)
			_, err := processor.Handle(t.Context(), uploadOf(t, a, "uploads/"+file[0], file[1]))
			require.True(t, cqrs.IsPermanent(err), "%v", err)
			require.ErrorContains(t, err, "uploads/"+file[0])
			list, err := documents.List(t.Context(), shoptest.Files)
			require.NoError(t, err)
			require.Empty(t, list)
		})
	}
}

// TestUploadIsCorruptedAlone: the other files of the same delivery are looked into, and
// the bad one is kept for a person to see.
func TestUploadIsCorruptedAlone(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	processor, documents := newProcessor(a)
	mux, letters := cqrs.NewMux(), &cqrstest.DeadLetters{}
	cqrs.OnS3(mux, cqrs.KeyPrefix("uploads/"), uploads.UploadOf)
	registry := cqrs.NewRegistry()
	cqrs.Register(registry, cqrs.Func(processor.Handle))
	dispatcher, err := cqrs.New(cqrs.Config{
		Factory: mux, Registry: registry, DeadLetter: letters, Logger: slog.New(slog.DiscardHandler), Concurrency: 4,
	})
	require.NoError(t, err)

	files := corrupted(t)
	var objects []cqrstest.Object
	for name, file := range files {
		ref := a.Upload(t, "uploads/"+name+"/"+file[0], file[1])
		objects = append(objects, cqrstest.Created(ref.Key).ETag(strings.Trim(ref.ETag, `"`)))
	}
	good := a.Upload(t, "uploads/ä good one.csv", "a\n")
	objects = append(objects, cqrstest.Created(good.Key).ETag(strings.Trim(good.ETag, `"`)))
	answer := cqrstest.Invoke(t, dispatcher, cqrstest.S3(shoptest.Files, objects...))
	require.NoError(t, answer.Err)
	require.Len(t, letters.Letters(), len(files))
	list, err := documents.List(t.Context(), shoptest.Files)
	require.NoError(t, err)
	require.Equal(t, []uploads.Document{{Key: good.Key, Kind: uploads.CSV, Rows: 1, Columns: 1}}, list)
}

// TestUploadIsTooLarge: it is not even fetched.
func TestUploadIsTooLarge(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	processor, _ := newProcessor(a)
	u := uploadOf(t, a, "uploads/a.csv", "a\n")
	u.Size = 32 << 20
	_, err := processor.Handle(t.Context(), u)
	require.NoError(t, err)
	u.Size++
	fetched := a.Inject(local.Fault{Service: "s3", Operation: "GetObject", Effect: local.InternalError, Times: 100})
	_, err = processor.Handle(t.Context(), u)
	require.True(t, cqrs.IsPermanent(err), "%v", err)
	require.ErrorContains(t, err, "uploads/a.csv has 33554433 bytes")
	require.Zero(t, fetched.Struck())
}

// TestUploadIsNotThereAnyMore: what is there now has an event of its own.
func TestUploadIsNotThereAnyMore(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	processor, documents := newProcessor(a)
	replaced := uploadOf(t, a, "uploads/a.csv", "a\n")
	a.Upload(t, "uploads/a.csv", "a\nb\n")
	removed := uploadOf(t, a, "uploads/b.csv", "a\n")
	_, err := a.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &removed.Bucket, Key: &removed.Key})
	require.NoError(t, err)
	for _, u := range []uploads.Upload{replaced, removed} {
		_, err := processor.Handle(t.Context(), u)
		require.True(t, cqrs.IsSkip(err), "%v", err)
	}
	list, err := documents.List(t.Context(), shoptest.Files)
	require.NoError(t, err)
	require.Empty(t, list)
}

// TestUploadIsLate: what is known of the newer file stays.
func TestUploadIsLate(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	processor, documents := newProcessor(a)
	newer := uploadOf(t, a, "uploads/a.csv", "a\n")
	newer.Sequencer = "10A"
	_, err := processor.Handle(t.Context(), newer)
	require.NoError(t, err)
	want, err := documents.List(t.Context(), shoptest.Files)
	require.NoError(t, err)
	for sequencer, late := range map[string]bool{"9A": true, "109": true, "10A": false} {
		u := newer
		u.Sequencer = sequencer
		_, err := processor.Handle(t.Context(), u)
		require.Equal(t, late, cqrs.IsSkip(err), "%s: %v", sequencer, err)
		other := u
		other.Key = "uploads/a.docx"
		_, err = processor.Handle(t.Context(), other)
		require.True(t, cqrs.IsSkip(err), "%v", err)
	}
	got, err := documents.List(t.Context(), shoptest.Files)
	require.NoError(t, err)
	require.Equal(t, want[0], got[0])

	newest := uploadOf(t, a, "uploads/a.csv", "a\nb\n")
	newest.Sequencer = "10B"
	_, err = processor.Handle(t.Context(), newest)
	require.NoError(t, err)
	got, err = documents.List(t.Context(), shoptest.Files)
	require.NoError(t, err)
	require.Equal(t, 2, got[0].Rows)
}

var errBroken = errors.New("the connection broke")

// breaking is S3, from which downloads break off.
type breaking struct{ *s3.Client }

func (b breaking) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := b.Client.GetObject(ctx, in, opts...)
	if err == nil {
		out.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(out.Body, *out.ContentLength/4), brokenReader{}), out.Body}
	}
	return out, err
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

// TestUploadBreaksOff: the file may be good, so it is tried again.
func TestUploadBreaksOff(t *testing.T) {
	t.Parallel()
	for key, content := range map[string]string{
		"a.csv": "a,b\n1,2\n", "a.xlsx": workbook(t, 4), "a.pdf": pdf(3), "a.png": picture(t, png.Encode), "a.jpg": picture(t, asJPEG)[:40],
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			documents := uploads.NewDocuments(a.DynamoDB, shoptest.Documents)
			u := uploadOf(t, a, "uploads/"+key, content)
			_, err := uploads.NewProcessor(s3store.New(breaking{a.S3}, shoptest.Files), documents).Handle(t.Context(), u)
			require.ErrorIs(t, err, errBroken)
			require.False(t, cqrs.IsPermanent(err), "%v", err)
		})
	}
}

// TestUploadFails where AWS does.
func TestUploadFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]local.Fault{
		"the file cannot be read":     {Service: "s3", Operation: "GetObject", Effect: local.InternalError},
		"what it is cannot be noted":  {Service: "dynamodb", Operation: "PutItem", Effect: local.InternalError},
		"what it is is noted in vain": {Service: "dynamodb", Operation: "PutItem", Effect: local.LoseAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			processor, documents := newProcessor(a)
			u := uploadOf(t, a, "uploads/a.csv", "a\n")
			fault.Times = 100
			down := a.Inject(fault)
			_, err := processor.Handle(t.Context(), u)
			require.Error(t, err)
			require.False(t, cqrs.IsPermanent(err) || cqrs.IsSkip(err), "%v", err)
			down.Remove()
			_, err = processor.Handle(t.Context(), u)
			require.NoError(t, err)
			list, err := documents.List(t.Context(), shoptest.Files)
			require.NoError(t, err)
			require.Len(t, list, 1)
		})
	}
}

// FuzzUpload: any content of any name is looked into, or refused for good; nothing
// ends or keeps the function.
func FuzzUpload(f *testing.F) {
	types := []string{"csv", "xlsx", "pdf", "png", "jpg", "docx"}
	for _, file := range corrupted(f) {
		for i := range types {
			f.Add(i, file[1])
		}
	}
	f.Add(1, workbook(f, 1))
	f.Add(2, pdf(3))
	a := shoptest.Start(f)
	processor, _ := newProcessor(a)
	f.Fuzz(func(t *testing.T, i int, content string) {
		_, err := processor.Handle(t.Context(), uploadOf(t, a, "uploads/a."+types[uint(i)%uint(len(types))], content))
		require.True(t, err == nil || cqrs.IsPermanent(err) || cqrs.IsSkip(err), "%v", err)
	})
}
