// Package s3store reads the objects of S3 events, and keeps what is too large for
// its record (claim check).
package s3store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
	"github.com/lambda-cqrs/cqrs/command"
)

// Client is what [New] needs of a *s3.Client. PutObject and DeleteObject serve
// the claim check alone.
type Client interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, opts ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

// The targets for errors.Is.
var (
	// ErrGone: there is no such object, or version, any more. Where the function may
	// not list the bucket, S3 says AccessDenied instead.
	ErrGone = errors.New("s3store: object is gone")
	// ErrChanged: the object is not the one that the event is about; another event
	// is on its way.
	ErrChanged = errors.New("s3store: object has changed")
	// ErrUnsafeName: the key cannot be the name of a local file.
	ErrUnsafeName = errors.New("s3store: unsafe file name")
)

// The defaults of [MaxObject] and [MaxBlob].
const (
	DefaultMaxObject = 5 << 30
	DefaultMaxBlob   = 64 << 20
)

// Store reads objects of any bucket and keeps blobs in one. It is safe for
// parallel use.
type Store struct {
	client    Client
	bucket    string
	prefix    string
	kmsKey    string
	maxObject int64
	maxBlob   int64
}

var _ command.Blobs = (*Store)(nil)

// New returns a store. The bucket is that of the claim check; events name their
// own. It panics where client is nil or bucket is empty.
func New(client Client, bucket string, opts ...Option) *Store {
	if client == nil || bucket == "" {
		panic("s3store: New needs a client and the name of a bucket")
	}
	s := &Store{client: client, bucket: bucket, maxObject: DefaultMaxObject, maxBlob: DefaultMaxBlob}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// Option changes what [New] makes.
type Option func(*Store)

// Prefix is what the keys of blobs start with, such as "cqrs/"; none by default.
func Prefix(prefix string) Option { return func(s *Store) { s.prefix = prefix } }

// KMSKey encrypts blobs with that key instead of the bucket's default.
func KMSKey(id string) Option { return func(s *Store) { s.kmsKey = id } }

// MaxObject is the most bytes of an object that Open and Save take; default 5 GiB.
func MaxObject(bytes int64) Option {
	mustBePositive("MaxObject", bytes)
	return func(s *Store) { s.maxObject = bytes }
}

// MaxBlob is the most bytes of a blob, which is held in memory; default 64 MiB.
func MaxBlob(bytes int64) Option {
	mustBePositive("MaxBlob", bytes)
	return func(s *Store) { s.maxBlob = bytes }
}

func mustBePositive(option string, bytes int64) {
	if bytes <= 0 {
		panic(fmt.Sprintf("s3store: %s needs a positive number of bytes, not %d", option, bytes))
	}
}

// describe says what an error of GetObject means.
func describe(err error, what string) error {
	switch code := fault.Code(err); {
	case code == "NoSuchKey", code == "NoSuchVersion", code == "NotFound", isA[*types.NoSuchKey](err), code == "MethodNotAllowed":
		// MethodNotAllowed: the version is a delete marker.
		return fmt.Errorf("%w: %s: %w", ErrGone, what, err)
	case code == "PreconditionFailed":
		return fmt.Errorf("%w: %s: %w", ErrChanged, what, err)
	default:
		return fmt.Errorf("s3store: get %s: %w", what, err)
	}
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// unquoted is an ETag as events carry it.
func unquoted(etag string) string {
	return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
}
