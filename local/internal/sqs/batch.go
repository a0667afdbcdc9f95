package sqs

import (
	"context"
	"regexp"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// batchOutput has the entries that succeeded and those that failed, both with
// HTTP status 200.
type batchOutput[T any] struct {
	Successful []T          `json:",omitempty"`
	Failed     []batchError `json:",omitempty"`
}

type batchError struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

type identified struct {
	ID string `json:"Id"`
}

// eachEntry runs a batch, one entry after the other.
func eachEntry[In, Out any](entries []In, id func(In) string, run func(In) (Out, error)) (*batchOutput[Out], error) {
	ids := make([]string, len(entries))
	for i, in := range entries {
		ids[i] = id(in)
	}
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	out := &batchOutput[Out]{}
	for i, in := range entries {
		result, err := run(in)
		if err != nil {
			answer := wire.AsError(err)
			failed := batchError{ID: ids[i], Code: queryError(answer.Code), Message: answer.Message, SenderFault: true}
			out.Failed = append(out.Failed, failed)
			continue
		}
		out.Successful = append(out.Successful, result)
	}
	return out, nil
}

func checkBatch(ids []string) error {
	switch {
	case len(ids) == 0:
		return wire.Invalid("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(ids) > 10:
		return wire.Invalid("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent %d.", len(ids))
	}
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !entryID.MatchString(id) {
			return wire.Invalid("InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return wire.Invalid("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

type sendBatchEntry struct {
	identified
	entry
}

type sendMessageBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []sendBatchEntry
}

type sendBatchResult struct {
	identified
	*sendMessageOutput
}

func (s *Server) sendMessageBatch(_ context.Context, in *sendMessageBatchInput) (*batchOutput[sendBatchResult], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, e := range in.Entries {
		total += size(e.MessageBody, e.MessageAttributes)
	}
	if total > 1<<20 {
		return nil, wire.Invalid("BatchRequestTooLong", "A batch cannot be longer than 1048576 bytes. You have sent %d.", total)
	}
	return eachEntry(in.Entries, func(e sendBatchEntry) string { return e.ID }, func(e sendBatchEntry) (sendBatchResult, error) {
		out, err := s.send(q, &e.entry)
		return sendBatchResult{e.identified, out}, err
	})
}

type receiptEntry struct {
	identified
	ReceiptHandle     string
	VisibilityTimeout *int `json:",omitempty"`
}

type receiptBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []receiptEntry
}

func (s *Server) deleteMessageBatch(ctx context.Context, in *receiptBatchInput) (*batchOutput[identified], error) {
	return s.eachReceipt(in, func(e receiptEntry) error {
		_, err := s.deleteMessage(ctx, &deleteMessageInput{in.QueueURL, e.ReceiptHandle})
		return err
	})
}

func (s *Server) changeMessageVisibilityBatch(ctx context.Context, in *receiptBatchInput) (*batchOutput[identified], error) {
	return s.eachReceipt(in, func(e receiptEntry) error {
		_, err := s.changeMessageVisibility(ctx, &changeMessageVisibilityInput{in.QueueURL, e.ReceiptHandle, e.VisibilityTimeout})
		return err
	})
}

func (s *Server) eachReceipt(in *receiptBatchInput, run func(receiptEntry) error) (*batchOutput[identified], error) {
	if _, err := s.ARN(in.QueueURL); err != nil {
		return nil, err
	}
	return eachEntry(in.Entries, func(e receiptEntry) string { return e.ID }, func(e receiptEntry) (identified, error) {
		return e.identified, run(e)
	})
}
