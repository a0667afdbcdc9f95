package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
)

// IdempotencyClient is what [NewIdempotency] needs of a *dynamodb.Client.
type IdempotencyClient interface {
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

// NewIdempotency returns a store that keeps one item for each idempotency key in
// table, whose partition key is the string "id" and whose TTL attribute is
// "expiration", as in the tables of Powertools; see [IdempotencyAttributes] for
// other names. It panics where client is nil or table is empty.
//
// Acquire is one conditional PutItem, whatever it finds; Complete is one more;
// Release is one DeleteItem. A first run so costs two writes and a replay one: a
// PutItem whose condition fails is billed as a write of the item that is there,
// so a large result makes replays dear. The actions are dynamodb:PutItem and
// dynamodb:DeleteItem on the table.
//
// An item holds 400 KB. A result that does not fit goes to [IdempotencyBlobs];
// without them Complete stores nothing and returns [cqrs.ErrTooLarge], upon which
// [cqrs.Idempotent] completes the key without the result.
//
// An item whose time is up counts as absent although DynamoDB deletes it days
// later. Its errors never carry the payload, the result or the key.
func NewIdempotency(client IdempotencyClient, table string, opts ...IdempotencyOption) cqrs.IdempotencyStore {
	if client == nil || table == "" {
		panic("dynamostore: NewIdempotency needs a client and the name of a table")
	}
	s := &idempotency{client: client, table: table, clock: time.Now}
	for _, opt := range opts {
		opt(s)
	}
	s.prepare()
	return s
}

type idempotency struct {
	client IdempotencyClient
	table  string
	names  IdempotencyNames
	clock  func() time.Time
	skew   time.Duration
	blobs  blobs

	claims, holds string // conditions
	placeholders  map[string]string
	keyed         map[string]string // the placeholders of holds
}

const (
	inProgress = "INPROGRESS"
	completed  = "COMPLETED"
)

// prepare makes what is the same in every request.
func (s *idempotency) prepare() {
	s.names.setDefaults()
	s.holds = "#owner = :owner AND #status = :inprogress"
	s.claims = "attribute_not_exists(#key) OR #expires <= :now OR " +
		"(#status = :inprogress AND #payload = :payload AND (#owner = :owner OR #lease <= :passed))"
	s.keyed = map[string]string{"#owner": s.names.Owner, "#status": s.names.Status}
	s.placeholders = map[string]string{
		"#key": s.names.Key, "#expires": s.names.Expires, "#status": s.names.Status,
		"#payload": s.names.Payload, "#owner": s.names.Owner, "#lease": s.names.Lease,
	}
}

// Acquire claims the key: where it is free, its time is up, its lease has passed
// without an outcome, or it is this very claim, whose acknowledgement got lost.
func (s *idempotency) Acquire(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	now := s.clock()
	err := s.put(ctx, &dynamodb.PutItemInput{
		Item:                     s.item(c, inProgress),
		ConditionExpression:      aws.String(s.claims),
		ExpressionAttributeNames: s.placeholders,
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":now":        millis(now),
			":passed":     millis(now.Add(-s.skew)),
			":inprogress": text(inProgress),
			":payload":    text(c.PayloadHash),
			":owner":      text(c.Owner),
		},
	})
	if err == nil {
		return nil, nil
	}
	item, ok := failedCondition(err)
	if !ok {
		return nil, fmt.Errorf("dynamostore: claim an idempotency key: %w", err)
	}
	return s.earlier(ctx, item, c)
}

// earlier says what an item means for a claim that it was in the way of.
func (s *idempotency) earlier(ctx context.Context, item map[string]types.AttributeValue, c cqrs.Claim) (*cqrs.Outcome, error) {
	switch status := textOf(item[s.names.Status]); {
	case item == nil:
		return nil, errors.New("dynamostore: an idempotency key is taken, but DynamoDB did not say by whom: " +
			"does it know ReturnValuesOnConditionCheckFailure?")
	case textOf(item[s.names.Payload]) != c.PayloadHash:
		return nil, fmt.Errorf("dynamostore: %w: the key is that of another message", cqrs.ErrPayloadMismatch)
	case status == inProgress:
		return nil, fmt.Errorf("dynamostore: %w: another run holds the key", cqrs.ErrInProgress)
	case status == completed:
		return s.outcome(ctx, item)
	default:
		return nil, fmt.Errorf("dynamostore: an idempotency record has the unknown status %.32q", status)
	}
}

// Complete replaces the claim by its outcome, where it still holds the key. An
// outcome that the same owner has stored already stays.
func (s *idempotency) Complete(ctx context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	if err := check(c); err != nil {
		return err
	}
	item, err := s.completion(ctx, c, o)
	if err != nil {
		return err
	}
	err = s.put(ctx, &dynamodb.PutItemInput{
		Item:                      item,
		ConditionExpression:       aws.String(s.holds),
		ExpressionAttributeNames:  s.keyed,
		ExpressionAttributeValues: holder(c),
	})
	found, ok := failedCondition(err)
	switch {
	case err == nil, ok && textOf(found[s.names.Owner]) == c.Owner && textOf(found[s.names.Status]) == completed:
		return nil
	case ok:
		return fmt.Errorf("dynamostore: complete: %w: the run does not hold the key any more", cqrs.ErrLeaseLost)
	default:
		return fmt.Errorf("dynamostore: complete an idempotency key: %w", err)
	}
}

// Release removes the claim, where it still holds the key.
func (s *idempotency) Release(ctx context.Context, c cqrs.Claim) error {
	if err := check(c); err != nil {
		return err
	}
	sent := 0
	err := retry(ctx, func() error {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName:                           aws.String(s.table),
			Key:                                 s.key(c),
			ConditionExpression:                 aws.String(s.holds),
			ExpressionAttributeNames:            s.keyed,
			ExpressionAttributeValues:           holder(c),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}, countAttempts(&sent))
		return err
	})
	found, ok := failedCondition(err)
	switch {
	case err == nil, ok && len(found) == 0 && sent > 1: // an earlier attempt removed it
		return nil
	case ok:
		return fmt.Errorf("dynamostore: release: %w: the run does not hold the key any more", cqrs.ErrLeaseLost)
	default:
		return fmt.Errorf("dynamostore: release an idempotency key: %w", err)
	}
}

// put asks for the item that is in the way, too.
func (s *idempotency) put(ctx context.Context, in *dynamodb.PutItemInput) error {
	in.TableName = aws.String(s.table)
	in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	return retry(ctx, func() error {
		_, err := s.client.PutItem(ctx, in)
		return err
	})
}

func check(c cqrs.Claim) error {
	if c.Key == "" || c.Owner == "" {
		return errors.New("dynamostore: an idempotency claim needs a key and an owner")
	}
	return nil
}

// holder are the values of the condition that the claim still holds its key.
func holder(c cqrs.Claim) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{":owner": text(c.Owner), ":inprogress": text(inProgress)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func textOf(value types.AttributeValue) string {
	if s, ok := value.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func millis(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }
