package uploads_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/examples/orders/uploads"
)

func record(key string) *events.S3EventRecord {
	return &events.S3EventRecord{EventName: "ObjectCreated:Put", S3: events.S3Entity{
		Bucket: events.S3Bucket{Name: "files"}, Object: events.S3Object{Key: key, Size: 7, ETag: "e", VersionID: "v", Sequencer: "0A"},
	}}
}

func TestPartnerDelivery(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		key, partner string
	}{
		"a file":                   {"partners/logistics/a.csv", "logistics"},
		"a file in a folder":       {"partners/logistics/2026/a.csv", "logistics"},
		"a partner of any name":    {"partners/M%C3%B6bel+%26+mehr/a.csv", "Möbel & mehr"},
		"a file of nobody":         {"partners/a.csv", ""},
		"a file of no name at all": {"partners//a.csv", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			delivery, err := uploads.PartnerDeliveryOf(record(test.key))
			require.NoError(t, err)
			require.Equal(t, test.partner, delivery.Partner)

			a := shoptest.Start(t)
			processor, documents := newProcessor(a)
			for range 2 {
				err = processor.HandlePartner(t.Context(), delivery)
				require.Equal(t, test.partner == "", cqrs.IsPermanent(err), "%v", err)
				require.Equal(t, test.partner == "", err != nil, "%v", err)
				list, err := documents.List(t.Context(), "files")
				require.NoError(t, err)
				if test.partner == "" {
					require.Empty(t, list)
				} else {
					require.Equal(t, []uploads.Document{{
						Key: delivery.Key, Kind: uploads.Partner, Reason: "ObjectCreated:Put by " + test.partner + ", 7 bytes",
					}}, list)
				}
			}
		})
	}
	_, err := uploads.PartnerDeliveryOf(record("partners/%zz"))
	require.True(t, cqrs.IsPermanent(err), "%v", err)
}

func TestUploadOf(t *testing.T) {
	t.Parallel()
	got, err := uploads.UploadOf(record("uploads/M%C3%B6bel+%2B1.csv"))
	require.NoError(t, err)
	require.Equal(t, uploads.Upload{
		Ref: s3store.Ref{Bucket: "files", Key: "uploads/Möbel +1.csv", Version: "v", ETag: "e"}, Size: 7, Sequencer: "0A",
	}, got)
	_, err = uploads.UploadOf(record(""))
	require.True(t, cqrs.IsPermanent(err), "%v", err)
}

// FuzzPartnerDeliveryOf: the partner is the folder of the file, whatever its name is
// made of.
func FuzzPartnerDeliveryOf(f *testing.F) {
	f.Add("logistics", "a.csv")
	f.Add("a b+c%20", "2026/ä.csv")
	f.Add("", "a.csv")
	f.Fuzz(func(t *testing.T, partner, file string) {
		if strings.Contains(partner, "/") {
			return
		}
		delivery, err := uploads.PartnerDeliveryOf(record(url.QueryEscape("partners/" + partner + "/" + file)))
		require.NoError(t, err)
		require.Equal(t, partner, delivery.Partner)
		require.Equal(t, "partners/"+partner+"/"+file, delivery.Key)
		_, err = uploads.PartnerDeliveryOf(record(partner))
		require.True(t, err == nil || cqrs.IsPermanent(err), "%v", err)
	})
}

func TestDocumentString(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]uploads.Document{
		"a: 3 rows, 2 columns": {Key: "a", Kind: uploads.CSV, Rows: 3, Columns: 2},
		"b: 3 rows, 2 columns": {Key: "b", Kind: uploads.Excel, Rows: 3, Columns: 2},
		"c: 4 pages":           {Key: "c", Kind: uploads.PDF, Pages: 4},
		"d: 7 × 5":             {Key: "d", Kind: uploads.Image, Width: 7, Height: 5},
		"e: because":           {Key: "e", Kind: uploads.Skipped, Reason: "because"},
		"f: by ann":            {Key: "f", Kind: uploads.Partner, Reason: "by ann"},
	} {
		require.Equal(t, want, d.String())
	}
}
