package cqrs_test

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// pair makes two events of every message.
type pair struct{ cqrs.DefaultEventFactory }

func (pair) TransformSQS(_ context.Context, r *events.SQSMessage) ([]cqrs.Event, error) {
	return []cqrs.Event{task{ID: r.MessageId + "a"}, task{ID: r.MessageId + "b"}}, nil
}

// Deliveries of a batch lie next to each other, but each stays its own for as
// long as somebody keeps it.
func TestDeliveriesMayBeKept(t *testing.T) {
	t.Parallel()
	kept := map[string]*cqrs.Delivery{}
	keep := func(ctx context.Context, event task) error {
		d, ok := cqrs.DeliveryFrom(ctx)
		require.True(t, ok)
		kept[d.Route+" "+event.ID] = d
		return nil
	}
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, keep, cqrs.RouteName("first"))
	cqrs.RegisterFunc(registry, keep, cqrs.RouteName("second"))
	d := newDispatcher(t, cqrs.Config{Factory: pair{}, Registry: registry})
	_, err := d.Invoke(t.Context(), sqsBatch(t, queueARN, todo("1", ""), todo("2", "")))
	require.NoError(t, err)
	require.Len(t, kept, 8)
	for _, id := range []string{"1", "2"} {
		for index, part := range []string{"a", "b"} {
			for _, route := range []string{"first", "second"} {
				d := kept[route+" "+id+part]
				require.Equal(t, route, d.Route)
				require.Equal(t, index, d.Index)
				require.Equal(t, task{ID: id + part}, d.Event)
				require.Equal(t, id, d.Message.ID)
			}
		}
	}
}
