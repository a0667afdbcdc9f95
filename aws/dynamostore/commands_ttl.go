package dynamostore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// TTL says how long the rows of a table are kept for a tenant. A row's own TTL
// goes before it, but in the history table.
type TTL interface {
	// Days returns the whole days, 0 for ever. It is called several times for each
	// row that is written.
	Days(ctx context.Context, table, tenant string) (int, error)
}

// TTLClient is what [NewMasterTTL] needs of a *dynamodb.Client.
type TTLClient interface {
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// NewMasterTTL reads the days as the reference system does: from the data table of
// the master module, pk = MASTER#tenant, sk = TTL#<full table name>,
// attributes.days. What it has read, or found missing, it keeps for refresh; 0
// means 5 minutes. The action is dynamodb:GetItem on the table.
func NewMasterTTL(client TTLClient, table string, refresh time.Duration) TTL {
	if client == nil || table == "" {
		panic("dynamostore: NewMasterTTL needs a client and the name of the master data table")
	}
	if refresh <= 0 {
		refresh = 5 * time.Minute
	}
	return &masterTTL{client: client, table: table, refresh: refresh, known: map[cqrs.Key]days{}}
}

type masterTTL struct {
	client  TTLClient
	table   string
	refresh time.Duration
	mu      sync.Mutex
	known   map[cqrs.Key]days
}

type days struct {
	n     int
	until time.Time
}

// Days reads the setting, or remembers it.
func (m *masterTTL) Days(ctx context.Context, table, tenant string) (int, error) {
	key := cqrs.Key{PK: "MASTER#" + tenant, SK: "TTL#" + table}
	m.mu.Lock()
	kept, ok := m.known[key]
	m.mu.Unlock()
	if ok && time.Now().Before(kept.until) {
		return kept.n, nil
	}
	out, err := m.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &m.table, Key: keyItem(key)})
	if err != nil {
		return 0, fmt.Errorf("dynamostore: read the time to live of table %s: %w", table, err)
	}
	var setting struct {
		Attributes struct {
			Days int `dynamodbav:"days"`
		} `dynamodbav:"attributes"`
	}
	if len(out.Item) > 0 {
		image, err := imageOf(out.Item)
		if err == nil {
			err = image.Unmarshal(&setting)
		}
		if err != nil {
			return 0, fmt.Errorf("dynamostore: the time to live of table %s: %w", table, err)
		}
	}
	m.mu.Lock()
	m.known[key] = days{n: max(setting.Attributes.Days, 0), until: time.Now().Add(m.refresh)}
	m.mu.Unlock()
	return max(setting.Attributes.Days, 0), nil
}

// Expires is the time to live of the row's data, counted from its own time, so
// that it is the same each time.
func (s *commands) Expires(ctx context.Context, row command.Row) (time.Time, error) {
	return s.expires(ctx, s.tables.Data, row)
}

func (s *commands) expires(ctx context.Context, table string, row command.Row) (time.Time, error) {
	if s.tables.TTL == nil {
		return time.Time{}, nil
	}
	_, tenant, _ := row.CutTenant()
	n, err := s.tables.TTL.Days(ctx, table, tenant)
	if err != nil || n == 0 {
		return time.Time{}, err
	}
	return row.UpdatedAt.AddDate(0, 0, n).UTC().Truncate(time.Second), nil
}

// expirePrevious gives the command before this one, which is superseded, the time
// to live of the command table. It touches nothing but ttl, and only shortens it.
func (s *commands) expirePrevious(ctx context.Context, row command.Row) error {
	ttl, err := s.expires(ctx, s.tables.Command, row)
	if err != nil || ttl.IsZero() || row.Version == 1 {
		return err
	}
	key := row.Key.At(row.Version - 1)
	err = retry(ctx, func() error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.tables.Command, Key: keyItem(key),
			UpdateExpression:          aws.String("SET #ttl = :ttl"),
			ConditionExpression:       aws.String("attribute_exists(pk) AND (attribute_not_exists(#ttl) OR #ttl > :ttl)"),
			ExpressionAttributeNames:  map[string]string{"#ttl": "ttl"}, // a reserved word
			ExpressionAttributeValues: item{":ttl": number(ttl.Unix())},
		})
		return err
	})
	if _, failed := failedCondition(err); failed {
		return nil // it is gone, or goes earlier
	}
	return s.wrap("expire", key, err)
}
