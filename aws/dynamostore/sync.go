package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
)

// SyncClient is what [NewSync] needs of a *dynamodb.Client.
type SyncClient interface {
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(ctx context.Context, in *dynamodb.ScanInput, opts ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	TransactWriteItems(
		ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options),
	) (*dynamodb.TransactWriteItemsOutput, error)
}

// NewSync returns a store of progress and of what is parked, in a table with the
// partition key pk and the sort key sk, both strings. One table serves any number
// of command tables. Do not give it a TTL: tombstones and versions are to stay as
// long as anything may come again.
//
// Each aggregate has an item for each target, with its progress, its failed
// attempts and what is parked of it. A record costs one BatchGetItem for all
// targets and two UpdateItems for each that is not self-gated, before and after
// its handler. What is parked is
// noted a second time in one place for each command table, in one transaction, so
// that List is a query.
//
// The actions are dynamodb:GetItem, BatchGetItem, UpdateItem, PutItem, DeleteItem
// and Query on the table, and Scan to find what is extra.
func NewSync(client SyncClient, table string) cqrs.SyncStore {
	if client == nil || table == "" {
		panic("dynamostore: NewSync needs a client and the name of a table")
	}
	return &syncStore{client: client, table: table}
}

type syncStore struct {
	client SyncClient
	table  string
}

var (
	_ cqrs.SyncReader  = (*syncStore)(nil)
	_ cqrs.SyncWalker  = (*syncStore)(nil)
	_ cqrs.SyncClaimer = (*syncStore)(nil)
)

// gateKey is the key of an aggregate's item for a target. Neither table nor target
// contains "#", and the tenant is escaped, so that no two keys are spelled alike.
func gateKey(k cqrs.SyncKey) item {
	return keyItem(cqrs.Key{PK: gatePrefix(k.Table, k.Target) + url.QueryEscape(k.Tenant) + "#" + k.Key.PK, SK: k.Key.SK})
}

func gatePrefix(table, target string) string { return table + "#" + target + "#" }

// Load reads the progress.
func (s *syncStore) Load(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	found, err := s.get(ctx, k)
	return progressOf(found), err
}

func (s *syncStore) get(ctx context.Context, k cqrs.SyncKey) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: gateKey(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, s.wrap("read", k, err)
	}
	return out.Item, nil
}

// maxBatchGet is DynamoDB's limit.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
const maxBatchGet = 100

// Status reads all keys at once.
func (s *syncStore) Status(ctx context.Context, keys []cqrs.SyncKey) ([]cqrs.SyncStatus, error) {
	all := make([]cqrs.SyncStatus, len(keys))
	at := map[cqrs.Key]int{}
	var wanted []item
	for i, k := range keys {
		key := gateKey(k)
		at[cqrs.Key{PK: textOf(key["pk"]), SK: textOf(key["sk"])}] = i
		wanted = append(wanted, key)
	}
	for len(wanted) > 0 {
		n := min(len(wanted), maxBatchGet)
		found, rest, err := s.batchGet(ctx, wanted[:n])
		if err != nil {
			return nil, s.wrap("read", keys[0], err)
		}
		for _, one := range found {
			i := at[cqrs.Key{PK: textOf(one["pk"]), SK: textOf(one["sk"])}]
			all[i] = cqrs.SyncStatus{Progress: progressOf(one), Parked: parkedOf(keys[i], one), Claims: claimsOf(one)}
		}
		wanted = append(rest, wanted[n:]...)
	}
	return all, nil
}

var errUnprocessed = errors.New("dynamostore: DynamoDB left all keys of a BatchGetItem unprocessed")

// batchGet returns what was found and what DynamoDB left for another time; it
// waits where that is everything.
func (s *syncStore) batchGet(ctx context.Context, keys []item) (found, rest []item, err error) {
	err = retryIf(ctx, func(err error) bool { return errors.Is(err, errUnprocessed) }, func() error {
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{s.table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return err
		}
		found, rest = out.Responses[s.table], out.UnprocessedKeys[s.table].Keys
		if len(rest) == len(keys) {
			return errUnprocessed
		}
		return nil
	})
	return found, rest, err
}

// Advance moves the progress on where it still stands at from.
func (s *syncStore) Advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress) error {
	return s.Complete(ctx, k, from, to, cqrs.SyncClaim{})
}

// Complete is Advance, and removes the claim in the same write.
func (s *syncStore) Complete(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress, c cqrs.SyncClaim) error {
	return s.update(ctx, "advance", k, from, &dynamodb.UpdateItemInput{
		UpdateExpression: aws.String("SET #version = :version, #hash = :hash, #deleted = :deleted REMOVE #failed, #claim"),
		ExpressionAttributeNames: map[string]string{
			"#hash": "hash", "#deleted": "deleted", "#failed": failedName(to.Version), "#claim": claimName(c),
		},
		ExpressionAttributeValues: item{
			":version": number(to.Version), ":hash": text(to.Hash), ":deleted": &types.AttributeValueMemberBOOL{Value: to.Deleted},
		},
	})
}

