package s3store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/command"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// faulty answers each call with what it is given. What a store does with real
// objects is tested against a real implementation, in package integration.
type faulty struct {
	mu     sync.Mutex
	gets   []s3.GetObjectInput
	puts   []s3.PutObjectInput
	bodies []string
	fails  []error
	answer s3.GetObjectOutput
	closed int
}

func (f *faulty) next() error {
	if len(f.fails) == 0 {
		return nil
	}
	err := f.fails[0]
	f.fails = f.fails[1:]
	return err
}

func (f *faulty) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gets = append(f.gets, *in)
	if err := f.next(); err != nil {
		return nil, err
	}
	out := f.answer
	out.Body = &closing{out.Body, &f.closed}
	return &out, nil
}

func (f *faulty) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts = append(f.puts, *in)
	content, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	f.bodies = append(f.bodies, string(content))
	return &s3.PutObjectOutput{}, f.next()
}

func (f *faulty) DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	return &s3.DeleteObjectOutput{}, f.next()
}

type closing struct {
	io.Reader

	closed *int
}

func (c *closing) Close() error { *c.closed++; return nil }

func answering(content string, size int64) *faulty {
	return &faulty{answer: s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(content)), ContentLength: aws.Int64(size), ETag: aws.String(`"e1"`)}}
}

func record(key, version, etag string) *events.S3EventRecord {
	r := &events.S3EventRecord{EventName: "ObjectCreated:Put"}
	r.S3.Bucket.Name, r.S3.Object.URLDecodedKey, r.S3.Object.VersionID, r.S3.Object.ETag = "uploads", key, version, etag
	return r
}

func TestOpenNamesTheVersionOrTheETag(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ version, etag, wantVersion, wantMatch string }{
		"version":      {"v1", "e1", "v1", ""},
		"etag":         {"", "e1", "", `"e1"`},
		"etag, quoted": {"", `"e1"`, "", `"e1"`},
		"neither":      {"", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := answering("abc", 3)
			o, err := s3store.New(f, "blobs").Open(t.Context(), record("a b.csv", c.version, c.etag))
			require.NoError(t, err)
			require.Len(t, f.gets, 1)
			require.Equal(t, "uploads", *f.gets[0].Bucket)
			require.Equal(t, "a b.csv", *f.gets[0].Key)
			require.Equal(t, c.wantVersion, aws.ToString(f.gets[0].VersionId))
			require.Equal(t, c.wantMatch, aws.ToString(f.gets[0].IfMatch))
			content, err := io.ReadAll(o)
			require.NoError(t, err)
			require.Equal(t, "abc", string(content))
			require.NoError(t, o.Close())
			require.Equal(t, 1, f.closed)
		})
	}
}

func TestTheKeyIsDecodedOnce(t *testing.T) {
	t.Parallel()
	r := record("", "", "")
	r.S3.Object.Key = "a+b%2525%2Bc.csv"
	ref, err := s3store.RefOf(r)
	require.NoError(t, err)
	require.Equal(t, "a b%25+c.csv", ref.Key)
	ref, err = s3store.RefOf(record("a+b%25", "", ""))
	require.NoError(t, err)
	require.Equal(t, "a+b%25", ref.Key, "it was decoded already")

	r.S3.Object.Key = "100%.csv"
	_, err = s3store.RefOf(r)
	require.ErrorIs(t, err, cqrs.ErrMalformed)
	_, err = s3store.New(answering("", 0), "b").Open(t.Context(), &events.S3EventRecord{})
	require.ErrorIs(t, err, cqrs.ErrMalformed)
}

func TestOpenFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ err, want error }{
		"no key":        {&types.NoSuchKey{}, s3store.ErrGone},
		"no version":    {&smithy.GenericAPIError{Code: "NoSuchVersion"}, s3store.ErrGone},
		"delete marker": {&smithy.GenericAPIError{Code: "MethodNotAllowed"}, s3store.ErrGone},
		"overwritten":   {&smithy.GenericAPIError{Code: "PreconditionFailed"}, s3store.ErrChanged},
		"denied":        {&smithy.GenericAPIError{Code: "AccessDenied"}, nil},
		"network":       {errors.New("reset"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s3store.New(&faulty{fails: []error{c.err}}, "b").Open(t.Context(), record("k", "", "e1"))
			require.ErrorIs(t, err, c.err)
			require.ErrorContains(t, err, `"k" of bucket uploads`)
			for _, sentinel := range []error{s3store.ErrGone, s3store.ErrChanged} {
				require.Equal(t, errors.Is(sentinel, c.want), errors.Is(err, sentinel), sentinel)
			}
		})
	}
}

