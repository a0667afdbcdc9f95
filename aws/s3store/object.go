package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lambda-cqrs/cqrs"
)

// Ref names an object: what an event is about.
type Ref struct {
	Bucket  string
	Key     string // as S3 itself has it, decoded
	Version string // "" in a bucket without versions
	ETag    string // with or without quotes; "" where it is not known
}

// RefOf is the object that a record is about. The key is decoded once, and not
// again where the record has the decoded one already.
func RefOf(record *events.S3EventRecord) (Ref, error) {
	o := record.S3.Object
	ref := Ref{Bucket: record.S3.Bucket.Name, Key: o.URLDecodedKey, Version: o.VersionID, ETag: unquoted(o.ETag)}
	if ref.Key == "" && o.Key != "" {
		key, err := url.QueryUnescape(o.Key)
		if err != nil {
			return Ref{}, &cqrs.DecodeError{Stage: "record", Err: fmt.Errorf("s3store: the key is not encoded as a form: %w", err)}
		}
		ref.Key = key
	}
	if ref.Bucket == "" || ref.Key == "" {
		return Ref{}, &cqrs.DecodeError{Stage: "record", Err: errors.New("s3store: the record names no object")}
	}
	return ref, nil
}

// String is bucket/key, and the version where there is one.
func (r Ref) String() string {
	if r.Version == "" {
		return fmt.Sprintf("%q of bucket %s", r.Key, r.Bucket)
	}
	return fmt.Sprintf("%q of bucket %s, version %s", r.Key, r.Bucket, r.Version)
}

// Object is the content of an object. The caller closes it.
type Object struct {
	Ref

	Size        int64 // -1 where S3 does not say
	ContentType string
	Metadata    map[string]string
	Modified    time.Time

	body io.ReadCloser
	read int64
}

// Open opens the object of an S3 event for reading, in one GetObject: the very
// version that the event is about, else, where the bucket keeps no versions, the
// object as long as it has the ETag of the event. [ErrChanged]: it has been
// overwritten since; [ErrGone]: it has been removed. An event about a removal has
// no object and is ErrGone without a call. [cqrs.ErrTooLarge]: it exceeds
// [MaxObject].
//
// The actions are s3:GetObject and, with versions, s3:GetObjectVersion, and
// kms:Decrypt where the object is encrypted with a key of KMS.
func (s *Store) Open(ctx context.Context, record *events.S3EventRecord) (*Object, error) {
	ref, err := RefOf(record)
	if err != nil {
		return nil, err
	}
	if strings.Contains(record.EventName, "ObjectRemoved") || strings.Contains(record.EventName, "LifecycleExpiration") {
		return nil, fmt.Errorf("%w: %s: the event is about its removal", ErrGone, ref)
	}
	return s.OpenRef(ctx, ref)
}

// OpenRef is [Store.Open] for what is named in another way, such as by an event
// of EventBridge, whose key is not encoded. Without version and ETag it opens
// what is there.
func (s *Store) OpenRef(ctx context.Context, ref Ref) (*Object, error) {
	in := &s3.GetObjectInput{Bucket: aws.String(ref.Bucket), Key: aws.String(ref.Key)}
	switch {
	case ref.Version != "":
		in.VersionId = aws.String(ref.Version)
	case ref.ETag != "":
		in.IfMatch = aws.String(`"` + unquoted(ref.ETag) + `"`)
	}
	out, err := s.client.GetObject(ctx, in)
	if err != nil {
		return nil, describe(err, ref.String())
	}
	o := &Object{
		Ref: ref, Size: -1, ContentType: aws.ToString(out.ContentType), Metadata: out.Metadata,
		Modified: aws.ToTime(out.LastModified), body: out.Body,
	}
	if out.ContentLength != nil {
		o.Size = *out.ContentLength
	}
	if o.ETag = unquoted(aws.ToString(out.ETag)); ref.Version == "" && ref.ETag != "" && o.ETag != "" && o.ETag != unquoted(ref.ETag) {
		_ = o.Close() // the server does not know If-Match
		return nil, fmt.Errorf("%w: %s", ErrChanged, ref)
	}
	if o.Size > s.maxObject {
		_ = o.Close()
		return nil, cqrs.Permanent(fmt.Errorf("s3store: %w: %s has %d bytes, more than the %d of MaxObject",
			cqrs.ErrTooLarge, ref, o.Size, s.maxObject))
	}
	return o, nil
}

// Read implements io.Reader. An object that ends before its size, or goes on after
// it, is io.ErrUnexpectedEOF: io.EOF says that all of it was read.
func (o *Object) Read(p []byte) (int, error) {
	n, err := o.body.Read(p)
	o.read += int64(n)
	switch {
	case o.Size >= 0 && (o.read > o.Size || errors.Is(err, io.EOF) && o.read < o.Size):
		return n, fmt.Errorf("s3store: read %s: %d of %d bytes: %w", o.Ref, o.read, o.Size, io.ErrUnexpectedEOF)
	case err != nil && !errors.Is(err, io.EOF):
		return n, fmt.Errorf("s3store: read %s after %d of %d bytes: %w", o.Ref, o.read, o.Size, err)
	default:
		return n, err
	}
}

// Close ends the download, whether or not all of it was read.
func (o *Object) Close() error { return o.body.Close() }
