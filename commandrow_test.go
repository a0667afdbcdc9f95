package cqrs_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

func imageOf(t tester, text string) cqrs.Image {
	t.Helper()
	var image cqrs.Image
	require.NoError(t, image.UnmarshalJSON([]byte(text)))
	return image
}

func TestKeysOfVersions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := cqrs.Key{PK: rapid.String().Draw(t, "pk"), SK: rapid.String().Draw(t, "sk")}
		n := rapid.Int64Min(1).Draw(t, "version")
		item, version, ok := k.At(n).CutVersion()
		require.True(t, ok)
		require.Equal(t, k, item)
		require.Equal(t, n, version)
	})
	for _, sk := range []string{"1", "1@", "1@0", "1@-1", "1@01", "1@+1", "a@b", "1@99999999999999999999", ""} {
		k := cqrs.Key{PK: "ORDER#acme", SK: sk}
		item, _, ok := k.CutVersion()
		require.False(t, ok, sk)
		require.Equal(t, k, item)
	}
	kind, tenant, ok := cqrs.Key{PK: "ORDER#acme"}.CutTenant()
	require.True(t, ok)
	require.Equal(t, []string{"ORDER", "acme"}, []string{kind, tenant})
	for _, pk := range []string{"", "ORDER", "ORDER#", "#acme", "ORDER#a#b"} {
		_, _, ok := cqrs.Key{PK: pk}.CutTenant()
		require.False(t, ok, pk)
	}
}

func TestRowsRoundTrip(t *testing.T) {
	t.Parallel()
	row := cqrs.Command[cqrs.Image]{
		Key: orderKey("1"), ID: "id", Code: "c", Name: "n", TenantCode: "acme", Type: "ORDER", Version: 7, Deleted: true, Seq: 1 << 60,
		TTL: time.Unix(4_000_000_000, 0).UTC(), Schema: 2, Attributes: imageOf(t, `{"n":{"N":"12345678901234567890.5"},"s":{"SS":["b","a"]}}`),
		Source: "s", RequestID: "r", CreatedAt: time.UnixMilli(1_790_000_000_001).UTC(), UpdatedAt: time.UnixMilli(1_790_000_000_120).UTC(),
		CreatedBy: "a", UpdatedBy: "b", CreatedIP: "1", UpdatedIP: "2",
	}
	for _, row := range []cqrs.Command[cqrs.Image]{row, {Key: orderKey("2"), Version: 1}} {
		item, err := cqrs.EncodeRow(row)
		require.NoError(t, err)
		got, err := cqrs.DecodeRow(item)
		require.NoError(t, err)
		require.Equal(t, row, got)
		row.Key = row.Key.At(row.Version)
		item, err = cqrs.EncodeRow(row)
		require.NoError(t, err)
		versioned, err := cqrs.DecodeRow(item)
		require.NoError(t, err)
		require.Equal(t, got, versioned, "the version is taken off the key")
	}
	item, err := cqrs.EncodeRow(row)
	require.NoError(t, err)
	require.Equal(t, "2026-09-21T14:13:20.120Z", item.Text("updatedAt"), "of one width, so that times sort")
}

func TestDecodeRowTakesWhatTheReferenceSystemWrites(t *testing.T) {
	t.Parallel()
	row, err := cqrs.DecodeRow(imageOf(t, `{"pk":{"S":"ORDER#acme"},"sk":{"S":"ann@example.com@2"},"version":{"N":"2"},"isDeleted":{"BOOL":false},
		"seq":{"N":"0"},"ttl":{"N":"4000000000"},"status":{"S":"finish:FINISHED"},"taskToken":{"S":"secret"},
		"createdAt":{"S":"2024-05-01T09:00:00+09:00"},"attributes":{"S":"s3://bucket/ddb/key.json"}}`))
	require.NoError(t, err)
	require.Equal(t, orderKey("ann@example.com"), row.Key, "an old key with an @ in it")
	require.Equal(t, time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), row.CreatedAt)
	reference, ok := cqrs.Offloaded(row)
	require.True(t, ok)
	require.Equal(t, "s3://bucket/ddb/key.json", reference.Text("uri"))
	_, err = cqrs.CommandOf[order](row)
	require.ErrorIs(t, err, cqrs.ErrMalformed, "never an empty order")

	for name, text := range map[string]string{
		"no version":    `{"pk":{"S":"A#b"},"sk":{"S":"1@1"}}`,
		"no key":        `{"version":{"N":"1"}}`,
		"no time":       `{"pk":{"S":"A#b"},"sk":{"S":"1"},"version":{"N":"1"},"createdAt":{"S":"yesterday"}}`,
		"no attributes": `{"pk":{"S":"A#b"},"sk":{"S":"1"},"version":{"N":"1"},"attributes":{"L":[]}}`,
	} {
		_, err := cqrs.DecodeRow(imageOf(t, text))
		require.ErrorIs(t, err, cqrs.ErrMalformed, name)
	}
	_, err = cqrs.DecodeRow(cqrs.Image{})
	require.ErrorIs(t, err, cqrs.ErrNoImage)
}

