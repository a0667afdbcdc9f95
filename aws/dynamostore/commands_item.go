package dynamostore

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

type item = map[string]types.AttributeValue

// encodeItem returns the row as an item, under its key or that of its version.
func encodeItem(row command.Row, key cqrs.Key) (item, error) {
	if err := command.CheckRow(row); err != nil {
		return nil, err
	}
	image, err := cqrs.EncodeRow(row)
	if err != nil {
		return nil, cqrs.Permanent(err)
	}
	encoded, err := attributevalue.UnmarshalMapJSON(image.Raw())
	if err != nil {
		return nil, cqrs.Permanent(err)
	}
	encoded["sk"] = text(key.SK)
	return encoded, nil
}

func (s *commands) commandItem(ctx context.Context, row command.Row) (item, error) {
	encoded, err := encodeItem(row, row.Key.At(row.Version))
	if err != nil {
		return nil, err
	}
	// The newest command is kept as long as its data.
	return s.finish(ctx, encoded, row, s.tables.Data)
}

// dataItem has the key of the command that it comes from in cpk and csk.
func (s *commands) dataItem(ctx context.Context, row command.Row) (item, error) {
	encoded, err := encodeItem(row, row.Key)
	if err != nil {
		return nil, err
	}
	from := row.Key.At(row.Version)
	encoded["cpk"], encoded["csk"] = text(from.PK), text(from.SK)
	return s.finish(ctx, encoded, row, s.tables.Data)
}

func (s *commands) historyItem(ctx context.Context, row command.Row) (item, error) {
	from := row.Key.At(row.Version)
	encoded, err := encodeItem(row, from)
	if err != nil {
		return nil, err
	}
	encoded["cpk"], encoded["csk"] = text(from.PK), text(from.SK)
	return s.finish(ctx, encoded, row, s.tables.History)
}

// finish adds the time to live and checks the size, before any call is made.
func (s *commands) finish(ctx context.Context, encoded item, row command.Row, table string) (item, error) {
	if row.TTL.IsZero() || table == s.tables.History {
		ttl, err := s.expires(ctx, table, row)
		if err != nil {
			return nil, err
		}
		if !ttl.IsZero() {
			encoded["ttl"] = number(ttl.Unix())
		}
	}
	if size := itemSize(encoded); size > maxItem {
		return nil, cqrs.Permanent(fmt.Errorf(
			"dynamostore: %s %s has %d bytes, an item at most %d; keep large attributes in command.Blobs: %w",
			row.PK, row.SK, size, maxItem, cqrs.ErrTooLarge))
	}
	return encoded, nil
}

// decodeItem takes what encodeItem, or the reference system, has written.
func decodeItem(encoded item) (command.Row, error) {
	image, err := imageOf(encoded)
	if err != nil {
		return command.Row{}, err
	}
	return cqrs.DecodeRow(image)
}

func imageOf(encoded item) (cqrs.Image, error) {
	var image cqrs.Image
	raw, err := attributevalue.MarshalMapJSON(encoded)
	if err == nil {
		err = image.UnmarshalJSON(raw)
	}
	return image, err
}

// tokenOf identifies a transaction by all that is in it: the same content has the
// same token, another has another.
func tokenOf(tables Tables, items ...item) (string, error) {
	all := []string{tables.Command, tables.Data, tables.History}
	for _, i := range items {
		image, err := imageOf(i)
		if err != nil {
			return "", err
		}
		hash, err := cqrs.ItemHash(image)
		if err != nil {
			return "", err
		}
		all = append(all, hash)
	}
	return digest(strings.Join(all, "\n"))[:36], nil
}

func keyItem(key cqrs.Key) item { return item{"pk": text(key.PK), "sk": text(key.SK)} }
