package dynamostore

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
)

// parkedNames are the attributes of what is parked: in the aggregate's own item
// beside its progress, and in its entry of the list.
var parkedNames = []string{"parkedVersion", "latestSeen", "attempts", "reason", "since"} //nolint:gochecknoglobals // a constant

// errMoved says that an item is not any more as it was read.
var errMoved = errors.New("dynamostore: the parked aggregate went on changing")

func moved(err error) bool { return errors.Is(err, errMoved) }

// Park notes the aggregate, or that a later version of it has come.
func (s *syncStore) Park(ctx context.Context, p cqrs.Parked) error {
	return retryIf(ctx, moved, func() error {
		found, err := s.get(ctx, p.SyncKey)
		if err != nil {
			return err
		}
		known := parkedOf(p.SyncKey, found)
		next := p
		if known != nil && (!known.Diverged() || p.Diverged()) {
			next = *known
			next.LatestSeen = max(known.LatestSeen, p.LatestSeen)
			if next == *known {
				return nil
			}
		}
		values := parkedItem(next)
		condition, names, conditionValues := unchanged(known)
		update := &types.Update{
			TableName: &s.table, Key: gateKey(p.SyncKey), ConditionExpression: &condition,
			UpdateExpression:         aws.String("SET " + assignments(parkedNames)),
			ExpressionAttributeNames: names, ExpressionAttributeValues: conditionValues,
		}
		for _, name := range parkedNames {
			update.ExpressionAttributeNames["#"+name] = name
			update.ExpressionAttributeValues[":"+name] = values[name]
		}
		entry := parkedItem(next)
		maps.Copy(entry, listKey(p.SyncKey))
		entry["target"], entry["tenant"] = text(p.Target), text(p.Tenant)
		entry["itemPk"], entry["itemSk"] = text(p.Key.PK), text(p.Key.SK)
		return s.both(ctx, p.SyncKey, types.TransactWriteItem{Update: update},
			types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: entry}})
	})
}

// Unpark removes the entry, and the count of failures with it.
func (s *syncStore) Unpark(ctx context.Context, k cqrs.SyncKey, applied int64) (removed bool, err error) {
	err = retryIf(ctx, moved, func() error {
		found, err := s.get(ctx, k)
		if err != nil {
			return err
		}
		known := parkedOf(k, found)
		if known == nil || known.LatestSeen > applied {
			return nil
		}
		condition, names, values := unchanged(known)
		gone := slices.Clone(parkedNames)
		for name := range found {
			if strings.HasPrefix(name, failedPrefix) {
				gone = append(gone, name)
			}
		}
		placeholders := make([]string, len(gone))
		for i, name := range gone {
			placeholders[i] = "#r" + string(rune('a'+i%26)) + strings.Repeat("x", i/26)
			names[placeholders[i]] = name
		}
		err = s.both(ctx, k,
			types.TransactWriteItem{Update: &types.Update{
				TableName: &s.table, Key: gateKey(k), ConditionExpression: &condition,
				UpdateExpression:         aws.String("REMOVE " + strings.Join(placeholders, ", ")),
				ExpressionAttributeNames: names, ExpressionAttributeValues: values,
			}},
			types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: listKey(k)}})
		removed = err == nil
		return err
	})
	return removed, err
}

// unchanged is the condition that what is parked is as it was read. An answer
// that was lost makes it fail, and the next round finds its own work done.
func unchanged(known *cqrs.Parked) (condition string, names map[string]string, values item) {
	if known == nil {
		return "attribute_not_exists(#latestSeen)", map[string]string{"#latestSeen": "latestSeen"}, item{}
	}
	return "#latestSeen = :was AND #parkedVersion = :at",
		map[string]string{"#latestSeen": "latestSeen", "#parkedVersion": "parkedVersion"},
		item{":was": number(known.LatestSeen), ":at": number(known.Version)}
}

func assignments(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = "#" + name + " = :" + name
	}
	return strings.Join(all, ", ")
}

// both writes the aggregate's item and its entry of the list, or neither.
func (s *syncStore) both(ctx context.Context, k cqrs.SyncKey, writes ...types.TransactWriteItem) error {
	err := retry(ctx, func() error {
		_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		return err
	})
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok &&
		slices.ContainsFunc(cancelled.CancellationReasons, isCondition) {
		return errMoved
	}
	return s.wrap("park", k, err)
}

// List queries what is parked, in no particular order.
func (s *syncStore) List(ctx context.Context, table, target string) iter.Seq2[cqrs.Parked, error] {
	return func(yield func(cqrs.Parked, error) bool) {
		in := &dynamodb.QueryInput{
			TableName: &s.table, ConsistentRead: aws.Bool(true),
			KeyConditionExpression:    aws.String("pk = :pk"),
			ExpressionAttributeValues: item{":pk": text(listPartition(table))},
		}
		if target != "" {
			in.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :target)")
			in.ExpressionAttributeValues[":target"] = text(target + "#")
		}
		for {
			out, err := s.client.Query(ctx, in)
			if err != nil {
				yield(cqrs.Parked{}, s.wrap("list", cqrs.SyncKey{Table: table, Target: target}, err))
				return
			}
			for _, entry := range out.Items {
				k := cqrs.SyncKey{
					Table: table, Target: textOf(entry["target"]), Tenant: textOf(entry["tenant"]),
					Key: cqrs.Key{PK: textOf(entry["itemPk"]), SK: textOf(entry["itemSk"])},
				}
				if p := parkedOf(k, entry); p != nil && !yield(*p, nil) {
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

func listPartition(table string) string { return "PARKED#" + table }

// listKey is short whatever the aggregate's key is.
func listKey(k cqrs.SyncKey) item {
	gate := gateKey(k)
	return keyItem(cqrs.Key{PK: listPartition(k.Table), SK: k.Target + "#" + digest(textOf(gate["pk"])+"\x00"+textOf(gate["sk"]))})
}

func parkedItem(p cqrs.Parked) item {
	return item{
		"parkedVersion": number(p.Version), "latestSeen": number(p.LatestSeen), "attempts": number(int64(p.Attempts)),
		"reason": text(p.Reason), "since": number(p.Since.UnixMilli()),
	}
}

func parkedOf(k cqrs.SyncKey, found item) *cqrs.Parked {
	if _, parked := found["latestSeen"]; !parked {
		return nil
	}
	return &cqrs.Parked{
		SyncKey: k, Version: integerOf(found["parkedVersion"]), LatestSeen: integerOf(found["latestSeen"]),
		Attempts: int(integerOf(found["attempts"])), Reason: textOf(found["reason"]),
		Since: time.UnixMilli(integerOf(found["since"])).UTC(),
	}
}

func progressOf(found item) cqrs.Progress {
	deleted, _ := found["deleted"].(*types.AttributeValueMemberBOOL)
	return cqrs.Progress{Version: integerOf(found["version"]), Hash: textOf(found["hash"]), Deleted: deleted != nil && deleted.Value}
}

// integerOf is 0 for what is no number.
func integerOf(value types.AttributeValue) int64 { return millisOf(value) }

// retryIf repeats while again approves of the error.
func retryIf(ctx context.Context, again func(error) bool, call func() error) error {
	return fault.Retry(ctx, again, call)
}
