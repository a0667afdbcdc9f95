package dynamostore

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// CommandsClient is what [NewCommands] needs of a *dynamodb.Client.
type CommandsClient interface {
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(ctx context.Context, in *dynamodb.ScanInput, opts ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	TransactWriteItems(
		ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options),
	) (*dynamodb.TransactWriteItemsOutput, error)
}

// Tables are the names of the three tables of a module. Each has the partition
// key pk and the sort key sk, both strings, and the TTL attribute ttl; the command
// table has a stream with new images.
type Tables struct {
	Command, Data, History string

	// TTL says how long rows are kept; nil: for ever.
	TTL TTL
}

// TablesOf returns the names of the reference system: <prefix>-<module>-command,
// -data and -history.
func TablesOf(prefix, module string) Tables {
	base := prefix + "-" + module + "-"
	return Tables{Command: base + "command", Data: base + "data", History: base + "history"}
}

// NewCommands returns a store of commands. It panics without a client or a name
// of each table.
//
// Append is one PutItem of one write unit for each KB. Commit is one transaction of
// two write units for each KB of each of three rows. Project is two PutItems of one
// unit each. The reads are consistent. A TTL for the command table adds an
// UpdateItem to Commit and Project. The actions are dynamodb:PutItem, UpdateItem,
// GetItem and Query on the tables, and Scan for rebuild and verification;
// transactions use the permissions of what they consist of.
//
// Where another transaction is in the way, a write is repeated with jitter, the
// same bytes each time; the token of a transaction is derived from its content.
func NewCommands(client CommandsClient, tables Tables) command.Store {
	if client == nil || tables.Command == "" || tables.Data == "" || tables.History == "" {
		panic("dynamostore: NewCommands needs a client and the names of the command, data and history tables")
	}
	return &commands{client: client, tables: tables}
}

type commands struct {
	client CommandsClient
	tables Tables
}

var _ command.Expirer = (*commands)(nil)

func versionName() map[string]string { return map[string]string{"#version": "version"} }

const (
	absent      = "attribute_not_exists(pk)"
	older       = "attribute_not_exists(pk) OR #version < :version"
	olderOrSame = "attribute_not_exists(pk) OR #version <= :version"
)