func TestContentHash(t *testing.T) {
	t.Parallel()
	hash := func(c any) string {
		t.Helper()
		var (
			h   string
			err error
		)
		switch c := c.(type) {
		case cqrs.Command[order]:
			h, err = cqrs.ContentHash(c)
		case cqrs.Command[cqrs.Image]:
			h, err = cqrs.ContentHash(c)
		case cqrs.Command[string]:
			h, err = cqrs.ContentHash(c)
		}
		require.NoError(t, err)
		return h
	}
	c := orderAt("1", 1)
	row := orderRow(t, c)
	require.Equal(t, hash(c), hash(row), "a row and the command of it")
	other := c
	other.RequestID, other.UpdatedBy, other.UpdatedAt, other.TTL, other.Source = "r", "u", time.Now(), time.Now(), "s"
	require.Equal(t, hash(c), hash(other), "who and when is no content")
	other.TenantCode = ""
	require.Equal(t, hash(c), hash(other), "the key has the tenant")
	for name, change := range map[string]func(c *cqrs.Command[order]){
		"id": func(c *cqrs.Command[order]) { c.ID = "x" }, "code": func(c *cqrs.Command[order]) { c.Code = "x" },
		"name": func(c *cqrs.Command[order]) { c.Name = "x" }, "type": func(c *cqrs.Command[order]) { c.Type = "x" },
		"deleted": func(c *cqrs.Command[order]) { c.Deleted = true }, "seq": func(c *cqrs.Command[order]) { c.Seq = 1 },
		"attributes": func(c *cqrs.Command[order]) { c.Attributes.Note = "x" }, "tenant": func(c *cqrs.Command[order]) { c.TenantCode = "x" },
	} {
		other := c
		change(&other)
		require.NotEqual(t, hash(c), hash(other), name)
	}
	of := func(text string) string {
		row := row
		row.Attributes = imageOf(t, text)
		return hash(row)
	}
	for _, same := range []string{
		`{"total":{"N":"100.0"}}`, `{"total":{"N":"1E2"},"note":{"S":""},"no":{"NULL":true},"zero":{"N":"0"},"false":{"BOOL":false},"map":{"M":{"a":{"NULL":true}}},"list":{"L":[]}}`,
	} {
		require.Equal(t, hash(c), of(same), same)
	}
	require.Equal(t, of(`{"a":{"SS":["x","y"]},"b":{"NS":["1","2.50"]},"c":{"BS":["AA==","AQ=="]}}`), of(`{"c":{"BS":["AQ==","AA=="]},"b":{"NS":["2.5","1"]},"a":{"SS":["y","x"]}}`))
	require.NotEqual(t, of(`{"a":{"L":[{"S":"x"},{"S":"y"}]}}`), of(`{"a":{"L":[{"S":"y"},{"S":"x"}]}}`))
	require.NotEqual(t, of(`{"a":{"L":[{"NULL":true},{"S":"y"}]}}`), of(`{"a":{"L":[{"S":"y"}]}}`), "elements keep their places")
	require.NotEmpty(t, hash(cqrs.Command[string]{Key: orderKey("1"), Version: 1, Attributes: "text"}))
}

