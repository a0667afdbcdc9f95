package sqsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/clip"
	"github.com/lambda-cqrs/cqrs/command"
)

// maxStubError is what is left of an error's text, in bytes, in a letter that
// refers to the whole one.
const maxStubError = 32 << 10

// reference is the payload of a letter that is kept elsewhere.
type reference struct {
	Blob *command.BlobRef `json:"cqrs.blob"`
}

// checkIn stores the whole letter and returns the JSON of one that is the same but
// for its record, and whose payload refers to the whole.
func checkIn(ctx context.Context, blobs command.Blobs, d cqrs.DeadLetter, encoded []byte) (string, error) {
	ref, err := blobs.Put(ctx, "dead-letters/"+d.ID+"/"+digest(string(encoded)), encoded)
	if err != nil {
		return "", err
	}
	if d.Event, err = json.Marshal(reference{Blob: &ref}); err != nil {
		return "", err
	}
	d.Error = clip.Bytes(d.Error, maxStubError)
	m := &d.Message
	d.Message = cqrs.Message{ // without the record and its payload
		Source: m.Source, ID: m.ID, ARN: m.ARN, Sequence: m.Sequence, Group: m.Group, Attempt: m.Attempt,
		MaxAttempts: m.MaxAttempts, Time: m.Time, CorrelationID: m.CorrelationID, TraceHeader: m.TraceHeader,
	}
	stub, err := json.Marshal(d)
	return safeJSON(string(stub)), err
}

// checkOut returns the whole of a letter that refers to it, else the letter.
func checkOut(ctx context.Context, blobs command.Blobs, d cqrs.DeadLetter) (cqrs.DeadLetter, error) {
	ref := referenceIn(&d)
	if ref == nil {
		return d, nil
	}
	if blobs == nil {
		return d, errors.New("it is kept outside of the queue; give NewSender the option SendBlobs")
	}
	content, err := blobs.Get(ctx, *ref)
	if err != nil {
		return d, err
	}
	var whole cqrs.DeadLetter
	if err := json.Unmarshal(content, &whole); err != nil {
		return d, fmt.Errorf("what is kept outside of the queue is no dead letter: %w", err)
	}
	if whole.ID != d.ID {
		return d, errors.New("what is kept outside of the queue is another dead letter")
	}
	return whole, nil
}

// referenceIn is nil where the letter is whole.
func referenceIn(d *cqrs.DeadLetter) *command.BlobRef {
	var ref reference
	if len(d.Message.Raw()) > 0 || json.Unmarshal(d.Event, &ref) != nil {
		return nil
	}
	return ref.Blob
}