func TestRemovalsHaveNoObject(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete"} {
		f := answering("", 0)
		r := record("k", "v1", "")
		r.EventName = name
		_, err := s3store.New(f, "b").Open(t.Context(), r)
		require.ErrorIs(t, err, s3store.ErrGone)
		require.Empty(t, f.gets)
	}
}

func TestAServerThatIgnoresIfMatch(t *testing.T) {
	t.Parallel()
	f := answering("abc", 3)
	_, err := s3store.New(f, "b").Open(t.Context(), record("k", "", "e0"))
	require.ErrorIs(t, err, s3store.ErrChanged)
	require.Equal(t, 1, f.closed, "the download is ended")
}

func TestMaxObject(t *testing.T) {
	t.Parallel()
	f := answering("abc", 3)
	_, err := s3store.New(f, "b", s3store.MaxObject(2)).Open(t.Context(), record("k", "", ""))
	require.ErrorIs(t, err, cqrs.ErrTooLarge)
	require.Equal(t, 1, f.closed)
	_, err = s3store.New(f, "b", s3store.MaxObject(3)).Open(t.Context(), record("k", "", ""))
	require.NoError(t, err)
}

func TestLengthIsChecked(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"short": 4, "long": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := s3store.New(answering("abc", size), "b").Open(t.Context(), record("k", "", ""))
			require.NoError(t, err)
			_, err = io.ReadAll(o)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NotErrorIs(t, err, io.EOF)
		})
	}
	f := answering("abc", 3)
	f.answer.Body = io.NopCloser(iotest.ErrReader(errors.New("reset")))
	o, err := s3store.New(f, "b").Open(t.Context(), record("k", "", ""))
	require.NoError(t, err)
	_, err = io.ReadAll(o)
	require.ErrorContains(t, err, "reset")
	require.ErrorContains(t, err, "of 3 bytes")
}

func TestLocalName(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"a.csv": "a.csv", "imports/csv/日本.csv": "imports/csv/日本.csv", "a b+c": "a b+c", "%2e%2e/x": "%2e%2e/x", "..a/b..": "..a/b..",
		".hidden": ".hidden",
	} {
		name, err := s3store.LocalName(key)
		require.NoError(t, err, key)
		require.Equal(t, filepath.FromSlash(want), name)
	}
	for why, keys := range map[string][]string{
		"is empty":                         {""},
		"is absolute":                      {"/etc/passwd", "/"},
		"is a folder":                      {"a/", "a//"},
		"an empty part, or one that is . ": {"../x", "a/../../x", "a/..", ".", "..", "./a", "a/./b", "a//b"},
		"a backslash or a colon":           {`a\b`, `..\x`, `C:\x`, "C:x", "a:b"},
		"a control character":              {"a\x00b", "a\nb", "a\u0085b"},
		"is not UTF-8":                     {"a\xffb"},
	} {
		for _, key := range keys {
			_, err := s3store.LocalName(key)
			require.ErrorIs(t, err, s3store.ErrUnsafeName, "%q", key)
			require.ErrorContains(t, err, why)
		}
	}
}

