package conformance_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
)

// bucket is a bucket of one test.
type bucket struct {
	*testing.T
	*s3.Client
	name *string
}

func newBucket(t *testing.T) bucket {
	t.Helper()
	b := bucket{t, s3.NewFromConfig(config(t)), aws.String(strings.ToLower(name(t)))}
	_, err := b.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: b.name})
	require.NoError(t, err)
	return b
}

func (b bucket) put(key, body string) *s3.PutObjectOutput {
	b.Helper()
	out, err := b.PutObject(b.Context(), &s3.PutObjectInput{Bucket: b.name, Key: &key, Body: strings.NewReader(body)})
	require.NoError(b, err)
	return out
}

func (b bucket) get(key string) string {
	b.Helper()
	out, err := b.GetObject(b.Context(), &s3.GetObjectInput{Bucket: b.name, Key: &key})
	require.NoError(b, err)
	body, err := io.ReadAll(out.Body)
	require.NoError(b, err)
	require.NoError(b, out.Body.Close())
	return string(body)
}

func statusOf(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

func TestS3Buckets(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	_, err := b.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: b.name})
	require.NoError(t, err)
	listed, err := b.ListBuckets(t.Context(), nil)
	require.NoError(t, err)
	names := []string{}
	for _, found := range listed.Buckets {
		names = append(names, *found.Name)
	}
	require.Contains(t, names, *b.name)
}

func TestS3PutAndGet(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	sum := md5.Sum([]byte("body"))
	out, err := b.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: b.name, Key: aws.String("a/b c+d"), Body: strings.NewReader("body"),
		ContentType: aws.String("text/plain"), Metadata: map[string]string{"origin": "test"},
	})
	require.NoError(t, err)
	require.Equal(t, `"`+hex.EncodeToString(sum[:])+`"`, *out.ETag)
	require.Equal(t, "body", b.get("a/b c+d"))
	head, err := b.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b.name, Key: aws.String("a/b c+d")})
	require.NoError(t, err)
	require.Equal(t, "test", head.Metadata["origin"])
	require.Equal(t, "text/plain", *head.ContentType)
	require.EqualValues(t, 4, *head.ContentLength)
}

func TestS3PutOfAStreamWithATrailer(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	// Over plain HTTP, the SDK wants a body that it can seek.
	body := strings.Repeat("x", 300<<10)
	_, err := b.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: b.name, Key: aws.String("stream"), Body: bytes.NewReader([]byte(body)), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	require.NoError(t, err)
	require.Equal(t, body, b.get("stream"))
}

func TestS3TypedErrors(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	_, err := b.GetObject(t.Context(), &s3.GetObjectInput{Bucket: b.name, Key: aws.String("missing")})
	var key *types.NoSuchKey
	require.ErrorAs(t, err, &key)
	_, err = b.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b.name, Key: aws.String("missing")})
	var found *types.NotFound
	require.ErrorAs(t, err, &found)
	_, err = b.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("missing-bucket")})
	var missing *types.NoSuchBucket
	require.ErrorAs(t, err, &missing)
}

