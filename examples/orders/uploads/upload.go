// Package uploads looks into the files that people upload, by their type, and notes
// what it finds.
package uploads

import (
	"path"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/aws/s3store"
)

// Upload is a file under uploads/.
type Upload struct {
	s3store.Ref

	Size      int64
	Sequencer string // of two events about one object, the one with the greater is the later
}

// UploadOf is the upload that a record tells of.
func UploadOf(r *events.S3EventRecord) (Upload, error) {
	ref, err := s3store.RefOf(r)
	return Upload{ref, r.S3.Object.Size, r.S3.Object.Sequencer}, err
}

// extension is that of the file's name, in lower case and without the dot.
func (u Upload) extension() string {
	return strings.ToLower(strings.TrimPrefix(path.Ext(u.Key), "."))
}

// PartnerDelivery is a file that a partner delivers, under partners/<partner>/: an
// event of the application's own, made of the same kind of record.
type PartnerDelivery struct {
	Upload

	Partner   string
	EventName string
}

// PartnerDeliveryOf is the delivery that a record tells of.
func PartnerDeliveryOf(r *events.S3EventRecord) (PartnerDelivery, error) {
	upload, err := UploadOf(r)
	partner, _, inFolder := strings.Cut(strings.TrimPrefix(upload.Key, "partners/"), "/")
	if !inFolder {
		partner = "" // it is the file's name
	}
	return PartnerDelivery{upload, partner, r.EventName}, err
}
