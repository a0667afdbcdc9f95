package s3store_test

import (
	"bytes"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/integration/faults"
	"github.com/lambda-cqrs/cqrs/integration/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient returns a client of an S3 of its own, with an empty bucket "uploads",
// one with versions, "versions", and "blobs".
func newClient(t *testing.T) (*s3.Client, *faults.Faults) {
	t.Helper()
	server, err := servers.StartS3()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	f := &faults.Faults{}
	cfg := server.Config(f.Install)
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff, o.RateLimiter = time.Millisecond, ratelimit.None })
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	for _, bucket := range []string{"uploads", "versions", "blobs"} {
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
		require.NoError(t, err)
	}
	_, err = client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: aws.String("versions"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	require.NoError(t, err)
	f.Take()
	return client, f
}

// upload puts an object and returns the record of its event.
func upload(t *testing.T, client *s3.Client, bucket, key, content string) *events.S3EventRecord {
	t.Helper()
	out, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(content), ContentType: aws.String("text/csv"),
		Metadata: map[string]string{"owner": "ada"},
	})
	require.NoError(t, err)
	r := &events.S3EventRecord{EventName: "ObjectCreated:Put"}
	r.S3.Bucket.Name = bucket
	r.S3.Object = events.S3Object{
		Key: url.QueryEscape(key), Size: int64(len(content)), ETag: strings.Trim(aws.ToString(out.ETag), `"`), VersionID: aws.ToString(out.VersionId),
	}
	return r
}

func read(t *testing.T, o *s3store.Object) string {
	t.Helper()
	content, err := io.ReadAll(o)
	require.NoError(t, err)
	require.NoError(t, o.Close())
	return string(content)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	client, f := newClient(t)
	store := s3store.New(client, "blobs")
	for _, key := range []string{"a.csv", "imports/csv/red flower+1.csv", "100%25.csv", "日本/ö.csv", "a=b&c;d'e\"f<g>", "%zz"} {
		for _, bucket := range []string{"uploads", "versions"} {
			r := upload(t, client, bucket, key, "content of "+key)
			f.Take()
			o, err := store.Open(t.Context(), r)
			require.NoError(t, err, key)
			require.Equal(t, "content of "+key, read(t, o))
			require.Equal(t, []string{"GetObject"}, f.Take(), "one request")
			require.Equal(t, r.S3.Object.Size, o.Size)
			require.Equal(t, "text/csv", o.ContentType)
			require.Equal(t, "ada", o.Metadata["owner"])
			require.Equal(t, r.S3.Object.ETag, o.ETag)
		}
	}
	large := strings.Repeat("0123456789", 300_000)
	o, err := store.Open(t.Context(), upload(t, client, "uploads", "large", large))
	require.NoError(t, err)
	require.Equal(t, large, read(t, o))
	o, err = store.Open(t.Context(), upload(t, client, "uploads", "empty", ""))
	require.NoError(t, err)
	require.Empty(t, read(t, o))
}

func TestObjectsThatAreOverwritten(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t)
	store := s3store.New(client, "blobs")
	first := upload(t, client, "uploads", "k", "first")
	second := upload(t, client, "uploads", "k", "second")
	_, err := store.Open(t.Context(), first)
	require.ErrorIs(t, err, s3store.ErrChanged, "the event is about another object")
	o, err := store.Open(t.Context(), second)
	require.NoError(t, err)
	require.Equal(t, "second", read(t, o))

	first = upload(t, client, "versions", "k", "first")
	upload(t, client, "versions", "k", "second")
	require.NotEmpty(t, first.S3.Object.VersionID)
	o, err = store.Open(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, "first", read(t, o), "the version is still there")
}

func TestObjectsThatAreGone(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t)
	store := s3store.New(client, "blobs")
	r := upload(t, client, "uploads", "k", "content")
	_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("uploads"), Key: aws.String("k")})
	require.NoError(t, err)
	_, err = store.Open(t.Context(), r)
	require.ErrorIs(t, err, s3store.ErrGone)
}