func FuzzLocalName(f *testing.F) {
	f.Add("a/../b")
	f.Add(`C:\x`)
	f.Fuzz(func(t *testing.T, key string) {
		name, err := s3store.LocalName(key)
		if err != nil {
			require.ErrorIs(t, err, s3store.ErrUnsafeName)
			return
		}
		require.True(t, filepath.IsLocal(name))
		require.Equal(t, key, filepath.ToSlash(name))
		require.NotContains(t, strings.Split(name, "/"), "..")
		require.NotContains(t, name, `\`)
	})
}

func TestSaveLeavesNothingHalf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()

	_, err = s3store.New(answering("abc", 4), "b").Save(t.Context(), record("in/a.csv", "", ""), root)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Empty(t, files(t, dir), "a download that broke off leaves no file")

	name, err := s3store.New(answering("abc", 3), "b").Save(t.Context(), record("in/a.csv", "", ""), root)
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join("in", "a.csv")}, files(t, dir))
	content, err := root.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "abc", string(content))

	_, err = s3store.New(answering("xy", 2), "b").Save(t.Context(), record("in/a.csv", "", ""), root)
	require.NoError(t, err)
	content, err = root.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "xy", string(content), "it is replaced")

	f := answering("abc", 3)
	_, err = s3store.New(f, "b").Save(t.Context(), record("../a.csv", "", ""), root)
	require.ErrorIs(t, err, s3store.ErrUnsafeName)
	require.Empty(t, f.gets, "nothing is downloaded for it")
}

func TestSaveDoesNotFollowLinksOut(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link")))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	_, err = s3store.New(answering("abc", 3), "b").Save(t.Context(), record("link/a.csv", "", ""), root)
	require.Error(t, err)
	require.Empty(t, files(t, outside))
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			name, _ := filepath.Rel(dir, path)
			all = append(all, name)
		}
		return err
	}))
	return all
}

// stored refers to "content".
func stored() command.BlobRef {
	sum := sha256.Sum256([]byte("content"))
	hash := hex.EncodeToString(sum[:])
	return command.BlobRef{URI: "s3://blobs/cqrs/k/" + hash, Size: int64(len("content")), SHA256: hash}
}

func TestPut(t *testing.T) {
	t.Parallel()
	f := &faulty{}
	s := s3store.New(f, "blobs", s3store.Prefix("cqrs/"), s3store.KMSKey("key-1"))
	ref, err := s.Put(t.Context(), "k", []byte("content"))
	require.NoError(t, err)
	require.Equal(t, stored(), ref)
	again, err := s.Put(t.Context(), "k", []byte("content"))
	require.NoError(t, err)
	require.Equal(t, ref, again)
	other, err := s.Put(t.Context(), "k", []byte("other"))
	require.NoError(t, err)
	require.NotEqual(t, ref.URI, other.URI, "what is referred to is never overwritten")
	require.Equal(t, "key-1", *f.puts[0].SSEKMSKeyId)
	require.Equal(t, types.ServerSideEncryptionAwsKms, f.puts[0].ServerSideEncryption)
	require.Equal(t, "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=", *f.puts[0].ChecksumSHA256, "S3 checks what arrives")
}

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	f := &faulty{}
	s := s3store.New(f, "blobs", s3store.MaxBlob(3))
	_, err := s.Put(t.Context(), "k", []byte("1234"))
	require.ErrorIs(t, err, cqrs.ErrTooLarge)
	for _, key := range []string{"", strings.Repeat("k", 1000), "a\xff"} {
		_, err = s.Put(t.Context(), key, nil)
		require.ErrorContains(t, err, "key of a blob")
	}
	require.Empty(t, f.puts)
}

func TestPutFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		calls int
	}{
		"denied":         {&smithy.GenericAPIError{Code: "AccessDenied"}, 1},
		"network":        {errors.New("reset"), 1},
		"KMS throttling": {&smithy.GenericAPIError{Code: "KMS.ThrottlingException"}, 5},
		"conflict":       {&smithy.GenericAPIError{Code: "OperationAborted"}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &faulty{fails: []error{c.err, c.err, c.err, c.err, c.err}}
				_, err := s3store.New(f, "blobs").Put(t.Context(), "k", []byte("canary"))
				require.ErrorIs(t, err, c.err)
				require.NotContains(t, err.Error(), "canary")
				require.Len(t, f.puts, c.calls)
				require.Equal(t, slices.Repeat([]string{"canary"}, c.calls), f.bodies, "each attempt sends all of it")
				f.fails = nil
				_, err = s3store.New(f, "blobs").Put(t.Context(), "k", []byte("canary"))
				require.NoError(t, err)
			})
		})
	}
}

func TestGetProvesTheContent(t *testing.T) {
	t.Parallel()
	ref := stored()
	open := func(f *faulty) *s3store.Store { return s3store.New(f, "blobs", s3store.Prefix("cqrs/")) }

	content, err := open(answering("content", 7)).Get(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, "content", string(content))

	unsized := answering("content", 7)
	unsized.answer.ContentLength = nil
	content, err = open(unsized).Get(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, "content", string(content))

	for name, f := range map[string]*faulty{
		"other content": answering("CONTENT", 7),
		"other length":  answering("content!", 8),
		"ends early":    answering("conten", 7),
		"goes on":       answering("content!", 7),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content, err := open(f).Get(t.Context(), ref)
			require.ErrorIs(t, err, command.ErrBlobMismatch)
			require.Nil(t, content)
			require.NotContains(t, err.Error(), "content!")
			require.Equal(t, 1, f.closed)
		})
	}
	broken := answering("", 7)
	broken.answer.Body = io.NopCloser(iotest.ErrReader(errors.New("reset")))
	_, err = open(broken).Get(t.Context(), ref)
	require.ErrorContains(t, err, "reset")
	require.NotErrorIs(t, err, command.ErrBlobMismatch, "it may be the right one: try again")
}

func TestReferencesThatAreNotFollowed(t *testing.T) {
	t.Parallel()
	f := answering("content", 7)
	s := s3store.New(f, "blobs", s3store.Prefix("cqrs/"), s3store.MaxBlob(100))
	good := stored()
	for name, ref := range map[string]command.BlobRef{
		"other bucket":   {URI: "s3://secrets/cqrs/k/" + good.SHA256, Size: 7, SHA256: good.SHA256},
		"bucket's start": {URI: "s3://blobs2/cqrs/k/" + good.SHA256, Size: 7, SHA256: good.SHA256},
		"other prefix":   {URI: "s3://blobs/private/" + good.SHA256, Size: 7, SHA256: good.SHA256},
		"other scheme":   {URI: "file:///etc/passwd", Size: 7, SHA256: good.SHA256},
		"other hash":     {URI: good.URI, Size: 7, SHA256: strings.Repeat("0", 64)},
		"no hash":        {URI: "s3://blobs/cqrs/k/", Size: 7},
		"empty":          {},
	} {
		_, err := s.Get(t.Context(), ref)
		require.Error(t, err, name)
		require.Error(t, s.Delete(t.Context(), ref), name)
	}
	huge := good
	huge.Size = 101
	_, err := s.Get(t.Context(), huge)
	require.ErrorIs(t, err, cqrs.ErrTooLarge, "before anything is allocated")
	require.Empty(t, f.gets)
	negative := good
	negative.Size = -1
	_, err = s.Get(t.Context(), negative)
	require.ErrorIs(t, err, command.ErrBlobMismatch)
}

func TestGetAndDeleteFaults(t *testing.T) {
	t.Parallel()
	ref := stored()
	for _, failure := range []error{&smithy.GenericAPIError{Code: "AccessDenied"}, errors.New("reset")} {
		s := s3store.New(&faulty{fails: []error{failure, failure}}, "blobs", s3store.Prefix("cqrs/"))
		_, err := s.Get(t.Context(), ref)
		require.ErrorIs(t, err, failure)
		require.ErrorContains(t, s.Delete(t.Context(), ref), "s3store: delete")
	}
	s := s3store.New(&faulty{fails: []error{&types.NoSuchKey{}, &types.NoSuchKey{}}}, "blobs", s3store.Prefix("cqrs/"))
	_, err := s.Get(t.Context(), ref)
	require.ErrorIs(t, err, s3store.ErrGone)
	require.NoError(t, s.Delete(t.Context(), ref), "that it is gone already is no error")
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "s3store: New needs a client and the name of a bucket", func() { s3store.New(nil, "b") })
	require.Panics(t, func() { s3store.New(&faulty{}, "") })
	require.Panics(t, func() { s3store.MaxBlob(0) })
	require.Panics(t, func() { s3store.MaxObject(-1) })
}

func TestParallel(t *testing.T) {
	t.Parallel()
	s := s3store.New(&faulty{}, "blobs")
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			_, err := s.Put(t.Context(), fmt.Sprint("k", i), []byte("content"))
			require.NoError(t, err)
		})
	}
	wg.Wait()
}
