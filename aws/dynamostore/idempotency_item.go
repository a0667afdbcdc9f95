package dynamostore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/clip"
	"github.com/lambda-cqrs/cqrs/command"
)

// maxKey is the most bytes of a partition key.
const maxKey = 2048

// maxCause is the most characters that Step Functions takes of a cause.
const maxCause = 32_768

// key returns the primary key of a claim.
func (s *idempotency) key(c cqrs.Claim) map[string]types.AttributeValue {
	key := map[string]types.AttributeValue{s.names.Key: text(keyText(c.Key))}
	if s.names.Sort != "" {
		key[s.names.Sort] = text(sortValue)
	}
	return key
}

// keyText is the key itself, or a hash of one that DynamoDB would not take or
// would not keep as it is.
func keyText(key string) string {
	if len(key) <= maxKey && utf8.ValidString(key) {
		return key
	}
	return "sha256:" + digest(key)
}

// item is the record of a claim, without an outcome.
func (s *idempotency) item(c cqrs.Claim, status string) map[string]types.AttributeValue {
	item := s.key(c)
	item[s.names.Status] = text(status)
	item[s.names.Owner] = text(c.Owner)
	item[s.names.Payload] = text(c.PayloadHash)
	item[s.names.Lease] = millis(c.LeaseUntil.Add(time.Millisecond - 1)) // no sooner than it ends
	item[s.names.Expires] = millis(c.ExpiresAt)
	item[s.names.TTL] = number(c.ExpiresAt.Add(time.Second - 1).Unix())
	return item
}

// completion is the record with its outcome, which fits into an item.
func (s *idempotency) completion(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) (map[string]types.AttributeValue, error) {
	item := s.item(c, completed)
	if o.ErrorName != "" {
		item[s.names.ErrorName] = text(o.ErrorName)
	}
	if o.ErrorCause != "" {
		item[s.names.ErrorCause] = text(o.ErrorCause)
		if itemSize(item) > maxItem {
			item[s.names.ErrorCause] = text(clip.Characters(o.ErrorCause, maxCause))
		}
	}
	if o.Result == nil {
		return item, nil
	}
	item[s.names.Result] = resultValue(o.Result)
	if itemSize(item) <= maxItem {
		return item, nil
	}
	delete(item, s.names.Result)
	if s.blobs == nil {
		return nil, fmt.Errorf("dynamostore: %w: a result of %d bytes does not fit into an item of 400 KB; "+
			"give NewIdempotency the option IdempotencyBlobs", cqrs.ErrTooLarge, len(o.Result))
	}
	ref, err := s.blobs.Put(ctx, "idempotency/"+digest(c.Key)+"/"+digest(c.Owner), o.Result)
	if err != nil {
		return nil, fmt.Errorf("dynamostore: keep a result of %d bytes outside of its record: %w", len(o.Result), err)
	}
	encoded, err := json.Marshal(ref)
	if err != nil {
		return nil, fmt.Errorf("dynamostore: encode the reference to a result: %w", err)
	}
	item[s.names.Blob] = text(string(encoded))
	return item, nil
}

func resultValue(result []byte) types.AttributeValue {
	if utf8.Valid(result) {
		return text(string(result))
	}
	return &types.AttributeValueMemberB{Value: bytes.Clone(result)}
}

// outcome is what a completed record says.
func (s *idempotency) outcome(ctx context.Context, item map[string]types.AttributeValue) (*cqrs.Outcome, error) {
	o := &cqrs.Outcome{
		ErrorName:  textOf(item[s.names.ErrorName]),
		ErrorCause: textOf(item[s.names.ErrorCause]),
	}
	switch v := item[s.names.Result].(type) {
	case *types.AttributeValueMemberS:
		o.Result = json.RawMessage(v.Value)
	case *types.AttributeValueMemberB:
		o.Result = json.RawMessage(v.Value)
	}
	if encoded := textOf(item[s.names.Blob]); encoded != "" {
		content, err := s.blob(ctx, encoded)
		if err != nil {
			return nil, fmt.Errorf("dynamostore: fetch a result from outside of its record: %w", err)
		}
		o.Result = content
	}
	return o, nil
}

func (s *idempotency) blob(ctx context.Context, encoded string) ([]byte, error) {
	if s.blobs == nil {
		return nil, errors.New("the record needs the option IdempotencyBlobs, which is not there")
	}
	var ref command.BlobRef
	if err := json.Unmarshal([]byte(encoded), &ref); err != nil {
		return nil, fmt.Errorf("the reference is not one of ours: %w", err)
	}
	return s.blobs.Get(ctx, ref)
}