func TestS3ConditionalWrites(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	write := func(change func(*s3.PutObjectInput)) (*s3.PutObjectOutput, error) {
		in := &s3.PutObjectInput{Bucket: b.name, Key: aws.String("key"), Body: strings.NewReader("body")}
		change(in)
		return b.PutObject(t.Context(), in)
	}
	first, err := write(func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") })
	require.NoError(t, err)
	_, err = write(func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") })
	requireRefusal(t, "PreconditionFailed", err)
	require.Equal(t, http.StatusPreconditionFailed, statusOf(err))
	_, err = write(func(in *s3.PutObjectInput) { in.IfMatch = first.ETag })
	require.NoError(t, err)
	_, err = write(func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"00000000000000000000000000000000"`) })
	requireRefusal(t, "PreconditionFailed", err)
}

func TestS3ConditionalReadsAndRanges(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	etag := b.put("key", "0123456789").ETag
	_, err := b.GetObject(t.Context(), &s3.GetObjectInput{Bucket: b.name, Key: aws.String("key"), IfNoneMatch: etag})
	require.Equal(t, http.StatusNotModified, statusOf(err))
	out, err := b.GetObject(t.Context(), &s3.GetObjectInput{Bucket: b.name, Key: aws.String("key"), Range: aws.String("bytes=2-4")})
	require.NoError(t, err)
	part, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	require.Equal(t, "234", string(part))
	require.Equal(t, "bytes 2-4/10", *out.ContentRange)
}

func TestS3ListObjects(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	for _, key := range []string{"a/1", "a/2", "b/1", "c"} {
		b.put(key, "x")
	}
	out, err := b.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b.name, Delimiter: aws.String("/")})
	require.NoError(t, err)
	require.Len(t, out.CommonPrefixes, 2)
	require.Equal(t, "c", *out.Contents[0].Key)
	keys := []string{}
	pages := s3.NewListObjectsV2Paginator(b, &s3.ListObjectsV2Input{Bucket: b.name, Prefix: aws.String("a/"), MaxKeys: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	require.Equal(t, []string{"a/1", "a/2"}, keys)
}

func TestS3CopyAndDelete(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	b.put("from", "body")
	_, err := b.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: b.name, Key: aws.String("to"), CopySource: aws.String(*b.name + "/from")})
	require.NoError(t, err)
	require.Equal(t, "body", b.get("to"))
	_, err = b.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b.name, Key: aws.String("from")})
	require.NoError(t, err)
	out, err := b.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: b.name, Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("to")}, {Key: aws.String("missing")}},
	}})
	require.NoError(t, err)
	require.Len(t, out.Deleted, 2)
	_, err = b.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: b.name})
	require.NoError(t, err)
}

func TestS3MultipartUpload(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	created, err := b.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b.name, Key: aws.String("large")})
	require.NoError(t, err)
	var parts []types.CompletedPart
	whole := ""
	for i, size := range []int{5 << 20, 6 << 20} {
		text := strings.Repeat(string(rune('a'+i)), size)
		whole += text
		part, err := b.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: b.name, Key: aws.String("large"), UploadId: created.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader(text),
		})
		require.NoError(t, err)
		parts = append(parts, types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	done, err := b.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: b.name, Key: aws.String("large"), UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(strings.Trim(*done.ETag, `"`), "-2"), *done.ETag)
	require.Equal(t, sha256.Sum256([]byte(whole)), sha256.Sum256([]byte(b.get("large"))), "the parts in their order")
}

func TestS3Presigned(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	presign := s3.NewPresignClient(b.Client)
	put, err := presign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: b.name, Key: aws.String("key")})
	require.NoError(t, err)
	do := func(method, address string, body io.Reader) string {
		request, err := http.NewRequestWithContext(context.Background(), method, address, body)
		require.NoError(t, err)
		response, err := config(t).HTTPClient.Do(request)
		require.NoError(t, err)
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, string(text))
		return string(text)
	}
	do(put.Method, put.URL, strings.NewReader("body"))
	get, err := presign.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: b.name, Key: aws.String("key")})
	require.NoError(t, err)
	require.Equal(t, "body", do(get.Method, get.URL, nil))
}

func TestS3Versioning(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	_, err := b.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: b.name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	require.NoError(t, err)
	first := b.put("key", "one")
	b.put("key", "two")
	require.Equal(t, "two", b.get("key"))
	out, err := b.GetObject(t.Context(), &s3.GetObjectInput{Bucket: b.name, Key: aws.String("key"), VersionId: first.VersionId})
	require.NoError(t, err)
	body, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	require.Equal(t, "one", string(body))
	versions, err := b.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: b.name})
	require.NoError(t, err)
	require.Len(t, versions.Versions, 2)
}

func TestS3RefusesWhatItDoesNotSupport(t *testing.T) {
	t.Parallel()
	if *endpoint != "" {
		t.Skip("the local runtime only: AWS has tags")
	}
	b := newBucket(t)
	b.put("key", "body")
	_, err := b.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
		Bucket: b.name, Key: aws.String("key"), Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
	})
	requireRefusal(t, "NotImplemented", err)
	require.ErrorContains(t, err, "tagging")
	require.Equal(t, "body", b.get("key"))
}
