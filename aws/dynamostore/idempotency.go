package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

	claim, claimOnce, holds condition
}

const (
	inProgress = "INPROGRESS"
	completed  = "COMPLETED"
)

// condition is an expression with the names of its placeholders.
type condition struct {
	text  *string
	names map[string]string
}

// prepare makes what is the same in every request.
func (s *idempotency) prepare() {
	n := &s.names
	n.setDefaults()
	names := map[string]string{"#owner": n.Owner, "#status": n.Status}
	s.holds = condition{aws.String("#owner = :owner AND #status = :inprogress"), names}
	names = maps.Clone(names)
	names["#key"], names["#expires"], names["#payload"] = n.Key, n.Expires, n.Payload
	s.claimOnce = condition{aws.String("attribute_not_exists(#key) OR #expires <= :now OR " +
		"(#status = :inprogress AND #payload = :payload AND #owner = :owner)"), names}
	names = maps.Clone(names)
	names["#lease"] = n.Lease
	s.claim = condition{aws.String("attribute_not_exists(#key) OR #expires <= :now OR " +
		"(#status = :inprogress AND #payload = :payload AND (#owner = :owner OR #lease <= :passed))"), names}
}

// Acquire claims the key: where it is free, its time is up, its lease has passed
// without an outcome, or it is this very claim, whose acknowledgement got lost.
func (s *idempotency) Acquire(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	now := s.clock()
	return s.acquire(ctx, c, now, s.claim, map[string]types.AttributeValue{":passed": millis(now.Add(-s.skew))})
}

// AcquireOnce is Acquire, but a key whose lease has passed without an outcome
// stays as it is: the error is [cqrs.ErrAbandoned].
func (s *idempotency) AcquireOnce(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	return s.acquire(ctx, c, s.clock(), s.claimOnce, map[string]types.AttributeValue{})
}

func (s *idempotency) acquire(
	ctx context.Context, c cqrs.Claim, now time.Time, on condition, values map[string]types.AttributeValue,
) (*cqrs.Outcome, error) {
	if err := checkClaim(c); err != nil {
		return nil, err
	}
	values[":now"], values[":payload"] = millis(now), text(c.PayloadHash)
	maps.Copy(values, heldBy(c))
	err := s.put(ctx, s.item(c, inProgress), on, values)
	if err == nil {
		return nil, nil
	}
	item, ok := failedCondition(err)
	if !ok {
		return nil, fmt.Errorf("dynamostore: claim an idempotency key: %w", err)
	}
	return s.earlier(ctx, item, c, now)
}

// earlier says what an item means for a claim that it was in the way of.
func (s *idempotency) earlier(
	ctx context.Context, item map[string]types.AttributeValue, c cqrs.Claim, now time.Time,
) (*cqrs.Outcome, error) {
	switch status := textOf(item[s.names.Status]); {
	case item == nil:
		return nil, errors.New("dynamostore: an idempotency key is taken, but DynamoDB did not say by whom: " +
			"does it know ReturnValuesOnConditionCheckFailure?")
	case textOf(item[s.names.Payload]) != c.PayloadHash:
		return nil, fmt.Errorf("dynamostore: %w: the key is that of another message", cqrs.ErrPayloadMismatch)
	case status == inProgress && millisOf(item[s.names.Lease]) <= now.Add(-s.skew).UnixMilli():
		return nil, fmt.Errorf("dynamostore: %w: its lease has passed", cqrs.ErrAbandoned)
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
	if err := checkClaim(c); err != nil {
		return err
	}
	item, err := s.completion(ctx, c, o)
	if err != nil {
		return err
	}
	err = s.put(ctx, item, s.holds, heldBy(c))
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
	if err := checkClaim(c); err != nil {
		return err
	}
	sent := 0
	err := retry(ctx, func() error {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName:                           aws.String(s.table),
			Key:                                 s.key(c),
			ConditionExpression:                 s.holds.text,
			ExpressionAttributeNames:            s.holds.names,
			ExpressionAttributeValues:           heldBy(c),
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

// put writes the item on a condition. What is in its way comes with the error.
func (s *idempotency) put(ctx context.Context, item map[string]types.AttributeValue, on condition,
	values map[string]types.AttributeValue,
) error {
	in := &dynamodb.PutItemInput{
		TableName:                           aws.String(s.table),
		Item:                                item,
		ConditionExpression:                 on.text,
		ExpressionAttributeNames:            on.names,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	return retry(ctx, func() error {
		_, err := s.client.PutItem(ctx, in)
		return err
	})
}

func checkClaim(c cqrs.Claim) error {
	if c.Key == "" || c.Owner == "" {
		return errors.New("dynamostore: an idempotency claim needs a key and an owner")
	}
	return nil
}

// heldBy returns the values of the condition that the claim still holds its key.
func heldBy(c cqrs.Claim) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{":owner": text(c.Owner), ":inprogress": text(inProgress)}
}
