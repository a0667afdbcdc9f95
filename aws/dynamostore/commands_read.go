package dynamostore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// Get reads the data.
func (s *commands) Get(ctx context.Context, key cqrs.Key) (command.Row, error) {
	return s.get(ctx, s.tables.Data, key)
}

// GetCommand reads one version.
func (s *commands) GetCommand(ctx context.Context, key cqrs.Key, version int64) (command.Row, error) {
	return s.get(ctx, s.tables.Command, key.At(version))
}

func (s *commands) get(ctx context.Context, table string, key cqrs.Key) (command.Row, error) {
	if key.PK == "" || key.SK == "" {
		return command.Row{}, command.NotFound(key)
	}
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: keyItem(key), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return command.Row{}, s.wrap("read", key, err)
	}
	if len(out.Item) == 0 {
		return command.Row{}, command.NotFound(key)
	}
	return decodeItem(out.Item)
}

// List queries the data, a page at a time.
func (s *commands) List(ctx context.Context, q command.Query) iter.Seq2[command.Row, error] {
	return func(yield func(command.Row, error) bool) {
		in := s.listInput(q)
		n := 0
		for row, err := range s.query(ctx, in) {
			if !yield(row, err) || err != nil {
				return
			}
			if n++; n == q.Limit {
				return
			}
		}
	}
}

func (s *commands) listInput(q command.Query) *dynamodb.QueryInput {
	condition := "pk = :pk"
	values := item{":pk": text(q.PK)}
	bound := func(name, value, expression string) {
		if value != "" {
			condition += " AND " + expression
			values[name] = text(value)
		}
	}
	bound(":prefix", q.Prefix, "begins_with(sk, :prefix)")
	if q.From != "" && q.To != "" {
		condition += " AND sk BETWEEN :from AND :to"
		values[":from"], values[":to"] = text(q.From), text(q.To)
	} else {
		bound(":from", q.From, "sk >= :from")
		bound(":to", q.To, "sk <= :to")
	}
	in := &dynamodb.QueryInput{
		TableName: &s.tables.Data, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!q.Reverse),
		KeyConditionExpression: &condition, ExpressionAttributeValues: values,
	}
	if !q.Deleted {
		in.FilterExpression = aws.String("attribute_not_exists(isDeleted) OR isDeleted = :false")
		values[":false"] = &types.AttributeValueMemberBOOL{Value: false}
	}
	if q.After != "" {
		in.ExclusiveStartKey = keyItem(cqrs.Key{PK: q.PK, SK: q.After})
	}
	if size := cmp.Or(q.PageSize, q.Limit); size > 0 {
		in.Limit = aws.Int32(int32(min(size, 1<<20)))
	}
	return in
}

// query walks all pages.
func (s *commands) query(ctx context.Context, in *dynamodb.QueryInput) iter.Seq2[command.Row, error] {
	return func(yield func(command.Row, error) bool) {
		for {
			out, err := s.client.Query(ctx, in)
			if err != nil {
				yield(command.Row{}, s.wrap("query", cqrs.Key{PK: textOf(in.ExpressionAttributeValues[":pk"])}, err))
				return
			}
			for _, i := range out.Items {
				row, err := decodeItem(i)
				if !yield(row, err) || err != nil {
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

// History reads all versions of an aggregate before it yields the first: in the
// table they are sorted as text, 10 before 9.
func (s *commands) History(ctx context.Context, key cqrs.Key, after int64) iter.Seq2[command.Row, error] {
	return func(yield func(command.Row, error) bool) {
		var rows []command.Row
		for row, err := range s.query(ctx, &dynamodb.QueryInput{
			TableName: &s.tables.History, ConsistentRead: aws.Bool(true),
			KeyConditionExpression:   aws.String("pk = :pk AND begins_with(sk, :sk)"),
			FilterExpression:         aws.String("#version > :after"),
			ExpressionAttributeNames: versionName(),
			ExpressionAttributeValues: item{
				":pk": text(key.PK), ":sk": text(key.SK + "@"), ":after": number(after),
			},
		}) {
			if err != nil {
				yield(command.Row{}, err)
				return
			}
			if row.Key == key {
				rows = append(rows, row)
			}
		}
		slices.SortFunc(rows, func(a, b command.Row) int { return cmp.Compare(a.Version, b.Version) })
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Scan reads a page. The cursor is the key of its last item.
func (s *commands) Scan(ctx context.Context, p command.Page) (rows []command.Row, next string, err error) {
	in := &dynamodb.ScanInput{TableName: &s.tables.Data, ConsistentRead: aws.Bool(true)}
	if p.Commands {
		in.TableName = &s.tables.Command
	}
	if p.Segments > 1 {
		in.Segment, in.TotalSegments = aws.Int32(int32(p.Segment)), aws.Int32(int32(p.Segments))
	}
	if p.Limit > 0 {
		in.Limit = aws.Int32(int32(min(p.Limit, 1<<20)))
	}
	if p.Cursor != "" {
		var key cqrs.Key
		if err := json.Unmarshal([]byte(p.Cursor), &key); err != nil || key.PK == "" {
			return nil, "", cqrs.Permanent(errors.New("dynamostore: this is no cursor of a scan"))
		}
		in.ExclusiveStartKey = keyItem(key)
	}
	out, err := s.client.Scan(ctx, in)
	if err != nil {
		return nil, "", s.wrap("scan", cqrs.Key{PK: *in.TableName}, err)
	}
	for _, i := range out.Items {
		row, err := decodeItem(i)
		if err != nil {
			return nil, "", s.wrap("decode", cqrs.Key{PK: textOf(i["pk"]), SK: textOf(i["sk"])}, err)
		}
		rows = append(rows, row)
	}
	if last := out.LastEvaluatedKey; len(last) > 0 {
		cursor, err := json.Marshal(cqrs.Key{PK: textOf(last["pk"]), SK: textOf(last["sk"])})
		return rows, string(cursor), err
	}
	return rows, "", nil
}