// Append puts the row where there is none of its version. A put whose answer was
// lost meets its own row.
func (s *commands) Append(ctx context.Context, row command.Row) error {
	item, err := s.commandItem(ctx, row)
	if err != nil {
		return err
	}
	err = s.put(ctx, &dynamodb.PutItemInput{
		TableName: &s.tables.Command, Item: item, ConditionExpression: aws.String(absent),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	found, failed := failedCondition(err)
	if !failed {
		return s.wrap("append", row.Key, err)
	}
	return s.own(ctx, row, found)
}

// own decides about the row that is there.
func (s *commands) own(ctx context.Context, row command.Row, found map[string]types.AttributeValue) error {
	if len(found) == 0 {
		kept, err := s.GetCommand(ctx, row.Key, row.Version)
		if err != nil {
			return err
		}
		return command.OwnRow(row, kept)
	}
	kept, err := decodeItem(found)
	if err != nil {
		return err
	}
	return command.OwnRow(row, kept)
}

func (s *commands) put(ctx context.Context, in *dynamodb.PutItemInput) error {
	return retry(ctx, func() error {
		_, err := s.client.PutItem(ctx, in)
		return err
	})
}

// Commit writes all three rows or none.
func (s *commands) Commit(ctx context.Context, row command.Row) error {
	in, err := s.transaction(ctx, row)
	if err != nil {
		return err
	}
	err = retry(ctx, func() error {
		_, err := s.client.TransactWriteItems(ctx, in)
		return err
	})
	if err == nil {
		return s.expirePrevious(ctx, row)
	}
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok || len(cancelled.CancellationReasons) != len(in.TransactItems) {
		return s.wrap("commit", row.Key, err)
	}
	reasons := cancelled.CancellationReasons
	switch {
	case isCondition(reasons[0]):
		if err := s.own(ctx, row, reasons[0].Item); err != nil {
			return err
		}
		// Our own command is there: by this transaction, whose answer was lost, or by
		// an Append before it, which left the data alone.
		if err := s.Project(ctx, row); err != nil && !isSkip(err) {
			return err
		}
		return nil
	case isCondition(reasons[1]):
		conflict := &cqrs.VersionConflict{Key: row.Key, Expected: row.Version - 1, Actual: row.Version}
		if data, err := decodeItem(reasons[1].Item); err == nil {
			conflict.Actual = data.Version
		}
		return conflict
	default:
		return s.wrap("commit", row.Key, err)
	}
}

func isCondition(reason types.CancellationReason) bool {
	return aws.ToString(reason.Code) == "ConditionalCheckFailed"
}

// transaction is the same, to the byte, for the same row.
func (s *commands) transaction(ctx context.Context, row command.Row) (*dynamodb.TransactWriteItemsInput, error) {
	commandItem, err := s.commandItem(ctx, row)
	if err != nil {
		return nil, err
	}
	dataItem, err := s.dataItem(ctx, row)
	if err != nil {
		return nil, err
	}
	historyItem, err := s.historyItem(ctx, row)
	if err != nil {
		return nil, err
	}
	token, err := tokenOf(s.tables, commandItem, dataItem, historyItem)
	if err != nil {
		return nil, err
	}
	allOld := types.ReturnValuesOnConditionCheckFailureAllOld
	return &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: &token,
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{
				TableName: &s.tables.Command, Item: commandItem, ConditionExpression: aws.String(absent),
				ReturnValuesOnConditionCheckFailure: allOld,
			}},
			{Put: &types.Put{
				TableName: &s.tables.Data, Item: dataItem, ConditionExpression: aws.String(older),
				ExpressionAttributeNames: versionName(), ExpressionAttributeValues: versionValue(row),
				ReturnValuesOnConditionCheckFailure: allOld,
			}},
			{Put: &types.Put{TableName: &s.tables.History, Item: historyItem}},
		},
	}, nil
}

func versionValue(row command.Row) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{":version": number(row.Version)}
}

// Project writes the history, which takes every version once, and then the data
// where they are older. Both are harmless to repeat, so they need no transaction.
func (s *commands) Project(ctx context.Context, row command.Row) error {
	historyItem, err := s.historyItem(ctx, row)
	if err != nil {
		return err
	}
	dataItem, err := s.dataItem(ctx, row)
	if err != nil {
		return err
	}
	err = s.put(ctx, &dynamodb.PutItemInput{TableName: &s.tables.History, Item: historyItem, ConditionExpression: aws.String(absent)})
	if _, kept := failedCondition(err); err != nil && !kept {
		return s.wrap("keep the history of", row.Key, err)
	}
	if err := s.expirePrevious(ctx, row); err != nil {
		return err
	}
	condition := older
	if cqrs.ReplacesEqual(ctx) {
		condition = olderOrSame
	}
	err = s.put(ctx, &dynamodb.PutItemInput{
		TableName: &s.tables.Data, Item: dataItem, ConditionExpression: &condition,
		ExpressionAttributeNames: versionName(), ExpressionAttributeValues: versionValue(row),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	found, failed := failedCondition(err)
	if !failed {
		return s.wrap("project", row.Key, err)
	}
	var data command.Row
	if len(found) == 0 {
		data, err = s.Get(ctx, row.Key)
	} else {
		data, err = decodeItem(found)
	}
	if err != nil {
		return err
	}
	return command.Gate(ctx, row, data)
}

func (s *commands) wrap(what string, key cqrs.Key, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("dynamostore: %s %s %s: %w", what, key.PK, key.SK, err)
}

// isSkip reports whether the data had nothing to take.
func isSkip(err error) bool { return cqrs.IsSkip(err) }
