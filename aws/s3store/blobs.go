package s3store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
	"github.com/lambda-cqrs/cqrs/command"
)

// maxKey is the most bytes of an object's key.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const maxKey = 1024

// Put stores content, in one PutObject, under the prefix, key and its SHA-256. So
// the same content under the same key is the same object, and no content ever
// takes the place of another one that something still refers to. S3 checks the
// hash on arrival. [cqrs.ErrTooLarge]: it exceeds [MaxBlob], so that Get would
// refuse it. The action is s3:PutObject, and kms:GenerateDataKey with a KMS key.
func (s *Store) Put(ctx context.Context, key string, content []byte) (command.BlobRef, error) {
	if int64(len(content)) > s.maxBlob {
		return command.BlobRef{}, fmt.Errorf("s3store: %w: a blob of %d bytes, more than the %d of MaxBlob",
			cqrs.ErrTooLarge, len(content), s.maxBlob)
	}
	sum := sha256.Sum256(content)
	ref := command.BlobRef{Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
	name := s.prefix + key + "/" + ref.SHA256
	if key == "" || len(name) > maxKey || !utf8.ValidString(name) {
		return command.BlobRef{}, fmt.Errorf("s3store: the key of a blob must be UTF-8 of 1 to %d bytes",
			maxKey-len(s.prefix)-1-len(ref.SHA256))
	}
	in := &s3.PutObjectInput{
		Bucket:            aws.String(s.bucket),
		Key:               aws.String(name),
		ContentLength:     aws.Int64(ref.Size),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		ChecksumSHA256:    aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
	if s.kmsKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, aws.String(s.kmsKey)
	}
	err := fault.Retry(ctx, passing, func() error {
		in.Body = bytes.NewReader(content)
		_, err := s.client.PutObject(ctx, in)
		return err
	})
	if err != nil {
		return command.BlobRef{}, fmt.Errorf("s3store: put a blob of %d bytes into bucket %s: %w", ref.Size, s.bucket, err)
	}
	ref.URI = "s3://" + s.bucket + "/" + name
	return ref, nil
}

// Get returns the content, in one GetObject, if it has the length and the hash of
// the reference, else [command.ErrBlobMismatch]. [ErrGone]: it is not there.
// [cqrs.ErrTooLarge]: the reference exceeds [MaxBlob]. Only references into the
// store's bucket and prefix are followed, whoever wrote them. The action is
// s3:GetObject, and kms:Decrypt with a KMS key.
func (s *Store) Get(ctx context.Context, ref command.BlobRef) ([]byte, error) {
	name, err := s.nameOf(ref)
	if err != nil {
		return nil, err
	}
	if ref.Size > s.maxBlob {
		return nil, fmt.Errorf("s3store: %w: a blob of %d bytes, more than the %d of MaxBlob", cqrs.ErrTooLarge, ref.Size, s.maxBlob)
	}
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(name)})
	if err != nil {
		return nil, describe(err, ref.URI)
	}
	content, err := s.read(out, ref)
	return content, errors.Join(err, out.Body.Close())
}

func (s *Store) read(out *s3.GetObjectOutput, ref command.BlobRef) ([]byte, error) {
	if out.ContentLength != nil && *out.ContentLength != ref.Size {
		return nil, mismatch(ref, fmt.Sprintf("it has %d bytes, not %d", *out.ContentLength, ref.Size))
	}
	content := make([]byte, max(ref.Size, 0))
	n, err := io.ReadFull(out.Body, content)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, mismatch(ref, fmt.Sprintf("it ends after %d of %d bytes", n, ref.Size))
	}
	if err != nil {
		return nil, fmt.Errorf("s3store: read %s: %w", ref.URI, err)
	}
	switch n, err := io.ReadFull(out.Body, make([]byte, 1)); {
	case n > 0:
		return nil, mismatch(ref, fmt.Sprintf("it has more than %d bytes", ref.Size))
	case err != nil && !errors.Is(err, io.EOF): // the SDK's own check of the whole
		return nil, fmt.Errorf("s3store: read %s: %w", ref.URI, err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != ref.SHA256 {
		return nil, mismatch(ref, "its SHA-256 is another")
	}
	return content, nil
}

// Delete removes the content, in one DeleteObject; in a bucket with versions it
// adds a delete marker. The action is s3:DeleteObject.
func (s *Store) Delete(ctx context.Context, ref command.BlobRef) error {
	name, err := s.nameOf(ref)
	if err != nil {
		return err
	}
	err = fault.Retry(ctx, passing, func() error {
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(name)})
		return err
	})
	if err == nil || errors.Is(describe(err, ref.URI), ErrGone) {
		return nil
	}
	return fmt.Errorf("s3store: delete %s: %w", ref.URI, err)
}

// nameOf is the object's key that the reference stands for.
func (s *Store) nameOf(ref command.BlobRef) (string, error) {
	name, ok := strings.CutPrefix(ref.URI, "s3://"+s.bucket+"/")
	if !ok || !strings.HasPrefix(name, s.prefix) || ref.SHA256 == "" || !strings.HasSuffix(name, "/"+ref.SHA256) {
		return "", fmt.Errorf("s3store: %.256q does not refer to a blob in bucket %s", ref.URI, s.bucket)
	}
	return name, nil
}

func mismatch(ref command.BlobRef, why string) error {
	return fmt.Errorf("s3store: %w: %s: %s", command.ErrBlobMismatch, ref.URI, why)
}

// passing reports whether the same request may succeed in a moment, although the
// SDK does not try: S3 was at work on the same key, or KMS throttled it.
func passing(err error) bool {
	code := fault.Code(err)
	return code == "OperationAborted" || code == "ConditionalRequestConflict" || fault.KMSThrottled(err)
}
