package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
)

// source reads commands for a data sync, with the attributes that are kept in
// blobs.
type source struct {
	Store

	blobs Blobs
}

var (
	_ cqrs.CommandSource      = (*source)(nil)
	_ cqrs.AttributeResolver  = (*source)(nil)
	_ cqrs.AttributeCollector = (*source)(nil)
)

// NewSource returns what a cqrs.DataSync reads commands from where no service is
// made with it, as in a function that only projects. Blobs may be nil.
func NewSource(s Store, b Blobs) cqrs.CommandSource { return &source{Store: s, blobs: b} }

// Resolve fetches the attributes of a row that has only a reference to them.
func (s *source) Resolve(ctx context.Context, row Row) (Row, error) {
	ref, ok, err := blobOf(row)
	if err != nil || !ok {
		return row, err
	}
	if s.blobs == nil {
		return row, fmt.Errorf("command: the attributes of %s %s are in %s: configure Blobs", row.PK, row.SK, ref.URI)
	}
	content, err := s.blobs.Get(ctx, ref)
	if err != nil {
		return row, err
	}
	err = json.Unmarshal(content, &row.Attributes)
	return row, err
}

// Collect removes the blob of a command that is gone, unless the data or the
// history still refer to it.
func (s *source) Collect(ctx context.Context, row Row) error {
	ref, ok, err := blobOf(row)
	if err != nil || !ok || s.blobs == nil {
		return err
	}
	data, err := s.Get(ctx, row.Key)
	if err == nil && refersTo(data, ref) {
		return nil
	}
	if err != nil && !errors.Is(err, cqrs.ErrNotFound) {
		return err
	}
	for kept, err := range s.History(ctx, row.Key, row.Version-1) {
		if err != nil {
			return err
		}
		if refersTo(kept, ref) {
			return nil
		}
		break
	}
	return s.blobs.Delete(ctx, ref)
}

func refersTo(row Row, ref BlobRef) bool {
	own, ok, err := blobOf(row)
	return err == nil && ok && own.URI == ref.URI
}

func blobOf(row Row) (ref BlobRef, ok bool, err error) {
	reference, ok := cqrs.Offloaded(row)
	if !ok {
		return BlobRef{}, false, nil
	}
	return ref, true, reference.Unmarshal(&ref)
}

// offload moves attributes over the limit into a blob of this version alone.
func (s *Service[A]) offload(ctx context.Context, row Row) (Row, error) {
	content := row.Attributes.Raw()
	if s.source.blobs == nil || len(content) <= s.limit {
		return row, nil
	}
	kind, tenant, _ := row.CutTenant()
	// The name is as much this attempt's own as the row is.
	own := sha256.Sum256(append([]byte(row.RequestID), content...))
	key := fmt.Sprintf("commands/%s/%s/%s/%d-%s.json",
		EscapePart(kind), EscapePart(tenant), EscapePart(row.SK), row.Version, hex.EncodeToString(own[:16]))
	ref, err := s.source.blobs.Put(ctx, key, content)
	if err != nil {
		return row, fmt.Errorf("command: keep the attributes of %s %s: %w", row.PK, row.SK, err)
	}
	reference, err := cqrs.NewImage(ref)
	return cqrs.Offload(row, reference), err
}

// discard removes the blob of a version that was not published. What remains of
// it after a crash is garbage, and no harm.
func (s *Service[A]) discard(ctx context.Context, row Row) {
	if ref, ok, err := blobOf(row); err == nil && ok {
		_ = s.source.blobs.Delete(context.WithoutCancel(ctx), ref)
	}
}
