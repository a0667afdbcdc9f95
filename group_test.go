package cqrs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	images "github.com/lambda-cqrs/cqrs/internal/image"
)

// Whatever AWS's spelling of an item's keys, its records are of one group.
func TestGroupIsTheCanonicalTextOfTheKeys(t *testing.T) {
	t.Parallel()
	group := ""
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, func(ctx context.Context, _ *cqrs.DynamoDBRecord) error {
		d, _ := cqrs.DeliveryFrom(ctx)
		group = d.Message.Group
		return nil
	})
	mux := cqrs.NewMux()
	cqrs.OnDynamoDB[*cqrs.DynamoDBRecord](mux, cqrs.Any(), cqrs.Inserted)
	d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry})
	check := func(t tester, keys string) {
		group = ""
		_, err := d.Invoke(context.Background(), fmt.Appendf(nil,
			`{"Records":[{"eventSource":"aws:dynamodb","eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":%s}}]}`, keys))
		want, wantErr := images.Canonical(keys)
		if wantErr != nil {
			require.ErrorIs(t, err, cqrs.ErrMalformed, "%s", keys)
			return
		}
		require.NoError(t, err, "%s", keys)
		require.Equal(t, want, group, "%s", keys)
	}
	for _, keys := range []string{
		`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"},"sk":{"N":"7"}}`, `{"sk":{"N":"7"},"pk":{"S":"a"}}`, `{ "pk":{"S":"a"}}`, `{"pk":{"S":"a"} }`, `{"pk":{"B":"AA=="}}`,
		`{"pk":{"N":"07"}}`, `{"pk":{"N":"-7"}}`, `{"pk":{"N":"-0"}}`, `{"pk":{"N":"0"}}`, `{"pk":{"N":"1.50"}}`, `{"pk":{"N":"1e2"}}`, `{"pk":{"N":"70"}}`,
		`{"pk":{"N":"12345678901234567890123456789012345678"}}`, `{"pk":{"N":"123456789012345678901234567890123456789"}}`, `{"pk":{"N":""}}`, `{"pk":{"N":"-"}}`,
		`{"pk":{"S":"\u0061"}}`, `{"pk":{"S":"é"}}`, `{"pk":{"S":"a\"b"}}`, `{"p\u006b":{"S":"a"}}`, `{"pk":{"S":"a"},"pk":{"S":"b"}}`, `{}`, `{"pk":{"S":""}}`,
		`{"pk":{"S":"a","N":"1"}}`, `{"pk":{"X":"a"}}`, `{"pk":{"BOOL":true}}`, `{"pk":"a"}`, `{"pk":{"SS":["b","a"]}}`, `{"":{"S":"a"}}`, `{"pk":{"S":"a"}}`,
	} {
		check(t, keys)
	}
	rapid.Check(t, func(t *rapid.T) {
		attribute := rapid.StringMatching(`"(a|b|ab|\\u0061)":\{ ?"[SNB]":"(-?[0-9]{0,3}|[a-zé ]{0,3}|AA==)"\}`)
		check(t, "{"+strings.Join(rapid.SliceOfN(attribute, 1, 3).Draw(t, "attributes"), ",")+"}")
	})
}