// Claim notes an attempt.
func (s *syncStore) Claim(ctx context.Context, k cqrs.SyncKey, from int64, c cqrs.SyncClaim) error {
	return s.update(ctx, "claim", k, from, &dynamodb.UpdateItemInput{
		UpdateExpression:          aws.String("SET #claim = :from"),
		ExpressionAttributeNames:  map[string]string{"#claim": claimName(c)},
		ExpressionAttributeValues: item{},
	})
}

// update changes the item where its progress still stands at from.
func (s *syncStore) update(ctx context.Context, what string, k cqrs.SyncKey, from int64, in *dynamodb.UpdateItemInput) error {
	in.TableName, in.Key = &s.table, gateKey(k)
	in.ExpressionAttributeNames["#version"], in.ExpressionAttributeValues[":from"] = "version", number(from)
	in.ConditionExpression = aws.String("#version = :from")
	if from == 0 {
		in.ConditionExpression = aws.String("attribute_not_exists(#version) OR #version = :from")
	}
	in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	err := retry(ctx, func() error {
		_, err := s.client.UpdateItem(ctx, in)
		return err
	})
	if found, failed := failedCondition(err); failed {
		return &cqrs.VersionConflict{Key: k.Key, Expected: from, Actual: integerOf(found["version"])}
	}
	return s.wrap(what, k, err)
}

// Release removes a claim.
func (s *syncStore) Release(ctx context.Context, k cqrs.SyncKey, c cqrs.SyncClaim) error {
	err := retry(ctx, func() error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: gateKey(k), UpdateExpression: aws.String("REMOVE #claim"),
			ExpressionAttributeNames: map[string]string{"#claim": claimName(c)},
		})
		return err
	})
	return s.wrap("release", k, err)
}

const claimPrefix = "claim@"

func claimName(c cqrs.SyncClaim) string {
	return fmt.Sprintf("%s%d@%s", claimPrefix, c.Version, c.Owner)
}

func claimsOf(found item) (claims []cqrs.SyncClaim) {
	for name := range found {
		rest, ok := strings.CutPrefix(name, claimPrefix)
		if !ok {
			continue
		}
		version, owner, _ := strings.Cut(rest, "@")
		if n, err := strconv.ParseInt(version, 10, 64); err == nil {
			claims = append(claims, cqrs.SyncClaim{Version: n, Owner: owner})
		}
	}
	return claims
}

// failedName is the attribute that counts the failed attempts at a version.
func failedName(version int64) string { return fmt.Sprintf("%s%d", failedPrefix, version) }

const failedPrefix = "failed@"

// Fail counts. An attempt whose answer is lost may count twice.
func (s *syncStore) Fail(ctx context.Context, k cqrs.SyncKey, version int64, cause string) (int, error) {
	var out *dynamodb.UpdateItemOutput
	err := retry(ctx, func() (err error) {
		out, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: gateKey(k),
			UpdateExpression:          aws.String("SET lastError = :cause ADD #failed :one"),
			ExpressionAttributeNames:  map[string]string{"#failed": failedName(version)},
			ExpressionAttributeValues: item{":one": number(1), ":cause": text(cause)},
			ReturnValues:              types.ReturnValueUpdatedNew,
		})
		return err
	})
	if err != nil {
		return 0, s.wrap("count a failure of", k, err)
	}
	return int(integerOf(out.Attributes[failedName(version)])), nil
}

// Walk scans the whole table.
func (s *syncStore) Walk(ctx context.Context, table, target string) iter.Seq2[cqrs.SyncKey, error] {
	return func(yield func(cqrs.SyncKey, error) bool) {
		prefix := gatePrefix(table, target)
		in := &dynamodb.ScanInput{
			TableName: &s.table, ConsistentRead: aws.Bool(true),
			FilterExpression:          aws.String("begins_with(pk, :prefix) AND attribute_exists(#version)"),
			ExpressionAttributeNames:  versionName(),
			ExpressionAttributeValues: item{":prefix": text(prefix)},
		}
		for {
			out, err := s.client.Scan(ctx, in)
			if err != nil {
				yield(cqrs.SyncKey{}, fmt.Errorf("dynamostore: walk the progress of %s: %w", target, err))
				return
			}
			for _, found := range out.Items {
				tenant, pk, _ := strings.Cut(strings.TrimPrefix(textOf(found["pk"]), prefix), "#")
				tenant, err := url.QueryUnescape(tenant)
				k := cqrs.SyncKey{Table: table, Target: target, Tenant: tenant, Key: cqrs.Key{PK: pk, SK: textOf(found["sk"])}}
				if !yield(k, err) || err != nil {
					return
				}
			}
			if len(out.LastEvaluatedKey) == 0 {
				return
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
	}
}

func (s *syncStore) wrap(what string, k cqrs.SyncKey, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("dynamostore: %s the progress of %s %s in %s: %w", what, k.Key.PK, k.Key.SK, k.Target, err)
}
