package uploads

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
)

// maxFile is the most bytes of a file that is looked into.
const maxFile = 32 << 20

// Processor handles uploads.
type Processor struct {
	objects   *s3store.Store
	documents *Documents
}

// NewProcessor returns the handler.
func NewProcessor(objects *s3store.Store, documents *Documents) *Processor {
	return &Processor{objects, documents}
}

// Handle notes what a file is. A type that is not looked into is skipped, with the
// reason; a file that is not what its name says is a permanent error. One that was
// replaced or removed meanwhile is skipped: another event is on its way.
func (p *Processor) Handle(ctx context.Context, u Upload) (Document, error) {
	read := reader(u.extension())
	if read == nil {
		d := Document{Key: u.Key, Kind: Skipped, Reason: fmt.Sprintf("files of type %q are not looked into", u.extension())}
		if err := p.documents.put(ctx, u, d); err != nil {
			return Document{}, err
		}
		return d, cqrs.Skip(d.Reason)
	}
	if u.Size > maxFile {
		return Document{}, cqrs.Permanent(fmt.Errorf("%s has %d bytes: more than %d are not read", u.Key, u.Size, maxFile))
	}
	object, err := p.objects.OpenRef(ctx, u.Ref)
	if errors.Is(err, s3store.ErrGone) || errors.Is(err, s3store.ErrChanged) {
		return Document{}, cqrs.Skip("the file has been replaced or removed")
	}
	if err != nil {
		return Document{}, err
	}
	defer func() { _ = object.Close() }()
	d, err := read(object)
	if err != nil {
		return Document{}, fmt.Errorf("%s: %w", u.Key, err)
	}
	d.Key = u.Key
	return d, p.documents.put(ctx, u, d)
}

// HandlePartner notes a partner's delivery.
func (p *Processor) HandlePartner(ctx context.Context, delivery PartnerDelivery) error {
	if delivery.Partner == "" {
		return cqrs.Permanent(fmt.Errorf("%s is in no partner's folder", delivery.Key))
	}
	return p.documents.put(ctx, delivery.Upload, Document{
		Key: delivery.Key, Kind: Partner, Reason: fmt.Sprintf("%s by %s, %d bytes", delivery.EventName, delivery.Partner, delivery.Size),
	})
}