func TestMergeAttributes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string][4]string{ // raw, before, after, want
		"unknown stays":    {`{"a":{"N":"1"},"x":{"S":"y"}}`, `{"a":{"N":"1"}}`, `{"a":{"N":"2"}}`, `{"a":{"N":"2"},"x":{"S":"y"}}`},
		"removed goes":     {`{"a":{"N":"1"},"b":{"N":"2"}}`, `{"a":{"N":"1"},"b":{"N":"2"}}`, `{"a":{"N":"1"}}`, `{"a":{"N":"1"}}`},
		"unchanged as was": {`{"a":{"SS":["x"]}}`, `{"a":{"L":[{"S":"x"}]}}`, `{"a":{"L":[{"S":"x"}]}}`, `{"a":{"SS":["x"]}}`},
		"deep":             {`{"m":{"M":{"a":{"N":"1"},"x":{"N":"9"}}}}`, `{"m":{"M":{"a":{"N":"1"}}}}`, `{"m":{"M":{"a":{"N":"2"}}}}`, `{"m":{"M":{"a":{"N":"2"},"x":{"N":"9"}}}}`},
		"a new kind":       {`{"m":{"M":{"a":{"N":"1"}}}}`, `{"m":{"M":{"a":{"N":"1"}}}}`, `{"m":{"S":"x"}}`, `{"m":{"S":"x"}}`},
		"added":            {`{}`, `{}`, `{"é\"":{"S":"x"}}`, `{"é\"":{"S":"x"}}`},
		"set over unknown": {`{"x":{"N":"1"}}`, `{}`, `{"x":{"N":"2"}}`, `{"x":{"N":"2"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := cqrs.MergeAttributes(imageOf(t, test[0]), imageOf(t, test[1]), imageOf(t, test[2]))
			require.NoError(t, err)
			require.JSONEq(t, test[3], string(got.Raw()))
		})
	}
	got, err := cqrs.MergeAttributes(cqrs.Image{}, cqrs.Image{}, cqrs.Image{})
	require.NoError(t, err)
	require.JSONEq(t, `{}`, string(got.Raw()))
}

func TestNoAttributeMayLookLikeAReference(t *testing.T) {
	t.Parallel()
	_, err := cqrs.RowOf(cqrs.Command[map[string]any]{Key: orderKey("1"), Attributes: map[string]any{"@blob": map[string]any{"uri": "s3://evil/key"}}})
	require.ErrorContains(t, err, "no attribute may be named")
	_, err = cqrs.RowOf(cqrs.Command[cqrs.Image]{Key: orderKey("1"), Attributes: imageOf(t, `{"@blob":{"M":{}}}`)})
	require.NoError(t, err, "a row may be passed on")
}

func TestCommandsAsJSON(t *testing.T) {
	t.Parallel()
	c := orderAt("1", 1)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.JSONEq(t, `{"pk":"ORDER#acme","sk":"1","tenantCode":"acme","version":1,"attributes":{"total":100}}`, string(text))
	var back cqrs.Command[order]
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, c, back)
}

// FuzzDecodeRow finds no text that panics, or that changes on the way.
func FuzzDecodeRow(f *testing.F) {
	f.Add(`{"pk":{"S":"ORDER#acme"},"sk":{"S":"1@2"},"version":{"N":"2"},"attributes":{"M":{"a":{"N":"1"}}}}`)
	f.Add(`{"pk":{"S":"A#b"},"sk":{"S":"1"},"version":{"N":"1"},"attributes":{"S":"s3://x"},"ttl":{"N":"1"},"createdAt":{"S":"2024-05-01T09:00:00Z"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var item cqrs.Image
		if item.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		row, err := cqrs.DecodeRow(item)
		if err != nil {
			return
		}
		if row.TTL.Unix() < 0 || row.CreatedAt.Year() > 9999 || row.UpdatedAt.Year() > 9999 || row.CreatedAt.Year() < 1 || row.UpdatedAt.Year() < 1 {
			return // no time that anybody means
		}
		encoded, err := cqrs.EncodeRow(row)
		require.NoError(t, err)
		again, err := cqrs.DecodeRow(encoded)
		require.NoError(t, err)
		again.CreatedAt, again.UpdatedAt = row.CreatedAt, row.UpdatedAt // to the millisecond
		require.Equal(t, row, again)
		_, err = cqrs.ContentHash(row)
		require.NoError(t, err)
		if merged, err := cqrs.MergeAttributes(row.Attributes, row.Attributes, row.Attributes); err == nil && !row.Attributes.IsZero() {
			want, err := cqrs.ItemHash(row.Attributes)
			require.NoError(t, err)
			got, err := cqrs.ItemHash(merged)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

func TestDecodeErrorsDoNotQuote(t *testing.T) {
	t.Parallel()
	const secret = "very-secret"
	for _, text := range []string{
		`{"pk":{"S":"A#b"},"sk":{"S":"1"},"version":{"N":"1"},"createdAt":{"S":"` + secret + `"}}`,
		`{"pk":{"S":"A#b"},"sk":{"S":"1"},"version":{"S":"` + secret + `"}}`,
	} {
		_, err := cqrs.DecodeRow(imageOf(t, text))
		require.Error(t, err)
		require.NotContains(t, err.Error(), secret)
	}
}
