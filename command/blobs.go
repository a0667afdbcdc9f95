package command

import (
	"context"
	"errors"
)

// ErrBlobMismatch is the error for a blob whose length or hash is not the one
// that its reference carries.
var ErrBlobMismatch = errors.New("command: the blob is not the one that was stored")

// BlobRef refers to content that is kept outside of its record (claim check). It
// is all that is needed to get the content back and to know that it is the same.
type BlobRef struct {
	URI    string `dynamodbav:"uri"    json:"uri"`    // as in s3://bucket/key
	Size   int64  `dynamodbav:"size"   json:"size"`   // in bytes
	SHA256 string `dynamodbav:"sha256" json:"sha256"` // of the content, in lower-case hexadecimal
}

// Blobs keeps content that is too large for its record. It is called from many
// goroutines at once.
type Blobs interface {
	// Put stores content under key. Storing the same content under the same key
	// again is the same as storing it once.
	Put(ctx context.Context, key string, content []byte) (BlobRef, error)
	// Get returns the content, or an error that matches [ErrBlobMismatch] where it
	// is not the one that ref was made for.
	Get(ctx context.Context, ref BlobRef) ([]byte, error)
	// Delete removes the content; that it is gone already is no error.
	Delete(ctx context.Context, ref BlobRef) error
}