func TestSave(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t)
	store := s3store.New(client, "blobs")
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	name, err := store.Save(t.Context(), upload(t, client, "uploads", "imports/日本 1.csv", "a,b"), root)
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	require.Equal(t, "a,b", string(content))
	for _, key := range []string{"../../escape", "a/../../escape", `..\escape`, "C:escape", "nul\x00"} {
		r := &events.S3EventRecord{EventName: "ObjectCreated:Put"}
		r.S3.Bucket.Name, r.S3.Object.Key = "uploads", url.QueryEscape(key)
		_, err := store.Save(t.Context(), r, root)
		require.ErrorIs(t, err, s3store.ErrUnsafeName, key)
	}
	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestClaimCheck(t *testing.T) {
	t.Parallel()
	client, f := newClient(t)
	store := s3store.New(client, "blobs", s3store.Prefix("cqrs/"))
	for _, content := range [][]byte{{}, []byte("content"), bytes.Repeat([]byte{0, 1, 0xFF}, 1_000_000)} {
		f.Take()
		ref, err := store.Put(t.Context(), "orders/o 1+ö", content)
		require.NoError(t, err)
		require.Equal(t, []string{"PutObject"}, f.Take())
		again, err := store.Put(t.Context(), "orders/o 1+ö", content)
		require.NoError(t, err)
		require.Equal(t, ref, again)
		f.Take()
		got, err := store.Get(t.Context(), ref)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got))
		require.Equal(t, []string{"GetObject"}, f.Take())
	}
	first, err := store.Put(t.Context(), "k", []byte("first"))
	require.NoError(t, err)
	_, err = store.Put(t.Context(), "k", []byte("second"))
	require.NoError(t, err)
	got, err := store.Get(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, "first", string(got), "other content under the same key leaves it alone")

	require.NoError(t, store.Delete(t.Context(), first))
	require.NoError(t, store.Delete(t.Context(), first), "again")
	_, err = store.Get(t.Context(), first)
	require.ErrorIs(t, err, s3store.ErrGone)
}

func TestContentThatSomebodyChanged(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t)
	store := s3store.New(client, "blobs")
	ref, err := store.Put(t.Context(), "k", []byte("content"))
	require.NoError(t, err)
	for _, other := range []string{"CONTENT", "conten", "content!", ""} {
		upload(t, client, "blobs", strings.TrimPrefix(ref.URI, "s3://blobs/"), other)
		_, err := store.Get(t.Context(), ref)
		require.ErrorIs(t, err, command.ErrBlobMismatch, other)
	}
}

func TestBlobsInParallel(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t)
	store := s3store.New(client, "blobs")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			ref, err := store.Put(t.Context(), "k", []byte("the same"))
			if err == nil {
				_, err = store.Get(t.Context(), ref)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault    func(*faults.Faults)
		attempts int
		fails    bool
	}{
		"lost answer":  {func(f *faults.Faults) { f.LoseAnswer() }, 2, false},
		"lost request": {func(f *faults.Faults) { f.LoseRequest() }, 2, false},
		"slow down":    {func(f *faults.Faults) { f.Fail(503, &smithy.GenericAPIError{Code: "SlowDown"}) }, 2, false},
		"internal":     {func(f *faults.Faults) { f.Fail(500, &smithy.GenericAPIError{Code: "InternalError"}) }, 2, false},
		"aborted":      {func(f *faults.Faults) { f.Fail(409, &smithy.GenericAPIError{Code: "OperationAborted"}) }, 2, false},
		"denied":       {func(f *faults.Faults) { f.Fail(403, &smithy.GenericAPIError{Code: "AccessDenied"}) }, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, f := newClient(t)
			store := s3store.New(client, "blobs")
			r := upload(t, client, "uploads", "k", "canary")
			ref, err := store.Put(t.Context(), "k", []byte("canary"))
			require.NoError(t, err)
			for call, do := range map[string]func() error{
				"put": func() error { _, err := store.Put(t.Context(), "k", []byte("canary")); return err },
				"get": func() error { _, err := store.Get(t.Context(), ref); return err },
				"delete": func() error {
					return store.Delete(t.Context(), command.BlobRef{URI: ref.URI + "x/" + ref.SHA256, SHA256: ref.SHA256})
				},
				"open": func() error {
					o, err := store.Open(t.Context(), r)
					if err == nil {
						_ = o.Close()
					}
					return err
				},
			} {
				reads := call == "get" || call == "open"
				if name == "aborted" && reads {
					continue // S3 says so of writes
				}
				f.Take()
				c.fault(f)
				err := do()
				require.Len(t, f.Take(), c.attempts, call)
				if c.fails {
					require.ErrorContains(t, err, "s3store: ", call)
					require.NotContains(t, err.Error(), "canary")
				} else {
					require.NoError(t, err, call)
				}
			}
		})
	}
}
